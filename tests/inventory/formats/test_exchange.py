"""GeoParquet, CSV and GeoJSON, read again."""

import csv
import json
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet
import pyproj
import pytest
import shapely
from pandas.testing import assert_frame_equal, assert_series_equal
from tests.inventory.sample_layers import NAME, UTM, make_layers

from landslip.inventory.fields import FIELDS, FLAGS, Kind
from landslip.inventory.formats.exchange import write_csv, write_geojson, write_parquet
from landslip.inventory.formats.layer_fields import CSV_FIELDS

NAMES = [field.name for field in FIELDS]
TEXTS = [field.name for field in FIELDS if field.kind is Kind.TEXT]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = dict.fromkeys(FLAGS, "boolean") | dict.fromkeys(TEXTS, "string")
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
    kinds = {Kind.ID: "int64", Kind.NUMBER: "double", Kind.FLAG: "bool"}
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


def test_csv_has_all_columns_and_where_crown_and_toe_are(tmp_path: Path) -> None:
    layers = make_layers()
    write_csv(layers, tmp_path / "inventory.csv")
    found = pd.read_csv(tmp_path / "inventory.csv")
    assert list(found.columns) == [*NAMES, *(field.name for field in CSV_FIELDS)]
    assert_frame_equal(plain(found), plain(layers.landslides), check_exact=True)
    lonlat = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    for kind, points in (("crown", layers.crowns), ("toe", layers.toes)):
        where = np.column_stack(lonlat.transform(points.geometry.x, points.geometry.y))
        expected = pd.DataFrame(where, index=points["id"]).reindex(found["id"])
        np.testing.assert_array_equal(found[[f"{kind}_lon", f"{kind}_lat"]], expected)
    assert found.loc[1, ["crown_lon", "toe_lat"]].isna().all()  # it has no heights


def test_csv_opens_in_spreadsheets_and_leaves_empty_what_is_empty(tmp_path: Path) -> None:
    write_csv(make_layers(), tmp_path / "inventory.csv")
    content = (tmp_path / "inventory.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,area_m2,")
    with (tmp_path / "inventory.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["slope_deg"] == rows[1]["model"] == rows[1]["flag_river_flat"] == ""
    assert (rows[4]["flag_road"], rows[3]["flag_road"]) == ("True", "False")
    assert {row["scene"] for row in rows} == {NAME}


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
