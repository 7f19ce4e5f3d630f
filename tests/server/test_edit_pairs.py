"""Two editors change one polygon at the same moment, each pair of changes that there is."""

import threading
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
import shapely
import shapely.geometry
from fastapi.testclient import TestClient
from tests.server.served import client_of, write_squares

from landslip.review.log import ReviewLog
from landslip.review.store import ReviewStore

pytestmark = pytest.mark.slow

ACTIONS = (
    "accept",
    "reject",
    "reset",
    "redraw",
    "split",
    "merge",
    "annotate",
    "undo",
    "redo",
)
PAIRS = [*combinations_with_replacement(ACTIONS, 2)]


class Site:
    """A review of squares; each pair has two of its own, neighbours that touch nothing."""

    def __init__(self, client: TestClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        inventories = client.get("/api/workspace").json()["inventories"]
        self.place = f"/api/inventories/{inventories[0]['id']}"
        assert self.post("", author="Ann").status_code == 200

    def post(self, place: str, /, **body: Any) -> Any:
        return self.client.post(f"{self.place}/review{place}", json=body)

    def change(self, action: str, author: str, *polygons: int, **more: Any) -> Any:
        seen = [{"id": one, "version": self.row(one)["version"]} for one in polygons]
        return self.post("/changes", action=action, author=author, polygons=seen, **more)

    def row(self, polygon: int) -> Any:
        return self.client.get(f"{self.place}/features/{polygon}").json()

    def outline(self, polygon: int) -> shapely.Geometry:
        found = self.client.get(f"{self.place}/features/{polygon}").json()["geometry"]
        return shapely.geometry.shape(found)

    def prepare(self, action: str, author: str, polygon: int, other: int) -> Callable[[], Any]:
        """Return a request of what is to be done to the polygon as it is now."""
        if action in {"undo", "redo"}:
            return lambda: self.post(f"/{action}", author=author)
        outline = self.outline(polygon)
        left, bottom, right, top = shapely.bounds(outline).tolist()
        middle = (left + right) / 2
        halves = [
            shapely.geometry.mapping(outline & shapely.box(*bounds))
            for bounds in ((left, bottom, middle, top), (middle, bottom, right, top))
        ]
        geometries = {"redraw": halves[:1], "split": halves}.get(action, [])
        ids = [polygon, other] if action == "merge" else [polygon]
        body = {
            "action": action,
            "author": author,
            "polygons": [{"id": one, "version": self.row(one)["version"]} for one in ids],
            "geometries": geometries,
            "note": f"by {author}",
        }
        return lambda: self.post("/changes", **body)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("pairs")
    write_squares(folder / "squares.gpkg", 2 * len(PAIRS) + 40)
    with client_of(folder) as client:
        yield Site(client, folder)


def at_once(*requests: Callable[[], Any]) -> list[Any]:
    """Send requests at the same moment, and return the answers."""
    barrier = threading.Barrier(len(requests))
    answers: list[Any] = [None] * len(requests)

    def send(at: int, request: Callable[[], Any]) -> None:
        barrier.wait()
        answers[at] = request()

    threads = [threading.Thread(target=send, args=pair) for pair in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_one_wins_and_the_other_hears_of_it(site: Site, pair: tuple[str, str]) -> None:
    at = 2 * PAIRS.index(pair) + 1
    polygon, other = at, at + 1
    authors = [f"{name} {at}" for name in ("Ann", "Bo")]
    for author, action in zip(authors, pair, strict=True):  # so that there is something to undo
        if action in {"undo", "redo"}:
            assert site.change("accept", author, polygon).status_code == 200
            if action == "redo":
                assert site.post("/undo", author=author).status_code == 200
    requests = [
        site.prepare(action, author, polygon, other)
        for action, author in zip(pair, authors, strict=True)
    ]
    before = site.client.get(f"{site.place}/review").json()["revision"]
    answers = at_once(*requests)
    statuses = sorted(one.status_code for one in answers)
    assert statuses in ([200, 409], [200, 200]), [one.text for one in answers]
    winners = [author for author, one in zip(authors, answers, strict=True) if one.is_success]
    for answer in answers:
        if answer.status_code == 409:
            conflicts = answer.json()["conflicts"]
            assert polygon in {one["id"] for one in conflicts}
            assert {one["author"] for one in conflicts} <= {*authors}
    if not {"undo", "redo"} & {*pair}:
        assert statuses == [200, 409]
    log = ReviewLog(site.folder / "reviews" / "squares.gpkg" / "review.gpkg")
    assert log.record().count == 2 * len(PAIRS) + 40
    reopened = ReviewStore.open(site.folder / "reviews" / "squares.gpkg")
    changes = reopened.changes_since(before).changes
    assert [one.author for one in changes] in (winners, winners[::-1])
    assert [one.seq for one in changes] == [*range(before + 1, before + 1 + len(winners))]


def test_what_two_draw_at_once_composes(site: Site) -> None:
    last = 2 * len(PAIRS)
    pieces = [
        shapely.geometry.mapping(shapely.buffer(site.outline(last + at), 1e-5)) for at in (20, 30)
    ]
    requests = [
        lambda author=author, piece=piece: site.post(
            "/changes", action="draw", author=author, polygons=[], geometries=[piece]
        )
        for author, piece in zip(("Cy", "Di"), pieces, strict=True)
    ]
    answers = at_once(*requests)
    assert [one.status_code for one in answers] == [200, 200]
    drawn = [one.json()["polygons"][0]["id"] for one in answers]
    assert len({*drawn}) == 2
    # an undo by who drew it takes it away, while somebody else's judgement of it is refused or not
    judge = site.prepare("accept", "Cy", drawn[1], drawn[1])
    undone, judged = at_once(lambda: site.post("/undo", author="Di"), judge)
    assert sorted((undone.status_code, judged.status_code)) == [200, 409]
    gone = site.client.get(f"{site.place}/features/{drawn[1]}").status_code == 404
    assert gone == undone.is_success
