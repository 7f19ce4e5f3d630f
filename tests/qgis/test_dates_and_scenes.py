"""The commands of scenes and of several dates in QGIS, and what its temporal controller shows."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from tests.docs.folders import NAMES, Folders
from tests.preprocessing.pipeline.conftest import ProductLibrary, make_ground
from tests.qgis.profile import Profile, fresh_profile, qgis_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(qgis_process() is None, reason="QGIS is not installed"),
]
FIRST, SECOND = "2014-10-02", "2015-08-05"
DAYS = [FIRST, "2015-08-04", SECOND, "2015-09-01"]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return fresh_profile(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("folders"))


def test_a_product_becomes_a_scene(profile: Profile, tmp_path: Path) -> None:
    library = ProductLibrary(tmp_path, make_ground())
    answer = profile.run(
        "landslip:preprocess",
        PRODUCTS=library.summer,
        DEM=library.dem,
        DEM_HEIGHTS="ellipsoid",
        OUTPUT=tmp_path / "SCENES",
    )
    assert answer.code == 0, answer.text
    name = library.summer.name.removesuffix(".tar.gz")
    with rasterio.open(tmp_path / "SCENES" / name / f"{name}.tif") as scene:
        assert scene.descriptions == NAMES


def test_from_raw_images_to_a_scene_on_its_reference(
    profile: Profile, folders: Folders, tmp_path: Path
) -> None:
    place = tmp_path / "raw"
    folders.copy("raw", place)
    for name in ("MSS", "PAN"):
        answer = profile.run(
            "landslip:orthorectify",
            IMAGE=place / f"{name}.tiff",
            DEM=place / "dem.tif",
            DEM_HEIGHTS="ellipsoid",
            OUTPUT=place / f"{name}.tif",
        )
        assert answer.code == 0, answer.text
    answer = profile.run(
        "landslip:pansharpen",
        MS=place / "MSS.tif",
        PAN=place / "PAN.tif",
        BANDS=",".join(NAMES),
        REPORT=place / "figures.json",
        OUTPUT=place / "fused.tif",
    )
    assert answer.code == 0, answer.text
    assert (place / "figures.json").stat().st_size > 0
    # the same as the commands in a terminal make
    with (
        rasterio.open(place / "orthophoto.tif") as known,
        rasterio.open(answer.results["OUTPUT"]) as found,
    ):
        assert found.transform == known.transform
        np.testing.assert_array_equal(found.read(), known.read())
        values, profile_of, names = found.read(), found.profile, found.descriptions
    moved = np.roll(values, (0, 3, -2), axis=(0, 1, 2))
    with rasterio.open(place / "moved.tif", "w", **profile_of) as file:
        file.write(moved)
        file.descriptions = names
    answer = profile.run(
        "landslip:register",
        MOVING=place / "moved.tif",
        REFERENCE=place / "orthophoto.tif",
        BAND=3,
        REPORT=place / "registration.json",
        OUTPUT=place / "registered.tif",
    )
    assert answer.code == 0, answer.text
    figures = json.loads((place / "registration.json").read_text())
    assert figures["bands"] == ["red"]  # by its name, not by its number
    found_px = figures["before"]["mean_dx_px"], figures["before"]["mean_dy_px"]
    assert found_px == pytest.approx((-2, 3), abs=0.01)


def by_name(loaded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {layer["name"]: layer for layer in loaded["layers"]}


def test_several_dates_are_shown_by_the_temporal_controller(
    profile: Profile, folders: Folders, tmp_path: Path
) -> None:
    place = tmp_path / "dates"
    folders.copy("dates", place)

    def load(command: str, **values: object) -> dict[str, Any]:
        stated = {name: text(value) for name, value in values.items()}
        return profile.load(f"landslip:{command}", DAYS, "Asia/Shanghai", **stated)

    files = [place / f"{FIRST}.tif", place / f"{SECOND}.tif"]
    series = load("series", SCENES=files, OUTPUT=place / "SERIES")
    assert [layer["name"] for layer in series["layers"]] == [f"Scene {SECOND}", f"Scene {FIRST}"]
    assert [layer["is_shown"] for layer in series["layers"]] == [True, False]
    assert {layer["group"] for layer in series["layers"]} == {f"Make a series of scenes: {FIRST}"}
    assert series["range"] == [f"{FIRST} 00:00", f"{SECOND} 23:59"]
    for name, days in ((FIRST, DAYS[:2]), (SECOND, DAYS[2:3])):
        shown = by_name(series)[f"Scene {name}"]["shown"]
        assert [day for day in DAYS if shown[day]] == days
    states = load(
        "states",
        SERIES=place / "SERIES",
        MODEL=place / "MODEL",
        TRIGGERS="2015-04-25",
        OUTPUT=place / "STATES",
    )
    assert by_name(states)[f"State {FIRST}"]["shown"] == dict(zip(DAYS, (1, 1, 0, 0), strict=True))
    assert {layer["renderer"] for layer in states["layers"]} == {"paletted"}
    tracks = load(
        "track",
        INVENTORIES="\n".join(str(place / f"INVENTORY_{year}") for year in (2014, 2015)),
        OUTPUT=place / "TRACKS",
    )
    dates = [
        str(day)[:10]
        for day in geopandas.read_file(place / "TRACKS" / "tracks.gpkg", layer="landslides")["date"]
    ]
    shown = by_name(tracks)["Landslides by date"]["shown"]
    assert shown[FIRST] == dates.count(FIRST) > 0
    assert shown["2015-09-01"] == dates.count(SECOND) > 0
    assert not by_name(tracks)["Histories"]["is_shown"]
    recovery = load(
        "recovery",
        LANDSLIDES_LAYER=f"{place / 'TRACKS' / 'tracks.gpkg'}|layername=tracks",
        SERIES=place / "SERIES",
        DRAWS=20,
        OUTPUT=place / "RECOVERY",
    )
    record = json.loads((place / "RECOVERY" / "recovery.json").read_text())
    assert record["landslides_source"] == str(place / "TRACKS")  # the folder, not the layer
    assert by_name(recovery)["Recovery by date"]["shown"][FIRST] > 0
    assert by_name(recovery)["Recovery of pixels"]["renderer"] == "paletted"


def text(value: object) -> object:
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value) if isinstance(value, Path) else value


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "preprocess": ({"PRODUCTS": "scene.tif", "DEM": "dem.tif"}, "scene.tif"),
    "orthorectify": ({"IMAGE": "scene.tif", "DEM": "dem.tif"}, "RPC"),
    "pansharpen": ({"MS": "scene.tif", "PAN": "landslides.gpkg"}, "landslides.gpkg"),
    "register": ({"MOVING": "scene.tif", "REFERENCE": "dem.tif", "MODEL": "shift"}, "dem.tif"),
    "series": ({"SCENES": ["scene.tif", "earlier.tif"]}, "scene.tif: the date is in no tag"),
    "states": ({"SERIES": "MAP", "MODEL": "MODEL"}, "MAP"),
    "track": ({"INVENTORIES": "dem.tif"}, "dem.tif"),
    "recovery": ({"LANDSLIDES": "INVENTORY_2014", "SERIES": "MAP"}, "MAP"),
}


@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_said_in_one_sentence(
    command: str, profile: Profile, folders: Folders, tmp_path: Path
) -> None:
    place = tmp_path / "dates"
    folders.copy("dates", place)
    values, sentence = BAD[command]
    stated = {
        name: [str(place / one) for one in value]
        if isinstance(value, list)
        else str(place / value)
        if (place / str(value)).exists()
        else value
        for name, value in values.items()
    }
    out = tmp_path / "out.tif"
    answer = profile.run(f"landslip:{command}", **stated, OUTPUT=out)
    assert answer.code != 0
    assert sentence in answer.text
    assert "Traceback" not in answer.text
    assert not out.exists()
