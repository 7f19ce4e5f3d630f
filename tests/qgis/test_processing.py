"""The plugin in QGIS: `qgis_process` with a fresh profile, as installed from the zip."""

import json
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.inference.model_factory import ground, write_model
from tests.qgis.profile import Profile, fresh_profile, qgis_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(qgis_process() is None, reason="QGIS is not installed"),
]
SIDE_PX = 400
MODEL3 = Path(__file__).parent / "map_and_inventory.model3"


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return fresh_profile(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "model").mkdir()
    card = write_model(folder / "model").card
    write_scene(folder / "scene_20240812.tif", ground(card.input, (SIDE_PX, SIDE_PX)))
    big = ground(card.input, (1000, 1000))
    write_scene(folder / "big_20240812.tif", np.tile(big, (1, 6, 6)))
    return folder


def write_scene(path: Path, pixels: np.ndarray) -> None:
    count, height, width = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=count, tiled=True,
        dtype="uint16", crs="EPSG:32648", transform=Affine(2, 0, 400_000, 0, -2, 3_460_000),
    ) as file:  # fmt: skip
        file.write(pixels)
        file.descriptions = ("blue", "green", "red", "nir")


@pytest.fixture(scope="module")
def mapped(profile: Profile, data: Path) -> Path:
    out = data / "map"
    answer = profile.run(
        "landslip:extract",
        SCENES=data / "scene_20240812.tif",
        MODEL=data / "model",
        MIN_AREA=200,
        TTA="flips",
        OUTPUT=out,
    )
    assert answer.code == 0, answer.text
    summary = json.loads((out / "summary.json").read_text())
    assert summary["min_area_m2"] == 200
    assert summary["tta"] == "flips"
    assert "100 - done." in answer.text  # the bar
    assert answer.results["COUNT"] == str(summary["landslides"])
    assert answer.results["PROBABILITY"] == str(out / "probability.tif")
    assert answer.results["LANDSLIDES"] == f"{out / 'landslides.gpkg'}|layername=landslides"
    return out


def test_the_toolbox_has_the_commands(profile: Profile) -> None:
    listed = profile.ask("list").text
    for name in (
        "preprocess", "orthorectify", "pansharpen", "register", "extract", "inventory", "compare",
        "sample", "report", "series", "states", "track", "recovery", "setup",
    ):  # fmt: skip
        assert f"landslip:{name}\t" in listed
    told = profile.ask("help", "landslip:inventory").text
    assert "Minimum mapping unit, in square metres." in told  # the command's own help
    assert "(--min-area)" in told


def test_from_a_map_to_a_report(profile: Profile, mapped: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    answer = profile.run("landslip:inventory", SOURCE=mapped, DRAWS=20, OUTPUT=inventory)
    assert answer.code == 0, answer.text
    layer = answer.results["LANDSLIDES"]
    assert layer == f"{inventory / 'inventory.gpkg'}|layername=landslides"
    # a layer of a file with several is passed with its name, one of an inventory as the inventory
    same = profile.run(
        "landslip:compare",
        INVENTORY_LAYERS=layer,
        REFERENCE_LAYER=layer,
        DRAWS=0,
        OUTPUT=tmp_path / "compared",
    )
    assert same.code == 0, same.text
    assert f"compare {inventory} {inventory} " in same.text
    assert "false        0 of" in same.text
    page = profile.run("landslip:report", FOLDER=inventory, OUTPUT=tmp_path / "page.html")
    assert page.code == 0, page.text
    assert (tmp_path / "page.html").stat().st_size > 10_000
    drawn = profile.run("landslip:sample", SOURCE=mapped, SIZE=200, OUTPUT=tmp_path / "s.gpkg")
    assert drawn.results["POINTS"] == f"{tmp_path / 's.gpkg'}|layername=points", drawn.text


def test_a_model_chains_the_commands_with_qgis_own(
    profile: Profile, data: Path, tmp_path: Path
) -> None:
    answer = profile.run(
        MODEL3,
        scene=data / "scene_20240812.tif",
        model=data / "model",
        inventory__Inventory=tmp_path / "inventory",
        buffer__Buffers=tmp_path / "buffers.gpkg",
    )
    assert answer.code == 0, answer.text
    record = json.loads((tmp_path / "inventory" / "inventory.json").read_text())
    assert record["landslides"] > 0
    assert (tmp_path / "buffers.gpkg").stat().st_size > 0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"MODEL": "{data}"}, "no model.json"),
        ({"TTA": "flips", "OVERLAP": "-1"}, "OVERLAP"),
        ({"OUTPUT": "{data}/map"}, "already exists; choose another --out or pass --overwrite"),
    ],
    ids=["model", "limits", "exists"],
)
def test_a_bad_input_gives_one_sentence(
    profile: Profile,
    data: Path,
    mapped: Path,
    tmp_path: Path,
    values: dict[str, str],
    sentence: str,
) -> None:
    stated = {
        "SCENES": str(data / "scene_20240812.tif"),
        "MODEL": str(data / "model"),
        "OUTPUT": str(tmp_path / "out"),
    }
    stated |= {name: value.format(data=data) for name, value in values.items()}
    answer = profile.run("landslip:extract", **stated)
    assert answer.code != 0
    assert sentence in answer.text
    assert "Traceback" not in answer.text
    assert not (tmp_path / "out").exists()


def test_a_command_stops_with_qgis_and_leaves_nothing_half_written(
    profile: Profile, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    answer = profile.run_until(
        lambda: any(tmp_path.glob(".out*")),
        "landslip:extract",
        SCENES=data / "big_20240812.tif",
        MODEL=data / "model",
        TTA="dihedral",
        OUTPUT=out,
    )
    assert answer.code != 0, answer.text
    deadline = time.monotonic() + 600
    while is_running(out):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not out.exists()


def is_running(out: Path) -> bool:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"--out={out}".encode() in place.read_bytes():
                return True
    return False
