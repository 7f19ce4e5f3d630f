import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
import shapely.affinity
import shapely.geometry
from fastapi.testclient import TestClient
from tests.server.served import client_of, copy_served, ids_of, write_squares
from tests.server.test_vector_tiles import wait_for_tiles

import landslip
from landslip.review.start import start_review


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started")
    write_squares(folder / "squares.gpkg", 40)
    start_review(folder / "squares.gpkg", folder / "reviews" / "squares.gpkg", author="Ann")
    return folder


@pytest.fixture
def folder(started: Path, tmp_path: Path) -> Path:
    return copy_served(started, tmp_path / "served")


class Review:
    """The review of the squares, as a client sees it."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.place = f"/api/inventories/{ids_of(client)['inventories squares.gpkg']}"

    def get(self, path: str) -> Any:
        response = self.client.get(f"{self.place}/{path}")
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        response = self.client.post(f"{self.place}/review/{path}".rstrip("/"), json=body)
        assert response.status_code == status, response.text
        return response.json()

    def change(self, action: str, *ids: int, status: int = 200, **more: Any) -> Any:
        versions = more.pop("versions", None)
        if versions is None:
            versions = [self.get(f"features/{one}")["version"] for one in ids]
        polygons = [{"id": a, "version": b} for a, b in zip(ids, versions, strict=True)]
        body = {"action": action, "author": "Ann", "polygons": polygons} | more
        return self.post("changes", status, **body)


@pytest.fixture
def review(client: TestClient) -> Review:
    return Review(client)


def outline(review: Review, polygon: int) -> shapely.Polygon:
    found = shapely.geometry.shape(review.get(f"features/{polygon}")["geometry"])
    assert isinstance(found, shapely.Polygon)
    return found


def as_json(geometry: shapely.Geometry) -> Any:
    return json.loads(shapely.to_geojson(geometry))


@pytest.mark.slow
def test_a_review_is_started_once_and_goes_on(folder: Path) -> None:
    shutil.rmtree(folder / "reviews")
    with client_of(folder) as client:
        review = Review(client)
        for path in ("", "/overlay", "/changes", "/queue", "/coverage"):
            answer = client.get(f"{review.place}/review{path}")
            assert answer.status_code == 404
            assert "has no review yet" in answer.json()["detail"]
        summary = review.post("", author="Ann")
        assert summary["counts"] == {"unreviewed": 40, "accepted": 0, "rejected": 0}
        assert (folder / "reviews" / "squares.gpkg" / "review.gpkg").is_file()
        again = review.post("", author="Bo")
        assert again["created"] == summary["created"]
        assert len([*(folder / "reviews").iterdir()]) == 1
        assert review.get("review") == again
        workspace = client.get("/api/workspace").json()
        assert workspace["inventories"][0]["review"]["created"] == summary["created"]


def test_verdicts_are_joined_with_the_table_and_the_charts(review: Review) -> None:
    made = review.change("accept", 3, type="slide", note="clear", seconds=2.5)
    assert made["revision"] == 1
    assert not made["truncated"]
    assert [row["verdict"] for row in made["polygons"]] == ["accepted"]
    review.change("reject", 7, author="Bo")
    page = review.get("features?verdict=accepted")
    assert page["total"] == 1
    row = page["rows"][0]
    assert (row["id"], row["type"], row["note"], row["author"]) == (3, "slide", "clear", "Ann")
    assert row["version"] == 1
    assert page["revision"] == 2
    assert page["rows"][0] == made["polygons"][0]
    assert review.get("features?verdict=unreviewed")["total"] == 38
    charts = review.get("charts")
    assert charts["area_m2"]["accepted"] == pytest.approx(1600, rel=1e-3)
    assert sum(charts["confidence"]["counts"]["rejected"]) == 1
    overlay = review.get("review/overlay")
    assert overlay["verdicts"] == {"accepted": [3], "rejected": [7]}
    assert overlay["features"]["features"] == []


def test_a_detail_has_its_history(review: Review) -> None:
    review.change("accept", 3)
    review.change("reset", 3, author="Bo", reason="not sure")
    detail = review.get("features/3")
    assert [(one["action"], one["author"]) for one in detail["history"]] == [
        ("accept", "Ann"),
        ("reset", "Bo"),
    ]
    assert detail["history"][1]["reason"] == "not sure"
    assert detail["geometry"] == detail["original"]


def test_an_edit_on_an_old_state_is_refused_with_the_newer_one(review: Review) -> None:
    review.change("accept", 3, author="Ann")
    problem = review.change("reject", 3, 4, author="Bo", versions=[0, 0], status=409)
    assert problem["title"] == "Conflict"
    (conflict,) = problem["conflicts"]
    assert (conflict["id"], conflict["version"]) == (3, 1)
    assert (conflict["verdict"], conflict["author"]) == ("accepted", "Ann")
    assert conflict["time"].endswith("Z")
    # nothing of it was written
    assert review.get("review")["counts"]["rejected"] == 0


def test_two_editors_lose_no_edit(review: Review) -> None:
    def edit(author: str) -> list[int]:
        refused = []
        for polygon in range(1, 21):
            body = {
                "action": "accept" if author == "Ann" else "reject",
                "author": author,
                "polygons": [{"id": polygon, "version": 0}],
            }
            answer = review.client.post(f"{review.place}/review/changes", json=body)
            assert answer.status_code in {200, 409}
            if answer.status_code == 409:
                refused.append(polygon)
        return refused

    with ThreadPoolExecutor(2) as editors:
        of_ann, of_bo = editors.map(edit, ["Ann", "Bo"])
    assert sorted([*of_ann, *of_bo]) == list(range(1, 21))
    rows = review.get("features?limit=20")["rows"]
    for row in rows:
        assert row["author"] == ("Bo" if row["id"] in of_ann else "Ann")
    assert review.get("review")["revision"] == 20


def test_outlines_are_drawn_split_and_merged_in_longitude_and_latitude(review: Review) -> None:
    square = outline(review, 1)
    larger = shapely.buffer(square, 1e-5, join_style="mitre")
    made = review.change("redraw", 1, geometries=[as_json(larger)])
    (row,) = made["polygons"]
    assert row["provenance"] == "edited"
    assert 1650 < row["area_m2"] < 1850
    assert shapely.hausdorff_distance(outline(review, 1), larger) < 3e-7
    assert review.get("features/1")["original"] == as_json(square)

    second = outline(review, 2)
    west, south, east, north = second.bounds
    middle = (west + east) / 2
    halves = [
        shapely.intersection(second, shapely.box(west - 1, south - 1, middle, north + 1)),
        shapely.intersection(second, shapely.box(middle, south - 1, east + 1, north + 1)),
    ]
    pieces = review.change("split", 2, geometries=[as_json(one) for one in halves])
    ids = [row["id"] for row in pieces["polygons"]]
    assert len(ids) == 2
    merged = review.change("merge", *ids)
    assert len(merged["polygons"]) == 1
    overlay = review.get("review/overlay")
    shown = {one["properties"]["id"]: one for one in overlay["features"]["features"]}
    assert {1, merged["polygons"][0]["id"]} == {*shown}
    assert shown[1]["properties"]["provenance"] == "edited"
    assert overlay["replaced"] == [1] or set(overlay["replaced"]) == {1, 2}

    new = shapely.box(west, south + 1e-3, east, north + 1e-3)
    drawn = review.change("draw", geometries=[as_json(new)], type="fall")["polygons"][0]
    assert (drawn["provenance"], drawn["verdict"], drawn["type"]) == ("drawn", "accepted", "fall")
    assert drawn["confidence"] is None
    assert review.get(f"features/{drawn['id']}")["original"] is None
    assert review.get("features")["total"] == 41
    undone = review.post("undo", author="Ann")
    assert undone["removed"] == [drawn["id"]]
    assert review.get("features")["total"] == 40


def test_what_cannot_be_drawn_is_refused_with_a_sentence(review: Review) -> None:
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}
    problem = review.change("redraw", 1, geometries=[bow_tie], status=422)
    assert "outline" in problem["detail"]
    assert "/" not in problem["detail"].replace("x/y", "")
    hole = shapely.Polygon(shapely.get_coordinates(outline(review, 1)))
    problem = review.change("redraw", 1, geometries=[as_json(hole)] * 2, status=422)
    assert "redraw takes 1 geometries" in problem["detail"]
    review.change("accept", 99, versions=[0], status=404)
    problem = review.post("undo", 409, author="Ann")
    assert problem["detail"] == "Ann has no change to take back"
    many = [[0.0, 0.0]] * 60_000
    problem = review.change(
        "redraw", 1, geometries=[{"type": "Polygon", "coordinates": [many]}], status=422
    )
    assert "50000" in problem["detail"].replace(",", "")
    deep: Any = []
    for _ in range(50):
        deep = [deep]
    review.change("redraw", 1, geometries=[{"type": "Polygon", "coordinates": deep}], status=422)
    assert review.get("review")["revision"] == 0


def test_authors_have_names(review: Review) -> None:
    for author in ("", "  ", "a" * 200, "two\nlines", "bell\x07"):
        review.change("accept", 1, author=author, status=422)
    assert review.get("review")["revision"] == 0


def test_a_rule_changes_what_the_table_shows(review: Review) -> None:
    rule = {"range": ["confidence:0.2:"], "verdict": "unreviewed"}
    expected = review.get("features?range=confidence:0.2:&verdict=unreviewed")["total"]
    assert expected == 20
    wrong = review.post("bulk", 409, action="accept", author="Ann", rule=rule, expected=19)
    assert "20" in wrong["detail"]
    made = review.post("bulk", action="accept", author="Ann", rule=rule, expected=20)
    assert made["count"] == len(made["polygons"]) == 20
    assert made["changes"][0]["bulk"] is not None
    assert made["changes"][0]["count"] == 20
    assert review.get("features?verdict=accepted")["total"] == 20
    undone = review.post("undo", author="Ann")
    assert len(undone["polygons"]) == 20
    redone = review.post("redo", author="Ann")
    assert redone["revision"] == 3
    assert review.get("features?verdict=accepted")["total"] == 20
    review.post("bulk", 422, action="accept", author="Ann", rule={"range": ["no:1:"]}, expected=1)


def test_filters_say_which_polygons_they_select(review: Review) -> None:
    review.change("accept", 3, note="fresh scarp")
    few = review.get("ids?text=scarp")
    assert few == {"revision": 1, "total": 1, "selected": True, "ids": [3]}
    most = review.get("ids?range=confidence:0.02:")
    assert (most["total"], most["selected"], most["ids"]) == (38, False, [1, 2])
    assert review.get("ids")["ids"] == []
    assert review.get("ids?text=nothing") == {
        "revision": 1, "total": 0, "selected": True, "ids": [],
    }  # fmt: skip
    refused = review.client.get(f"{review.place}/ids?range=no:1:")
    assert refused.status_code == 422


def test_a_corrected_inventory_has_the_verdicts_of_its_review(review: Review, folder: Path) -> None:
    review.change("accept", 3, type="debris flow")
    review.change("reject", 7)
    new = shapely.affinity.translate(outline(review, 1), yoff=0.001)
    drawn = review.change("draw", geometries=[as_json(new)], author="Bo")["polygons"][0]["id"]
    landslip.make_inventory(folder / "reviews" / "squares.gpkg", out=folder / "corrected", draws=0)
    with client_of(folder) as client:
        place = f"/api/inventories/{ids_of(client)['inventories corrected']}"
        rows = {
            row["id"]: row
            for row in client.get(f"{place}/features?verdict=accepted").json()["rows"]
        }
        assert {*rows} == {3, drawn}
        of_third = [rows[3][name] for name in ("provenance", "type", "author", "version")]
        assert of_third == ["model", "debris flow", "Ann", 0]
        assert (rows[drawn]["provenance"], rows[drawn]["author"]) == ("drawn", "Bo")
        assert client.get(f"{place}/features?verdict=unreviewed").json()["total"] == 38
        wait_for_tiles(client, "corrected")
        (made,) = (folder / ".landslip" / "tiles").glob("*.pmtiles")
        tiled = pyogrio.read_dataframe(made, layer="landslides", ZOOM_LEVEL=14)
        stated = zip(tiled["verdict"], tiled["provenance"], strict=True)
        states = dict(zip(tiled["id"], stated, strict=True))
        assert (states[3], states[1]) == (("accepted", "model"), ("unreviewed", "model"))
        assert states[drawn] == ("accepted", "drawn")
        client.post(f"{place}/review", json={"author": "Cy"})
        assert client.get(f"{place}/features?verdict=accepted").json()["total"] == 0


def test_what_others_changed_is_answered(review: Review) -> None:
    review.change("accept", 3)
    review.change("reject", 4, author="Bo")
    found = review.get("review/changes?since=1")
    assert [one["author"] for one in found["changes"]] == ["Bo"]
    assert [row["id"] for row in found["polygons"]] == [4]
    assert review.get("review/changes?since=2")["changes"] == []


def test_the_queue_has_what_nobody_has_judged(review: Review) -> None:
    review.change("accept", 40)
    queue = review.get("review/queue?limit=5")
    assert queue["total"] == 39
    assert len(queue["items"]) == 5
    assert 40 not in [one["id"] for one in review.get("review/queue?limit=100")["items"]]
    largest = review.get("review/queue?order=largest&limit=3&offset=2")
    assert len(largest["items"]) == 3
    assert review.client.get(f"{review.place}/review/queue?order=none").status_code == 422


def test_cells_are_looked_at_and_not(review: Review) -> None:
    before = review.get("review/coverage")
    cells = before["cells"]["features"]
    assert not any(one["properties"]["looked_at"] for one in cells)
    assert sum(one["properties"]["unreviewed"] for one in cells) >= 40
    place = [cells[0]["properties"]["column"], cells[0]["properties"]["row"]]
    after = review.post("coverage", author="Bo", cells=[place], looked_at=True)
    (looked,) = [
        one["properties"] for one in after["cells"]["features"] if one["properties"]["looked_at"]
    ]
    assert ([looked["column"], looked["row"]], looked["author"]) == (place, "Bo")
    assert review.get("review")["cells_looked_at"] == 1
    review.post("coverage", 422, author="Bo", cells=[[9_000_000, 0]], looked_at=True)


@pytest.mark.slow
def test_a_damaged_review_and_a_changed_inventory_are_named(
    folder: Path, client: TestClient
) -> None:
    review = Review(client)
    review.change("accept", 3)
    kept = (folder / "reviews" / "squares.gpkg" / "review.gpkg").read_bytes()
    write_squares(folder / "squares.gpkg", 30)
    client.get("/api/workspace")
    with client_of(folder) as later:
        answer = later.get(f"{review.place}/review")
        assert answer.status_code == 422
        assert "polygons were changed since" in answer.json()["detail"]
        assert str(folder) not in answer.text
        assert later.get(f"{review.place}/features").json()["total"] == 30
        assert later.post(f"{review.place}/review", json={"author": "Ann"}).status_code == 422
    file = folder / "reviews" / "squares.gpkg" / "review.gpkg"
    assert file.read_bytes() == kept
    file.write_bytes(b"no database" * 100)
    with client_of(folder) as later:
        assert later.get(f"{review.place}/review").status_code == 422
        assert later.get(f"{review.place}/features").status_code == 200


def test_a_review_of_a_link_out_of_the_folder_is_not_opened(
    folder: Path, client: TestClient, tmp_path: Path
) -> None:
    review = Review(client)
    (folder / "reviews").rename(tmp_path / "elsewhere")
    (folder / "reviews").symlink_to(tmp_path / "elsewhere")
    answer = client.get(f"{review.place}/review")
    assert answer.status_code == 404
    start = client.post(f"{review.place}/review", json={"author": "Ann"})
    assert start.status_code == 422
    assert "leaves the served folder" in start.json()["detail"]
