import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import typer
from tests.factories.stacks import write_sources
from typer.testing import CliRunner, Result

from landslip.cli.stack import stack
from landslip.io.raster import Scene
from landslip.preprocessing.stack.scene import StackSources, open_stack

WriteRaster = Callable[..., Path]
APP = typer.Typer()
APP.command()(stack)


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


def test_a_stack_on_disk_is_what_is_read_without_one(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    sources = write_sources(write_raster, tmp_path)
    out = tmp_path / "stack.tif"
    result = run(sources.scene, "--dem", sources.dem, "--before", sources.before, "--out", out)
    assert result.exit_code == 0, result.output
    assert "px (rms) off once moved" in result.output
    assert re.search(r"  red +x 0\.\d+ \+0\.0\d+: rms 0\.0\d{3} -> 0\.00\d{2}\n", result.output)
    with rasterio.open(out) as file:
        gain, offset, *_ = map(float, file.tags()["BEFORE_RED"].split())
    assert gain == pytest.approx(0.8, abs=0.03)
    assert offset == pytest.approx(0.02, abs=5e-3)
    with (
        Scene(out) as written,
        open_stack(
            sources.scene, sources=StackSources(dem=sources.dem, before=sources.before)
        ) as read,
    ):
        assert written.bands == read.bands
        assert written.radiometry == read.radiometry
        stored, valid = written.read(written.grid.window)
        expected, of_scene = read.read(read.grid.window)
    np.testing.assert_array_equal(valid, of_scene)
    differences = stored.astype(int) - expected
    assert np.abs(differences).max() <= 1
    assert (differences == 0).mean() > 0.999


def test_what_is_wrong_is_one_sentence(write_raster: WriteRaster, tmp_path: Path) -> None:
    sources = write_sources(write_raster, tmp_path)
    out = tmp_path / "stack.tif"
    result = run(sources.scene, "--out", out)
    assert result.exit_code == 2
    assert "a stack needs --dem, --before, or both" in result.output
    result = run(sources.scene, "--before", sources.scene, "--out", out)
    assert result.exit_code == 2
    assert "this is the scene itself; choose another for --before" in result.output
    result = run(sources.scene, "--terrain", "slope", "--out", out)
    assert "--terrain needs an elevation model, --dem" in result.output
    result = run(sources.scene, "--dem", sources.scene, "--out", out)
    assert "a raster of heights has one band; this one has 3" in result.output
    assert not out.exists()
