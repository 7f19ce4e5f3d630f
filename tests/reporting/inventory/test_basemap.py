"""Basemaps, and frames that map their pixels."""

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from tests.reporting.inventory.factories import UTM, grid_transform, write_dem, write_scene

from landslip.core.window import Window
from landslip.reporting.inventory.basemap import (
    MapFrame,
    ReliefBasemap,
    SceneBasemap,
    hillshade,
    to_pixels,
    touches_frame,
)

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
    assert hillshade(heights, np.diag([10.0, -10.0]))[4, 4, 0] == pytest.approx(
        70 + 175 * lit, abs=1.5
    )


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        pytest.param("EPSG:32631", Affine(30, 0, 500_000, 0, -30, 5_000_000), id="north up"),
        pytest.param("EPSG:32631", Affine(30, 0, 500_000, 0, 30, 5_000_000), id="south up"),
        pytest.param("EPSG:32631", Affine(0, 30, 500_000, 30, 0, 5_000_000), id="transposed"),
        pytest.param("EPSG:2054", Affine(30, 0, 0, 0, -30, 3_000_000), id="axes west and south"),
    ],
)
def test_the_side_that_faces_north_west_is_lit(tmp_path: Path, crs: str, transform: Affine) -> None:
    forward = {"EPSG:2054": np.array([-1, -1])}.get(crs, np.array([1, 1]))
    rows, cols = np.mgrid[:9, :9]
    east = (transform.a * cols + transform.b * rows) * forward[0]
    north = (transform.d * cols + transform.e * rows) * forward[1]
    for name, sign in (("lit", 1.0), ("dark", -1.0)):
        heights = (sign * 0.5 * (east - north)).astype(np.float32)
        heights += 500 - heights.min()
        grid = {"height": 9, "width": 9, "count": 1, "dtype": "float32"}
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", crs=crs, transform=transform, **grid
        ) as file:
            file.write(heights, 1)
    grey = {}
    for name in ("lit", "dark"):
        with closing(ReliefBasemap(tmp_path / f"{name}.tif")) as relief:
            grey[name] = relief.image(relief.grid.window, 100)[0][4, 4, 0]
    assert grey["lit"] > 220
    assert grey["dark"] < 110


def test_relief_is_white_where_heights_are_missing() -> None:
    heights = np.zeros((9, 9), dtype=np.float32)
    heights[2, 2] = np.nan
    assert hillshade(heights, np.diag([1.0, -1.0]))[2, 2].tolist() == [255, 255, 255]


def test_a_window_of_a_scene_is_averaged_and_lies_where_it_lay(tmp_path: Path) -> None:
    left, top = grid_transform(UTM).c, grid_transform(UTM).f
    bright = shapely.box(left + 1000, top - 3000, left + 3000, top - 1000)
    write_scene(tmp_path / "scene.tif", np.array([bright], dtype=object), UTM)
    with SceneBasemap(tmp_path / "scene.tif") as scene:
        picture, view = scene.image(Window(50, 50, 300, 300), 100)
    assert picture.shape == (100, 100, 3)
    place = view.pixels(np.array([[left + 2000, top - 2000], [left + 700, top - 700]]))
    (x, y), (off_x, off_y) = np.floor(place).astype(int).tolist()
    assert picture[y, x].min() > 180
    assert picture[off_y, off_x].max() < 120
    edge = view.pixels(np.array([[left + 1000, top - 2000]]))[0]
    assert edge == pytest.approx([50 / 3, 50], abs=0.01)


def test_pixels_in_degrees_become_as_wide_as_high(tmp_path: Path) -> None:
    write_scene(tmp_path / "scene.tif", NONE, "EPSG:4326")
    with SceneBasemap(tmp_path / "scene.tif") as scene:
        picture, view = scene.image(scene.grid.window, 400)
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
    with SceneBasemap(file, stated) as scene:
        picture, _ = scene.image(scene.grid.window, 100)
    assert picture.shape == (20, 30, 3)
    assert picture.max() > picture.min()


