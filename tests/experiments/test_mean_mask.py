"""The baseline that sees no image."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.choices import Split
from landslip.datasets.format import TileDataset
from landslip.experiments.mean_mask import score_mean_mask
from landslip.metrics.pixels import sum_counts

SIDE = 40


def square(start: int, end: int, side: int = SIDE) -> NDArray[np.uint8]:
    label = np.zeros((side, side), np.uint8)
    label[start:end, start:end] = 1
    return label


def write(folder: Path, labels: list[NDArray[np.uint8]], splits: list[Split]) -> TileDataset:
    generator = np.random.default_rng(0)
    tiles = [
        make_tile(f"t{at}", generator.integers(0, 9, (1, *label.shape)).astype(np.uint8), label)
        for at, label in enumerate(labels)
    ]
    return write_dataset(folder, tiles, splits=splits, scene=None)


@pytest.mark.parametrize("validated", [True, False])
def test_training_tiles_predict_and_validation_tiles_decide(
    tmp_path: Path, *, validated: bool
) -> None:
    small, large = square(15, 25), square(10, 30)
    labels = [small, large, large, large, large if validated else small, small]
    other = Split.VALIDATION if validated else Split.UNUSED
    splits = [Split.TRAIN] * 4 + [other, Split.TEST]
    data = write(tmp_path, labels, splits)
    scores = score_mean_mask(data, data, 2)
    assert scores is not None
    # 1 in the small square, 3/4 in the rest of the large one: the large one is what decides best
    (tile,) = scores.tiles
    assert scores.threshold < 0.75
    assert (tile.tile_id, tile.tp, tile.fp, tile.fn) == ("t5", 100, 300, 0)


def test_a_threshold_of_the_validation_tiles_may_be_higher(tmp_path: Path) -> None:
    small, large = square(15, 25), square(10, 30)
    splits = [Split.TRAIN] * 4 + [Split.VALIDATION, Split.TEST]
    data = write(tmp_path, [small, large, large, large, small, small], splits)
    scores = score_mean_mask(data, data, 2)
    assert scores is not None
    assert scores.threshold > 0.75
    assert sum_counts(tile.counts for tile in scores.tiles).f1 == 1.0


def test_another_data_set_of_another_size_is_predicted(tmp_path: Path) -> None:
    fitted = write(tmp_path / "a", [square(10, 30)] * 3, [Split.TRAIN] * 3)
    tested = write(tmp_path / "b", [square(20, 60, 80)], [Split.TEST])
    scores = score_mean_mask(fitted, tested, 2)
    assert scores is not None
    (tile,) = scores.tiles
    assert tile.tp + tile.fn == 1600
    assert tile.counts.f1 == pytest.approx(1.0, abs=0.03)
    assert score_mean_mask(tested, tested, 2) is None  # no training tile
