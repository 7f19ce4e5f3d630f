from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from tests.preprocessing.orthorectification.conftest import lonlat_of_pixels

from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.io.raster import SensorImage
from landslip.preprocessing.orthorectification.frame import Frame
from landslip.preprocessing.orthorectification.view import (
    MappedView,
    averaged,
    finer_window,
    times_finer,
)

WriteRaster = Callable[..., Path]
UTM = CRS.from_epsg(32648)
GRID = Grid(crs=UTM, transform=Affine(8, 0, 355_000, 0, -8, 3_464_000), shape=(60, 70))
WINDOW = Window(10, 5, 40, 30)


def write_places(
    write_raster: WriteRaster, crs: str, transform: Affine, shape: tuple[int, int]
) -> Path:
    """Write the pixel coordinates in `GRID` of what each pixel shows, and their mean."""
    lonlat = lonlat_of_pixels(transform, crs, shape)
    pixels = Frame(GRID).pixels_of(lonlat).T.reshape(2, *shape)
    return write_raster("reference.tif", pixels.astype(np.float32), crs=crs, transform=transform)


@pytest.mark.parametrize(
    ("crs", "finer"), [("EPSG:32648", 1), ("EPSG:32648", 4), ("EPSG:4326", 1), ("EPSG:4326", 4)]
)
def test_a_mapped_raster_is_seen_where_it_lies(
    write_raster: WriteRaster, crs: str, finer: int
) -> None:
    """The mean of its bands is half of column plus row."""
    side_m = 8 / finer
    centre = map_points(GRID.transform, np.array([[35.0, 30.0]]))
    if crs == "EPSG:4326":
        x, y = Frame(GRID).lonlat_of(np.array([[35.0, 30.0]]))[0]
        side = side_m / 111_195
    else:
        (x, y), side = centre[0], side_m
    count = 120 * finer
    transform = Affine(side, 0, x - side * count / 2, 0, -side, y + side * count / 2)
    path = write_places(write_raster, crs, transform, (count, count))
    with SensorImage(path) as image:
        patch = MappedView(grid=GRID, image=image, finer=finer).patch(WINDOW)
    row, col = np.indices(WINDOW.shape) + 0.5
    expected = (col + WINDOW.col_off + row + WINDOW.row_off) / 2
    assert patch.valid.all()
    away = patch.pixels - expected
    assert np.abs(away).max() < 0.06
    assert abs(away.mean()) < 0.01


def test_beyond_a_raster_nothing_is_valid(write_raster: WriteRaster) -> None:
    transform = GRID.transform @ Affine.translation(30, 0)
    path = write_raster(
        "reference.tif", np.ones((60, 40), np.uint8), crs="EPSG:32648", transform=transform
    )
    with SensorImage(path) as image:
        view = MappedView(grid=GRID, image=image)
        patch = view.patch(WINDOW)
        nowhere = view.patch(Window(-500, 0, 20, 20))
    assert not patch.valid[:, :22].any()
    assert patch.valid[:, 22:].all(), "two pixels of the kernel"
    assert not nowhere.valid.any()


def test_finer_grids_show_the_same_ground() -> None:
    fine = GRID.finer(4)
    assert fine.shape == (240, 280)
    corners = (GRID.corners(GRID.window), fine.corners(fine.window))
    np.testing.assert_allclose(*corners)
    window = finer_window(WINDOW, 4)
    np.testing.assert_allclose(GRID.corners(WINDOW), fine.corners(window))
    assert GRID.finer(1) is GRID


def test_means_of_blocks() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    valid = np.ones((4, 4), np.bool_)
    valid[0, 3] = False
    patch = averaged(values, valid, 2)
    assert patch.pixels.tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert patch.valid.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("coarse", "fine", "times"), [(8, 2, 4), (2, 2, 1), (2, 8, 1), (8, 2.1, 4), (8, 2.5, 3)]
)
def test_times_finer(coarse: float, fine: float, times: int) -> None:
    assert times_finer(coarse, fine) == times
