from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon, box

from landslip.core.errors import InputError
from landslip.core.messages import sentences
from landslip.io.vector import read_polygon_file, read_vector, repair_polygons

WritePolygons = Callable[..., Path]
BOWTIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def with_geometries(path: Path, geometries: list[Any], layer: str = "one") -> Path:
    frame = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries(geometries, crs="EPSG:32650"))
    frame.to_file(path, layer=layer, engine="pyogrio")
    return path


def test_columns_order_and_system_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "slides.gpkg"
    geopandas.GeoDataFrame(
        {"name": ["b", "a"]},
        geometry=[box(0, 0, 1, 1), MultiPolygon([box(3, 0, 4, 1), box(5, 0, 6, 1)])],
        crs="EPSG:32648",
    ).to_file(path, engine="pyogrio")
    found = read_polygon_file(path)
    assert found.frame["name"].tolist() == ["b", "a"]
    assert found.frame.area.tolist() == [1, 2]
    assert found.frame.crs.to_epsg() == 32648
    assert found.numbers.tolist() == [1, 2]
    assert found.notes == ()


@pytest.mark.parametrize("name", ["slides.gpkg", "slides.geojson", "slides.parquet"])
def test_empty_and_invalid_polygons_are_noted_by_number(
    write_polygons: WritePolygons, name: str
) -> None:
    spike = Polygon([(0, 0), (5, 0), (0, 0)])
    geometries = [box(0, 0, 3, 3), None, BOWTIE, spike, Polygon()]
    found = read_polygon_file(write_polygons(name, geometries, crs="EPSG:4326"))
    assert found.numbers.tolist() == [1, 3]
    assert found.frame.index.tolist() == [0, 1]
    assert shapely.area(found.frame.geometry.values).tolist() == pytest.approx([9, 2])
    assert found.frame.is_valid.all()
    notes = sentences(found.notes)
    assert f"{name}: 2 of 5 polygons (number 2, 5) with empty geometry left out" in notes
    assert any("2 of 5 polygons (number 3, 4) invalid and repaired" in note for note in notes)
    assert f"{name}: 1 of 5 polygons (number 4) left out, as they enclose no area" in notes


def test_heights_of_corners_go(tmp_path: Path) -> None:
    flat = [(0, 0, 5), (1, 0, 6), (1, 1, 7)]
    found = read_polygon_file(with_geometries(tmp_path / "high.gpkg", [Polygon(flat)]))
    assert not shapely.has_z(found.frame.geometry.iloc[0])


def test_repairing_keeps_what_is_enclosed_and_the_valid_as_they_are() -> None:
    both = np.array([BOWTIE, box(0, 0, 1, 1), None], dtype=object)
    repaired = repair_polygons(both)
    assert repaired[1] is both[1]
    assert repaired[2] is None
    assert repaired[0].area == pytest.approx(2)
    assert both[0] is BOWTIE


def test_one_layer_of_several_is_named(tmp_path: Path) -> None:
    path = with_geometries(tmp_path / "years.gpkg", [box(0, 0, 1, 1)], "y1")
    with_geometries(path, [box(0, 0, 2, 2)], "y2")
    assert read_polygon_file(path, "y2").frame.area.tolist() == [4]
    with pytest.raises(InputError, match=r"has several layers, name one by layer: y1, y2"):
        read_polygon_file(path)
    with pytest.raises(InputError, match=r"has no layer y3; its layers are y1, y2"):
        read_polygon_file(path, "y3")
    with pytest.raises(InputError, match=r"name one by reference_layer"):
        read_polygon_file(path, layer_argument="reference_layer")
    with pytest.raises(InputError, match=r"has several layers, give a file with one of them"):
        read_polygon_file(path, layer_argument=None)


@pytest.mark.parametrize("name", ["none.gpkg", "none.parquet"])
def test_a_file_without_polygons_is_refused_unless_asked_for(
    write_polygons: WritePolygons, name: str
) -> None:
    path = write_polygons(name, [None])
    with pytest.raises(InputError, match=r"contains no polygon"):
        read_polygon_file(path)
    found = read_polygon_file(path, may_be_empty=True)
    assert len(found.frame) == 0
    assert found.frame.crs.to_epsg() == 32650


@pytest.mark.parametrize(
    ("geometries", "message"),
    [
        ([box(0, 0, 1, 1), Point(0, 0)], r"landslides are polygons; there are also Point"),
        ([LineString([(0, 0), (1, 1)])], r"there are also LineString"),
    ],
    ids=["a point", "a line"],
)
def test_other_things_than_polygons_are_refused(
    tmp_path: Path, geometries: list[Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_polygon_file(with_geometries(tmp_path / "mixed.gpkg", geometries))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.gpkg: no such file"):
        read_polygon_file(tmp_path / "nowhere.gpkg")
    text = tmp_path / "text.gpkg"
    text.write_text("no polygons")
    with pytest.raises(InputError, match=r"not a vector file that can be read"):
        read_polygon_file(text)
    table = tmp_path / "table.csv"
    pd.DataFrame({"area": [1, 2]}).to_csv(table)
    with pytest.raises(InputError, match=r"a table without geometry; polygons are needed"):
        read_polygon_file(table)


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.parquet"
    far = Polygon([(0, 0), (np.inf, 0), (0, 1)])
    geopandas.GeoDataFrame(geometry=[far], crs="EPSG:32650").to_parquet(path)
    with pytest.raises(InputError, match=r"coordinates that are not finite"):
        read_polygon_file(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e308, 1e12])
@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet"])
def test_geometries_without_finite_coordinates_are_refused(
    tmp_path: Path, value: float, name: str
) -> None:
    path = tmp_path / name
    line = LineString([(0, 0), (1, 1), (2, 0)])
    line = shapely.set_coordinates(line, np.array([(0, 0), (1, value), (2, 0)]))
    frame = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries([line, None], crs="EPSG:32650"))
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)
    with pytest.raises(InputError, match=rf"{name}: a geometry has coordinates that are not fin"):
        read_vector(path)
