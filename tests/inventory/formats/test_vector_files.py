"""GeoParquet, CSV and GeoJSON, read again."""

import csv
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet
import pyogrio
import pyproj
import pytest
import shapely
from pandas.testing import assert_frame_equal, assert_series_equal
from tests.inventory.factories import NAME, UTM, make_layers

from landslip.core.choices import Language
from landslip.core.errors import LandslipError
from landslip.inventory.fields import CSV_FIELDS, FIELDS, FLAGS, LAYER_FIELDS, FieldKind
from landslip.inventory.formats.vector_files import (
    write_csv,
    write_geojson,
    write_geopackage,
    write_parquet,
)
from landslip.inventory.layers import InventoryLayers

NAMES = [field.name for field in FIELDS]
BOOLEANS = [field.name for field in FIELDS if field.kind is FieldKind.FLAG]
TEXTS = [field.name for field in FIELDS if field.kind is FieldKind.TEXT]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = dict.fromkeys(BOOLEANS, "boolean") | dict.fromkeys(TEXTS, "string")
    return pd.DataFrame(frame)[NAMES].astype(kinds)


@pytest.mark.parametrize("count", [0, 6])
@pytest.mark.parametrize("crs", [None, UTM])
def test_parquet_comes_back_with_values_types_and_place(
    tmp_path: Path, count: int, crs: str | None
) -> None:
    given = make_layers(count, crs=crs).landslides
    write_parquet(given, tmp_path / "inventory.parquet")
    found = geopandas.read_parquet(tmp_path / "inventory.parquet")
    assert found.crs == given.crs
    assert list(found.columns) == [*NAMES, "geometry"]
    assert_frame_equal(plain(found), plain(given))
    assert shapely.equals_exact(found.geometry.to_numpy(), given.geometry.to_numpy()).all()
    types = {field.name: str(field.type) for field in schema(tmp_path / "inventory.parquet")}
    kinds = {FieldKind.ID: "int64", FieldKind.NUMBER: "double", FieldKind.FLAG: "bool"}
    wrong = {
        field.name: types[field.name]
        for field in FIELDS
        if types[field.name].removeprefix("large_") != kinds.get(field.kind, "string")
    }
    assert wrong == {}


def schema(path: Path) -> pyarrow.Schema:
    return pyarrow.parquet.read_schema(path)


