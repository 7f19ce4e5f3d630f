"""The columns that the user's polygons have are kept, under their names and in their types."""

import datetime
import json
import shutil
import uuid
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from tests.inventory.factories import UTM

import landslip
from landslip.core.errors import InputError
from landslip.inventory.attributes import dbf_names, iso_date
from landslip.inventory.fields import FIELDS
from landslip.inventory.record import InventoryRecord, read_record
from landslip.inventory.request import InventoryRequest
from landslip.inventory.run import make_inventory

BOXES = [shapely.box(0, 0, 300, 100), shapely.box(0, 300, 50, 350), shapely.box(400, 0, 500, 80)]
ORIGIN = np.array([500_000.0, 3.4e6])
DAYS = [datetime.date(2008, 5, 12), None, datetime.date(2010, 8, 14)]


def polygons(**columns: object) -> geopandas.GeoDataFrame:
    moved = [shapely.transform(box, lambda at: at + ORIGIN) for box in BOXES]
    return geopandas.GeoDataFrame(columns, geometry=moved, crs=UTM)


def inventory(source: Path, **options: Any) -> tuple[geopandas.GeoDataFrame, InventoryRecord]:
    out = source.with_name(f"{source.stem}_inventory")
    make_inventory(InventoryRequest(source=source, out=out, draws=0, **options))
    return geopandas.read_file(out / "inventory.gpkg", layer="landslides"), read_record(out)


def own(frame: geopandas.GeoDataFrame) -> list[str]:
    known = {field.name for field in FIELDS} | {"geometry"}
    return [name for name in frame.columns if name not in known]


def test_names_types_and_gaps_are_those_of_the_input(tmp_path: Path) -> None:
    """Sorted by area, the rows are the first, the third and the second."""
    file = tmp_path / "mapped.gpkg"
    polygons(
        名称=["滑坡一", None, "滑坡三"],
        Year_obs=pd.array([2005, None, 2010], dtype="Int64"),
        checked=pd.array([True, None, False], dtype="boolean"),
        seen_at=pd.to_datetime(pd.Series(["2008-05-12T10:00:00Z", None, "2010-08-14T03:30:00Z"])),
        depth=[1.5, np.nan, 3.25],
        area_m2=["about 3", None, "8"],
        Date=DAYS,
        input_area_m2=[1, 2, 3],
    ).to_file(file)
    found, record = inventory(file)
    names = ["名称", "Year_obs", "checked", "seen_at", "depth", "input_area_m2_2", "input_area_m2"]
    assert own(found) == names
    assert found["名称"].tolist()[:2] == ["滑坡一", "滑坡三"]
    assert found["名称"].isna().tolist() == [False, False, True]
    assert found["input_area_m2_2"].tolist()[:2] == ["about 3", "8"]
    assert found["input_area_m2"].tolist() == [1, 3, 2]
    assert found["area_m2"].tolist() == pytest.approx([30_000, 8_000, 2_500])
    assert found["date"].tolist()[:2] == ["2008-05-12", "2010-08-14"]
    assert record.dates == ("2008-05-12", "2010-08-14")
    parquet = geopandas.read_parquet(tmp_path / "mapped_inventory" / "inventory.parquet")
    assert parquet["Year_obs"].tolist() == [2005, 2010, pd.NA]
    assert parquet["Year_obs"].dtype == "Int64"
    assert parquet["checked"].tolist() == [True, False, pd.NA]
    assert str(parquet["seen_at"].dtype) == "datetime64[ms, UTC]"
    table = pd.read_csv(tmp_path / "mapped_inventory" / "inventory.csv")
    assert table["名称"].tolist()[0] == "滑坡一"
    assert table["checked"].tolist()[:2] == [True, False]
    features = json.loads((tmp_path / "mapped_inventory" / "inventory.geojson").read_text())
    assert features["features"][0]["properties"]["Year_obs"] == 2005
    assert features["features"][0]["properties"]["checked"] is True
    with ZipFile(tmp_path / "mapped_inventory" / "inventory.kmz") as archive:
        assert "滑坡三" in archive.read("doc.kml").decode()
    item = json.loads((tmp_path / "mapped_inventory" / "item.json").read_text())
    assert item["properties"]["start_datetime"] == "2008-05-12T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2010-08-14T23:59:59Z"
    assert "Year_obs" in {column["name"] for column in item["properties"]["table:columns"]}


