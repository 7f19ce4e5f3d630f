import json
import shutil
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from affine import Affine
from tests.conftest import write_raster_file
from tests.server.served import UTM, client_of, copy_served, write_squares


def workspace(folder: Path) -> dict[str, Any]:
    with client_of(folder) as client:
        response = client.get("/api/workspace")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def named(found: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found[kind]}


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_served(made, tmp_path_factory.mktemp("catalogue") / "served")


def check_connected(folder: Path, scene: str) -> None:
    found = workspace(folder)
    assert found["problems"] == []
    rasters, inventories = named(found, "rasters"), named(found, "inventories")
    assert {*rasters} == {scene, "dem.tif", "map/probability.tif", "map/mask.tif"}
    assert {*inventories} == {"map", "inventory"}
    key = rasters[scene]["id"]
    probability = rasters["map/probability.tif"]
    assert [band["name"] for band in rasters[scene]["bands"]] == ["red", "nir"]
    assert rasters[scene]["kind"] == "scene"
    assert (rasters["dem.tif"]["kind"], rasters["dem.tif"]["date"]) == ("elevation", None)
    assert (probability["kind"], probability["scene_id"]) == ("probability", key)
    assert (rasters["map/mask.tif"]["kind"], rasters["map/mask.tif"]["scene_id"]) == ("mask", key)
    summary = json.loads((folder / "map" / "summary.json").read_text())
    record = json.loads((folder / "inventory" / "inventory.json").read_text())
    assert probability["threshold"] == summary["threshold"]
    extraction, inventory = inventories["map"], inventories["inventory"]
    assert (extraction["kind"], inventory["kind"]) == ("extraction", "inventory")
    assert extraction["count"] == summary["landslides"]
    assert inventory["count"] == record["landslides"]
    for one in (extraction, inventory):
        assert (one["scene_id"], one["probability_id"]) == (key, probability["id"])
        assert one["crs"] == UTM
    assert inventory["date"] == record["scene"]["date"]
    (sample,) = found["samples"]
    assert sample["inventory_id"] == inventory["id"]
    assert sample["scene_id"] == key
    assert (sample["points"], sample["judged"]) == (60, 0)


def test_what_landslip_wrote_is_found_and_connected(served: Path) -> None:
    check_connected(served, "PL_20240812.tif")
    dates = {one["name"]: one["date"] for one in workspace(served)["rasters"]}
    assert dates["PL_20240812.tif"] == dates["map/probability.tif"] == "2024-08-12"


def test_connections_hold_where_the_folder_was_moved_and_the_scene_renamed(
    served: Path, tmp_path: Path
) -> None:
    moved = copy_served(served, tmp_path / "elsewhere")
    (moved / "scenes").mkdir()
    (moved / "PL_20240812.tif").rename(moved / "scenes" / "scene.tif")
    check_connected(moved, "scenes/scene.tif")


def test_columns_have_the_labels_and_ranges_of_the_inventory(served: Path) -> None:
    inventory = named(workspace(served), "inventories")["inventory"]
    fields = {one["name"]: one for one in inventory["fields"]}
    frame = geopandas.read_file(served / "inventory" / "inventory.gpkg", layer="landslides")
    assert inventory["fields"][0]["name"] == "id"
    assert (fields["area_m2"]["unit"], fields["area_m2"]["label_zh"]) == ("m²", "面积")
    assert fields["area_m2"]["minimum"] == frame["area_m2"].min()
    assert fields["area_m2"]["maximum"] == frame["area_m2"].max()
    kinds = {one["kind"] for one in fields.values()}
    assert kinds == {"id", "number", "text", "flag"}
    extraction = named(workspace(served), "inventories")["map"]
    assert {"area_m2", "confidence", "mean_probability"} <= {
        one["name"] for one in extraction["fields"]
    }


FRACTIONS = np.linspace(100, 2000, 64, dtype=np.float32).reshape(8, 8)


@pytest.mark.parametrize(
    ("name", "values", "options", "kind"),
    [
        ("AW3D30_N31.tif", FRACTIONS, {}, "elevation"),
        ("SRTMGL1.tif", FRACTIONS.astype(np.int16), {}, "elevation"),
        ("surface.tif", FRACTIONS, {"names": ("height",)}, "elevation"),
        ("surface.tif", FRACTIONS, {"units": ("metre",)}, "elevation"),
        ("surface.tif", FRACTIONS, {"crs": "EPSG:32648+5773"}, "elevation"),
        ("surface.tif", FRACTIONS, {}, "other"),
        ("surface.tif", -FRACTIONS.astype(np.int16), {"units": ("unknown",)}, "other"),
        ("slope.tif", FRACTIONS, {"names": ("slope",)}, "other"),
        (
            "terrain.tif",
            np.stack([FRACTIONS] * 3),
            {"names": ("slope", "northness", "eastness")},
            "other",
        ),
        ("pan.tif", FRACTIONS.astype(np.uint16), {}, "scene"),
        ("dem_area_pan.tif", FRACTIONS, {"names": ("pan",)}, "scene"),
        ("sharpened.tif", FRACTIONS / 4000, {}, "scene"),
        ("scaled.tif", FRACTIONS.astype(np.int16), {"scales": (1e-4,)}, "scene"),
        ("academy.tif", FRACTIONS, {}, "other"),
    ],
)
def test_what_is_no_scene_is_not_listed_as_one(
    tmp_path: Path, name: str, values: Any, options: dict[str, Any], kind: str
) -> None:
    transform = Affine(30, 0, 400_000, 0, -30, 3_460_000)
    write_raster_file(tmp_path / name, values, **{"crs": UTM, "transform": transform} | options)
    found = workspace(tmp_path)
    assert found["problems"] == []
    assert [one["kind"] for one in found["rasters"]] == [kind]
    assert len(found["rasters"][0]["bands"]) == (values.shape[0] if values.ndim == 3 else 1)


