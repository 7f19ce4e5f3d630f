from dataclasses import replace

import numpy as np
import pytest
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
from landslip.core.image_correction import ImageCorrection
from landslip.core.rpc import RPC
from landslip.synthetic.camera import Camera
from landslip.synthetic.rpc_fit import fit_rpc

Values = NDArray[np.float64]


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


def test_projection_is_that_of_the_camera(camera: Camera, rpc: RPC) -> None:
    points, height_m = spread()
    seen = rpc.project(camera.locate(points, height_m), height_m)
    assert np.abs(seen - points).max() < 0.002


def test_location_is_that_of_the_camera(camera: Camera, rpc: RPC) -> None:
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
    found = fit_rpc(make_camera(10.0, (100.0, -18.0)), RANGE_M).rpc
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