def test_an_elevation_model_gives_relief(tmp_path: Path) -> None:
    write_dem(tmp_path / "dem.tif", UTM)
    with ReliefBasemap(tmp_path / "dem.tif") as relief:
        picture, view = relief.image(Window(10, 20, 200, 100), 100)
    assert picture.shape == (50, 100, 3)
    assert picture.std() > 10
    assert view.transform.c == grid_transform(UTM).c + 100


UTM_CRS = pyproj.CRS.from_epsg(32648)
WGS84 = pyproj.CRS.from_epsg(4326)


def utm_frame(side_m: float = 10.0) -> MapFrame:
    transform = Affine(side_m, 0, 500_000 - 200 * side_m, 0, -side_m, 3_450_000)
    return MapFrame(crs=UTM_CRS, transform=transform, width=400, height=300)


def test_a_pixel_of_utm_is_as_wide_as_it_says_save_for_the_scale_factor() -> None:
    # on the central meridian the projection shrinks by 0.9996
    assert utm_frame().metres_per_px == pytest.approx(10 / 0.9996, rel=1e-5)
    assert utm_frame().north_deg == pytest.approx(0.0, abs=0.01)


def test_north_follows_a_turned_picture() -> None:
    turned = MapFrame(
        crs=UTM_CRS,
        transform=Affine.translation(500_000, 3_450_000)
        @ Affine.rotation(30)
        @ Affine.scale(1, -1),
        width=10,
        height=10,
    )
    assert turned.north_deg == pytest.approx(30.0, abs=0.01)


def test_degrees_are_drawn_as_long_as_they_are_on_the_ground() -> None:
    frame = MapFrame.around((100.0, 59.0, 102.0, 61.0), WGS84, 600)
    corners = frame.pixels(np.array([[100.0, 60.0], [102.0, 60.0], [101.0, 59.0], [101.0, 61.0]]))
    across, up = corners[1, 0] - corners[0, 0], corners[2, 1] - corners[3, 1]
    assert across / up == pytest.approx(0.5, rel=1e-6)


def test_a_frame_has_a_margin_and_holds_its_bounds() -> None:
    frame = MapFrame.around((0.0, 0.0, 100.0, 50.0), UTM_CRS, 448)
    assert (frame.width, frame.height) == (448, 248)
    inside = frame.pixels(np.array([[0.0, 0.0], [100.0, 50.0]]))
    assert inside == pytest.approx(np.array([[24.0, 224.0], [424.0, 24.0]]))


def test_a_single_point_has_a_frame() -> None:
    frame = MapFrame.around((5.0, 5.0, 5.0, 5.0), None, 300)
    assert frame.pixels(np.array([[5.0, 5.0]])) == pytest.approx(
        np.array([[frame.width / 2, frame.height / 2]]), abs=1
    )


def test_rows_of_an_image_count_downwards() -> None:
    frame = MapFrame.around((0.0, 0.0, 10.0, 10.0), None, 112, rows_down=True)
    assert frame.pixels(np.array([[0.0, 0.0], [0.0, 10.0]]))[:, 1] == pytest.approx([6.0, 106.0])


IDENTITY = MapFrame(crs=None, transform=Affine.identity(), width=100, height=100)


def test_polygons_are_brought_into_another_coordinate_system() -> None:
    lonlat, utm = pyproj.CRS.from_epsg(4326), pyproj.CRS.from_epsg(32648)
    frame = MapFrame(
        crs=utm, transform=Affine(10, 0, 499_500, 0, -10, 3_450_500), width=100, height=100
    )
    square = shapely.box(499_800, 3_449_900, 500_200, 3_450_100)
    change = pyproj.Transformer.from_crs(utm, lonlat, always_xy=True)
    degrees = shapely.transform(square, lambda xy: np.column_stack(change.transform(*xy.T)))
    found = to_pixels(np.array([degrees], dtype=object), lonlat, frame)[0]
    assert found.bounds == pytest.approx((30, 40, 70, 60), abs=0.01)


def test_what_lies_beside_the_picture_is_not_within() -> None:
    shapes = np.array([shapely.box(-20, 0, -10, 10), shapely.box(90, 90, 120, 120)], dtype=object)
    assert touches_frame(shapes, IDENTITY).tolist() == [False, True]
