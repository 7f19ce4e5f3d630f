import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from fastapi.testclient import TestClient
from tests.server.served import client_of, ids_of

import landslip


@pytest.fixture
def place(client: TestClient) -> str:
    return f"/api/samples/{ids_of(client)['samples sample.gpkg']}"


def judge(client: TestClient, place: str, point: int, status: int = 200, **body: Any) -> Any:
    answer = client.put(f"{place}/points/{point}", json={"author": "Ann", **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def mapped(folder: Path) -> dict[int, bool]:
    design = pyogrio.read_dataframe(folder / "sample.gpkg", layer="sample_design")
    return {int(a): bool(b) for a, b in zip(design["id"], design["mapped"], strict=True)}


def test_points_say_nothing_of_the_map(client: TestClient, place: str, folder: Path) -> None:
    points = client.get(f"{place}/points").json()
    assert [one["id"] for one in points] == list(range(1, 61))
    for one in points:
        assert {*one} == {"id", "place", "pixel", "reference", "comment"}
        assert len(one["pixel"]["coordinates"][0]) == 5
    answers = mapped(folder)
    by_map: dict[bool, set[str]] = {True: set(), False: set()}
    for one in points:  # neither how a point is written nor its pixel depends on the map's class
        shape = json.dumps({**one, "id": 0, "place": 0, "pixel": 0})
        by_map[answers[one["id"]]].add(shape)
    assert by_map[True] == by_map[False]
    # neither do the description of the sample and the answer to a judgement
    sample = next(iter(client.get("/api/workspace").json()["samples"]))
    assert {*sample} == {"id", "name", "inventory_id", "scene_id", "points", "judged"}
    assert {*judge(client, place, 1, reference="landslide")} == {*points[0]}


def test_a_judgement_is_in_the_file(client: TestClient, place: str, folder: Path) -> None:
    judged = judge(client, place, 7, reference="landslide", comment="bare,\nsteep")
    assert (judged["reference"], judged["comment"]) == ("landslide", "bare,\nsteep")
    assert client.get(f"{place}/points").json()[6] == judged
    row = pyogrio.read_dataframe(folder / "sample.gpkg", layer="points").set_index("id").loc[7]
    assert (row["reference"], row["judged_by"]) == ("landslide", "Ann")
    assert judge(client, place, 7, reference=None)["reference"] is None


def test_what_is_no_judgement_is_refused(client: TestClient, place: str) -> None:
    judge(client, place, 99, 404, reference="landslide")
    judge(client, place, 1, 422, reference="scar")
    judge(client, place, 1, 422, reference="landslide", author=" ")
    judge(client, place, 1, 422, reference="landslide", comment="x" * 5000)
    judge(client, place, 1, 422, reference="landslide", stratum="buffer")
    assert client.get("/api/samples/none/points").status_code == 404
    assert client.get(f"{place}/points").json()[0]["reference"] is None


def test_a_point_that_somebody_judged_meanwhile_is_a_conflict(
    client: TestClient, place: str
) -> None:
    judge(client, place, 1, reference="background", seen=None)
    # the same, sent again as its answer was lost
    judge(client, place, 1, reference="background", seen=None)
    problem = judge(client, place, 1, 409, reference="landslide", seen=None, author="Bo")
    assert "point 1 was judged by Ann meanwhile" in problem["detail"]
    assert client.get(f"{place}/points").json()[0]["reference"] == "background"
    judge(client, place, 1, reference="landslide", seen="background", author="Bo")


@pytest.mark.slow
def test_several_people_lose_no_judgement(client: TestClient, place: str) -> None:
    def person(number: int) -> None:
        for point in range(1 + number, 31, 3):
            judge(client, place, point, reference="unclear", author=f"person {number}")

    with ThreadPoolExecutor(3) as people:
        [*people.map(person, range(3))]
    points = client.get(f"{place}/points").json()
    assert [one["reference"] for one in points] == ["unclear"] * 30 + [None] * 30


def judge_in_file(folder: Path, count: int) -> None:
    """Judge the first points as the map has them, but every sixth otherwise, as by QGIS."""
    with sqlite3.connect(folder / "sample.gpkg") as file:
        for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):
            file.create_function(f"ST_{name}", 1, lambda _: 0)
        for point, is_mapped in [*mapped(folder).items()][:count]:
            word = "landslide" if is_mapped == (point % 6 > 0) else "background"
            file.execute("UPDATE points SET reference = ? WHERE id = ?", (word, point))
    file.close()


@pytest.mark.slow
def test_the_estimate_is_that_of_the_command(
    client: TestClient, place: str, folder: Path, tmp_path: Path
) -> None:
    early = client.get(f"{place}/estimate").json()
    assert (early["judged"], early["points"], early["area_m2"]) == (0, 60, None)
    assert "no point is judged" in early["notes"][-1]
    judge_in_file(folder, 60)
    found = client.get(f"{place}/estimate").json()
    made = landslip.make_inventory(
        folder / "inventory", out=tmp_path / "made", sample=folder / "sample.gpkg", draws=0
    )
    assert made.statistics is not None
    adjusted = made.statistics.adjusted
    assert adjusted is not None
    assert (found["area_m2"], found["low_m2"], found["high_m2"]) == (
        adjusted.adjusted_m2.value,
        adjusted.adjusted_m2.low,
        adjusted.adjusted_m2.high,
    )
    assert found["mapped_m2"] == adjusted.mapped_m2
    assert found["users_accuracy"] == adjusted.users_accuracy.value
    assert found["producers_accuracy"] == adjusted.producers_accuracy.value
    assert found["overall_accuracy"] == adjusted.overall_accuracy.value
    assert str(tmp_path) not in json.dumps(found)
    chinese = client.get(f"{place}/estimate?lang=zh").json()["notes"]
    assert len(chinese) == len(found["notes"])
    assert "判读" in "".join(chinese)


def test_the_estimate_shows_no_single_point(client: TestClient, place: str, folder: Path) -> None:
    judge_in_file(folder, 40)
    at_40 = client.get(f"{place}/estimate").json()
    assert at_40["area_m2"] is not None
    judge(client, place, 41, reference="landslide")
    at_41 = client.get(f"{place}/estimate").json()
    assert at_41["judged"] == 41
    assert "first 40 judged points of 41" in at_41["notes"][0]
    assert {**at_41, "judged": 40, "notes": at_41["notes"][1:]} == at_40


@pytest.mark.slow
def test_a_sample_whose_map_is_gone_still_gives_an_area(
    client: TestClient, place: str, folder: Path
) -> None:
    judge_in_file(folder, 60)
    known = client.get(f"{place}/estimate").json()
    shutil.rmtree(folder / "inventory")
    with client_of(folder) as later:
        found = later.get(f"{place}/estimate").json()
    assert found["area_m2"] == known["area_m2"]
    assert "is not here as it was" in found["notes"][0]


@pytest.mark.slow
def test_a_damaged_sample_is_named(folder: Path) -> None:
    with sqlite3.connect(folder / "sample.gpkg") as file:
        file.execute("DELETE FROM sample_design WHERE id > 3")
    file.close()
    with client_of(folder) as client:
        workspace = client.get("/api/workspace").json()
        names = [one["name"] for one in workspace["samples"]]
        if "sample.gpkg" in names:
            place = f"/api/samples/{workspace['samples'][0]['id']}"
            assert client.get(f"{place}/points").status_code == 422
            assert client.get(f"{place}/estimate").status_code == 422
        else:
            assert "sample.gpkg" in [one["name"] for one in workspace["problems"]]
