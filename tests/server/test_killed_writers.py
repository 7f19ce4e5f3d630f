"""A real server that is killed while points are judged and while tiles are made."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from tests.server.served import client_of, copy_served, make_served, write_squares
from tests.server.test_killed_server import inventory_at, serving

pytestmark = pytest.mark.slow


class Judge(threading.Thread):
    """Somebody who judges every third point until the server is gone."""

    def __init__(self, url: str, place: str, author: str, points: list[int]) -> None:
        super().__init__()
        self.url, self.place, self.author, self.points = url, place, author, points
        self.acknowledged: dict[int, str] = {}

    def run(self) -> None:
        with httpx.Client(base_url=f"{self.url}/api", timeout=60) as client:
            for point in self.points:
                word = "landslide" if point % 2 else "background"
                body = {"reference": word, "author": self.author, "comment": f"by {self.author}"}
                try:
                    answer = client.put(f"{self.place}/points/{point}", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged[point] = word


def test_a_killed_server_has_every_judgement_that_it_acknowledged(tmp_path: Path) -> None:
    folder = copy_served(make_served(tmp_path / "made"), tmp_path / "served")
    names = sorted(one.name for one in folder.iterdir())
    known: dict[int, str] = {}
    for _ in range(2):
        with serving(folder) as server:
            with server.client() as client:
                workspace = client.get("/workspace").json()
                assert workspace["samples"], (known, workspace["problems"])
                sample = workspace["samples"][0]["id"]
                points = client.get(f"/samples/{sample}/points").json()
                found = {one["id"]: one["reference"] for one in points}
                assert {one: found[one] for one in known} == known
                waiting = [one["id"] for one in points if one["reference"] is None]
            judges = [
                Judge(server.url, f"/samples/{sample}", name, waiting[at::3])
                for at, name in enumerate(["Ann", "Bo", "Cy"])
            ]
            for judge in judges:
                judge.start()
            while sum(len(judge.acknowledged) for judge in judges) < 9:
                time.sleep(0.005)
            server.kill()
            for judge in judges:
                judge.join()
                known |= judge.acknowledged
    assert len(known) >= 18
    with serving(folder) as server, server.client() as client:
        points = client.get(f"/samples/{sample}/points").json()
        found = {one["id"]: one["reference"] for one in points}
        assert {one: found[one] for one in known} == known
        for one in points:  # a judgement is whole
            assert (one["reference"] is None) == (one["comment"] is None)
        body = {"reference": "landslide", "author": "Ann"}
        place = f"/samples/{sample}/points/{points[0]['id']}"
        assert client.put(place, json=body).status_code == 200
    left = {one.name for one in folder.iterdir()} - {".landslip"}
    assert sorted(left) == names  # no journal of the file beside it


def test_tiles_of_a_killed_server_are_made_again(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 4000)
    cache = tmp_path / ".landslip"
    with serving(tmp_path) as server, server.client() as client:
        place = inventory_at(client, "squares.gpkg")
        assert not client.get(place).json()["tiles_ready"]
        end = time.monotonic() + 60
        while not [*cache.rglob("*.partial")]:
            assert time.monotonic() < end
            time.sleep(0.002)
        server.kill()
    with serving(tmp_path) as server, server.client() as client:
        end = time.monotonic() + 120
        while not client.get(place).json()["tiles_ready"]:
            assert time.monotonic() < end
            time.sleep(0.2)
        tile = client.get(f"{place}/tiles/9/403/208")
        assert tile.status_code in (200, 204)
    assert [one for one in cache.rglob("*") if one.name.endswith((".partial", "-journal"))] == []
    made = [one for one in cache.rglob("*") if one.is_file()]
    assert len(made) == 1


HALF_WRITTEN = """
import os, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):
    file.create_function(f"ST_{name}", 1, lambda _: None)
file.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
file.execute("BEGIN IMMEDIATE")
file.execute("ALTER TABLE points ADD COLUMN more TEXT")
file.execute("UPDATE points SET comment = ?, more = ?", ("half" * 200, "x" * 2000))
os._exit(0)
"""


def test_a_sample_that_was_half_written_is_listed_as_it_was(tmp_path: Path) -> None:
    folder = copy_served(make_served(tmp_path / "made"), tmp_path / "served")
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, folder / "sample.gpkg"], check=True)
    assert (folder / "sample.gpkg-journal").stat().st_size > 0
    with client_of(folder) as client:
        workspace = client.get("/api/workspace").json()
        assert workspace["problems"] == []
        (sample,) = workspace["samples"]
        points = client.get(f"/api/samples/{sample['id']}/points").json()
    assert len(points) == 60
    assert {one["comment"] for one in points} == {None}
    assert not (folder / "sample.gpkg-journal").exists()
