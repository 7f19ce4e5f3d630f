"""A folder made by somebody who wants what is outside of it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from tests.conftest import write_raster_file
from tests.server.served import UTM, client_of, make_served, write_squares

SECRET, OWN = 250, 10
GRID = {"crs": UTM, "transform": Affine(2, 0, 400_000, 0, -2, 3_460_000), "driver": "GTiff"}


def raster(path: Path, value: int, side: int = 600, **profile: Any) -> Path:
    return write_raster_file(
        path, np.full((1, side, side), value, dtype=np.uint8), **{**GRID, **profile}
    )


def workspace(folder: Path) -> dict[str, Any]:
    with client_of(folder) as client:
        response = client.get("/api/workspace")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def problems(folder: Path) -> dict[str, str]:
    return {one["name"]: one["message"] for one in workspace(folder)["problems"]}


def pixels(folder: Path, name: str) -> NDArray[np.uint8]:
    """All zooms of the tiles of a raster, stretched so that numbers stay what they are."""
    with client_of(folder) as client:
        found = client.get("/api/workspace").json()["rasters"]
        return pixels_of(client, next(one for one in found if one["name"] == name))


def pixels_of(client: TestClient, one: dict[str, Any]) -> NDArray[np.uint8]:
    shown = []
    for zoom in range(one["min_zoom"], one["max_zoom"] + 1):
        middle = tile_at(one["bounds"], zoom)
        path = f"/api/rasters/{one['id']}/tiles/{zoom}/{middle[0]}/{middle[1]}"
        response = client.get(path, params={"bands": "1", "limits": "0:255"})
        assert response.status_code in (200, 204), response.text
        if response.content:
            shown.append(opaque(response.content))
    return np.concatenate(shown)


def opaque(content: bytes) -> NDArray[np.uint8]:
    """The blue of a picture's opaque pixels."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    whole = np.asarray(picture, dtype=np.uint8)
    return whole[whole[..., 3] > 0][:, 0] if whole.shape[2] == 4 else whole[..., 0].ravel()


def tile_at(bounds: list[float], zoom: int) -> tuple[int, int]:
    west, south, east, north = bounds
    x = ((west + east) / 2 + 180) / 360
    sine = np.sin(np.radians((south + north) / 2))
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
    return int(x * 2**zoom), int(y * 2**zoom)


