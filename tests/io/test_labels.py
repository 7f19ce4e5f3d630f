from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import MultiPolygon, Point, Polygon, box

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.io.labels import read_label_polygons

WritePolygons = Callable[..., Path]
X, Y = 500_000, 4_000_000
GRID = Grid(crs=CRS.from_epsg(32650), transform=Affine(1, 0, X, 0, -1, Y), shape=(10, 12))
TURNED = Grid(crs=CRS.from_epsg(32650), transform=Affine(1.6, 1.2, X, 1.2, -1.6, Y), shape=(10, 12))
PLAIN = Grid(crs=None, transform=Affine.identity(), shape=(10, 12))


def on_scene(left: float, top: float, right: float, bottom: float) -> Polygon:
    """Return a rectangle given in columns and rows of the scene."""
    return box(X + left, Y - bottom, X + right, Y - top)


def covered(path: Path, grid: Grid = GRID) -> NDArray[np.bool_]:
    return read_label_polygons(path, grid).rasterize(grid, grid.window)


def cells(rows: slice, cols: slice) -> NDArray[np.bool_]:
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[rows, cols] = True
    return expected


@pytest.mark.parametrize(
    ("rectangle", "expected"),
    [
        pytest.param((2, 3, 5, 7), cells(slice(3, 7), slice(2, 5)), id="whole pixels"),
        pytest.param((2.4, 3.4, 4.6, 6.6), cells(slice(3, 7), slice(2, 5)), id="over the centres"),
        pytest.param((2.6, 3.6, 4.4, 6.4), cells(slice(4, 6), slice(3, 4)), id="short of them"),
        pytest.param((-3, -3, 1, 1), cells(slice(0, 1), slice(0, 1)), id="over the corner"),
    ],
)
def test_a_pixel_is_covered_where_its_centre_is(
    write_polygons: WritePolygons,
    rectangle: tuple[float, float, float, float],
    expected: NDArray[np.bool_],
) -> None:
    path = write_polygons("labels.gpkg", [on_scene(*rectangle)])
    np.testing.assert_array_equal(covered(path), expected)


def test_a_window_shows_the_same_pixels_as_the_whole(write_polygons: WritePolygons) -> None:
    path = write_polygons("labels.gpkg", [on_scene(1.2, 1.2, 9.9, 7.7), on_scene(10, 8, 11, 9)])
    polygons = read_label_polygons(path, GRID)
    whole = np.zeros((16, 16), dtype=bool)
    whole[:10, :12] = polygons.rasterize(GRID, GRID.window)
    for window in (Window(4, 3, 6, 5), Window(8, 6, 8, 8), Window(0, 9, 3, 1)):
        rows, cols = window.slices_in(Window(0, 0, 16, 16))
        np.testing.assert_array_equal(polygons.rasterize(GRID, window), whole[rows, cols])


def test_a_turned_grid(write_polygons: WritePolygons) -> None:
    ring = TURNED.corners(Window(3, 2, 4, 5))
    path = write_polygons("labels.gpkg", [Polygon(ring).buffer(0.1)])
    np.testing.assert_array_equal(covered(path, TURNED), cells(slice(2, 7), slice(3, 7)))


def test_holes_stay_open(write_polygons: WritePolygons) -> None:
    ring = on_scene(1, 1, 9, 9).difference(on_scene(3, 3, 6, 5))
    expected = cells(slice(1, 9), slice(1, 9)) & ~cells(slice(3, 5), slice(3, 6))
    np.testing.assert_array_equal(covered(write_polygons("labels.gpkg", [ring])), expected)


@pytest.mark.parametrize("name", ["labels.gpkg", "labels.geojson", "labels.parquet", "labels.shp"])
def test_degrees_are_brought_onto_the_scene(write_polygons: WritePolygons, name: str) -> None:
    metres = geopandas.GeoSeries([on_scene(2.2, 3.2, 4.8, 6.8)], crs=32650)
    path = write_polygons(name, list(metres.to_crs(4326)), crs="EPSG:4326")
    np.testing.assert_array_equal(covered(path), cells(slice(3, 7), slice(2, 5)))


