"""``landslip improve``: what it prints, its exit codes, and where it may write."""

import sys
from pathlib import Path

import numpy as np
import pytest
from shapely import box
from tests.conftest import WritePolygons, WriteRaster
from tests.factories.datasets import bright_square, write_dataset
from tests.factories.models import make_card, write_card
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.cli.improve import NOT_BETTER
from landslip.core.choices import Precision, Split
from landslip.review.changes import ChangeRequest
from landslip.review.start import start_review
from landslip.review.words import Action

X, Y = 500_000, 4_000_000
BANDS = ("blue", "green", "red", "nir")


def run(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["improve", *map(str, words)])
    return found.exit_code, found.output


def test_what_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write_card(tmp_path / "model", make_card())
    out = tmp_path / "new"
    code, text = run(tmp_path / "model", "--corrections", tmp_path, "--out", out)
    assert code == 2
    assert "there is no review in it" in text
    code, text = run(tmp_path / "model", "--corrections", tmp_path / "none", "--out", out)
    assert code == 2
    assert "check --corrections" in text
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--learning-rate", "-1"), "--learning-rate is a number from 1e-09 to 10; got -1"),
        (("--learning-rate", "nan"), "--learning-rate is a finite number; got nan"),
        (("--epochs", "0"), "--epochs is a whole number from 1 to 1,000,000; got 0"),
        (("--batch-size", "0"), "--batch-size is a whole number from 1 to 65,536; got 0"),
        (("--seed", "-1"), "--seed is a whole number from 0 to 4,294,967,295; got -1"),
    ],
    ids=lambda words: "=".join(words) if isinstance(words, tuple) else "",
)
def test_numbers_out_of_range_are_refused_by_their_option(
    words: tuple[str, str], rule: str, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    code, text = run(tmp_path, "--corrections", tmp_path, "--out", out, *words)
    assert code == 2
    assert text.startswith(f"landslip: {rule}")
    assert not out.exists()


@pytest.mark.slow
def test_from_reviews_to_a_verdict(
    write_raster: WriteRaster,
    write_polygons: WritePolygons,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from landslip.models.training.recipe import TrainConfig  # noqa: PLC0415 - needs torch
    from landslip.models.training.run import TrainRequest, train  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "openvino", None)
    generator = np.random.default_rng(0)
    tiles = [bright_square(f"t{at}", generator, landslide=at % 4 > 0) for at in range(8)]
    splits = [Split.VALIDATION if at < 2 else Split.TRAIN for at in range(8)]
    dataset = write_dataset(tmp_path / "tiles", tiles, bands=BANDS, resolution_m=1.0, splits=splits)
    config = TrainConfig(
        encoder="test_resnet",
        encoder_weights="none",
        epochs=1,
        batch_size=4,
        precision=Precision.FP32,
    )
    train(TrainRequest(dataset=dataset, out=tmp_path / "model", config=config))
    stored = generator.integers(200, 400, (4, 256, 256)).astype(np.uint16)
    scene = write_raster("scene.tif", stored, names=BANDS)
    squares = [
        box(X + 64 * col + 10, Y - 64 * row - 30, X + 64 * col + 30, Y - 64 * row - 10)
        for row in range(4)
        for col in range(4)
    ]
    served = tmp_path / "served"
    store = start_review(write_polygons("map.gpkg", squares), served / "reviews" / "map")
    for number in range(1, 17):
        action = Action.ACCEPT if number % 3 else Action.REJECT
        store.change(ChangeRequest(action=action, author="Ann", polygons=((number, 0),)))
    words = (tmp_path / "model", "--corrections", served, "--scene", scene, "--epochs", 1)
    inside = served / "new"  # what is served is where the model is looked for
    code, text = run(*words, "--out", inside, "--tiles", tmp_path / "tiles", "--folds", 2)
    assert code == NOT_BETTER, text
    assert "16 tiles in" in text
    assert "11 landslides, 5 rejected, 0 not judged" in text
    assert "own tiles of the model: 6" in text
    assert "with the threshold of the model before chosen on this ground too: F1" in text
    assert "keep the earlier one" in text
    assert "no model written" in text
    assert not inside.exists()
    code, text = run(*words, "--out", served / "reviews" / "map", "--overwrite")
    assert code == 2
    assert "--out is a folder of reviews" in text
