"""Maps: what they show and where."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from defusedxml import ElementTree
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle
from numpy.typing import NDArray
from tests.reporting.inventory.factories import (
    UTM,
    InventoryContents,
    grid_transform,
    write_inventory,
)

from landslip.core.choices import Language
from landslip.inventory.formats.qgis_style import layer_style
from landslip.reporting.charts import chart_style, svg_text
from landslip.reporting.inventory import maps
from landslip.reporting.inventory.basemap import MapFrame, SceneBasemap
from landslip.reporting.inventory.data import read_inventory
from landslip.reporting.inventory.texts import read_texts

TEXTS = read_texts(Language.ENGLISH)
WGS84 = pyproj.CRS.from_epsg(4326)
NOWHERE = MapFrame(crs=None, transform=Affine.identity(), width=100, height=100)


def utm_frame() -> MapFrame:
    transform = Affine(10.0, 0, 498_000, 0, -10.0, 3_450_000)
    return MapFrame(crs=pyproj.CRS.from_epsg(32648), transform=transform, width=400, height=300)


def axes_of(frame: MapFrame) -> Axes:
    axis = Figure().add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, frame.width), ylim=(frame.height, 0))
    return axis


def array(*shapes: shapely.Geometry | None) -> NDArray[np.object_]:
    return np.array([*shapes, None], dtype=object)[:-1]


def rings(shapes: NDArray[np.object_], *, simplify: bool = True) -> Iterator[NDArray[np.float64]]:
    """The rings of a path, from one start to the next."""
    path = maps.polygon_path(shapes, simplify=simplify)
    starts = np.flatnonzero(np.asarray(path.codes) == path.MOVETO)
    yield from np.split(np.asarray(path.vertices), starts[1:])


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_the_footprint_is_that_of_the_scene(tmp_path: Path, crs: str) -> None:
    contents = InventoryContents(landslides=3, crs=crs)
    data = read_inventory(write_inventory(tmp_path / "inventory", contents))
    with SceneBasemap(tmp_path / "scene.tif") as scene:
        footprint = maps.scene_footprint(data, MapFrame.of_grid(scene.grid))
    assert footprint is not None
    place = grid_transform(crs)
    corners = shapely.box(place.c, place.f + 400 * place.e, place.c + 400 * place.a, place.f)
    assert footprint.symmetric_difference(corners).area < 1e-6 * corners.area
    frame = maps.inventory_frame(data, footprint)
    assert frame is not None
    assert frame.pixels(np.array(footprint.exterior.coords)).min() > 0


def test_the_map_shows_the_mapped_area_also_beyond_the_scene(tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", InventoryContents(landslides=3))
    data = read_inventory(folder)
    assert data.mapped_area is None
    left, bottom, right, top = shapely.total_bounds(data.outlines)
    away = right + 9 * (right - left)
    tilted = shapely.Polygon([(left, bottom), (away, bottom), (away, top)])
    layer = geopandas.GeoDataFrame(geometry=[tilted], crs=data.crs)
    layer.to_file(folder / "inventory.gpkg", layer="mapped_area", driver="GPKG", mode="a")
    data = read_inventory(folder)
    assert data.mapped_area == tilted
    frame = maps.inventory_frame(data, shapely.box(left, bottom, right, top))
    assert frame is not None
    places = frame.pixels(np.array(tilted.exterior.coords))
    assert 0 < places[:, 0].min() < places[:, 0].max() < frame.width
    drawn = maps.location_map(data, None, TEXTS)
    assert drawn is not None
    assert 'id="location-mapped"' in drawn
    assert "location-footprint" not in drawn


def test_a_scene_without_a_place_has_no_footprint_on_a_map(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", InventoryContents(landslides=3)))
    assert maps.scene_footprint(data, NOWHERE) is None


def test_without_landslides_and_scene_there_is_no_map(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", InventoryContents(landslides=0)))
    assert maps.inventory_frame(data, None) is None


def test_density_has_the_classes_of_the_qgis_style(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", InventoryContents(landslides=30)))
    svg = maps.density_map(data, TEXTS)
    assert svg is not None
    style = layer_style("density", data.density, Language.ENGLISH)
    in_style = re.findall(r'label="([\d.]+) – ([\d.]+) per km', style)
    in_map = re.findall(r">([\d.]+)–([\d.]+)<", svg)
    assert [tuple(map(float, one)) for one in in_map] == [
        tuple(map(float, one)) for one in in_style
    ]
    assert len(in_map) > 1


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_density_cells_are_square(tmp_path: Path, crs: str) -> None:
    """Of 4 by 3, whatever the system of the landslides."""
    wanted = InventoryContents(landslides=3, crs=crs)
    data = read_inventory(write_inventory(tmp_path / "inventory", wanted))
    corners = [(400_000 + 100 * col, 3_450_000 + 100 * row) for row in range(3) for col in range(4)]
    cells = geopandas.GeoDataFrame(
        {"landslides": 1, "per_km2": 100.0},
        geometry=[shapely.box(x, y, x + 100, y + 100) for x, y in corners],
        crs=UTM,
        index=range(12),
    )
    svg = maps.density_map(replace(data, density=cells), TEXTS)
    assert svg is not None
    drawn = re.search(r'cells-\d".*?d="([^"]+)"', svg, re.DOTALL)
    assert drawn is not None
    points = np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", drawn[1]), dtype=np.float64)
    width, height = np.ptp(points, axis=0)
    assert width / height == pytest.approx(4 / 3, rel=0.02)


@pytest.mark.parametrize("lon", [103.0, 180.0, -180.0])
@pytest.mark.parametrize("crs", ["EPSG:4326", "UTM"])
def test_meridians_are_labelled_across_180_degrees(lon: float, crs: str) -> None:
    zone = int((lon + 180) // 6 % 60 + 1)
    system = pyproj.CRS.from_user_input(f"EPSG:{32700 + zone}" if crs == "UTM" else crs)
    x, y = pyproj.Transformer.from_crs(4326, system, always_xy=True).transform(lon, -17.0)
    x = lon if crs == "EPSG:4326" else x
    step = 1e-5 if crs == "EPSG:4326" else 1.0
    grid = Affine(step, 0, x - 500 * step, 0, -step, y + 500 * step)
    axis = axes_of(MapFrame(crs=system, transform=grid, width=1000, height=1000))
    maps.draw_graticule(axis, MapFrame(crs=system, transform=grid, width=1000, height=1000))
    labels = [label.get_text() for label in axis.get_xticklabels()]
    assert len(labels) >= 3
    if abs(lon) == 180:
        assert any(label.endswith("E") for label in labels)
        assert any(label.endswith("W") for label in labels)


def test_a_path_has_each_ring_and_holes_stay_open() -> None:
    polygon = shapely.box(10.04, 20, 50, 80).difference(shapely.box(20, 30, 30, 40))
    outer, hole = (shapely.LinearRing(ring) for ring in rings(array(polygon)))
    assert shapely.Polygon(outer).area == pytest.approx(2397.6)
    assert shapely.Polygon(hole).area == pytest.approx(100)
    assert outer.is_ccw is not hole.is_ccw


def test_overlapping_polygons_do_not_cut_each_other() -> None:
    clockwise = shapely.box(0, 0, 10, 10).reverse()
    parts = rings(array(clockwise, shapely.box(5, 5, 15, 15)))
    assert len({shapely.LinearRing(ring).is_ccw for ring in parts}) == 1


def test_each_part_of_a_multipolygon_is_an_outline() -> None:
    parts = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 20, 50, 30)])
    shapes = array(parts, shapely.box(60, 60, 70, 70), None)
    for simplify in (True, False):
        areas = [shapely.Polygon(ring).area for ring in rings(shapes, simplify=simplify)]
        assert areas == [100.0, 300.0, 100.0]


def test_points_that_nobody_sees_are_left_out() -> None:
    circle = shapely.Point(50, 50).buffer(20, quad_segs=1000)
    (simple,) = rings(array(circle))
    assert len(simple) < 80
    assert shapely.Polygon(simple).hausdorff_distance(circle) <= 0.25
    (full,) = rings(array(circle), simplify=False)
    assert len(full) > 4000


@pytest.mark.parametrize("squares", [2, 6000])
def test_long_paths_are_drawn_as_an_image_where_they_are(squares: int) -> None:
    west, south = np.random.default_rng(0).uniform(40, 60, (2, squares))
    is_long = 5 * squares > maps.MAX_VERTICES
    axis = axes_of(NOWHERE)
    shapes = shapely.box(west, south, west + 1, south + 1)
    maps.draw_polygons(axis, shapes, "outlines", fc="red")
    (patch,) = axis.patches
    assert isinstance(patch, PathPatch)
    assert bool(patch.get_rasterized()) is is_long
    with chart_style():
        figure = axis.figure
        assert isinstance(figure, Figure)
        svg = svg_text(figure, "test")
    assert ("data:image/png" in svg) is is_long
    assert len(svg) < 100_000


def test_no_polygons_are_no_trouble() -> None:
    axis = axes_of(NOWHERE)
    maps.draw_polygons(axis, np.empty(0, dtype=object), "outlines", fc="red")
    assert not axis.patches


def test_a_scale_bar_has_a_round_length_and_its_true_size() -> None:
    frame = utm_frame()
    axis = axes_of(frame)
    maps.draw_scale_bar(axis, frame, 0.0, 0.0, 130.0)
    assert [text.get_text() for text in axis.texts] == ["1\u202fkm"]
    halves = [patch.get_width() for patch in axis.patches if isinstance(patch, Rectangle)][1:]
    assert sum(halves) == pytest.approx(1000 / (10 / 0.9996), abs=0.02)


def test_the_north_arrow_points_to_true_north() -> None:
    turned = MapFrame(
        crs=pyproj.CRS.from_epsg(32648),
        transform=Affine.translation(500_000, 3_450_000)
        @ Affine.rotation(30)
        @ Affine.scale(1, -1),
        width=100,
        height=100,
    )
    axis = axes_of(turned)
    maps.draw_north_arrow(axis, turned, (50, 50), "N")
    (dart,) = (patch for patch in axis.patches if isinstance(patch, Polygon))
    tip = dart.get_xy()[0] - 50
    assert np.degrees(np.arctan2(tip[0], -tip[1])) == pytest.approx(30.0, abs=0.01)


def test_without_a_coordinate_system_there_is_neither_scale_nor_north_nor_graticule() -> None:
    axis = axes_of(NOWHERE)
    maps.draw_scale_bar(axis, NOWHERE, 0.0, 0.0, 50.0)
    maps.draw_north_arrow(axis, NOWHERE, (0.0, 0.0), "N")
    maps.draw_graticule(axis, NOWHERE)
    assert not axis.patches
    assert not axis.texts
    assert not axis.lines
    assert NOWHERE.metres_per_px is None


def test_a_graticule_is_where_its_labels_say() -> None:
    frame = MapFrame.around((103.0, 31.0, 104.0, 32.0), WGS84, 600)
    axis = axes_of(frame)
    maps.draw_graticule(axis, frame)
    labels = {
        text.get_text(): float(at)
        for text, at in zip(axis.get_xticklabels(), axis.get_xticks(), strict=True)
    }
    expected = frame.pixels(np.array([[103.0, 31.5]]))[0, 0]
    assert labels["103.0°\u202fE"] == pytest.approx(expected, abs=0.02)
    assert "31.8°\u202fN" in [text.get_text() for text in axis.get_yticklabels()]
    assert len(axis.lines) == len(axis.get_xticks()) + len(axis.get_yticks())


def test_a_map_is_svg_with_a_title(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", InventoryContents(landslides=12)))
    svg = maps.location_map(data, None, TEXTS)
    assert svg is not None
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root[0].text == "Location map of the landslides"
    assert root.attrib["viewBox"].split()[2] == "700"
    numbers = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {str(number) for number in range(1, 11)} <= {*numbers}
    assert "11" not in numbers
