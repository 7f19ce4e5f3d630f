from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as warp_points

from landslip.core.bands import Bands
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Scene
from landslip.preprocessing.coregistration.lattice import Moved
from landslip.preprocessing.coregistration.view import View, averaged, filled

WriteRaster = Callable[..., Path]
NAMES = ("red", "nir")
RED = Bands(("red",))


def smooth(shape: tuple[int, int] = (80, 90)) -> NDArray[np.float32]:
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    first = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    return np.stack([first, 2 * first + 10]).astype(np.float32)


@pytest.fixture
def scene(write_raster: WriteRaster) -> Scene:
    values = smooth()
    values[:, 30:40, 50:60] = -1
    return Scene(write_raster("scene.tif", values, names=NAMES, nodata=-1))


def shifted(dx: float, dy: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda points: np.tile([dx, dy], (len(points), 1)).astype(np.float64)


def test_a_scene_on_its_own_grid_is_itself(scene: Scene) -> None:
    view = View(scene, scene.grid, Moved(frame=scene.grid))
    values, valid = view.read(scene.grid.window)
    stored, known = scene.read(scene.grid.window)
    assert np.array_equal(valid, known)
    assert values[:, valid] == pytest.approx(stored[:, known], abs=1e-3)


def test_displacements_say_where_to_look(scene: Scene) -> None:
    view = View(scene, scene.grid, Moved(frame=scene.grid, displacement=shifted(5, -3)))
    values, valid = view.read(Window(10, 10, 20, 15), RED)
    stored, _ = scene.read(Window(15, 7, 20, 15), RED)
    assert valid.all()
    assert values == pytest.approx(stored, abs=1e-3)


def test_windows_beyond_the_scene_are_not_valid(scene: Scene) -> None:
    view = View(scene, scene.grid, Moved(frame=scene.grid))
    values, valid = view.read(Window(-10, 70, 30, 20))
    assert valid[:10, 10:].all()
    assert np.count_nonzero(valid) == 200
    assert values.shape == (2, 20, 30)
    values, valid = view.read(Window(500, 500, 8, 8))
    assert not valid.any()
    assert values.shape == (2, 8, 8)


def test_missing_pixels_do_not_bleed(scene: Scene) -> None:
    view = View(scene, scene.grid, Moved(frame=scene.grid, displacement=shifted(0.4, 0.3)))
    values, valid = view.read(Window(40, 20, 30, 30), RED)
    rows, cols = np.mgrid[20:50, 40:70] + np.array([0.3, 0.4])[:, None, None]
    expected = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    assert np.abs(values[0] - expected)[valid].max() < 6  # -1 would pull by 100 and more
    whole = valid.copy()
    whole[7:23, 7:23] = False
    assert np.abs(values[0] - expected)[whole].max() < 0.8
    assert 95 <= np.count_nonzero(~valid) <= 105


def test_another_coordinate_system_shows_the_same_ground(write_raster: WriteRaster) -> None:
    path = write_raster("whole.tif", smooth((200, 220)), names=NAMES)
    (left,), (top,) = warp_points("EPSG:32650", "EPSG:32651", [500_040], [3_999_980])
    transform = Affine(0.9, 0.1, left, 0.1, -1.1, top)
    wanted = Grid(crs=CRS.from_epsg(32651), transform=transform, shape=(100, 110))
    with Scene(path) as whole:
        found, valid = View(whole, wanted, Moved(frame=wanted)).read(wanted.window, RED)
    rows, cols = np.mgrid[:100, :110] + 0.5
    x, y = transform @ (cols.ravel(), rows.ravel())
    x, y = (np.reshape(part, cols.shape) for part in warp_points(wanted.crs, "EPSG:32650", x, y))
    cols, rows = x - 500_000 - 0.5, 4_000_000 - y - 0.5
    expected = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    assert valid.mean() > 0.9
    # the slopes are up to 8 a pixel, and OpenCV's cubic displaces them by up to 0.05 px
    assert np.abs(found[0] - expected)[valid].max() < 0.8


def test_coarse_grids_take_means_and_parts_of_windows_agree(scene: Scene) -> None:
    times = 4
    coarse = Grid(
        crs=scene.grid.crs, transform=scene.grid.transform @ Affine.scale(times), shape=(20, 22)
    )
    view = View(scene, coarse, Moved(frame=scene.grid), times)
    values, valid = view.read(coarse.window)
    stored, _ = scene.read(Window(0, 0, 88, 80))
    blocks = stored.reshape(2, 20, times, 22, times).mean(axis=(2, 4))
    assert values[:, :7] == pytest.approx(blocks[:, :7], abs=1e-3)
    assert not valid[8:9, 13:14].any()
    part, _ = view.read(Window(3, 2, 9, 5))
    assert part == pytest.approx(values[:, 2:7, 3:12], abs=1e-3)
    mean, _ = view.read_mean(Window(3, 2, 9, 5))
    assert mean == pytest.approx(part.mean(axis=0), abs=1e-3)


def test_blocks_of_which_half_is_missing_are_means_of_the_rest() -> None:
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    valid = np.ones((4, 4), dtype=np.bool_)
    valid[:2, 0] = False
    valid[2:, 2:] = False
    valid[2, 2] = True
    means, known = averaged(values, valid, 2)
    assert means[0].tolist() == [[3.0, 4.5], [10.5, 10.0]]
    assert known.tolist() == [[True, True], [True, False]]


def test_gaps_are_continued_from_the_nearest() -> None:
    pixels = np.full((9, 9), np.nan, dtype=np.float32)
    pixels[:, :3] = 7
    whole = filled(pixels, np.isfinite(pixels))
    assert (whole[:, :5] == 7).all()
    assert (whole[:, 5:] == 0).all()
