import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine
from typer.testing import CliRunner, Result

from landslip.cli.pansharpen import pansharpen

APP = typer.Typer()
APP.command()(pansharpen)


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


@pytest.fixture
def files(write_raster: Any) -> tuple[Path, Path]:
    generator = np.random.default_rng(0)
    pan = generator.integers(100, 900, (160, 200), dtype=np.uint16)
    block = pan.reshape(40, 4, 50, 4).mean(axis=(1, 3))
    ms = np.stack([block, 0.5 * block + 40, 2 * block]).astype(np.uint16)
    coarse, fine = Affine(8, 0, 5e5, 0, -8, 4e6), Affine(2, 0, 5e5, 0, -2, 4e6)
    return (
        write_raster("ms.tif", ms, transform=coarse),
        write_raster("pan.tif", pan, transform=fine),
    )


def test_pansharpen(files: tuple[Path, Path], tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "quality.json"
    words = ("--out", out, "--report", report, "--bands", "G,R,NIR", "--method", "glp")
    result = run(*files, *words)
    assert result.exit_code == 0, result.output
    assert "out.tif: 200 x 160 px, green,red,nir, by glp in" in result.output
    with rasterio.open(out) as file:
        assert file.shape == (160, 200)
        assert file.descriptions == ("green", "red", "nir")
    assert json.loads(report.read_text())["fusion"]["method"] == "glp"


def test_options_arrive(files: tuple[Path, Path], tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "quality.json"
    words = ("--report", report, "--mtf-nyquist", 0.4, "--nodata", 0, "--pan-nodata", 500)
    assert run(*files, "--out", out, *words).exit_code == 0
    told = json.loads(report.read_text())
    assert told["fusion"]["mtf_nyquist"] == 0.4
    assert told["fusion"]["method"] == "brovey"
    with rasterio.open(files[1]) as file:
        assert told["valid_px"] == np.count_nonzero(file.read(1) != 500)
    with rasterio.open(out) as file:
        assert file.nodata == 0
    again = run(*files, "--out", out)
    assert again.exit_code == 2
    assert "already exists" in again.output
    assert run(*files, "--out", out, "--overwrite").exit_code == 0


def test_what_is_wrong_is_said_in_a_sentence(files: tuple[Path, Path], tmp_path: Path) -> None:
    ms, pan = files
    result = run(pan, ms, "--out", tmp_path / "out.tif")
    assert result.exit_code == 2
    assert "a panchromatic image has one band and this file has 3" in result.output
    result = run(ms, pan, "--out", tmp_path / "out.tif", "--mtf-nyquist", 2)
    assert result.exit_code == 2
    assert "over 0 and below 1; got 2.0" in result.output
