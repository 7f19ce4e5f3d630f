"""What outlines are drawn on."""

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from tests.reporting.inventory.made import ground, write_dem, write_scene
from tests.reporting.inventory.wanted import UTM

from landslip.core.window import Window
from landslip.reporting.inventory.backdrop import ReliefBackdrop, SceneBackdrop, hillshade

NONE = np.empty(0, dtype=object)


@pytest.mark.parametrize(
    ("gradient_east", "gradient_north"), [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.5), (0.2, -0.7)]
)
def test_relief_of_a_plane_is_lit_from_the_north_west(
    gradient_east: float, gradient_north: float
) -> None:
    rows, cols = np.mgrid[:9, :9] * 10.0
    heights = (gradient_east * cols - gradient_north * rows).astype(np.float32)
    sun = np.array([-0.5, 0.5, math.sqrt(0.5)])
    normal = np.array([-gradient_east, -gradient_north, 1.0])
    lit = max(float(sun @ normal / np.linalg.norm(normal)), 0.0)
    assert hillshade(heights, 10.0)[4, 4, 0] == pytest.approx(70 + 175 * lit, abs=1.5)


def test_relief_is_white_where_heights_are_missing() -> None:
    heights = np.zeros((9, 9), dtype=np.float32)
    heights[2, 2] = np.nan
    assert hillshade(heights, 1.0)[2, 2].tolist() == [255, 255, 255]


def test_a_window_of_a_scene_is_averaged_and_lies_where_it_lay(tmp_path: Path) -> None:
    left, top = ground(UTM).c, ground(UTM).f
    bright = shapely.box(left + 1000, top - 3000, left + 3000, top - 1000)
    write_scene(tmp_path / "scene.tif", np.array([bright], dtype=object), UTM)
    with SceneBackdrop(tmp_path / "scene.tif") as scene:
        picture, view = scene.picture(Window(50, 50, 300, 300), 100)
    assert picture.shape == (100, 100, 3)
    place = view.pixels(np.array([[left + 2000, top - 2000], [left + 700, top - 700]]))
    (x, y), (off_x, off_y) = np.floor(place).astype(int).tolist()
    assert picture[y, x].min() > 180
    assert picture[off_y, off_x].max() < 120
    edge = view.pixels(np.array([[left + 1000, top - 2000]]))[0]
    assert edge == pytest.approx([50 / 3, 50], abs=0.01)


def test_pixels_in_degrees_become_as_wide_as_high(tmp_path: Path) -> None:
    write_scene(tmp_path / "scene.tif", NONE, "EPSG:4326")
    with SceneBackdrop(tmp_path / "scene.tif") as scene:
        picture, view = scene.picture(scene.grid.window, 400)
    assert picture.shape[0] == 400
    # 4 km each way, in degrees of other lengths
    assert picture.shape[1] == pytest.approx(400, abs=6)
    assert view.width == picture.shape[1]


@pytest.mark.parametrize(("count", "stated"), [(1, None), (2, None), (5, ("red", "green"))])
def test_scenes_without_named_bands_are_shown_all_the_same(
    tmp_path: Path, count: int, stated: tuple[str, ...] | None
) -> None:
    file = tmp_path / "plain.tif"
    profile = {"driver": "GTiff", "height": 20, "width": 30, "count": count, "dtype": "uint8"}
    where = {"crs": UTM, "transform": Affine(1, 0, 5, 0, -1, 9)}
    with rasterio.open(file, "w", **profile, **where) as out:
        for band in range(1, count + 1):
            out.write(np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8), band)
    with SceneBackdrop(file, stated) as scene:
        picture, _ = scene.picture(scene.grid.window, 100)
    assert picture.shape == (20, 30, 3)
    assert picture.max() > picture.min()


def test_an_elevation_model_gives_relief(tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif", UTM)
    with ReliefBackdrop(tmp_path / "dem.tif") as relief:
        picture, view = relief.picture(Window(10, 20, 200, 100), 100)
    assert picture.shape == (50, 100, 3)
    assert picture.std() > 10
    assert view.transform.c == ground(UTM).c + 100