def test_pixel_coordinates_without_a_coordinate_system(write_polygons: WritePolygons) -> None:
    path = write_polygons("labels.gpkg", [box(2, 3, 5, 7)], crs=None)
    np.testing.assert_array_equal(covered(path, PLAIN), cells(slice(3, 7), slice(2, 5)))


@pytest.mark.parametrize(
    ("crs", "grid", "without"),
    [
        pytest.param(None, GRID, "polygons", id="polygons without"),
        pytest.param("EPSG:32650", PLAIN, "scene", id="scene without"),
    ],
)
def test_one_coordinate_system_is_not_enough(
    write_polygons: WritePolygons, crs: str | None, grid: Grid, without: str
) -> None:
    path = write_polygons("labels.gpkg", [on_scene(1, 1, 2, 2)], crs=crs)
    with pytest.raises(InputError, match=f"the {without} have none.*Assign it to the {without}"):
        read_label_polygons(path, grid)


def test_systems_with_no_way_between_them_are_refused(write_polygons: WritePolygons) -> None:
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    path = write_polygons("labels.gpkg", [on_scene(1, 1, 2, 2)])
    with pytest.raises(InputError, match=r"cannot transform from WGS 84 / UTM zone 50N to site"):
        read_label_polygons(path, Grid(crs=local, transform=GRID.transform, shape=GRID.shape))


def test_of_several_layers_one_is_named(write_polygons: WritePolygons) -> None:
    write_polygons("labels.gpkg", [on_scene(0, 0, 2, 2)], layer="old")
    path = write_polygons("labels.gpkg", [on_scene(4, 4, 7, 7)], layer="new")
    with pytest.raises(InputError, match="has several layers, name one by layer: old, new"):
        read_label_polygons(path, GRID)
    with pytest.raises(InputError, match="has no layer newer; its layers are old, new"):
        read_label_polygons(path, GRID, "newer")
    found = read_label_polygons(path, GRID, "new").rasterize(GRID, GRID.window)
    np.testing.assert_array_equal(found, cells(slice(4, 7), slice(4, 7)))


@pytest.mark.parametrize(
    ("geometries", "kind"),
    [
        pytest.param([Point(X + 1, Y - 1)], "Point", id="points"),
        pytest.param(
            [on_scene(1, 1, 2, 2), on_scene(1, 1, 2, 2).exterior],
            "LineString",
            id="lines among them",
        ),
    ],
)
def test_only_polygons_are_landslides(
    write_polygons: WritePolygons, geometries: list[Any], kind: str
) -> None:
    path = write_polygons("labels.geojson", geometries)
    with pytest.raises(InputError, match=f"landslides are polygons; there are also {kind}"):
        read_label_polygons(path, GRID)


def test_empty_geometries_are_left_out_and_told(write_polygons: WritePolygons) -> None:
    path = write_polygons("labels.gpkg", [None, on_scene(2, 3, 5, 7), Polygon()])
    found = read_label_polygons(path, GRID)
    assert len(found.geometries) == 1
    (note,) = found.notes
    assert "2 of 3 polygons (number 1, 3) with empty geometry left out" in note


def test_a_bow_tie_is_repaired_and_told(write_polygons: WritePolygons) -> None:
    tie = Polygon([(X, Y), (X + 8, Y - 8), (X + 8, Y), (X, Y - 8)])
    path = write_polygons("labels.gpkg", [None, tie, on_scene(0, 9, 1, 10)])
    found = read_label_polygons(path, GRID)
    rows, cols = np.mgrid[:10, :12] + 0.5
    left = (cols < 4) & (rows > cols) & (rows < 8 - cols)
    right = (cols > 4) & (cols < 8) & (rows < cols) & (rows > 8 - cols)
    centres_off_the_edges = (rows != cols) & (rows != 8 - cols)
    expected = (left | right | cells(slice(9, 10), slice(0, 1)))[centres_off_the_edges]
    burnt = found.rasterize(GRID, GRID.window)[centres_off_the_edges]
    np.testing.assert_array_equal(burnt, expected)
    assert any("1 of 3 polygons (number 2) invalid and repaired" in note for note in found.notes)
    assert any("Self-intersection" in note for note in found.notes)


