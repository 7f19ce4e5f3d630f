"""Cameras by rational polynomials, and corrections of them in the image."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.transform import RPCTransformer
from tests.preprocessing.orthorectification.conftest import (
    CENTRE_DEG,
    RANGE_M,
    SHAPE,
    make_camera,
    rasterio_rpc,
)

from landslip.core.errors import InputError
from landslip.core.rpc import RPC, ImageCorrection
from landslip.synthetic.camera import PushbroomCamera, fit_rpc

Values = NDArray[np.float64]
POINTS = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0], [-300.0, 700.0]])
SHIFTS = st.floats(-500, 500)
SLOPES = st.floats(-0.2, 0.2)


@st.composite
def corrections(draw: st.DrawFn) -> ImageCorrection:
    a, b, d, e = (draw(SLOPES) for _ in range(4))
    assume(abs((1 + a) * (1 + e) - b * d) > 0.1)
    return ImageCorrection(coefficients=(1 + a, b, draw(SHIFTS), d, 1 + e, draw(SHIFTS)))


@given(corrections())
def test_undo_undoes_apply(one: ImageCorrection) -> None:
    np.testing.assert_allclose(one.undo(one.apply(POINTS)), POINTS, atol=1e-8)
    np.testing.assert_allclose(one.apply(one.undo(POINTS)), POINTS, atol=1e-8)


@given(corrections(), corrections())
def test_then_is_one_after_the_other(first: ImageCorrection, second: ImageCorrection) -> None:
    expected = second.apply(first.apply(POINTS))
    np.testing.assert_allclose(first.then(second).apply(POINTS), expected, atol=1e-7)


@given(corrections(), corrections(), corrections())
def test_order_of_joining_does_not_matter(
    one: ImageCorrection, two: ImageCorrection, three: ImageCorrection
) -> None:
    left, right = one.then(two).then(three), one.then(two.then(three))
    np.testing.assert_allclose(left.coefficients, right.coefficients, atol=1e-7)


def test_by_hand() -> None:
    """col' = 2 col + 3 row + 5, row' = -1 col + 4 row + 7 at (10, 100)."""
    one = ImageCorrection(coefficients=(2, 3, 5, -1, 4, 7))
    assert one.apply(np.array([[10.0, 100.0]])).tolist() == [[325.0, 397.0]]


def test_a_shift_moves_columns_by_its_first_number() -> None:
    moved = ImageCorrection.shift(3.5, -2.0).apply(np.array([[10.0, 20.0]]))
    assert moved.tolist() == [[13.5, 18.0]]
    assert not ImageCorrection.shift(3.5, -2.0).is_identity
    assert ImageCorrection().is_identity
    assert ImageCorrection.shift(3.5, -2.0).then(ImageCorrection.shift(-3.5, 2.0)).is_identity


@pytest.mark.parametrize(
    "coefficients",
    [(1, 1, 0, 1, 1, 0), (0, 0, 0, 0, 0, 0), (1, 0, np.nan, 0, 1, 0), (1, 0, np.inf, 0, 1, 0)],
)
def test_what_cannot_be_undone_is_refused(coefficients: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="a correction in image space is finite and reversible"):
        ImageCorrection(coefficients=coefficients)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def camera() -> PushbroomCamera:
    return make_camera()


@pytest.fixture(scope="module")
def rpc(camera: PushbroomCamera) -> RPC:
    return fit_rpc(camera, RANGE_M)


def spread(count: int = 200) -> tuple[Values, Values]:
    """Return image points (n, 2) and heights (n,)."""
    generator = np.random.default_rng(5)
    return generator.uniform(0, SHAPE[::-1], (count, 2)), generator.uniform(*RANGE_M, count)


def by_gdal(rpc: RPC, lonlat: Values, height_m: Values) -> Values:
    """Return pixel coordinates (n, 2) by GDAL, with the outer corner at (0, 0)."""
    with RPCTransformer(rasterio_rpc(rpc)) as transformer:
        # rasterio's own offset is that of a pixel's upper left corner, and whole numbers are kept
        row, col = transformer.rowcol(*lonlat.T, zs=height_m, op=lambda value: value)
    return np.column_stack([col, row])


def test_projection_is_that_of_the_camera(camera: PushbroomCamera, rpc: RPC) -> None:
    points, height_m = spread()
    seen = rpc.project(camera.locate(points, height_m), height_m)
    assert np.abs(seen - points).max() < 0.002


def test_location_is_that_of_the_camera(camera: PushbroomCamera, rpc: RPC) -> None:
    points, height_m = spread()
    away = rpc.locate(points, height_m) - camera.locate(points, height_m)
    assert np.abs(away).max() * 111_000 < 0.01


def test_projection_is_that_of_gdal(rpc: RPC) -> None:
    points, height_m = spread()
    lonlat = rpc.locate(points, height_m)
    away = rpc.project(lonlat, height_m) - by_gdal(rpc, lonlat, height_m)
    assert np.abs(away).max() < 1e-6


def test_location_is_that_of_gdal(rpc: RPC) -> None:
    points, height_m = spread(20)
    with RPCTransformer(rasterio_rpc(rpc)) as transformer:
        lon, lat = transformer.xy(points[:, 1], points[:, 0], zs=height_m, offset="ul")
    seen = rpc.project(np.column_stack([lon, lat]), height_m)
    assert np.abs(seen - points).max() < 0.1, "GDAL's own tolerance is a tenth of a pixel"
    assert np.abs((seen - points).mean(axis=0)).max() < 0.05


def test_project_undoes_locate_with_a_correction(rpc: RPC) -> None:
    corrected = rpc.corrected(ImageCorrection(coefficients=(1.001, 0.002, 30, -0.001, 0.998, -12)))
    points, height_m = spread()
    seen = corrected.project(corrected.locate(points, height_m), height_m)
    np.testing.assert_allclose(seen, points, atol=1e-5)


def test_a_correction_moves_what_is_seen(rpc: RPC) -> None:
    points, height_m = spread()
    lonlat = rpc.locate(points, height_m)
    moved = rpc.corrected(ImageCorrection.shift(4, -3))
    np.testing.assert_allclose(moved.project(lonlat, height_m) - points, [[4, -3]] * 200, atol=1e-5)
    twice = moved.corrected(ImageCorrection(coefficients=(2, 0, 0, 0, 2, 0)))
    expected = 2 * (points + np.array([4, -3]))
    np.testing.assert_allclose(twice.project(lonlat, height_m), expected, atol=1e-4)


def test_height_matters(rpc: RPC) -> None:
    """At 25 degrees of roll, 27.7 on the ground and 718 km away, 2 m being seen from 645 km.

    100 m sin(27.7 deg) 645 / 718 / 2 m = 20.9.
    """
    points, height_m = spread()
    lonlat = rpc.locate(points, height_m)
    away = rpc.project(lonlat, height_m + 100) - points
    assert np.hypot(*away.T) == pytest.approx(np.full(200, 20.9), abs=0.2)


def test_scenes_lie_across_the_date_line() -> None:
    lon = 179.9995
    camera = make_camera(10.0, (lon, -18.0))
    found = fit_rpc(make_camera(10.0, (100.0, -18.0)), RANGE_M)
    moved = replace(found, lon_off=found.lon_off + lon - 100.0)
    points, height_m = spread()
    lonlat = moved.locate(points, height_m)
    wrapped = np.column_stack([(lonlat[:, 0] + 180) % 360 - 180, lonlat[:, 1]])
    assert wrapped[:, 0].min() < -179.9
    assert wrapped[:, 0].max() > 179.9
    np.testing.assert_allclose(moved.project(wrapped, height_m), points, atol=1e-5)
    away = camera.project(wrapped, height_m) - points
    assert np.abs(away).max() < 0.01


def test_what_cannot_be_located_is_nan(rpc: RPC) -> None:
    far = np.array([[10.0, 10.0], [1e9, 1e9]])
    lonlat = rpc.locate(far, np.full(2, 1500.0))
    assert np.isfinite(lonlat[0]).all()
    assert np.isnan(lonlat[1]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"line_num": (1.0,) * 19}, "20 finite numbers as line_num"),
        ({"samp_den": (np.nan,) * 20}, "20 finite numbers as samp_den"),
        ({"height_scale": 0.0}, "height offset and scale are finite and its scale is not 0"),
        ({"lon_off": np.inf}, "lon offset and scale are finite"),
    ],
)
def test_damaged_models_are_refused(rpc: RPC, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(rpc, **change)  # type: ignore[arg-type]


def test_height_range_is_what_it_was_fitted_to(rpc: RPC) -> None:
    assert rpc.height_range_m == pytest.approx(RANGE_M)
    assert (rpc.lon_off, rpc.lat_off) == pytest.approx(CENTRE_DEG, abs=0.01)
