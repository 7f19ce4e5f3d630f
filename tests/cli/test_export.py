"""The command."""

from pathlib import Path

import pytest
import typer
from tests.models.export.conftest import dataset, fragile, model
from typer.testing import CliRunner, Result

from landslip.cli.export import export
from landslip.models.folder import ModelFolder, open_model

__all__ = ["dataset", "fragile", "model"]

APP = typer.Typer()
APP.command()(export)


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


def test_options_arrive(model: ModelFolder, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    words = ("--no-onnx", "--int8", "--calibrate", dataset, "--tiles", 3, "--seed", 5)
    result = run(model.path, "--out", out, *words, "--max-loss", 0.25)
    assert result.exit_code == 0, result.output
    assert (
        f"{out}: int8 has F1 100.00 % on 3 val tiles, fp32 100.00 %: a loss of 0.00 points"
        in result.output
    )
    told = open_model(out).card.exports
    assert told is not None
    assert told.onnx is None
    assert told.int8 is not None
    assert (told.int8.calibration_tiles, told.int8.calibration_seed) == (3, 5)
    assert told.int8.max_loss_points == 0.25
    again = run(model.path, "--out", out, *words)
    assert again.exit_code == 2
    assert "--overwrite" in again.output
    assert run(model.path, "--out", out, *words, "--overwrite").exit_code == 0


def test_too_large_a_loss_is_a_sentence(
    fragile: ModelFolder, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    words = ("--no-onnx", "--int8", "--calibrate", dataset)
    result = run(fragile.path, "--out", out, *words)
    assert result.exit_code == 2
    assert "points of F1 on 3 val tiles (fp32 100.00 %" in result.output
    assert not out.exists()


@pytest.mark.parametrize("words", [("--int8",), ("--calibrate", "TILES")], ids=str)
def test_int8_and_its_dataset_go_together(
    words: tuple[str, ...], model: ModelFolder, tmp_path: Path
) -> None:
    result = run(model.path, "--out", tmp_path / "new", *words)
    assert result.exit_code == 2
    assert "--int8 and --calibrate DATASET go together" in result.output