def test_what_lies_beside_the_scene_is_left_out_and_told(write_polygons: WritePolygons) -> None:
    far = [on_scene(100 + at, 0, 101 + at, 1) for at in range(7)]
    path = write_polygons("labels.gpkg", [on_scene(2, 3, 5, 7), *far])
    found = read_label_polygons(path, GRID)
    assert len(found.geometries) == 1
    (note,) = found.notes
    assert "7 of 8 polygons (number 2, 3, 4, 5, 6, ...) outside the scene left out" in note


def test_nothing_on_the_scene_is_told_with_both_extents(write_polygons: WritePolygons) -> None:
    path = write_polygons("labels.gpkg", [box(600_000, 4_100_000, 600_020, 4_100_030)])
    polygons = "x 600000 to 600020, y 4100000 to 4100030"
    scene = "x 500000 to 500012, y 3999990 to 4000000"
    with pytest.raises(InputError, match=f"they span {polygons} and the scene {scene}"):
        read_label_polygons(path, GRID)


def test_coordinates_outside_the_projection_are_refused(write_polygons: WritePolygons) -> None:
    path = write_polygons("labels.gpkg", [box(100, 95, 110, 99)], crs="EPSG:4326")
    with pytest.raises(InputError, match="outside the area where"):
        read_label_polygons(path, GRID)


@pytest.mark.parametrize("name", ["labels.gpkg", "labels.geojson", "labels.parquet"])
def test_a_file_without_features_is_refused(write_polygons: WritePolygons, name: str) -> None:
    path = write_polygons(name, [])
    with pytest.raises(InputError, match="contains no polygon"):
        read_label_polygons(path, GRID)


@pytest.mark.parametrize("name", ["labels.gpkg", "labels.shp", "labels.parquet", "labels.geojson"])
@pytest.mark.parametrize("content", [b"", b"garbage"], ids=["empty", "garbage"])
def test_no_vector_file(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: not a vector file that can be read"):
        read_label_polygons(path, GRID)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"labels.gpkg: no such file"):
        read_label_polygons(tmp_path / "labels.gpkg", GRID)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_table_without_geometry(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"name": ["a"], "size": [3]})
    path = tmp_path / name
    table.to_csv(path) if name.endswith("csv") else table.to_parquet(path)
    with pytest.raises(InputError, match=r"without geometry|not a vector file"):
        read_label_polygons(path, GRID)


def test_several_parts_and_heights(write_polygons: WritePolygons) -> None:
    parts = MultiPolygon([on_scene(0, 0, 2, 2), on_scene(5, 5, 8, 8)])
    path = write_polygons("labels.gpkg", [shapely.force_3d(parts, 812.5)])
    expected = cells(slice(0, 2), slice(0, 2)) | cells(slice(5, 8), slice(5, 8))
    np.testing.assert_array_equal(covered(path), expected)


def test_points_in_polygons_agree_with_shapely(write_polygons: WritePolygons) -> None:
    generator = np.random.default_rng(3)
    blobs = [Polygon(np.array([X, Y - 10]) + generator.uniform(0, 12, (3, 2))) for _ in range(4)]
    path = write_polygons("labels.gpkg", blobs)
    rows, cols = np.mgrid[:10, :12] + 0.5
    centres = map_points(GRID.transform, np.column_stack([cols.ravel(), rows.ravel()]))
    inside = shapely.contains_xy(shapely.union_all(blobs), centres)
    np.testing.assert_array_equal(covered(path).ravel(), inside)
