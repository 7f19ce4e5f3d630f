"""A corrected inventory comes back: what was not touched keeps id, confidence and origin."""

import shutil
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from tests.inventory.factories import SyntheticExtraction, make_extraction

from landslip.core.errors import InputError
from landslip.inventory.correction import earlier_inventory
from landslip.inventory.record import read_record
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory

FORMATS = ["copy.gpkg", "copy.geojson", "copy.shp", "copy.parquet", "lonlat.gpkg"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def first(made: SyntheticExtraction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("inventory") / "first"
    make_inventory(
        InventoryRequest(
            source=made.extraction,
            out=out,
            cleaning=CleaningOptions(split=False),
            auxiliary=AuxiliaryData(dem=made.dem),
            draws=0,
        )
    )
    return out


def read(folder: Path) -> geopandas.GeoDataFrame:
    return geopandas.read_file(folder / "inventory.gpkg", layer="landslides")


def again(source: Path, out: Path, original: Path | None = None) -> geopandas.GeoDataFrame:
    make_inventory(InventoryRequest(source=source, out=out, draws=0, original=original))
    return read(out)


def corrected(first: Path) -> geopandas.GeoDataFrame:
    """Cut the largest in two, drop the second, add one; the third is as it was."""
    frame = read(first)
    left, bottom, right, top = frame.geometry.iloc[0].bounds
    middle = left + 0.4 * (right - left)
    halves = [shapely.box(left, bottom, middle, top), shapely.box(middle, bottom, right, top)]
    cut = frame.iloc[[0, 0]].copy()
    cut.geometry = [shapely.intersection(frame.geometry.iloc[0], half) for half in halves]
    new = frame.iloc[[2]].copy()
    new.geometry = [shapely.box(left + 200, bottom - 150, left + 230, bottom - 120)]
    blank = [name for name in new.columns if name != "geometry"]
    new[blank] = None
    return geopandas.GeoDataFrame(pd.concat([cut, frame.iloc[[2]], new]), crs=frame.crs)


def write(frame: geopandas.GeoDataFrame, path: Path) -> None:
    if path.name == "lonlat.gpkg" or path.suffix == ".geojson":
        frame = frame.to_crs(4326)
    frame = frame.astype({name: object for name in frame if frame[name].dtype == bool})
    frame["id"] = pd.array(frame["id"], dtype="Int64")
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".geojson":
        path.write_text(frame.to_json(drop_id=True))
    else:
        frame.to_file(path)


@pytest.mark.filterwarnings("ignore:Column names longer than 10")
@pytest.mark.filterwarnings("ignore:Normalized/laundered field name")
@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation")
@pytest.mark.parametrize("name", FORMATS)
def test_ids_and_confidence_of_what_was_not_touched(first: Path, name: str, tmp_path: Path) -> None:
    before = read(first)
    write(corrected(first), tmp_path / name)
    found = again(tmp_path / name, tmp_path / "out", first).set_index("id")
    assert sorted(found.index) == [1, 3, 4, 5]
    marks = found["correction"].to_dict()
    assert marks == {1: "edited", 3: "unchanged", 4: "new", 5: "new"}
    untouched = before.set_index("id").loc[3]
    assert found.loc[3, "confidence"] == pytest.approx(untouched["confidence"])
    assert np.isnan(found.loc[[1, 4, 5], "confidence"].to_numpy(float)).all()
    assert found.loc[3, "model"] == untouched["model"]
    assert found["model"].isna().to_dict() == {1: False, 3: False, 4: True, 5: True}
    assert found.loc[1, "area_m2"] == pytest.approx(0.6 * before["area_m2"].iloc[0], rel=0.02)
    record, old = read_record(tmp_path / "out"), read_record(first)
    assert record.correction is not None
    assert record.correction.model_dump() == {
        "unchanged": 1,
        "edited": 1,
        "added": 2,
        "deleted": 1,
        "last_id": 5,
    }
    assert (record.model, record.cleaning, record.scene) == (old.model, old.cleaning, old.scene)
    assert record.model_card == old.model_card
    assert record.mapped_m2 == old.mapped_m2
    assert record.dem is not None


def test_an_untouched_inventory_is_the_same_again_by_folder_and_by_each_file(
    first: Path, tmp_path: Path
) -> None:
    before = read(first)
    sources = [first, first / "inventory.gpkg", first / "inventory.parquet"]
    sources.append(first / "inventory.geojson")
    for number, source in enumerate(sources):
        found = again(source, tmp_path / str(number))
        assert set(found.pop("correction")) == {"unchanged"}, source
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.drop(columns="geometry")),
            pd.DataFrame(before.drop(columns="geometry")),
            rtol=1e-3,
        )
        assert read_record(tmp_path / str(number)).mapped_m2 == read_record(first).mapped_m2
        density = geopandas.read_file(tmp_path / str(number) / "inventory.gpkg", layer="density")
        old = geopandas.read_file(first / "inventory.gpkg", layer="density")
        if source.suffix != ".geojson":
            assert density["per_km2"].tolist() == old["per_km2"].tolist()


