"""Off-centre predictions of an experiment's runs."""

from pathlib import Path

import numpy as np
import pytest
from tests.experiments.command import TWO, run
from tests.experiments.factories import read_results, write_experiment
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.experiments.run_folder import OFF_CENTRE, Predictions, write_predictions
from landslip.experiments.scoring import score_off_centre

SIDE = 64


def centred(folder: Path, tiles: int = 16) -> TileDataset:
    """Write tiles with a bright square in the middle."""
    generator, label = np.random.default_rng(0), np.zeros((SIDE, SIDE), np.uint8)
    label[20:44, 20:44] = 1
    made = []
    for at in range(tiles):
        stored = generator.integers(200, 400, (2, SIDE, SIDE)) + 150 * label
        made.append(make_tile(f"t{at:02d}", stored.astype(np.uint16), label))
    splits = [Split.TEST if at < 4 else Split.TRAIN for at in range(tiles)]
    return write_dataset(
        folder, made, bands=("red", "nir"), scene=None, splits=splits, split_method="none",
        plan=SplitPlan(test_share=0, val_share=0),
    )  # fmt: skip


def test_both_ways_are_counted_on_the_same_pixels(tmp_path: Path) -> None:
    dataset = centred(tmp_path / "tiles")
    names = dataset.tile_ids[:4]
    middle = dataset.tile(0).label.astype(np.float32) * np.float32(0.9)
    for name in ("predictions.npz", OFF_CENTRE):  # the place in the window decides
        write_predictions(tmp_path, ((one, middle) for one in names), name)
    parts = Predictions(tmp_path), Predictions(tmp_path, OFF_CENTRE)
    found = score_off_centre(dataset, *parts, 0.5)
    assert [one.tile_id for one in found.centred] == names
    assert found.surroundings == {"mirrored": 4}
    for one, other in zip(found.centred, found.off_centre, strict=True):
        assert one.fp == one.fn == 0
        assert one.tp == other.tp + other.fn
        assert other.fp > 0 < other.fn
    write_predictions(tmp_path, [(names[0], middle)], OFF_CENTRE)
    with pytest.raises(InputError, match="other tiles were predicted off-centre than in place"):
        score_off_centre(dataset, parts[0], Predictions(tmp_path, OFF_CENTRE), 0.5)


@pytest.mark.slow
def test_runs_on_centred_landslides_are_scored_off_centre(tmp_path: Path) -> None:
    centred(tmp_path / "tiles")
    config, out = write_experiment(tmp_path), tmp_path / "out"
    code, said = run(config, out, *TWO)
    assert code == 0, said
    net, svm = read_results(out).cells
    assert net.scores is not None
    assert net.scores.off_centre is not None
    assert svm.scores is not None
    assert svm.scores.off_centre is None
    (file,) = (out / "cells").glob(f"*/{OFF_CENTRE}")
    before = file.read_bytes()
    file.unlink()  # as in a folder of an earlier version
    code, said = run(config, out, "--resume", *TWO)
    assert code == 0, said
    assert file.read_bytes() == before
    assert not list((out / "cells").glob("*.unfinished"))
    assert read_results(out).cells[0].scores == net.scores
