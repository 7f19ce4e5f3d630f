"""What has several dates, as the commands write it, on the map and the time slider."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.multitemporal.factories import with_ndvi, write_map, write_series
from tests.server.served import client_of

import landslip

pytestmark = pytest.mark.slow

DAYS = tuple(date(year, 8, 1) for year in (2007, 2008, 2009))
SCARS = {2007: [], 2008: [np.s_[10:30, 10:30]], 2009: [np.s_[10:30, 10:30], np.s_[5:15, 35:45]]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a series, the states that were found in it, and the histories of its landslides."""
    folder, maps = tmp_path_factory.mktemp("served"), []
    work = tmp_path_factory.mktemp("maps")
    scenes = {}
    for day in DAYS:
        ndvi, probability = np.full((40, 50), 0.8), np.full((40, 50), 0.02)
        for scar in SCARS[day.year]:
            ndvi[scar], probability[scar] = 0.1, 0.95
        scenes[day] = with_ndvi(ndvi)
        maps.append(write_map(work / f"map_{day.year}", day, probability))
    series = write_series(folder / "SERIES", scenes)
    landslip.states(series, maps=maps, triggers="2008-05-12", out=folder / "STATES")
    landslip.track(folder / "STATES", series=series, out=folder / "TRACKS")
    return folder


@pytest.fixture(scope="module")
def workspace(served: Path) -> Any:
    with client_of(served) as client:
        yield client.get("/api/workspace").json() | {"client": client}


def test_series_states_and_tracks_are_one_row_of_dates(workspace: Any) -> None:
    assert workspace["problems"] == []
    (series,) = workspace["series"]
    assert series["name"] == "SERIES"
    assert [one["date"] for one in series["dates"]] == [str(day) for day in DAYS]
    rasters = {one["id"]: one for one in workspace["rasters"]}
    for of_date in series["dates"]:
        shown = [rasters[one] for one in of_date["raster_ids"]]
        assert sorted(one["kind"] for one in shown) == ["scene", "states"]
        assert {one["date"] for one in shown} == {of_date["date"]}
        scene, states = sorted(shown, key=lambda one: one["kind"])
        assert states["scene_id"] == scene["id"]
        assert len(states["classes"]) >= 4
    (tracks,) = [one for one in workspace["inventories"] if one["name"] == "TRACKS"]
    assert tracks["count"] >= 2
    dated = [one["date"] for one in series["dates"] if tracks["id"] in one["inventory_ids"]]
    assert dated == [str(day) for day in DAYS]


def test_states_of_each_date_are_drawn(workspace: Any) -> None:
    tiles = {}
    for raster in (one for one in workspace["rasters"] if one["kind"] == "states"):
        west, south, east, north = raster["bounds"]
        zoom = raster["max_zoom"]
        x, y = tile_at((west + east) / 2, (south + north) / 2, zoom)
        place = f"/api/rasters/{raster['id']}/tiles/{zoom}/{x}/{y}"
        answer = workspace["client"].get(place)
        assert answer.status_code == 200
        tiles[raster["date"]] = answer.content
    assert len({*tiles.values()}) == 3  # the slope is another on each date


def tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Return the tile of the web's grid in which a place is."""
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2
    return int((lon + 180) / 360 * 2**zoom), int(y * 2**zoom)