def test_a_copied_geopackage_knows_where_it_is_from(first: Path, tmp_path: Path) -> None:
    """Edited in place: the highest id was deleted, and is not given again."""
    file = tmp_path / "elsewhere.gpkg"
    file.write_bytes((first / "inventory.gpkg").read_bytes())
    frame = read(first).iloc[:2]
    frame.to_file(file, layer="landslides", mode="w")
    found = again(file, tmp_path / "second")
    assert sorted(found["id"]) == [1, 2]
    assert read_record(tmp_path / "second").model == read_record(first).model
    new = found.iloc[[0]].copy()
    new.geometry = shapely.transform(np.asarray(new.geometry), lambda at: at + 150.0)
    new["id"] = pd.array([None], dtype="Int64")
    both = geopandas.GeoDataFrame(pd.concat([found, new]), crs=found.crs)
    both.to_file(tmp_path / "third.gpkg")
    third = again(tmp_path / "third.gpkg", tmp_path / "third", tmp_path / "second")
    assert sorted(third["id"]) == [1, 2, 4]


def test_one_moved_corner_is_an_edit(first: Path, tmp_path: Path) -> None:
    frame = read(first)
    points = shapely.get_coordinates(frame.geometry.iloc[0])
    ring = shapely.segmentize(shapely.Polygon(points), 2.0).exterior
    coordinates = shapely.get_coordinates(ring)
    coordinates[5] += 1.0
    frame.loc[0, "geometry"] = shapely.Polygon(coordinates)
    frame.to_file(tmp_path / "copy.gpkg")
    found = again(tmp_path / "copy.gpkg", tmp_path / "out", first).set_index("id")
    assert found["correction"].to_dict() == {1: "edited", 2: "unchanged", 3: "unchanged"}


def test_without_the_inventory_ids_and_confidence_still_stay(first: Path, tmp_path: Path) -> None:
    read(first).to_crs(4326).to_file(tmp_path / "alone.gpkg")
    found = again(tmp_path / "alone.gpkg", tmp_path / "out")
    assert found["correction"].tolist() == ["unchanged"] * 3
    assert found["confidence"].tolist() == pytest.approx(read(first)["confidence"].tolist())
    assert any("name its folder with original" in n for n in read_record(tmp_path / "out").notes)


def test_without_a_coordinate_system_nothing_counts_as_edited(tmp_path: Path) -> None:
    """Nothing is measured there."""
    boxes = [shapely.box(0, 0, 9, 9), shapely.box(20, 0, 24, 4)]
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        geopandas.GeoDataFrame(geometry=boxes).to_file(tmp_path / "mapped.gpkg")
    again(tmp_path / "mapped.gpkg", tmp_path / "first")
    found = again(tmp_path / "first", tmp_path / "second")
    assert found["correction"].tolist() == ["unchanged"] * 2


