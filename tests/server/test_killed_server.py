"""A real server in a process of its own, which is killed while people edit."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.served import copy_served, make_served, write_squares

import landslip

pytestmark = pytest.mark.slow


class Server:
    """`landslip serve` over a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "landslip", "serve", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://\S+?(?=[/#\s])", line):
                self.url = found[0]
                break
        else:
            raise AssertionError("the server printed no address")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api", timeout=60)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()


def inventory_at(client: httpx.Client, name: str) -> str:
    workspace = client.get("/workspace").json()
    found = next(one["id"] for one in workspace["inventories"] if one["name"] == name)
    return f"/inventories/{found}"


class Editor(threading.Thread):
    """Somebody who judges one polygon after the other until the server is gone."""

    def __init__(self, url: str, place: str, author: str, first: int) -> None:
        super().__init__()
        self.url, self.place, self.author, self.first = url, place, author, first
        self.acknowledged: dict[int, str] = {}

    def run(self) -> None:
        with httpx.Client(base_url=f"{self.url}/api", timeout=60) as client:
            for polygon in range(self.first, 3000, 2):
                action = "accept" if polygon % 3 else "reject"
                body: dict[str, Any] = {
                    "action": action,
                    "author": self.author,
                    "polygons": [{"id": polygon, "version": 0}],
                    "note": f"of {self.author}",
                }
                try:
                    answer = client.post(f"{self.place}/review/changes", json=body)
                except httpx.TransportError:
                    return
                if answer.status_code != 200:
                    return
                self.acknowledged[polygon] = answer.json()["polygons"][0]["verdict"]


def test_a_killed_server_has_every_edit_that_it_acknowledged(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 3000)
    known: dict[int, str] = {}
    for round_number in range(3):
        with serving(tmp_path) as server:
            with server.client() as client:
                place = inventory_at(client, "squares.gpkg")
                started = client.post(f"{place}/review", json={"author": "Ann"}).json()
                assert started["counts"]["accepted"] + started["counts"]["rejected"] >= len(known)
                page = client.get(f"{place}/features", params={"limit": 1000}).json()
                verdicts = {row["id"]: row["verdict"] for row in page["rows"]}
                for polygon, verdict in known.items():
                    if polygon in verdicts:
                        assert verdicts[polygon] == verdict
            first = 1 + 500 * round_number
            editors = [
                Editor(server.url, place, author, first + at)
                for at, author in enumerate(["Ann", "Bo"])
            ]
            for editor in editors:
                editor.start()
            time.sleep(1.5)
            server.kill()
            for editor in editors:
                editor.join()
                known |= editor.acknowledged
                assert editor.acknowledged
    review = landslip.open_review(tmp_path / "reviews" / "squares.gpkg")
    table = review.landslides.set_index("id")
    assert {one: table.loc[one, "verdict"] for one in known} == known
    # each change is whole: its polygon has the note of its author, or nothing of it is there
    judged = table[table["verdict"] != "unreviewed"]
    assert (judged["note"] == "of " + judged["author"]).all()
    assert len(judged) - len(known) <= 6  # done, but the answer was lost


def test_a_killed_server_takes_its_jobs_along_and_leaves_no_half_output(tmp_path: Path) -> None:
    folder = copy_served(make_served(tmp_path / "made"), tmp_path / "served")
    with serving(folder) as server, server.client() as client:
        place = inventory_at(client, "map")
        before = sorted(one.name for one in folder.iterdir())
        job = client.post(
            "/jobs",
            json={
                "kind": "inventory",
                "out": "new",
                "inventory_id": place.rpartition("/")[2],
                "options": {"report": True},
            },
        ).json()
        while client.get(f"/jobs/{job['id']}").json()["stage"] != "inventory":
            time.sleep(0.02)
        children = children_of(server.process.pid)
        assert children
        server.kill()
    end = time.monotonic() + 25
    while any(is_running(one) for one in children):
        assert time.monotonic() < end
        time.sleep(0.1)
    after = sorted(one.name for one in folder.iterdir())
    assert after in (before, sorted([*before, "new"]))
    if "new" in after:  # it was too late
        landslip.open_inventory(folder / "new")


def children_of(process: int) -> list[int]:
    return [
        int(one.name)
        for one in Path("/proc").iterdir()
        if one.name.isdigit() and status_of(int(one.name))[1:2] == [str(process)]
    ]


def is_running(process: int) -> bool:
    return status_of(process)[:1] not in ([], ["Z"])


def status_of(process: int) -> list[str]:
    """Return the state of a process, its parent, and more; nothing where there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def test_a_stopped_server_stops_its_job(tmp_path: Path) -> None:
    folder = copy_served(make_served(tmp_path / "made"), tmp_path / "served")
    with serving(folder) as server, server.client() as client:
        place = inventory_at(client, "map")
        body = {"kind": "inventory", "out": "new", "inventory_id": place.rpartition("/")[2]}
        assert client.post("/jobs", json=body).status_code == 201
        began = time.monotonic()
    assert server.process.returncode is not None
    assert time.monotonic() - began < 30
    assert [one.name for one in folder.iterdir() if one.name.startswith(".new")] == []