def test_what_changes_is_seen_and_what_does_not_keeps_its_id(tmp_path: Path) -> None:
    write_squares(tmp_path / "one.gpkg", 3)
    with client_of(tmp_path) as client:
        folder = client.app.state.server.folder  # type: ignore[attr-defined]
        before = named(client.get("/api/workspace").json(), "inventories")
        write_squares(tmp_path / "two.gpkg", 2)
        folder.catalogue(now=True)
        after = named(client.get("/api/workspace").json(), "inventories")
        assert {*after} == {"one.gpkg", "two.gpkg"}
        assert after["one.gpkg"]["id"] == before["one.gpkg"]["id"]
        (tmp_path / "one.gpkg").unlink()
        folder.catalogue(now=True)
        assert {*named(client.get("/api/workspace").json(), "inventories")} == {"two.gpkg"}
        gone = client.get(f"/api/inventories/{before['one.gpkg']['id']}/features")
        assert gone.status_code == 404
        assert "may have been moved" in gone.json()["detail"]


def test_the_served_folder_may_be_a_result_itself(served: Path) -> None:
    found = workspace(served / "inventory")
    assert [(one["name"], one["kind"]) for one in found["inventories"]] == [
        ("inventory", "inventory")
    ]
    assert found["problems"] == []


@pytest.mark.parametrize("name", ["a.geojson", "a.fgb", "a.parquet", "a.shp", "a.gpkg"])
def test_polygons_of_every_format(tmp_path: Path, name: str) -> None:
    source = write_squares(tmp_path / "source.gpkg", 3)
    frame = geopandas.read_file(source)
    source.unlink()
    if name.endswith(".parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_file(tmp_path / name)
    (one,) = workspace(tmp_path)["inventories"]
    assert (one["name"], one["count"], one["kind"]) == (name, 3, "polygons")


def test_ids_that_do_not_tell_polygons_apart_are_numbers_in_the_file(tmp_path: Path) -> None:
    path = write_squares(tmp_path / "a.gpkg", 3)
    frame = geopandas.read_file(path).assign(id=[7, 7, 9], verdict=["yes", "no", "?"])
    path.unlink()
    frame.to_file(path)
    with client_of(tmp_path) as client:
        (one,) = client.get("/api/workspace").json()["inventories"]
        rows = client.get(f"/api/inventories/{one['id']}/features").json()["rows"]
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["verdict"] for row in rows] == ["unreviewed"] * 3
    assert [row["inventory_verdict"] for row in rows] == ["yes", "no", "?"]


def test_an_unnamed_raster_without_overviews_gets_a_copy_with_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landslip.io.raster.header.LARGE_PX", 1000)
    monkeypatch.setattr("landslip.server.raster_tiles._QUICK_PX", 1000)
    values = np.random.default_rng(0).integers(50, 200, (3, 1500, 1500)).astype(np.uint8)
    transform = Affine(2, 0, 400_000, 0, -2, 3_460_000)
    path = write_raster_file(tmp_path / "scene.tif", values, crs=UTM, transform=transform)
    shutil.copystat(path, path)
    with client_of(tmp_path) as client:
        state = client.app.state.server  # type: ignore[attr-defined]
        (one,) = client.get("/api/workspace").json()["rasters"]
        entry = state.folder.raster(one["id"])
        assert state.overviews.file(entry) is None
        (note,) = client.get("/api/workspace").json()["problems"]
        assert "overviews; they are being made" in note["message"]
        west, south, east, north = one["bounds"]
        zoom = 10
        x = int(((west + east) / 2 + 180) / 360 * 2**zoom)
        sine = np.sin(np.radians((south + north) / 2))
        y = int((0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * 2**zoom)
        tile = f"/api/rasters/{one['id']}/tiles/{zoom}/{x}/{y}"
        empty = client.get(tile)
        assert (empty.status_code, empty.headers["cache-control"]) == (204, "no-store")
        state.background._queue.put(None)  # ends when what is wanted is done
        state.background._thread.join(timeout=60)
        assert state.background.failure(("overviews", entry.id, entry.stamp)) is None
        assert client.get("/api/workspace").json()["problems"] == []
        assert client.get(tile).status_code == 200
        assert state.overviews.file(entry).is_relative_to(tmp_path / ".landslip")
