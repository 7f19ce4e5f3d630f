import gzip
import time
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from fastapi.testclient import TestClient
from pmtiles.reader import MmapSource, all_tiles
from tests.server.served import LEFT, TOP, UTM, client_of, write_squares

from landslip.server.polygon_archive import MAX_TILE_BYTES, _ranks, simplified, zoom_range

SIDE_M = 40.0


def wait_for_tiles(client: TestClient, name: str, seconds: float = 60) -> dict[str, Any]:
    until = time.monotonic() + seconds
    key = next(
        one["id"] for one in client.get("/api/workspace").json()["inventories"]
        if one["name"] == name
    )  # fmt: skip
    while True:
        one: dict[str, Any] = client.get(f"/api/inventories/{key}").json()
        if one["tiles_ready"]:
            assert one["tiles_progress"] == 1
            return one
        assert time.monotonic() < until, one
        assert 0 <= one["tiles_progress"] < 1
        time.sleep(0.1)


def archive(folder: Path) -> Path:
    (found,) = (folder / ".landslip" / "tiles").glob("*.pmtiles")
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 squares with a date and a state, and one landslide of 600 m."""
    folder = tmp_path_factory.mktemp("served")
    write_squares(folder / "squares.gpkg", 120, SIDE_M)
    frame = geopandas.read_file(folder / "squares.gpkg").to_crs(UTM)
    large = shapely.box(LEFT - 2000, TOP, LEFT - 1400, TOP + 600)
    frame = geopandas.GeoDataFrame(
        {
            "id": [*frame["id"], 500],
            "confidence": [*frame["confidence"], 0.12345],
            "date": ["2024-08-12"] * len(frame) + [None],
            "state": ["new"] * len(frame) + ["recovered"],
        },
        geometry=[*frame.geometry, large],
        crs=UTM,
    )
    (folder / "squares.gpkg").unlink()
    frame.to_file(folder / "squares.gpkg", layer="landslides")
    return folder


def test_outlines_have_no_more_points_than_a_zoom_shows() -> None:
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    metre = 360 / 40_075_017
    rings = [
        [(103.95 + radius * metre * np.cos(a), 31.27 + radius * metre * np.sin(a)) for a in angles]
        for radius in (13.0, 400.0)
    ]
    frame = geopandas.GeoDataFrame(geometry=[*map(shapely.Polygon, rings)], crs="EPSG:4326")
    pixel = {zoom: 360 / (512 * 2**zoom) for zoom in (10, 13)}
    for zoom, most in ((10, (5, 25)), (13, (13, 61))):
        shown = simplified(frame, zoom).geometry
        assert shown.is_valid.all()
        points = [len(one.exterior.coords) for one in shown]
        assert all(count <= limit for count, limit in zip(points, most, strict=True)), points
        away = shapely.hausdorff_distance(frame.geometry.to_numpy(), shown.to_numpy())
        assert (away <= pixel[zoom] / 4).all()


def test_tiles_are_asked_for_again_and_then_hold_the_polygons_of_the_file(served: Path) -> None:
    with client_of(served) as client:
        one = client.get("/api/workspace").json()["inventories"][0]
        assert one["tiles_ready"] is False
        response = client.get(f"/api/inventories/{one['id']}/tiles/14/0/0")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.headers["content-type"] == "application/problem+json"
        one = wait_for_tiles(client, "squares.gpkg")
        assert (one["count"], one["max_zoom"]) == (121, 14)
        assert one["min_zoom"] < 11
    tiled = pyogrio.read_dataframe(archive(served), layer="landslides", ZOOM_LEVEL=14)
    tiled = tiled.set_crs("EPSG:3857", allow_override=True).to_crs(UTM)
    source = geopandas.read_file(served / "squares.gpkg").set_index("id")
    assert {*tiled["id"]} == {*source.index}
    for key, parts in tiled.groupby("id"):
        whole = shapely.union_all(parts.geometry.to_numpy())
        exact = source.geometry[key]
        # parts of two tiles overlap a little; a unit of a tile is half a metre
        assert whole.symmetric_difference(exact).area < 0.05 * exact.area
        row = parts.iloc[0]
        assert row["area_m2"] == pytest.approx(exact.area, rel=2e-3, abs=1)
        assert row["confidence"] == pytest.approx(source["confidence"][key], abs=6e-4)
        assert row["state"] == source["state"][key]
    assert {*tiled["date"].dropna()} == {"2024-08-12"}


def test_a_tile_is_sent_packed_and_beside_it_there_is_none(served: Path) -> None:
    with client_of(served) as client:
        one = wait_for_tiles(client, "squares.gpkg")
        with archive(served).open("rb") as file:
            (zoom, x, y), stored = max(all_tiles(MmapSource(file)), key=lambda pair: pair[0])
        path = f"/api/inventories/{one['id']}/tiles/{zoom}/{x}/{y}"
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        assert response.content == gzip.decompress(stored)
        etag = response.headers["etag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
        assert client.get(f"/api/inventories/{one['id']}/tiles/14/0/0").status_code == 204
        assert client.get(f"/api/inventories/{one['id']}/tiles/24/0/0").status_code == 204


@pytest.mark.slow
def test_archives_are_kept_and_made_again_when_the_file_changes(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 5)
    with client_of(tmp_path) as client:
        wait_for_tiles(client, "squares.gpkg")
        made = archive(tmp_path)
        before = made.stat().st_mtime_ns
    with client_of(tmp_path) as client:
        wait_for_tiles(client, "squares.gpkg")
        assert archive(tmp_path).stat().st_mtime_ns == before
        (tmp_path / "squares.gpkg").unlink()
        write_squares(tmp_path / "squares.gpkg", 6)
        client.app.state.server.folder.catalogue(now=True)  # type: ignore[attr-defined]
        assert wait_for_tiles(client, "squares.gpkg")["count"] == 6
    assert len([*(tmp_path / ".landslip" / "tiles").iterdir()]) == 2


def test_a_server_that_stops_leaves_nothing_half_made(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 5000)
    with client_of(tmp_path) as client:
        one = client.get("/api/workspace").json()["inventories"][0]
        client.get(f"/api/inventories/{one['id']}")
        process = None
        until = time.monotonic() + 20
        while process is None and time.monotonic() < until:
            process = client.app.state.server.background._process  # type: ignore[attr-defined]
            time.sleep(0.02)
        assert process is not None
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert process.poll() is not None
    assert [*(tmp_path / ".landslip" / "tiles").iterdir()] == []


def test_an_inventory_without_polygons_has_no_tiles(tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    folder.mkdir()
    write_squares(folder / "inventory.gpkg", 3)
    frame = geopandas.read_file(folder / "inventory.gpkg").iloc[:0]
    (folder / "inventory.gpkg").unlink()
    frame.to_file(folder / "inventory.gpkg", layer="landslides", geometry_type="Polygon")
    (folder / "inventory.json").write_text("{}")
    with client_of(tmp_path) as client:
        one = wait_for_tiles(client, "inventory")
        assert one["count"] == 0
        assert client.get(f"/api/inventories/{one['id']}/tiles/3/0/0").status_code == 204
        assert client.get(f"/api/inventories/{one['id']}/features").json()["rows"] == []
        assert client.get(f"/api/inventories/{one['id']}/charts").status_code == 200


def test_ranks_count_the_larger_ones_of_a_tile() -> None:
    centres = np.array([[0.1, 0.1], [0.2, 0.2], [100.0, 40.0], [0.3, 0.3]])
    ranks = _ranks(centres, np.array([1.0, 5.0, 2.0, 3.0]), zoom=4)
    assert ranks.tolist() == [2, 0, 0, 1]


def test_zooms_begin_where_the_whole_is_small() -> None:
    assert zoom_range((103.0, 31.0, 103.4, 31.3)) == (5, 14)
    assert zoom_range((-180, -80, 180, 80)) == (0, 14)
    assert zoom_range((103, 31, 103.0001, 31.0001)) == (10, 14)


@pytest.mark.slow
def test_tiles_of_many_polygons_are_bounded_and_keep_the_large_ones(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 60_000, 30.0)
    frame = geopandas.read_file(tmp_path / "squares.gpkg")
    large = shapely.box(LEFT + 9000, TOP - 9000, LEFT + 9800, TOP - 8200)
    frame = geopandas.GeoDataFrame(
        {"id": [*frame["id"], 99_999]}, geometry=[*frame.geometry, large], crs=UTM
    )
    (tmp_path / "squares.gpkg").unlink()
    frame.to_file(tmp_path / "squares.gpkg", layer="landslides")
    with client_of(tmp_path) as client:
        wait_for_tiles(client, "squares.gpkg", seconds=200)
    with archive(tmp_path).open("rb") as file:
        sizes = {at: len(content) for at, content in all_tiles(MmapSource(file))}
    assert max(sizes.values()) <= MAX_TILE_BYTES
    for zoom in sorted({at[0] for at in sizes}):
        tiled = pyogrio.read_dataframe(archive(tmp_path), ZOOM_LEVEL=zoom)
        assert 99_999 in {*tiled["id"]}, zoom
    assert tiled["id"].nunique() == 60_001
