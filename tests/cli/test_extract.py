"""``landslip extract``: several scenes, options as text, and what is said of failures."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from tests.inference.factories import RESULTS
from tests.inference.model_factory import BANDS, ground, write_model
from typer.testing import CliRunner, Result

from landslip.cli.app import app
from landslip.models.folder import ModelFolder

RUNNER = CliRunner()
MIB = 2**20
WriteRaster = Callable[..., Path]
LIES = Affine(2, 0, 500_000, 0, -2, 4_000_000)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def scenes(model: ModelFolder, write_raster: WriteRaster) -> list[Path]:
    made = []
    for number, name in enumerate(("east.tif", "west.tif")):
        pixels = ground(model.card.input, (70, 90), seed=number)
        made.append(write_raster(name, pixels, names=BANDS, transform=LIES))
    return made


def run(*words: object) -> Result:
    return RUNNER.invoke(app, ["extract", *(str(word) for word in words)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_one_scene_goes_into_the_folder_itself(
    model: ModelFolder, scenes: list[Path], tmp_path: Path
) -> None:
    result = run(
        scenes[0],
        *("--model", model.path, "--out", tmp_path / "map", "--tile", 64, "--overlap", 20),
        *("--memory", "1.5 GiB", "--engine", "openvino", "--precision", "fp32", "--workers", 1),
    )
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "map") == RESULTS
    summary = summary_of(tmp_path / "map")
    assert (summary["window_px"], summary["overlap_px"]) == ([64, 64], 32)
    assert (summary["engine"], summary["precision"]) == ("openvino", "fp32")
    assert f"map: {summary['landslides']} landslides, " in result.stdout


def test_test_time_augmentation_is_in_the_record(
    model: ModelFolder, scenes: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "map"
    result = run(scenes[0], "--model", model.path, "--out", out, "--tta", "dihedral")
    assert result.exit_code == 0, result.output
    assert summary_of(out)["tta"] == "dihedral"
    assert "choose one with landslip calibrate and --tta dihedral, or state it" in result.output


def test_several_scenes_go_into_folders_and_a_bad_one_stops_nobody(
    model: ModelFolder, scenes: list[Path], tmp_path: Path
) -> None:
    east, west = scenes
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"no raster")
    out = tmp_path / "maps"
    result = run(east, bad, west, "--model", model.path, "--out", out)
    assert result.exit_code == 2
    assert names(out) == ["east", "west"]
    for scene in ("east", "west"):
        assert names(out / scene) == RESULTS
    assert f"landslip: {bad}: not a raster that can be read" in result.stderr
    assert "landslip: 1 of 3 scenes could not be mapped, see above" in result.stderr
    before = {scene: (out / scene / "summary.json").stat().st_mtime_ns for scene in names(out)}
    again = run(east, west, "--model", model.path, "--out", out)
    assert again.exit_code == 0, again.output
    after = {scene: (out / scene / "summary.json").stat().st_mtime_ns for scene in names(out)}
    assert before == after, "what was finished was done again"


def test_finished_scenes_are_not_mixed_with_other_options(
    model: ModelFolder, scenes: list[Path], tmp_path: Path
) -> None:
    common = (*scenes, "--model", model.path, "--out", tmp_path / "maps")
    assert run(*common).exit_code == 0
    result = run(*common, "--threshold", 0.9)
    assert result.exit_code == 2
    assert result.stderr.count("already exists") == 2
    assert run(*common, "--threshold", 0.9, "--overwrite").exit_code == 0
    assert summary_of(tmp_path / "maps" / "east")["threshold"] == 0.9


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--memory", "lots"], "--memory is a size such as 2G or 1500M", id="size"),
        pytest.param(["--memory", "10M"], "--memory: this scene and model need about", id="few"),
        pytest.param(
            ["--tile", 100], "--tile must be a multiple of 32 for this model; got 100", id="t"
        ),
        pytest.param(
            ["--tile", 64, "--overlap", 40],
            "--overlap must be at most half of --tile",
            id="overlap",
        ),
        pytest.param(
            ["--threshold", 2], "--threshold must be over 0 and at most 1; got 2.0", id="thr"
        ),
        pytest.param(
            ["--bands", "pan,red"], "--bands names 2 bands (pan,red) and the file has 4", id="b"
        ),
        pytest.param(
            ["--datum-shift", "1,2,3"],
            "--datum-shift is for the inventory, which is made where --dem is given",
            id="shift",
        ),
    ],
)
def test_refusals_are_one_sentence(
    model: ModelFolder, scenes: list[Path], tmp_path: Path, words: list[object], message: str
) -> None:
    before = names(tmp_path)
    result = run(scenes[0], "--model", model.path, "--out", tmp_path / "map", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert names(tmp_path) == before


def test_scenes_of_one_name_are_refused(
    model: ModelFolder, scenes: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    twin = scenes[0].rename(tmp_path / "other" / "west.tif")
    result = run(twin, scenes[1], "--model", model.path, "--out", tmp_path / "maps")
    assert result.exit_code == 2
    assert "2 scenes are named west and their results would share a folder" in result.stderr


def test_a_scene_is_needed(model: ModelFolder, tmp_path: Path) -> None:
    result = run("--model", model.path, "--out", tmp_path / "map")
    assert result.exit_code == 2
    assert "pass at least one scene, or a STAC item with --stac" in result.stderr


def write_sparse(path: Path, model: ModelFolder, height: int, width: int) -> Path:
    """Write a scene of nodata with a piece of ground at its end."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": 4,
        "dtype": "uint16",
        "nodata": 0,
        "tiled": True,
        "sparse_ok": True,
        "crs": "EPSG:32650",
        "transform": LIES,
    }
    with rasterio.open(path, "w", **profile) as file:
        piece = ground(model.card.input, (256, 256))
        file.write(piece, window=Window(width - 256, height - 256, 256, 256))
        file.descriptions = BANDS
    return path


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(512, 65_535, id="wide"),
        pytest.param(65_535, 512, id="tall", marks=pytest.mark.slow),
    ],
)
def test_the_whole_process_keeps_to_its_memory(
    model: ModelFolder, tmp_path: Path, height: int, width: int
) -> None:
    scene = write_sparse(tmp_path / "scene.tif", model, height, width)
    out = tmp_path / "map"
    words = [str(scene), "--model", str(model.path), "--out", str(out), "--memory", "700M"]
    command = [sys.executable, "-m", "landslip", "extract", *words]
    # a process's peak counts the one that it was forked from; a shell's is small
    in_shell = ["/bin/sh", "-c", '"$@"; exit $?', "sh", *command]
    subprocess.run(in_shell, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    summary = summary_of(out)
    assert 100 < summary["memory_peak_mb"] < 700
    assert summary["valid_px"] == 256 * 256
    assert np.prod(summary["window_px"]) >= 256 * 256
