import numpy as np
import pytest

from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.noise import fractal_noise, streaks, top_fraction
from landslip.synthetic.terrain import (
    SKY_FRACTION,
    SyntheticTerrain,
    cast_shadow,
    drainage,
    erode,
    illumination,
    make_terrain,
    slope_and_direction,
)

SHAPE = (512, 384)


@pytest.fixture(scope="module")
def terrain() -> SyntheticTerrain:
    return make_terrain(SHAPE, 2.0, np.random.default_rng(1))


def test_water_runs_to_the_base_from_everywhere_also_out_of_pits() -> None:
    height = np.array([[9.0, 9.0, 9.0, 9.0], [9.0, 1.0, 5.0, 0.0], [9.0, 9.0, 9.0, 9.0]])
    base = np.zeros(height.shape, dtype=bool)
    base[1, 3] = True
    paths = drainage(height, base)
    assert sorted(paths.order) == list(range(12))
    pit, rim, outlet = 5, 6, 7
    assert (paths.receiver[pit], paths.receiver[rim]) == (rim, outlet)
    assert paths.drained_cells()[outlet] == 12


def test_streams_go_from_their_spring_to_the_base() -> None:
    height = np.arange(20.0).reshape(1, 20)
    base = height == 0
    assert drainage(height, base).streams(15) == [[5, 4, 3, 2, 1, 0]]


def test_a_slope_in_balance_is_steeper_where_less_water_runs() -> None:
    base = np.zeros((1, 40), dtype=bool)
    base[0, 0] = True
    start = np.arange(40.0)[np.newaxis]
    height, _ = erode(start, base, np.ones(base.shape), steps=300)
    # each step raises the ground by 1 and cuts slope * drained ** 0.45 away
    drained = 40 - np.arange(1, 40)
    np.testing.assert_allclose(np.diff(height[0])[5:25], drained[5:25] ** -0.45, rtol=0.05)


def test_slope_and_direction_of_a_plane() -> None:
    row, col = np.indices((20, 30)).astype(np.float32)
    slope, downslope = slope_and_direction(2.0 * (3 * col - 4 * row), 2.0)
    np.testing.assert_allclose(slope, np.degrees(np.arctan(5)), rtol=1e-4)
    np.testing.assert_allclose(downslope[0], -0.6, rtol=1e-4)
    np.testing.assert_allclose(downslope[1], 0.8, rtol=1e-4)


def test_the_valley_floor_is_level_and_mountains_are_steep(terrain: SyntheticTerrain) -> None:
    floor = terrain.river_m < terrain.plain_m - 20
    assert np.abs(terrain.height_m[floor]).max() < 0.1
    mountains = terrain.river_m > terrain.plain_m + 60
    assert 25 < np.median(terrain.slope_deg[mountains]) < 40


def test_the_river_crosses_the_scene_from_north_to_south(terrain: SyntheticTerrain) -> None:
    assert np.all(terrain.river_m.min(axis=1) == 0)


def test_streams_run_downhill_into_the_valley(terrain: SyntheticTerrain) -> None:
    assert terrain.streams
    for way in terrain.streams:
        col, row = np.clip(way.astype(int), 0, (SHAPE[1] - 1, SHAPE[0] - 1)).T
        assert terrain.height_m[row[0], col[0]] > terrain.height_m[row[-1], col[-1]]
        assert terrain.height_m[row[-1], col[-1]] < 15


def test_the_same_seed_gives_the_same_ground_and_another_seed_another(
    terrain: SyntheticTerrain,
) -> None:
    again = make_terrain(SHAPE, 2.0, np.random.default_rng(1))
    other = make_terrain(SHAPE, 2.0, np.random.default_rng(2))
    np.testing.assert_array_equal(again.height_m, terrain.height_m)
    assert np.abs(other.height_m - terrain.height_m).mean() > 5


def test_noise_keeps_to_its_scales() -> None:
    field = fractal_noise((256, 256), np.random.default_rng(0), largest_px=32, smallest_px=8)
    spectrum = np.abs(np.fft.rfft2(field)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, np.newaxis], np.fft.rfftfreq(256))
    within = (frequency >= 1 / 32) & (frequency <= 1 / 8)
    assert spectrum[within].sum() > 0.999 * spectrum.sum()
    assert (field.mean(), field.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))


def test_top_share_takes_that_share() -> None:
    field = fractal_noise((400, 400), np.random.default_rng(0), largest_px=20)
    assert (top_fraction(field, 0.3) > 0.5).mean() == pytest.approx(0.3, abs=0.01)


def test_streaks_are_alike_along_the_direction_and_not_across_it() -> None:
    white = np.random.default_rng(0).standard_normal((120, 120)).astype(np.float32)
    along_x = np.zeros((2, 120, 120), dtype=np.float32)
    along_x[0] = 1
    smeared = streaks(white, along_x, 10)
    along = np.corrcoef(smeared[:, :-12].ravel(), smeared[:, 1:-11].ravel())[0, 1]
    across = np.corrcoef(smeared[:-1, :-12].ravel(), smeared[1:, :-12].ravel())[0, 1]
    assert along > 0.8
    assert abs(across) < 0.1


def test_slopes_towards_the_sun_are_brighter() -> None:
    row, col = np.indices((80, 80)).astype(np.float32)
    sun = SunPosition(azimuth_deg=90.0, zenith_deg=45.0, distance_au=1.0)
    to_east, to_west = (illumination(side * 0.5 * col, 1.0, sun)[40, 40] for side in (-1, 1))
    level = illumination(0 * row, 1.0, sun)[40, 40]
    assert level == pytest.approx(1)
    # cosines of the angle of incidence: (1 +- 0.5) / sqrt(1 + 0.5^2), over that of level ground
    direct = np.array([(east - SKY_FRACTION) / (1 - SKY_FRACTION) for east in (to_east, to_west)])
    np.testing.assert_allclose(direct, np.array([1.5, 0.5]) / np.sqrt(1.25), atol=0.01)


def test_a_wall_casts_a_shadow_as_long_as_the_sun_is_low() -> None:
    height = np.zeros((120, 200), dtype=np.float32)
    height[:, 100:116] = 40
    shadow = cast_shadow(
        height, 1.0, SunPosition(azimuth_deg=90.0, zenith_deg=60.0, distance_au=1.0)
    )
    length_m = 40 / np.tan(np.radians(30))
    assert (shadow[60, :100] > 0.5).sum() == pytest.approx(length_m, abs=6)
    assert (shadow[60, 116:] == 0).all()
