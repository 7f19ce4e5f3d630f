from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster.heights import HeightMap, fill_gaps

WriteRaster = Callable[..., Path]


@pytest.mark.parametrize(
    ("dtype", "stored", "nodata", "expected"),
    [
        pytest.param("float32", [1.5, -9999, 0], -9999, [1.5, np.nan, 0], id="declared"),
        pytest.param("int16", [1500, -32768, 0], None, [1500, np.nan, 0], id="undeclared -32768"),
        pytest.param("float32", [1.5, np.nan, np.inf], None, [1.5, np.nan, np.nan], id="NaN"),
        pytest.param(
            "float32", [-3.4e38, 1e20, 8848], None, [np.nan, np.nan, 8848], id="no height on Earth"
        ),
        pytest.param("float32", [-430, -501, 9001], None, [-430, np.nan, np.nan], id="the limits"),
        pytest.param("float64", [1.5, 2.5, 3.5], np.nan, [1.5, 2.5, 3.5], id="double"),
    ],
)
def test_what_is_a_height(
    write_raster: WriteRaster,
    dtype: str,
    stored: list[float],
    nodata: float | None,
    expected: list[float],
) -> None:
    path = write_raster("dem.tif", np.array([stored], dtype=dtype), nodata=nodata)
    with HeightMap(path) as file:
        found = file.read(file.grid.window)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([expected], np.float32))


def test_scale_and_offset_make_metres(write_raster: WriteRaster) -> None:
    path = write_raster(
        "dem.tif", np.array([[100, 0, 200]], np.int16), nodata=0, scales=(0.5,), offsets=(1000.0,)
    )
    with HeightMap(path) as file:
        np.testing.assert_array_equal(file.read(file.grid.window), [[1050, np.nan, 1100]])


def test_a_window_is_read(write_raster: WriteRaster) -> None:
    row, col = np.indices((6, 8))
    path = write_raster("dem.tif", (100 * row + col).astype(np.int16))
    with HeightMap(path) as file:
        assert file.read(Window(2, 3, 2, 2)).tolist() == [[302, 303], [402, 403]]


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("EPSG:32650", None),
        ("EPSG:4326+3855", 3855),
        ("EPSG:32650+5773", 5773),
        ("EPSG:4979", None),
    ],
)
def test_what_heights_are_counted_from(
    write_raster: WriteRaster, crs: str, code: int | None
) -> None:
    path = write_raster("dem.tif", np.zeros((2, 2), np.float32), crs=crs)
    with HeightMap(path) as file:
        assert file.vertical_epsg == code


@pytest.mark.parametrize(
    ("bands", "crs", "message"),
    [
        (3, "EPSG:32650", r"dem.tif: a height map has one band; this one has 3; .*gdal_translate"),
        (1, None, r"dem.tif: a height map needs a coordinate system and this one has none"),
    ],
)
def test_what_is_no_height_map(
    write_raster: WriteRaster, bands: int, crs: str | None, message: str
) -> None:
    path = write_raster("dem.tif", np.zeros((bands, 2, 2), np.float32), crs=crs)
    with pytest.raises(InputError, match=message):
        HeightMap(path)


def test_a_truncated_model_is_told(write_raster: WriteRaster) -> None:
    noise = np.random.default_rng(0).normal(1000, 100, (200, 200)).astype(np.float32)
    path = write_raster("dem.tif", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with HeightMap(path) as file, pytest.raises(InputError, match=r"dem.tif: .*truncated"):
        file.read(Window(0, 150, 200, 50))


# gaps


def test_gaps_are_filled_from_around() -> None:
    row, col = np.indices((40, 50), dtype=np.float32)
    plane = 1000 + 2 * col + 3 * row
    heights = plane.copy()
    heights[15:22, 20:30] = np.nan
    filled = fill_gaps(heights, 100)
    known = np.isfinite(heights)
    np.testing.assert_array_equal(filled[known], plane[known])
    assert np.abs(filled - plane)[~known].max() < 15
    assert filled[~known].min() >= plane[14:23, 19:31].min()
    assert filled[~known].max() <= plane[14:23, 19:31].max()


def test_what_is_too_far_stays_a_gap() -> None:
    """And is no height of 0."""
    heights = np.full((20, 200), 1500, np.float32)
    heights[:, 20:] = np.nan
    filled = fill_gaps(heights, 30)
    assert (filled[:, :45] == 1500).all()
    assert np.isnan(filled[:, 60:]).all()


def test_without_gaps_nothing_changes() -> None:
    heights = np.random.default_rng(0).normal(0, 100, (9, 9)).astype(np.float32)
    heights[4, 4] = 0
    np.testing.assert_array_equal(fill_gaps(heights, 5), heights)