VRT = """<VRTDataset rasterXSize="{side}" rasterYSize="{side}">
<SRS>EPSG:32648</SRS><GeoTransform>400000,{pixel},0,3460000,0,-{pixel}</GeoTransform>
<VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    raster(folder / "secret.tif", SECRET)
    write_squares(folder / "secret.gpkg", 3)
    return folder


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def test_links_that_leave_the_folder_are_named_and_not_followed(
    served: Path, outside: Path
) -> None:
    raster(served / "own.tif", OWN)
    (served / "file.tif").symlink_to(outside / "secret.tif")
    (served / "folder").symlink_to(outside)
    (served / "table.gpkg").symlink_to(outside / "secret.gpkg")
    (served / "loop").symlink_to(served)
    (served / "nowhere.tif").symlink_to(outside / "none.tif")
    found = workspace(served)
    assert [one["name"] for one in found["rasters"]] == ["own.tif"]
    assert found["inventories"] == []
    named = {one["name"]: one["message"] for one in found["problems"]}
    assert {*named} == {"file.tif", "folder", "table.gpkg", "nowhere.tif"}
    assert all("leaves the served folder" in text for text in named.values())
    assert str(outside) not in str(found)


def test_links_within_the_folder_are_followed(served: Path) -> None:
    raster(served / "deep" / "own.tif", OWN)
    (served / "again.tif").symlink_to(served / "deep" / "own.tif")
    names = [one["name"] for one in workspace(served)["rasters"]]
    assert names == ["again.tif", "deep/own.tif"]


def test_a_file_that_becomes_a_link_is_not_opened(served: Path, outside: Path) -> None:
    write_squares(served / "own.gpkg", 2)
    with client_of(served) as client:
        one = client.get("/api/workspace").json()["inventories"][0]
        (served / "own.gpkg").unlink()
        (served / "own.gpkg").symlink_to(outside / "secret.gpkg")
        client.app.state.server.tables._read.clear()  # type: ignore[attr-defined]
        response = client.get(f"/api/inventories/{one['id']}/features")
        assert response.status_code == 422
        assert "leaves the served folder" in response.json()["detail"]
        assert str(outside) not in response.text


@pytest.mark.parametrize("name", ["evil.vrt", "evil.tif"])
def test_a_virtual_raster_is_no_raster(served: Path, outside: Path, name: str) -> None:
    (served / name).write_text(VRT.format(side=600, pixel=2, source=outside / "secret.tif"))
    found = workspace(served)
    assert found["rasters"] == []
    if name.endswith(".tif"):
        assert "not a GeoTIFF" in found["problems"][0]["message"]


@pytest.mark.parametrize("way", ["ovr", "aux", "tag", "msk"])
def test_overviews_of_another_file_are_not_read(served: Path, outside: Path, way: str) -> None:
    own = raster(served / "own.tif", OWN)
    reduced = VRT.format(side=300, pixel=4, source=outside / "secret.tif")
    (outside / "reduced.vrt").write_text(reduced)
    if way == "ovr":
        (served / "own.tif.ovr").write_text(reduced)
    elif way == "msk":
        (served / "own.tif.msk").write_text(reduced)
    elif way == "aux":
        (served / "own.tif.aux.xml").write_text(
            '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">'
            f"{outside / 'reduced.vrt'}</MDI></Metadata></PAMDataset>"
        )
    else:
        with rasterio.open(own, "r+") as file:
            file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(outside / "reduced.vrt"))
    if way == "tag":
        assert "names another file as its overviews" in problems(served)["own.tif"]
        return
    assert {*pixels(served, "own.tif").tolist()} == {OWN}


def test_the_attack_by_overviews_works_without_the_defence(served: Path, outside: Path) -> None:
    own = raster(served / "own.tif", OWN)
    reduced = VRT.format(side=300, pixel=4, source=outside / "secret.tif")
    (served / "own.tif.ovr").write_text(reduced)
    with rasterio.open(own) as file:
        assert file.read(1, out_shape=(300, 300)).max() == SECRET


def test_a_geopackage_with_a_virtual_table_is_refused(served: Path, outside: Path) -> None:
    path = write_squares(served / "evil.gpkg", 2)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA writable_schema=ON")
        database.execute(
            "INSERT INTO sqlite_master VALUES ('table', 'leak', 'leak', 0, ?)",
            (f"CREATE VIRTUAL TABLE leak USING VirtualOGR('{outside / 'secret.gpkg'}')",),
        )
    assert "virtual table" in problems(served)["evil.gpkg"]


def test_a_layer_that_is_a_view_is_refused(served: Path) -> None:
    path = write_squares(served / "evil.gpkg", 2)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE VIEW shown AS SELECT * FROM landslides")
        database.execute("UPDATE gpkg_contents SET table_name = 'shown'")
        database.execute("UPDATE gpkg_geometry_columns SET table_name = 'shown'")
    assert "is a view" in problems(served)["evil.gpkg"]


def test_a_view_that_never_ends_is_not_read(served: Path) -> None:
    path = write_squares(served / "evil.gpkg", 2)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE gpkg_contents RENAME TO hidden")
        database.execute(
            "CREATE VIEW gpkg_contents AS WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'a' || i AS table_name FROM n"
        )
    assert "is a view" in problems(served)["evil.gpkg"]


def test_a_raster_of_very_many_bands_is_refused(served: Path) -> None:
    with rasterio.open(
        served / "evil.tif",
        "w",
        driver="GTiff",
        height=1,
        width=1,
        count=1001,
        dtype="uint8",
        crs=UTM,
        transform=rasterio.transform.from_origin(400_000, 3_460_000, 2, 2),
    ):
        pass
    assert "1,001 bands" in problems(served)["evil.tif"]


def test_a_map_of_virtual_rasters_is_not_opened(tmp_path: Path) -> None:
    folder = make_served(tmp_path / "served")
    probability = folder / "map" / "probability.tif"
    probability.rename(tmp_path / "secret.tif")
    with rasterio.open(tmp_path / "secret.tif") as file:
        rasterio.shutil.copy(file, probability, driver="VRT")
    with client_of(folder) as client:
        found = client.get("/api/workspace").json()["inventories"]
        key = next(one["id"] for one in found if one["kind"] == "extraction")
        begun = client.post(f"/api/inventories/{key}/review", json={"author": "Ann"})
        job = client.post(
            "/api/jobs", json={"kind": "inventory", "out": "new", "inventory_id": key}
        )
    assert begun.status_code == job.status_code == 422
    assert "not a GeoTIFF" in begun.json()["detail"]
    assert "not a GeoTIFF" in job.json()["detail"]


def test_a_review_stops_as_soon_as_its_polygons_are_others(served: Path) -> None:
    write_squares(served / "squares.gpkg", 9)
    with client_of(served) as client:
        key = client.get("/api/workspace").json()["inventories"][0]["id"]
        place = f"/api/inventories/{key}/review"
        assert client.post(place, json={"author": "Ann"}).status_code == 200
        write_squares(served / "others.gpkg", 8).replace(served / "squares.gpkg")
        change = {"action": "accept", "author": "Ann", "polygons": [{"id": 1, "version": 0}]}
        response = client.post(f"{place}/changes", json=change)
        (served / "squares.gpkg").unlink()
        gone = client.post(f"{place}/changes", json=change)
    assert response.status_code == gone.status_code == 422
    assert "changed since" in response.json()["detail"]


def test_what_lies_beside_a_shapefile_may_not_lead_outside(served: Path, outside: Path) -> None:
    frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 9, 9)], crs=UTM)
    frame.to_file(outside / "secret.shp")
    frame.to_file(served / "own.shp")
    (served / "own.dbf").unlink()
    (served / "own.dbf").symlink_to(outside / "secret.dbf")
    assert "leaves the served folder" in problems(served)["own.shp"]


def test_broken_and_strange_files_are_problems_and_the_rest_is_shown(served: Path) -> None:
    raster(served / "own.tif", OWN)
    (served / "broken.tif").write_bytes(b"II*\0" + b"\xff" * 50)
    (served / "cut.tif").write_bytes((served / "own.tif").read_bytes()[:4000])
    (served / "empty.tif").touch()
    (served / "text.gpkg").write_text("not a database")
    (served / "text.geojson").write_text('{"type": "FeatureCollection", "features": [')
    (served / "text.parquet").write_bytes(b"PAR1 and no more")
    (served / "map").mkdir()
    (served / "map" / "summary.json").write_text("[1, 2]")
    (served / "inventory").mkdir()
    (served / "inventory" / "inventory.json").write_text("{}")
    write_squares(served / "inventory" / "inventory.gpkg", 2)
    (served / "model").mkdir()
    (served / "model" / "model.json").write_text('{"version": 99}')
    write_raster_file(served / "nowhere.tif", np.ones((1, 5, 5), np.uint8), crs=None)
    write_raster_file(
        served / "rotated.tif",
        np.ones((1, 5, 5), np.uint8),
        **{**GRID, "transform": Affine(2, 1, 400_000, 1, -2, 3_460_000)},
    )
    found = workspace(served)
    named = {one["name"]: one["message"] for one in found["problems"]}
    assert {*named} == {
        "broken.tif", "cut.tif", "empty.tif", "text.gpkg", "text.geojson", "text.parquet",
        "map/summary.json", "inventory/inventory.json", "model/model.json", "nowhere.tif",
        "rotated.tif",
    }  # fmt: skip
    assert "coordinate system" in named["nowhere.tif"]
    assert "landslip orthorectify" in named["nowhere.tif"]
    assert "north up" in named["rotated.tif"]
    assert all(str(served) not in text and text.strip() for text in named.values())
    assert [one["name"] for one in found["rasters"]] == ["own.tif"]
    assert [one["name"] for one in found["inventories"]] == ["inventory"]


def test_hostile_names_are_shown_as_they_are(served: Path) -> None:
    names = [
        "<img src=x onerror=alert(1)>.tif",
        "a;rm -rf $(HOME) `id`.tif",
        "%2e%2e%2fetc.tif",
        "北川 é \u202e.tif",
        "quote'\"\\.tif",
        "-rf.tif",
        "new\nline.tif",
    ]
    for name in names:
        raster(served / name, OWN, side=20)
    (served / ".hidden.tif").write_bytes((served / "-rf.tif").read_bytes())
    undecodable = str(served).encode() + b"/\xff\xfe.tif"
    Path(undecodable.decode("utf-8", "surrogateescape")).touch()
    with client_of(served) as client:
        found = client.get("/api/workspace").json()
        assert {one["name"] for one in found["rasters"]} == {*names}
        assert [one["message"] for one in found["problems"]] == ["its name is not UTF-8; rename it"]
        for one in found["rasters"]:
            assert {*pixels_of(client, one).tolist()} == {OWN}


def test_pipes_and_folders_called_as_files_do_not_stop_the_server(served: Path) -> None:
    os.mkfifo(served / "pipe.tif")
    (served / "folder.tif").mkdir()
    (served / "folder.gpkg").mkdir()
    assert workspace(served)["rasters"] == []


def test_a_folder_too_deep_is_named(served: Path) -> None:
    deep = served.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    raster(deep / "own.tif", OWN)
    assert "folders deep" in problems(served)["a/b/c/d/e/f/g/h/i"]
