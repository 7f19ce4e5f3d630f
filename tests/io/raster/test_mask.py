from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Mask

WriteRaster = Callable[..., Path]
UTM = CRS.from_epsg(32650)
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)


def mask_on(path: Path, grid: Grid | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    with Mask(path, grid) as mask:
        return mask.read()


def test_a_mask_is_read_as_it_is(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 1, 255], [1, 0, 1]], dtype=np.uint8)
    found, known = mask_on(write_raster("mask.tif", codes, nodata=255))
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_array_equal(known, codes != 255)


def test_a_mask_is_0_and_unknown_outside(write_raster: WriteRaster) -> None:
    path = write_raster("mask.tif", np.ones((2, 3), dtype=np.uint8))
    with Mask(path) as mask:
        codes, known = mask.read(Window(2, 1, 2, 2))
        nothing, nowhere = mask.read(Window(9, 9, 2, 2))
    assert codes.tolist() == [[1, 0], [0, 0]]
    assert known.tolist() == [[True, False], [False, False]]
    assert not nothing.any()
    assert not nowhere.any()


@pytest.mark.parametrize(
    ("transform", "rows", "cols"),
    [
        pytest.param(METRES, slice(0, 8), slice(0, 8), id="the same frame"),
        pytest.param(
            Affine(1, 0, 500_002, 0, -1, 3_999_997),
            slice(3, 8),
            slice(2, 8),
            id="shifted by whole pixels",
        ),
    ],
)
def test_a_mask_is_seen_on_the_grid(
    write_raster: WriteRaster, transform: Affine, rows: slice, cols: slice
) -> None:
    codes = np.random.default_rng(1).integers(0, 2, (20, 20), dtype=np.uint8)
    path = write_raster("mask.tif", codes)
    grid = Grid(crs=UTM, transform=transform, shape=(rows.stop - rows.start, 8 - cols.start))
    found, known = mask_on(path, grid)
    np.testing.assert_array_equal(found, codes[rows, cols])
    assert known.all()


@pytest.mark.parametrize("nodata", [None, 255])
def test_what_a_mask_does_not_cover_is_unknown(
    write_raster: WriteRaster, nodata: int | None
) -> None:
    codes = np.ones((4, 4), dtype=np.uint8)
    codes[0, 0] = 255 if nodata else 1
    path = write_raster("mask.tif", codes, nodata=nodata)
    grid = Grid(crs=UTM, transform=Affine(1, 0, 499_998, 0, -1, 4_000_001), shape=(6, 7))
    found, known = mask_on(path, grid)
    expected = np.zeros((6, 7), dtype=bool)
    expected[1:5, 2:6] = True
    expected[1, 2] = nodata is None
    np.testing.assert_array_equal(known, expected)
    assert (found[known] == 1).all()


def test_a_mask_in_other_pixels_is_resampled_to_the_nearest(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    path = write_raster("mask.tif", codes, transform=Affine(3, 0, 500_000, 0, -3, 4_000_000))
    found, _ = mask_on(path, Grid(crs=UTM, transform=METRES, shape=(6, 6)))
    np.testing.assert_array_equal(found, np.kron(codes, np.ones((3, 3))))


def test_a_mask_without_coordinates_lies_on_a_scene_of_its_size(
    write_raster: WriteRaster,
) -> None:
    codes = np.array([[0, 1, 1], [1, 0, 0]], dtype=np.uint8)
    path = write_raster("mask.png", codes)
    found, known = mask_on(path, Grid(crs=UTM, transform=METRES, shape=(2, 3)))
    np.testing.assert_array_equal(found, codes)
    assert known.all()


def test_a_mask_without_coordinates_of_another_size_is_refused(
    write_raster: WriteRaster,
) -> None:
    path = write_raster("mask.png", np.zeros((2, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"must have the scene's size; it has \(2, 3\)"):
        Mask(path, Grid(crs=UTM, transform=METRES, shape=(3, 3)))


def test_a_mask_of_equal_bands_is_one(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 255]], dtype=np.uint8)
    found, _ = mask_on(write_raster("mask.png", np.stack([codes] * 3)))
    np.testing.assert_array_equal(found, codes)


def test_a_mask_of_colours_is_refused(write_raster: WriteRaster) -> None:
    path = write_raster(
        "mask.png", np.stack([np.full((1, 2), code, np.uint8) for code in (0, 1, 0)])
    )
    with pytest.raises(InputError, match=r"this one has 3 bands that differ"):
        mask_on(path)


def test_a_mask_that_calls_zero_nodata_still_has_background(write_raster: WriteRaster) -> None:
    codes = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    path = write_raster("mask.tif", codes, nodata=0)
    with Mask(path) as mask:
        found, known = mask.read()
    assert np.array_equal(found, codes)
    assert known.all()
    shifted = Grid(crs=UTM, transform=Affine(1, 0, 500_001, 0, -1, 4_000_000), shape=(2, 2))
    with pytest.raises(InputError, match="calls it nodata"):
        Mask(path, shifted)