def test_parquet_is_packed_and_the_same_at_every_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(make_layers().landslides, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    column = pyarrow.parquet.read_metadata(tmp_path / "a").row_group(0).column(0)
    assert column.compression == "ZSTD"


def test_csv_has_all_columns_and_where_highest_and_lowest_points_are(tmp_path: Path) -> None:
    layers = make_layers()
    write_csv(layers, tmp_path / "inventory.csv")
    found = pd.read_csv(tmp_path / "inventory.csv")
    assert list(found.columns) == [*NAMES, *(field.name for field in CSV_FIELDS)]
    assert_frame_equal(plain(found), plain(layers.landslides), check_exact=True)
    lonlat = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    for kind, points in (
        ("highest", layers.highest_points),
        ("lowest", layers.lowest_points),
    ):
        where = np.column_stack(lonlat.transform(points.geometry.x, points.geometry.y))
        expected = pd.DataFrame(where, index=points["id"]).reindex(found["id"])
        np.testing.assert_array_equal(found[[f"{kind}_lon", f"{kind}_lat"]], expected)
    assert found.loc[1, ["highest_lon", "lowest_lat"]].isna().all()  # it has no heights


def test_csv_opens_in_spreadsheets_and_leaves_empty_what_is_empty(tmp_path: Path) -> None:
    write_csv(make_layers(), tmp_path / "inventory.csv")
    content = (tmp_path / "inventory.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,area_m2,")
    with (tmp_path / "inventory.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["slope_deg"] == rows[1]["model"] == rows[1]["flag_river_flat"] == ""
    assert (rows[4]["flag_road"], rows[3]["flag_road"]) == ("True", "False")
    assert {row["scene"] for row in rows} == {NAME}


def test_csv_has_no_formulas(tmp_path: Path) -> None:
    layers = make_layers()
    notes = ["=cmd|' /C calc'!A0", "+1", "-1", "@sum(1)", None, "a = b"]
    with_notes = replace(layers, landslides=layers.landslides.assign(note=notes))
    write_csv(with_notes, tmp_path / "inventory.csv")
    found = pd.read_csv(tmp_path / "inventory.csv")["note"]
    assert found.tolist()[:4] == ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@sum(1)"]
    assert found.isna()[4]
    assert found[5] == "a = b"


def test_csv_without_a_coordinate_system_or_without_landslides(tmp_path: Path) -> None:
    write_csv(make_layers(crs=None), tmp_path / "plain.csv")
    found = pd.read_csv(tmp_path / "plain.csv")
    assert len(found) == 6
    assert found[[field.name for field in CSV_FIELDS]].isna().all(axis=None)
    write_csv(make_layers(0), tmp_path / "none.csv")
    empty = pd.read_csv(tmp_path / "none.csv")
    assert (len(empty), len(empty.columns)) == (0, len(NAMES) + 4)


def test_geojson_comes_back_in_wgs_84(tmp_path: Path) -> None:
    given = make_layers().landslides
    write_geojson(given, tmp_path / "inventory.geojson")
    found = geopandas.read_file(tmp_path / "inventory.geojson", use_arrow=True)
    assert found.crs.to_epsg() == 4326
    assert list(found.columns) == [*NAMES, "geometry"]
    numbers = [name for name in NAMES if name not in (*TEXTS, *FLAGS)]
    assert_frame_equal(
        plain(found)[numbers], plain(given)[numbers], check_exact=True, check_dtype=False
    )
    for name in (*TEXTS, *FLAGS):
        assert_series_equal(plain(found)[name], plain(given)[name])
    back = found.geometry.to_crs(UTM).to_numpy()
    apart = shapely.hausdorff_distance(back, given.geometry.to_numpy())
    assert 0 < apart.max() < 0.01  # half of 1e-7 degrees is 6 mm


def test_geojson_follows_rfc_7946(tmp_path: Path) -> None:
    given = make_layers().landslides
    clockwise = given.set_geometry(shapely.orient_polygons(given.geometry, exterior_cw=True))
    write_geojson(clockwise, tmp_path / "inventory.geojson")
    content = json.loads((tmp_path / "inventory.geojson").read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    assert "crs" not in content
    assert [feature["properties"]["id"] for feature in content["features"]] == [1, 2, 3, 4, 5, 6]
    assert content["features"][1]["properties"]["slope_deg"] is None
    assert content["features"][1]["properties"]["flag_river_flat"] is None
    assert content["features"][4]["properties"]["flag_road"] is True
    (outside, hole), *_ = content["features"][2]["geometry"]["coordinates"]
    assert shapely.LinearRing(outside).is_ccw
    assert not shapely.LinearRing(hole).is_ccw
    assert all(round(value, 7) == value for point in outside for value in point)
    assert outside[0] == outside[-1]


def test_geojson_of_no_landslides(tmp_path: Path) -> None:
    write_geojson(make_layers(0).landslides, tmp_path / "inventory.geojson")
    content = json.loads((tmp_path / "inventory.geojson").read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    assert content["features"] == []


def test_geojson_is_the_same_at_every_run(tmp_path: Path) -> None:
    for name in ("a.geojson", "b.geojson"):
        write_geojson(make_layers().landslides, tmp_path / name)
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()


LAYERS = ("landslides", "highest_points", "lowest_points", "density")


def read(path: Path, layer: str) -> geopandas.GeoDataFrame:
    return geopandas.read_file(path, layer=layer, use_arrow=True)


def typed(frame: geopandas.GeoDataFrame, like: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Columns as plain objects of one type, since readers choose their own."""
    plain = pd.DataFrame(frame.drop(columns="geometry"))
    for name in plain.columns:
        if name in BOOLEANS:
            plain[name] = plain[name].astype("boolean")
        elif like[name].dtype == object or str(like[name].dtype).startswith("str"):
            plain[name] = plain[name].astype("string")
    return plain


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_comes_back_as_it_was(tmp_path: Path, layer: str) -> None:
    layers = make_layers()
    write_geopackage(layers, tmp_path / "inventory.gpkg")
    given, found = getattr(layers, layer), read(tmp_path / "inventory.gpkg", layer)
    assert found.crs.to_epsg() == 32648
    assert list(found.columns) == [*(field.name for field in LAYER_FIELDS[layer]), "geometry"]
    assert_frame_equal(typed(found, given), typed(given, given))
    # promoted to multipolygons, coordinates are the same to the last bit
    same = shapely.equals_exact(
        shapely.normalize(found.geometry.to_numpy()),
        shapely.normalize(np.array([of_type(g, f) for g, f in pairs(given, found)])),
        tolerance=0.0,
    )
    assert same.all()
    assert len(same) == len(given) > 0


def pairs(given: geopandas.GeoDataFrame, found: geopandas.GeoDataFrame) -> list[tuple[object, ...]]:
    return list(zip(given.geometry, found.geometry, strict=True))


def of_type(geometry: object, like: object) -> object:
    if isinstance(like, shapely.MultiPolygon) and isinstance(geometry, shapely.Polygon):
        return shapely.MultiPolygon([geometry])
    return geometry


def test_what_is_empty_is_null_and_never_zero_or_nan(tmp_path: Path) -> None:
    path = tmp_path / "inventory.gpkg"
    write_geopackage(make_layers(), path)
    with sqlite3.connect(path) as file:
        query = "SELECT slope_deg, model, flag_river_flat, flag_road FROM landslides WHERE id = 2"
        assert file.execute(query).fetchone() == (None, None, None, 0)
        types = {row[1]: row[2] for row in file.execute("PRAGMA table_info(landslides)")}
    expected = {
        FieldKind.ID: "INTEGER",
        FieldKind.NUMBER: "REAL",
        FieldKind.TEXT: "TEXT",
        FieldKind.FLAG: "BOOLEAN",
    }
    assert {field.name: types[field.name] for field in FIELDS} == {
        field.name: expected[field.kind] for field in FIELDS
    }


def test_layers_are_of_polygons_where_no_landslide_has_several_parts(tmp_path: Path) -> None:
    layers = make_layers()
    one_part = layers.landslides.drop(index=3)
    write_geopackage(with_landslides(layers, one_part), tmp_path / "one.gpkg")
    write_geopackage(layers, tmp_path / "several.gpkg")
    assert pyogrio.read_info(tmp_path / "one.gpkg", layer="landslides")["geometry_type"] == (
        "Polygon"
    )
    assert pyogrio.read_info(tmp_path / "several.gpkg", layer="landslides")["geometry_type"] == (
        "MultiPolygon"
    )


def with_landslides(layers: InventoryLayers, landslides: geopandas.GeoDataFrame) -> InventoryLayers:
    return InventoryLayers(
        landslides=landslides,
        highest_points=layers.highest_points,
        lowest_points=layers.lowest_points,
        density=layers.density,
    )


def test_every_layer_has_a_spatial_index_that_finds(tmp_path: Path) -> None:
    path, layers = tmp_path / "inventory.gpkg", make_layers()
    write_geopackage(layers, path)
    with sqlite3.connect(path) as file:
        for layer in LAYERS:
            query = f"SELECT count(*) FROM rtree_{layer}_geom"  # noqa: S608 - our own names
            assert file.execute(query).fetchone() == (len(getattr(layers, layer)),)
    bounds = tuple(layers.landslides.geometry.iloc[4].bounds)
    found = pyogrio.read_dataframe(path, layer="landslides", bbox=bounds)
    assert found["id"].tolist() == [5]


def test_columns_carry_their_labels_and_meanings(tmp_path: Path) -> None:
    path = tmp_path / "inventory.gpkg"
    write_geopackage(make_layers(), path, Language.CHINESE)
    query = "SELECT name, description FROM gpkg_data_columns WHERE table_name = ? AND "
    with sqlite3.connect(path) as file:
        area = file.execute(query + "column_name = 'area_m2'", ["landslides"]).fetchone()
        cell = file.execute(query + "column_name = 'per_km2'", ["density"]).fetchone()
        extensions = file.execute("SELECT extension_name FROM gpkg_extensions").fetchall()
        columns = file.execute("SELECT count(*) FROM gpkg_data_columns").fetchone()
    assert area[0] == "面积（m²）"
    assert area[1].startswith("Area on the map, holes taken off")
    assert cell[0] == "滑坡数量密度（1/km²）"
    assert extensions.count(("gpkg_schema",)) == 2
    assert columns == (sum(len(fields) for fields in LAYER_FIELDS.values()),)


def test_styles_stand_where_qgis_looks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "inventory.gpkg"
    write_geopackage(make_layers(), path)
    with sqlite3.connect(path) as file:
        file.row_factory = sqlite3.Row
        rows = file.execute("SELECT * FROM layer_styles WHERE useAsDefault = 1").fetchall()
        kind = file.execute(
            "SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'"
        ).fetchone()
    assert [row["f_table_name"] for row in rows] == list(LAYERS)
    assert {tuple(row)[1:3] for row in rows} == {("", "")}
    assert {row["f_geometry_column"] for row in rows} == {"geom"}
    assert {row["update_time"] for row in rows} == {"2000-01-01T00:00:00.000Z"}
    assert all(row["styleQML"].startswith("<!DOCTYPE qgis") for row in rows)
    assert tuple(kind) == ("attributes",)
    assert rows[0].keys() == [
        "id",
        "f_table_catalog",
        "f_table_schema",
        "f_table_name",
        "f_geometry_column",
        "styleName",
        "styleQML",
        "styleSLD",
        "useAsDefault",
        "description",
        "owner",
        "ui",
        "update_time",
    ]


def test_the_default_style_speaks_the_language_asked_for(tmp_path: Path) -> None:
    query = (
        "SELECT styleName FROM layer_styles WHERE useAsDefault = ? "
        "AND f_table_name = 'lowest_points'"
    )
    names = {}
    for language in Language:
        path = tmp_path / f"{language}.gpkg"
        write_geopackage(make_layers(), path, language)
        with sqlite3.connect(path) as file:
            names[language] = [file.execute(query, [use]).fetchall() for use in (True, False)]
    assert names[Language.ENGLISH] == [[("landslip",)], [("landslip 中文",)]]
    assert names[Language.CHINESE] == [[("landslip 中文",)], [("landslip",)]]


def test_the_same_layers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_geopackage(make_layers(), tmp_path / name / "inventory.gpkg")
    first, second = ((tmp_path / name / "inventory.gpkg").read_bytes() for name in ("a", "b"))
    assert first == second


def test_an_empty_inventory_has_all_layers_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "inventory.gpkg"
    write_geopackage(make_layers(0), path)
    for layer in LAYERS:
        found = read(path, layer)
        assert len(found) == 0
        assert found.crs == UTM
        assert list(found.columns[:-1]) == [field.name for field in LAYER_FIELDS[layer]]
    assert pyogrio.read_info(path, layer="landslides")["geometry_type"] == "Polygon"


def test_without_a_coordinate_system_none_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "inventory.gpkg"
    write_geopackage(make_layers(crs=None), path)
    found = read(path, "landslides")
    assert found.crs is None
    assert len(found) == 6


def test_a_coordinate_system_without_a_code_is_kept(tmp_path: Path) -> None:
    own = "+proj=tmerc +lat_0=0 +lon_0=104.3 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m"
    write_geopackage(make_layers(crs=own), tmp_path / "inventory.gpkg")
    found = read(tmp_path / "inventory.gpkg", "landslides")
    assert found.crs.to_epsg() is None
    assert found.crs.coordinate_operation.params[1].value == 104.3


def test_texts_of_any_kind_survive(tmp_path: Path) -> None:
    write_geopackage(make_layers(), tmp_path / "inventory.gpkg")
    assert set(read(tmp_path / "inventory.gpkg", "landslides")["scene"]) == {NAME}
    assert "北川" in NAME
    assert "\n" in NAME


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LandslipError, match=r"no/inventory.gpkg: the layers .* cannot be written"):
        write_geopackage(make_layers(), tmp_path / "no" / "inventory.gpkg")


def test_it_can_be_copied_and_appended_to(tmp_path: Path) -> None:
    write_geopackage(make_layers(), tmp_path / "inventory.gpkg")
    copy = shutil.copy(tmp_path / "inventory.gpkg", tmp_path / "copy.gpkg")
    more = geopandas.read_file(copy, layer="highest_points")
    pyogrio.write_dataframe(more, copy, layer="highest_points", append=True)
    assert len(geopandas.read_file(copy, layer="highest_points")) == 2 * len(more) == 10
