import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.preprocessing.orthorectification.conftest import (
    SHAPE,
    lonlat_of_pixels,
    places,
    write_image,
)

from landslip.core.grid import Grid, map_points, window_around
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster import SensorImage
from landslip.preprocessing.orthorectification.elevation import GridProjection
from landslip.preprocessing.orthorectification.ground_projection import ImageCoordinates
from landslip.preprocessing.orthorectification.views import (
    CameraImage,
    ReprojectedView,
    block_mean_patch,
    oversampling,
)

Pixels = NDArray[np.float32]
METHODS = [CameraImage.resample_cubic, CameraImage.resample_spline]


def seen_at(col: Pixels, row: Pixels) -> ImageCoordinates:
    """Return a map that sees an image at pixel coordinates."""
    touched = window_around(np.stack([col.ravel(), row.ravel()], axis=1, dtype=np.float64), 0)
    corner = touched.col_off, touched.row_off
    return ImageCoordinates(
        col=col - corner[0], row=row - corner[1], corner=corner, touched=touched, error_px=0.0
    )


def mesh(left: float, top: float, step: float, count: int = 40) -> tuple[Pixels, Pixels]:
    along = np.arange(count) * step
    col, row = np.meshgrid(left + along, top + along)
    return col.astype(np.float32), row.astype(np.float32)


@pytest.mark.parametrize(
    ("method", "worst"), [(CameraImage.resample_cubic, 0.06), (CameraImage.resample_spline, 0.006)]
)
def test_an_image_is_read_where_the_map_sees_it(
    image_and_dem: tuple[Path, Path], rpc: RPC, method: object, worst: float
) -> None:
    col, row = mesh(100.3, 90.7, 0.37)
    with SensorImage(image_and_dem[0]) as image:
        values, valid = method(CameraImage(image, rpc), seen_at(col, row))  # type: ignore[operator]
    assert valid.all()
    assert np.abs(values - np.stack([col, row])).max() < worst


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_valid_beyond_the_edge(
    image_and_dem: tuple[Path, Path], rpc: RPC, method: object
) -> None:
    """The kernel's two pixels at the rim are left out, whose values rest on what is not there."""
    col, row = mesh(-10.25, 50.25, 1.0)
    with SensorImage(image_and_dem[0]) as image:
        values, valid = method(CameraImage(image, rpc), seen_at(col, row))  # type: ignore[operator]
        _, nothing = method(CameraImage(image, rpc), seen_at(col - 500, row))  # type: ignore[operator]
    assert values.shape == (2, 40, 40)
    assert not valid[col < 2].any()
    assert valid[col >= 2].all()
    assert not nothing.any()


@pytest.mark.parametrize("method", METHODS)
def test_holes_do_not_spread_into_what_is_valid(tmp_path: Path, rpc: RPC, method: object) -> None:
    image = places(SHAPE)
    image[:, 100:110, 120:130] = np.nan
    path = write_image(tmp_path / "image.tif", image, rpc, nodata=np.nan)
    col, row = mesh(105.5, 85.5, 1.0)
    with SensorImage(path) as opened:
        values, valid = method(CameraImage(opened, rpc), seen_at(col, row))  # type: ignore[operator]
    hole = (np.abs(col - 125) < 7) & (np.abs(row - 105) < 7)
    np.testing.assert_array_equal(valid, ~hole)
    if method is CameraImage.resample_cubic:
        assert np.abs(values - np.stack([col, row]))[:, valid].max() < 0.06


def test_several_threads_read_one_image(image_and_dem: tuple[Path, Path], rpc: RPC) -> None:
    wrong: list[int] = []

    def read(number: int) -> None:
        col, row = mesh(20.0 + number, 30.0 + 2 * number, 1.0)
        for _ in range(10):
            values, _ = source.resample_cubic(seen_at(col, row))
            if np.abs(values - np.stack([col, row])).max() > 0.06:
                wrong.append(number)

    with SensorImage(image_and_dem[0]) as image:
        source = CameraImage(image, rpc)
        threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


WriteRaster = Callable[..., Path]
UTM = CRS.from_epsg(32648)
GRID = Grid(crs=UTM, transform=Affine(8, 0, 355_000, 0, -8, 3_464_000), shape=(60, 70))
WINDOW = Window(10, 5, 40, 30)


def write_places(
    write_raster: WriteRaster, crs: str, transform: Affine, shape: tuple[int, int]
) -> Path:
    """Write the pixel coordinates in `GRID` of what each pixel shows, and their mean."""
    lonlat = lonlat_of_pixels(transform, crs, shape)
    pixels = GridProjection(GRID).pixels_of(lonlat).T.reshape(2, *shape)
    return write_raster("reference.tif", pixels.astype(np.float32), crs=crs, transform=transform)


@pytest.mark.parametrize(
    ("crs", "finer"), [("EPSG:32648", 1), ("EPSG:32648", 4), ("EPSG:4326", 1), ("EPSG:4326", 4)]
)
def test_a_mapped_raster_is_reprojected(write_raster: WriteRaster, crs: str, finer: int) -> None:
    """The mean of its bands is half of column plus row."""
    side_m = 8 / finer
    centre = map_points(GRID.transform, np.array([[35.0, 30.0]]))
    if crs == "EPSG:4326":
        x, y = GridProjection(GRID).lonlat_of(np.array([[35.0, 30.0]]))[0]
        side = side_m / 111_195
    else:
        (x, y), side = centre[0], side_m
    count = 120 * finer
    transform = Affine(side, 0, x - side * count / 2, 0, -side, y + side * count / 2)
    path = write_places(write_raster, crs, transform, (count, count))
    with SensorImage(path) as image:
        patch = ReprojectedView(grid=GRID, image=image, finer=finer).patch(WINDOW)
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
        view = ReprojectedView(grid=GRID, image=image)
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
    window = WINDOW.scaled(4)
    np.testing.assert_allclose(GRID.corners(WINDOW), fine.corners(window))
    assert GRID.finer(1) is GRID


def test_means_of_blocks() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    valid = np.ones((4, 4), np.bool_)
    valid[0, 3] = False
    patch = block_mean_patch(values, valid, 2)
    assert patch.pixels.tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert patch.valid.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("coarse", "fine", "times"), [(8, 2, 4), (2, 2, 1), (2, 8, 1), (8, 2.1, 4), (8, 2.5, 3)]
)
def test_times_finer(coarse: float, fine: float, times: int) -> None:
    assert oversampling(coarse, fine) == times
