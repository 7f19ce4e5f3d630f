from dataclasses import replace

import numpy as np
import pyproj
import pytest

from landslip.core.errors import InputError
from landslip.synthetic.camera import (
    Attitude,
    Orbit,
    PushbroomCamera,
    aim_at,
    fit_rpc,
    mispoint,
    residual_px,
    to_cartesian,
)

GEOD = pyproj.Geod(ellps="WGS84")
MSS_SHAPE = (4503, 4548)


def camera(
    roll_deg: float = 0.0, *, gsd_m: float = 8.0, wobble_urad: float = 0.0, lat: float = 31.3
) -> PushbroomCamera:
    size = round(8 / gsd_m)
    attitude = Attitude(roll_deg=roll_deg, wobble_urad=wobble_urad)
    start = PushbroomCamera(
        orbit=Orbit(lon_deg=103.48, lat_deg=lat),
        attitude=attitude,
        shape=(MSS_SHAPE[0] * size, MSS_SHAPE[1] * size),
        gsd_m=gsd_m,
    )
    return aim_at(start, (103.48, lat), 1500.0)


def test_orbit_is_that_of_kepler_and_sun_synchronous() -> None:
    orbit = Orbit(lon_deg=103.48, lat_deg=31.3)
    place, axes = orbit.frames(np.array([0.0, 1.0]))
    np.testing.assert_allclose(np.linalg.norm(place, axis=1), 7_016_000, rtol=1e-12)
    np.testing.assert_allclose(
        axes @ np.swapaxes(axes, 1, 2), np.tile(np.eye(3), (2, 1, 1)), atol=1e-12
    )
    assert 2 * np.pi / orbit.angular_velocity_rad_s == pytest.approx(97.47 * 60, rel=1e-3)
    assert axes[0, 0, 2] < 0, "it flies south"
    assert axes[0, 1] @ np.cross([0, 0, 1], place[0]) < 0, "its right is west"


def test_an_orbit_does_not_come_to_the_pole() -> None:
    with pytest.raises(InputError, match=r"latitudes under 81\.94 degrees; got 85"):
        Orbit(lon_deg=0, lat_deg=85)


def test_the_footprint_is_that_of_the_real_sample() -> None:
    """The real scene's corners against its middle, in degrees; it rolls by -1.76."""
    real = np.array(
        [[69.2392, 33.5025], [69.6147, 33.4320], [69.5270, 33.1053], [69.1530, 33.1757]]
    )
    made = aim_at(camera(-1.76, lat=33.3), (69.38395, 33.304), 0.0)
    height, width = MSS_SHAPE
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
    away = made.locate(corners, 0.0) - real
    assert np.abs(away - away.mean(axis=0)).max() < 0.01, "a wrong heading misses by 0.07"


@pytest.mark.parametrize("roll_deg", [0.0, 22.0, -25.0])
@pytest.mark.parametrize("wobble_urad", [0.0, 1.0])
def test_project_undoes_locate(roll_deg: float, wobble_urad: float) -> None:
    made = camera(roll_deg, wobble_urad=wobble_urad)
    generator = np.random.default_rng(1)
    points = generator.uniform(0, MSS_SHAPE[::-1], (50, 2))
    height = generator.uniform(-100, 5000, 50)
    seen = made.project(made.locate(points, height), height)
    np.testing.assert_allclose(seen, points, atol=1e-5)


def test_rays_meet_what_they_locate() -> None:
    made = camera(18.0)
    points = np.array([[10.0, 20.0], [4000.0, 4400.0]])
    origin, direction = made.rays(points)
    towards = to_cartesian(made.locate(points, 2500.0), 2500.0) - origin
    beside = np.cross(towards, direction)
    assert np.linalg.norm(beside, axis=1).max() < 1e-3


@pytest.mark.parametrize(("roll_deg", "side"), [(20.0, -1), (-20.0, 1)])
def test_roll_looks_to_the_side_of_the_flight(roll_deg: float, side: int) -> None:
    """To the right is west, so that the satellite stands in the east."""
    made = camera(roll_deg)
    azimuth, elevation = made.view()
    assert np.sign(np.sin(np.radians(azimuth))) == -side
    assert 90 - elevation == pytest.approx(22.1, abs=0.2), "asin(7016 / 6371 sin 20)"


def test_pixels_have_their_size_below_and_are_wider_aside() -> None:
    for roll_deg, wide_m in (
        (0.0, 8.0),
        (25.0, 8.0 / np.cos(np.radians(25)) / np.cos(np.radians(27.7))),
    ):
        made = camera(roll_deg)
        ground = made.locate(made.centre + np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]), 0.0)
        across = GEOD.inv(*ground[0], *ground[1])[2] / 2
        along = GEOD.inv(*ground[2], *ground[3])[2] / 2
        assert across == pytest.approx(wide_m, rel=0.02)
        assert along == pytest.approx(8.0, rel=0.02)


def test_bias_moves_what_is_seen_by_metres() -> None:
    made = camera(15.0)
    moved = mispoint(made, (30.0, -20.0), 1500.0)
    start, end = (one.locate(one.centre, 0.0)[0] for one in (made, moved))
    azimuth, _, distance = GEOD.inv(*start, *end)
    east, north = distance * np.sin(np.radians(azimuth)), distance * np.cos(np.radians(azimuth))
    assert (east, north) == pytest.approx((30.0, -20.0), abs=0.1)


def test_shift_and_drift_move_the_image() -> None:
    made = camera()
    moved = replace(made, shift_px=(1.5, -0.5), drift_px=(0.4, 0.0))
    points = np.array([[100.0, 0.0], [100.0, MSS_SHAPE[0]]])
    seen = moved.project(made.locate(points, 800.0), 800.0)
    np.testing.assert_allclose(seen - points, [[1.3, -0.5], [1.7, -0.5]], atol=1e-3)


@pytest.mark.parametrize("roll_deg", [0.0, 25.0, -25.0])
@pytest.mark.parametrize("gsd_m", [2.0, 8.0])
def test_rpc_follows_the_camera(roll_deg: float, gsd_m: float) -> None:
    made = camera(roll_deg, gsd_m=gsd_m, wobble_urad=1.0)
    rpc = fit_rpc(made, (300.0, 5200.0))
    assert residual_px(rpc, made, (300.0, 5200.0)) < 0.002
    assert rpc.line_den[0] == rpc.samp_den[0] == 1.0
    assert np.abs([rpc.line_den[1:], rpc.samp_den[1:]]).max() < 0.5


def test_rpc_of_another_camera_is_told_apart() -> None:
    made = camera(10.0)
    rpc = fit_rpc(made, (0.0, 4000.0))
    away = residual_px(rpc, mispoint(made, (40.0, 0.0), 1500.0), (0.0, 4000.0))
    assert away == pytest.approx(5.0, rel=0.15), "40 m of 8 m pixels"


def test_a_fast_wobble_is_refused() -> None:
    shaky = replace(camera(), attitude=Attitude(wobble_urad=5.0, wobble_period_s=1.0))
    with pytest.raises(InputError, match=r"within 0\.02 px and this one misses it by .* wobble"):
        fit_rpc(shaky, (0.0, 4000.0))


def test_a_camera_does_not_roll_far() -> None:
    with pytest.raises(InputError, match=r"at most 40\.0 degrees; got 60"):
        Attitude(roll_deg=60)