@pytest.mark.parametrize("text", ["{", "[" * 5000, '{"landslides": 3}', None])
def test_a_damaged_record_in_the_file_is_as_if_there_were_none(
    first: Path, text: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "copy.gpkg"
    file.write_bytes((first / "inventory.gpkg").read_bytes())
    area = geopandas.read_file(file, layer="mapped_area")
    area["inventory"] = pd.Series([text], dtype=object)
    area.to_file(file, layer="mapped_area", mode="w")
    found = again(file, tmp_path / "out")
    assert found["id"].tolist() == [1, 2, 3]
    assert read_record(tmp_path / "out").model is None


def lost_names(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame[["geometry"]]


def lost_ids(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.drop(columns="id")


def one_id(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.assign(id=1)


def ids_with_gaps(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.assign(id=frame["id"].astype(float).where(frame["id"] != 2))


def capitals(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame.rename(columns=str.upper).set_geometry("GEOMETRY")


@pytest.mark.parametrize("change", [lost_names, lost_ids, one_id, ids_with_gaps, capitals])
def test_the_stated_original_restores_what_was_lost(
    first: Path, change: Callable[..., geopandas.GeoDataFrame], tmp_path: Path
) -> None:
    expected = read(first)
    change(expected).to_parquet(tmp_path / "corrected.parquet")
    found = again(tmp_path / "corrected.parquet", tmp_path / "out", first)
    assert not [name for name in found if name.startswith("input_")]
    assert found.pop("correction").tolist() == ["unchanged"] * len(expected)
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    assert read_record(tmp_path / "out").mapped_m2 == read_record(first).mapped_m2


@pytest.mark.parametrize("change", [lost_ids, one_id, ids_with_gaps])
def test_unchanged_outlines_without_their_ids_keep_the_rest(
    first: Path, change: Callable[..., geopandas.GeoDataFrame], tmp_path: Path
) -> None:
    shutil.copy(first / "inventory.gpkg", tmp_path / "corrected.gpkg")
    before = read(first)
    change(before).to_file(tmp_path / "corrected.gpkg", layer="landslides")
    found = again(tmp_path / "corrected.gpkg", tmp_path / "out")
    assert found["correction"].tolist() == ["unchanged"] * len(before)
    assert found["id"].is_unique
    assert found["confidence"].equals(before["confidence"])
    assert found["model"].equals(before["model"])
    assert read_record(tmp_path / "out").mapped_m2 == read_record(first).mapped_m2


def test_a_named_column_dates_a_corrected_inventory(first: Path, tmp_path: Path) -> None:
    frame = read(first)
    frame["seen"] = ["2013", None, None]
    frame.to_file(tmp_path / "corrected.gpkg")
    out = tmp_path / "out"
    make_inventory(
        InventoryRequest(
            source=tmp_path / "corrected.gpkg", out=out, draws=0, original=first, date_column="seen"
        )
    )
    assert read(out)["date"].tolist() == ["2013", "2024-08-12", "2024-08-12"]


def test_an_original_that_is_no_inventory_is_refused(first: Path, tmp_path: Path) -> None:
    read(first).to_file(tmp_path / "corrected.gpkg")
    with pytest.raises(InputError, match=r"corrected\.gpkg: original is .*this is no inventory"):
        again(tmp_path / "corrected.gpkg", tmp_path / "out", tmp_path / "corrected.gpkg")


def test_an_earlier_inventory_is_looked_for_by_content_and_not_by_name(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9)], crs="EPSG:32648")
    frame.to_parquet(tmp_path / "parquet.gpkg")
    assert earlier_inventory(tmp_path / "parquet.gpkg") is None
    (tmp_path / "broken").write_bytes(b"SQLite format 3\0" + bytes(90))
    with pytest.raises(InputError, match="broken: cannot be read"):
        earlier_inventory(tmp_path / "broken")