def test_lists_and_mappings_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "mapped.parquet"
    polygons(
        photos=[["a.jpg", "b.jpg"], None, []], more=[{"by": "李"}, None, {"by": "Wu"}]
    ).to_parquet(file)
    found, _ = inventory(file)
    assert [*found["photos"].iloc[0]] == ["a.jpg", "b.jpg"]
    assert json.loads(str(found["more"].iloc[0]).replace("'", '"')) == {"by": "李"}
    table = pd.read_csv(tmp_path / "mapped_inventory" / "inventory.csv")
    assert table["photos"].tolist()[0] == '["a.jpg", "b.jpg"]'


def test_two_names_that_differ_in_case_stay_two_columns(tmp_path: Path) -> None:
    file = tmp_path / "mapped.geojson"
    polygons(Name=["a", "b", "c"], name=["x", "y", "z"], FID=[7, 8, 9]).to_crs(4326).to_file(file)
    found, record = inventory(file)
    assert own(found) == ["Name", "name_2", "input_FID"]
    assert found["name_2"].tolist() == ["x", "z", "y"]
    assert any("columns renamed" in note and "name → name_2" in note for note in record.notes)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (2008, "2008"),
        (2008.0, "2008"),
        ("2008", "2008"),
        (20080512, "2008-05-12"),
        ("2008-05-12", "2008-05-12"),
        ("2008/5/12", "2008-05-12"),
        ("2008年5月12日", "2008-05-12"),
        ("2008-05", "2008-05"),
        ("2008-05-12T06:28:01Z", "2008-05-12"),
        (datetime.date(2008, 5, 12), "2008-05-12"),
        (pd.Timestamp("2008-05-12 06:28"), "2008-05-12"),
        ("PL_20080512.tif", "2008-05-12"),
        ("12/05/2008", None),  # May or December
        ("2008-13-01", None),
        (17, None),
        (1.5, None),
        (2008.5, None),
        (np.float32(2008), "2008"),
        (float("inf"), None),
        (10**400, None),
        (None, None),
        (float("nan"), None),
        (["2008"], None),
        ("rockfall", None),
    ],
)
def test_dates_are_read_as_precisely_as_they_are_stated(value: object, date: str | None) -> None:
    assert iso_date(value) == date


def test_a_named_column_gives_the_dates(tmp_path: Path) -> None:
    file = tmp_path / "mapped.shp"
    polygons(Year_obs=[2005, 2006, 2010]).to_file(file)
    found, record = inventory(file, date_column="Year_obs")
    assert found["date"].tolist() == ["2005", "2010", "2006"]
    assert found["Year_obs"].tolist() == [2005, 2010, 2006]
    assert record.dates == ("2005", "2010")
    item = json.loads((tmp_path / "mapped_inventory" / "item.json").read_text())
    assert item["properties"]["end_datetime"] == "2010-12-31T23:59:59Z"
    shutil.rmtree(tmp_path / "mapped_inventory")
    with pytest.raises(
        InputError, match=r"no column Year \(date_column\); its columns are Year_obs"
    ):
        inventory(file, date_column="Year")


def test_a_column_without_dates_is_refused_and_single_gaps_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "mapped.gpkg"
    polygons(seen=["soon", "later", None], date=["2008-05-12", "spring", None]).to_file(file)
    with pytest.raises(InputError, match=r"date_column holds dates.*seen holds none.*'soon'"):
        inventory(file, date_column="seen")
    found, record = inventory(file)
    assert found["date"].tolist()[0] == "2008-05-12"
    assert found["input_date"].tolist()[2] == "spring"
    assert any("1 of 3 values of the column date are no date" in note for note in record.notes)


