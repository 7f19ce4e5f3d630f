import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from tests.preprocessing.orthorectification.conftest import (
    RANGE_M,
    SHAPE,
    make_camera,
    places,
    write_image,
    write_land,
)
from typer.testing import CliRunner, Result

from landslip.cli.orthorectify import orthorectify
from landslip.synthetic.camera import fit_rpc

APP = typer.Typer()
APP.command()(orthorectify)
World = tuple[Path, Path]


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Write an image of places, and an elevation model that says nothing of its zero."""
    folder = tmp_path_factory.mktemp("world")
    rpc = fit_rpc(make_camera(10.0), RANGE_M)
    image = write_image(folder / "image.tif", places(SHAPE), rpc, nodata=np.nan)
    return image, write_land(folder / "dem.tif", "EPSG:4326", spacing_m=20.0)


def test_the_command_writes_a_map_and_a_report(world: World, tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "report.json"
    words = ("--dem-heights", "-41.5", "--resolution", 4, "--crs", "EPSG:32647")
    result = run(world[0], "--dem", world[1], "--out", out, "--report", report, *words)
    assert result.exit_code == 0, result.output
    assert "out.tif: " in result.output
    assert "px of 4 m, EPSG:32647" in result.output
    assert "warning" not in result.output
    told = json.loads(report.read_text())
    assert told["dem"]["undulation_m"] == -41.5
    assert told["dem"]["file"] == "dem.tif"
    with rasterio.open(out) as file:
        assert file.res == (4, 4)
        assert list(file.shape) == told["shape"]
        assert file.crs.to_epsg() == 32647


def test_heights_of_unknown_zero_are_a_warning(world: World, tmp_path: Path) -> None:
    result = run(world[0], "--dem", world[1], "--out", tmp_path / "out.tif", "--resolution", 8)
    assert result.exit_code == 0, result.output
    assert "warning: " in result.stderr
    assert "does not name the vertical datum of its heights" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dem-heights", "sea"], "--dem-heights is ellipsoid, egm96, egm2008"),
        (["--crs", "EPSG:4326"], "the map's coordinate system is projected, in metres"),
        (["--crs", "here"], "a coordinate system is written like EPSG:32648; got --crs 'here'"),
        (["--resolution", "0"], "the resolution is over 0 m; got 0.0"),
        (["--reference", "none.tif"], "none.tif: no such file"),
        (["--dem", "none.tif"], "none.tif: no such file"),
        (["--max-shift", "0", "--reference", "r.tif"], "--max-shift is over 0 metres; got 0.0"),
    ],
)
def test_failures_are_one_sentence(
    world: World, tmp_path: Path, words: list[str], sentence: str
) -> None:
    given = ["--dem", str(world[1]), "--dem-heights", "ellipsoid"]
    result = run(world[0], *given, "--out", tmp_path / "out.tif", *words)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("landslip: ")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_image_without_rpcs_is_refused(world: World, tmp_path: Path) -> None:
    image = write_image(tmp_path / "bare.tif", places((20, 20)), None)
    result = run(image, "--dem", world[1], "--out", tmp_path / "out.tif")
    assert result.exit_code == 2
    assert "bare.tif: orthorectification needs RPCs in the file's tags or beside" in result.stderr


def test_an_elevation_model_of_three_bands_is_refused(world: World, tmp_path: Path) -> None:
    result = run(world[0], "--dem", world[0], "--out", tmp_path / "out.tif")
    assert result.exit_code == 2
    assert "image.tif: a raster of heights has one band; this one has 2" in result.stderr


def test_a_report_that_is_there_is_not_overwritten(world: World, tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "report.json"
    report.write_text("mine")
    given = (world[0], "--dem", world[1], "--out", out, "--report", report, "--resolution", 8)
    result = run(*given)
    assert result.exit_code == 2
    assert "report.json: already exists" in result.stderr
    assert report.read_text() == "mine"
    assert not out.exists()
    assert run(*given, "--overwrite").exit_code == 0
    assert json.loads(report.read_text())["resolution_m"] == 8


# stopped from outside


def start(world: World, out: Path) -> "subprocess.Popen[str]":
    """Start the command on a map that takes a while, and wait until it is being written."""
    words = ("--dem-heights", "ellipsoid", "--resolution", "0.1", "--out", out)
    command = [sys.executable, "-m", "landslip", "orthorectify", world[0], "--dem", world[1]]
    process = subprocess.Popen(
        [str(word) for word in (*command, *words)], stderr=subprocess.PIPE, text=True
    )
    while not list(out.parent.glob(".out.tif.*.partial/*")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    return process


def test_ctrl_c_leaves_nothing(world: World, tmp_path: Path) -> None:
    with start(world, tmp_path / "out.tif") as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert "landslip: stopped; no output was left half-written" in told
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_that_looks_finished_and_the_next_run_tidies_up(
    world: World, tmp_path: Path
) -> None:
    out = tmp_path / "out.tif"
    with start(world, out) as process:
        process.kill()
        process.communicate()
    assert not out.exists()
    left = [path.name for path in tmp_path.iterdir()]
    assert left == [f".out.tif.{process.pid}.partial"]
    given = ("--dem-heights", "ellipsoid", "--resolution", 8)
    assert run(world[0], "--dem", world[1], "--out", out, *given).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]
