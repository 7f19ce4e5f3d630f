import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine
from scipy import ndimage
from typer.testing import CliRunner, Result

from landslip.cli.register import register

WriteRaster = Callable[..., Path]
APP = typer.Typer()
APP.command()(register)
NAMES = ("red", "nir")


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


@pytest.fixture
def scenes(write_raster: WriteRaster) -> tuple[Path, Path]:
    """Write two crops of one picture that are said to lie six pixels apart from the truth."""
    generator = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(generator.normal(0, 1, (2, 420, 420)), (0, 1.5, 1.5))
    whole = (1000 + 900 * noise).clip(1, 9999).astype(np.uint16)
    transform = Affine(2, 0, 500_000, 0, -2, 4_000_000)
    profile = {"names": NAMES, "nodata": 0}
    reference = write_raster("reference.tif", whole, transform=transform, **profile)
    said = transform @ Affine.translation(20 + 6, 30 - 4)
    moving = write_raster("moving.tif", whole[:, 30:400, 20:390], transform=said, **profile)
    return moving, reference


def test_the_command_moves_and_reports(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "report.json"
    result = run(*scenes, "--out", out, "--report", report, "--model", "shift", "--max-shift", 40)
    assert result.exit_code == 0, result.output
    assert "out.tif: shift, " in result.output
    assert "14.42 m apart before and 0.0" in result.output
    told = json.loads(report.read_text())
    assert told["coefficients"] == pytest.approx([0, 0, 6, 0, 0, -4], abs=1e-2)
    with rasterio.open(out) as file, rasterio.open(scenes[1]) as fixed:
        moved = file.read(1)
        col, row = (round(value) for value in ~fixed.transform @ (file.transform @ (0, 0)))
        same = fixed.read(1)[row + 8 : row + 300, col + 8 : col + 300]
    assert np.abs(moved[8:300, 8:300].astype(int) - same).max() <= 12


def test_failures_are_one_sentence(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    result = run(scenes[0], tmp_path / "none.tif", "--out", tmp_path / "out.tif")
    assert result.exit_code == 2
    assert result.output.startswith("landslip: ")
    assert result.output.strip().endswith("none.tif: no such file")
    result = run(*scenes, "--out", tmp_path / "out.tif", "--max-shift", 0)
    assert "--max-shift is over 0 metres; got 0.0" in result.output
    assert not (tmp_path / "out.tif").exists()


def test_a_report_that_is_there_is_not_overwritten(
    scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    report.write_text("mine")
    result = run(*scenes, "--out", tmp_path / "out.tif", "--report", report)
    assert result.exit_code == 2
    assert "already exists" in result.output
    assert report.read_text() == "mine"
    assert not (tmp_path / "out.tif").exists()