@pytest.mark.filterwarnings("ignore:Column names longer than 10")
@pytest.mark.filterwarnings("ignore:Normalized/laundered field name")
def test_names_of_a_shapefile_are_shortened_as_gdal_does(tmp_path: Path) -> None:
    names = ["perimeter_m", "centroid_lon", "centroid_lat", "centroid_height", "id"]
    polygons(**{name: [1, 2, 3] for name in names}).to_file(tmp_path / "a.shp")
    written = geopandas.read_file(tmp_path / "a.shp").columns.drop("geometry")
    assert dbf_names(names) == [*written]


def test_dates_and_own_columns_are_in_statistics_and_report(tmp_path: Path) -> None:
    file = tmp_path / "mapped.gpkg"
    polygons(Year_obs=[2005, 2006, 2005], 名称=["滑坡一", "<b>", None]).to_file(file)
    inventory(file, date_column="Year_obs")
    folder = tmp_path / "mapped_inventory"
    found = json.loads((folder / "statistics.json").read_text())["dates"]
    assert found == [
        {"date": "2005", "landslides": 2, "area_m2": pytest.approx(38_000)},
        {"date": "2006", "landslides": 1, "area_m2": pytest.approx(2_500)},
    ]
    page = landslip.report(folder).read_text()
    for text in ("Landslides by date", "2005 – 2006", "Year_obs", "滑坡一", "&lt;b&gt;"):
        assert text in page
    assert "<b>" not in page


def test_columns_of_a_table_in_python_are_kept_too() -> None:
    frame = polygons(
        photos=[["a.jpg"], None, []],
        kind=pd.Categorical(["slide", "flow", "slide"]),
        mixed=["one", 2, None],
        Year_obs=pd.array([2005, None, 2010], dtype="Int64"),
    )
    frame[2008] = [1, 2, 3]
    found = landslip.make_inventory(frame, date_column="Year_obs", draws=0).landslides
    assert [*found["photos"].iloc[0]] == ["a.jpg"]
    assert found["kind"].tolist() == ["slide", "slide", "flow"]
    assert found["mixed"].tolist()[0] == "one"
    assert found["2008"].tolist() == [1, 3, 2]
    assert found["date"].tolist()[:2] == ["2005", "2010"]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (np.array([2**63 + 5, 1, 2], dtype="uint64"), "9223372036854775813"),
        (pd.Series([2**70, 1, None], dtype=object), "1180591620717411303424"),
        ([{}, {}, None], "{}"),
        (pd.interval_range(0, 3), "(0, 1]"),
        (pd.period_range("2008", periods=3, freq="Y"), "2008"),
        ([uuid.UUID(int=1), None, uuid.UUID(int=2)], str(uuid.UUID(int=1))),
        (pd.arrays.SparseArray([7, 0, 0]), 7),
        (np.array([7, 1, 2], dtype="uint32"), 7),
    ],
    ids=["uint64", "70 bits", "empty mappings", "intervals", "periods", "uuid", "sparse", "uint32"],
)
def test_types_that_files_lack_are_kept_as_text(values: Any, first: object, tmp_path: Path) -> None:
    landslip.make_inventory(polygons(value=values), out=tmp_path / "out", draws=0)
    in_file = geopandas.read_file(tmp_path / "out" / "inventory.gpkg", layer="landslides")
    assert in_file["value"].iloc[0] == first
    for name, read in (("parquet", geopandas.read_parquet), ("geojson", geopandas.read_file)):
        assert read(tmp_path / "out" / f"inventory.{name}")["value"].iloc[0] in (first, {})


def test_columns_of_one_name_in_a_table_in_python_are_kept() -> None:
    frame = polygons(one=[1, 2, 3], other=["a", "b", "c"])
    frame.columns = ["x", "x", "geometry"]
    found = landslip.make_inventory(frame, draws=0).landslides
    assert found["x"].tolist() == [1, 3, 2]
    assert found["x_2"].tolist() == ["a", "c", "b"]
