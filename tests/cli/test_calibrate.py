"""The command."""

import re
from pathlib import Path

import typer
from tests.factories.models import tta_card, write_card
from tests.models.calibration.conftest import model, tiles, write_tiles
from typer.testing import CliRunner, Result

from landslip.cli.calibrate import calibrate
from landslip.cli.evaluate import evaluate
from landslip.core.choices import Tta
from landslip.datasets.format import TileDataset
from landslip.models.folder import ModelFolder, open_model

__all__ = ["model", "tiles"]

APP = typer.Typer()
APP.command()(calibrate)
APP.command()(evaluate)


def run(*words: object, command: str = "calibrate") -> Result:
    return CliRunner().invoke(APP, [command, *map(str, words)])


def test_options_arrive_and_figures_are_told(model: ModelFolder, tiles: TileDataset) -> None:
    words = ("--split", "test", "--method", "platt", "--seed", 4, "--precision", "fp32")
    result = run(model.path, tiles.path, *words)
    assert result.exit_code == 0, result.output
    card = open_model(model.path).card
    known = card.calibration
    assert known is not None
    assert known.after is not None
    assert (known.split, known.method, known.seed, known.tiles) == ("test", "platt", 4, 10)
    assert (known.engine, known.precision) == ("openvino", "fp32")
    assert card.training_statistics is not None
    for name, row in (("before", known.before), ("platt after", known.after)):
        figures = rf"{row.calibration_error:.4f} +\S+ +{row.brier:.4f} +{row.log_loss:.4f}"
        assert re.search(rf"^{name} +{figures}$", result.output, re.MULTILINE)
    threshold = f"threshold 0.500 of the network's probability is {card.calibrated_threshold:.3f}"
    assert threshold in result.output
    assert re.search(
        r"^objects, px +mapped +right +by pixels +by objects$", result.output, re.MULTILINE
    )
    assert result.output.endswith("calibrated by platt\n")


def test_a_threshold_is_calibrated_where_the_curve_is_of_its_augmentation(
    model: ModelFolder, tiles: TileDataset
) -> None:
    result = run(model.path, tiles.path, "--method", "platt", "--precision", "fp32")
    assert result.exit_code == 0, result.output
    card = open_model(model.path).card
    chosen = tta_card(Tta.FLIPS, 0.7)
    write_card(model.path, card, tta=(chosen,))
    plain = run(model.path, tiles.path, "--precision", "fp32", command="evaluate")
    assert f"tiles at threshold 0.500 ({card.calibrated_threshold:.3f} calibrated)" in plain.output
    flipped = run(
        model.path, tiles.path, "--precision", "fp32", "--tta", "flips", command="evaluate"
    )
    assert "tiles at threshold 0.700 with test-time augmentation flips" in flipped.output


def test_auto_shows_all_methods_and_statistics_can_be_left_out(
    model: ModelFolder, tiles: TileDataset
) -> None:
    result = run(model.path, tiles.path, "--no-look")
    assert result.exit_code == 0, result.output
    for name in ("temperature", "platt", "isotonic"):
        assert f"\n{name} after" in result.output
    assert open_model(model.path).card.training_statistics is None
    again = run(model.path, tiles.path, "--no-look")
    assert again.exit_code == 2
    assert "calibrated already; pass --overwrite" in again.output
    assert run(model.path, tiles.path, "--no-training-statistics", "--overwrite").exit_code == 0


def test_training_tiles_are_a_sentence(model: ModelFolder, tiles: TileDataset) -> None:
    result = run(model.path, tiles.path, "--split", "train")
    assert result.exit_code == 2
    assert "--split train: a network is more confident on tiles" in result.output


def test_few_tiles_are_warned_of(model: ModelFolder, tmp_path: Path) -> None:
    few = write_tiles(tmp_path / "few", tiles=6)
    result = run(model.path, few.path, "--no-look", "--method", "platt")
    assert result.exit_code == 2
    assert "platt calibration needs enough landslides (landslide tiles: 5, their" in result.stderr
    assert "the val tiles have too few (landslide tiles: 2, their groups: 2" in result.stderr
    some = write_tiles(tmp_path / "some", tiles=10)
    result = run(model.path, some.path, "--no-look")
    assert result.exit_code == 0, result.output
    assert "warning: the val tiles have too few landslides for platt and isotonic" in result.stderr
    assert result.stdout.endswith("calibrated by temperature\n")
