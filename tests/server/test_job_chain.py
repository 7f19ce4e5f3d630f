"""From a scene to a corrected inventory and a better model, by jobs over HTTP."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from fastapi.testclient import TestClient
from tests.inference.model_factory import ground, write_model
from tests.server.served import client_of, ids_of

import landslip

pytestmark = pytest.mark.slow
SIDE_PX, TIMES = 1200, 3
SCENE, LARGE = "scene_20240812.tif", "large_20240812.tif"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    (folder / "model").mkdir()
    card = write_model(folder / "model").card
    pixels = ground(card.input, (SIDE_PX, SIDE_PX))
    transform = Affine(2, 0, 400_000, 0, -2, 3_460_000)
    for name, times in ((SCENE, 1), (LARGE, TIMES)):
        side = times * SIDE_PX
        with rasterio.open(
            folder / name, "w", driver="GTiff", dtype="uint16", crs="EPSG:32648",
            transform=transform, height=side, width=side, count=4, tiled=True,
        ) as file:  # fmt: skip
            file.write(np.tile(pixels, (1, times, times)))
            file.descriptions = card.input.bands
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as client:
        yield client


def start(client: TestClient, **body: Any) -> Any:
    answer = client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def ended(client: TestClient, job: dict[str, Any], seconds: float = 200) -> Any:
    end = time.monotonic() + seconds
    while True:
        now = client.get(f"/api/jobs/{job['id']}").json()
        if now["state"] in {"done", "failed", "cancelled"}:
            return now
        assert time.monotonic() < end, now
        time.sleep(0.1)


def test_a_cancelled_extraction_leaves_nothing(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    before = sorted(one.name for one in folder.iterdir())
    job = start(
        client,
        kind="extract",
        out="map",
        scene_id=ids[f"rasters {LARGE}"],  # of many windows, so that it is seen under way
        model_id=ids["models model"],
        options={"tta": "dihedral"},
    )
    while not (now := client.get(f"/api/jobs/{job['id']}").json())["progress"]:
        assert now["state"] in {"waiting", "running"}, now
        time.sleep(0.05)
    assert (now["stage"], 0 < now["progress"] < 1) == ("extract", True)
    client.delete(f"/api/jobs/{job['id']}")
    assert ended(client, job)["state"] == "cancelled"
    assert sorted(one.name for one in folder.iterdir()) == before


def test_a_scene_becomes_a_corrected_inventory(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    job = start(
        client,
        kind="extract",
        out="map",
        scene_id=ids[f"rasters {SCENE}"],
        model_id=ids["models model"],
        options={"threshold": 0.9, "min_area": 100},
    )
    done = ended(client, job)
    assert done["state"] == "done", done
    assert len(done["result"]["rasters"]) == 2
    assert landslip.Extraction.open(folder / "map").summary.threshold == 0.9
    (mapped,) = done["result"]["inventories"]

    place = f"/api/inventories/{mapped}"
    review = client.post(f"{place}/review", json={"author": "Ann"}).json()
    assert review["counts"]["unreviewed"] > 10
    queue = client.get(f"{place}/review/queue?limit=2").json()["items"]
    accepted, rejected = (one["id"] for one in queue)
    for polygon, action in ((accepted, "accept"), (rejected, "reject")):
        body = {
            "action": action,
            "author": "Ann",
            "polygons": [{"id": polygon, "version": 0}],
        }
        assert client.post(f"{place}/review/changes", json=body).status_code == 200

    job = start(
        client,
        kind="corrected",
        out="corrected",
        inventory_id=mapped,
        options={"unreviewed": "drop", "report": True, "lang": "zh"},
    )
    done = ended(client, job)
    assert done["state"] == "done", done
    corrected = landslip.open_inventory(folder / "corrected")
    assert len(corrected.landslides) == 1
    (made,) = done["result"]["inventories"]
    shown = client.get(f"/api/inventories/{made}").json()
    assert shown["report"] is not None
    assert client.get(f"/{shown['report']}").status_code == 200

    job = start(client, kind="report", out="report_en", inventory_id=made)
    done = ended(client, job)
    assert done["state"] == "done", done
    assert (folder / "report_en.html").is_file()
    assert done["result"]["inventories"] == [made]
    assert np.isfinite(corrected.landslides["area_m2"]).all()
