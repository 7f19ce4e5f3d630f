"""Two models on the same tiles: the verdict, and thresholds that nothing of a fold has a say in."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset

from landslip.datasets.format import TileDataset
from landslip.metrics.bootstrap import bootstrap_weights
from landslip.metrics.curves import average_precision, average_precision_difference, sum_by_group
from landslip.review.model_comparison import (
    Probability,
    compare_models,
    cross_fitted_thresholds,
    score_tiles,
)

TILES, SIDE = 24, 16


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    """Give tiles in 12 groups, each with a landslide, and an unlabelled column."""
    generator, tiles = np.random.default_rng(0), []
    for number in range(TILES):
        label = np.zeros((SIDE, SIDE), dtype=np.uint8)
        row, col = generator.integers(0, 8, 2)
        label[row : row + 6, col : col + 6] = 1
        label[:, -1] = 255
        tiles.append(make_tile(f"t{number}", np.zeros((4, SIDE, SIDE), dtype=np.uint16), label))
    folder = tmp_path_factory.mktemp("compared") / "tiles"
    return write_dataset(folder, tiles, groups=[f"g{at // 2}" for at in range(TILES)])


def predicted(dataset: TileDataset, noise: float, seed: int) -> dict[int, Probability]:
    """Return probabilities that are right but for noise, and wrong where nothing is labelled."""
    generator = np.random.default_rng(seed)
    found = {}
    for at in range(len(dataset)):
        label = dataset.tile(at).label
        value = 0.25 + 0.5 * (label == 1) + noise * generator.standard_normal(label.shape)
        value[:, -1] = 1.0
        found[at] = np.clip(value, 0, 1).astype(np.float32)
    return found


def thresholds(value: float) -> dict[int, float]:
    return dict.fromkeys(range(TILES), value)


def test_scores_are_of_labelled_pixels(dataset: TileDataset) -> None:
    found = score_tiles(dataset, predicted(dataset, 0.0, 0), thresholds(0.5))
    assert sum(one.tp for one in found.tiles) == sum(dataset.column("landslide_px"))
    assert sum(one.fp + one.fn for one in found.tiles) == 0
    assert found.objects.found == found.objects.landslides[0] + sum(found.objects.landslides[1:])
    assert found.groups == dataset.groups


def test_less_noise_is_better_and_more_is_worse(dataset: TileDataset) -> None:
    good = score_tiles(dataset, predicted(dataset, 0.1, 1), thresholds(0.5))
    bad = score_tiles(dataset, predicted(dataset, 0.3, 2), thresholds(0.5))
    better = compare_models(bad, good)
    assert better.verdict == "better"
    assert better.f1.low is not None
    assert better.f1.low > 0
    assert better.blocks == 12
    assert better.tiles == TILES
    assert (better.average_precision.low or 0) > 0
    assert compare_models(good, bad).verdict == "worse"
    assert better.after.false < better.before.false


def test_another_threshold_alone_is_not_called_better(dataset: TileDataset) -> None:
    probabilities = predicted(dataset, 0.2, 1)
    strict, fitting = (score_tiles(dataset, probabilities, thresholds(at)) for at in (0.9, 0.5))
    found = compare_models(strict, fitting)
    assert (found.f1.low or 0) > 0.2
    assert found.average_precision.ends == (0.0, 0.0)
    assert found.verdict == "F1 alone"


@pytest.mark.parametrize("seed", range(5))
def test_the_same_with_other_noise_is_not_called_better(dataset: TileDataset, seed: int) -> None:
    one = score_tiles(dataset, predicted(dataset, 0.25, 10 + seed), thresholds(0.5))
    other = score_tiles(dataset, predicted(dataset, 0.25, 50 + seed), thresholds(0.5))
    found = compare_models(one, other)
    assert found.verdict == "not distinguishable"
    low, high = found.f1.low, found.f1.high
    assert low is not None
    assert high is not None
    assert low < 0 < high


def test_without_a_landslide_nothing_is_decided(tmp_path: Path) -> None:
    tiles = [make_tile(f"t{at}", np.zeros((4, 8, 8), dtype=np.uint16)) for at in range(4)]
    empty = write_dataset(tmp_path / "tiles", tiles)
    nothing = {at: np.zeros((8, 8), dtype=np.float32) for at in range(4)}
    scored = score_tiles(empty, nothing, dict.fromkeys(range(4), 0.5))
    found = compare_models(scored, scored)
    assert found.verdict == "not distinguishable"
    assert found.f1.value is None
    assert found.average_precision.value is None


def test_the_threshold_of_a_fold_is_chosen_on_the_others(dataset: TileDataset) -> None:
    probabilities = predicted(dataset, 0.0, 0)
    for at in range(
        12, TILES
    ):  # the second fold is all darker, and another threshold is best there
        probabilities[at] = (probabilities[at] * 0.5).astype(np.float32)
    folds = {at: 1 if at < 12 else 2 for at in range(TILES)}
    chosen = cross_fitted_thresholds(dataset, probabilities, folds)
    assert set(chosen) == set(range(TILES))
    first, second = chosen[0], chosen[12]
    assert 0.25 * 0.5 < first <= 0.75 * 0.5  # between background and landslides of the second fold
    assert 0.25 < second <= 0.75
    assert {chosen[at] for at in range(12)} == {first}


def test_difference_of_average_precision_draws_the_same_units(dataset: TileDataset) -> None:
    scored = [
        score_tiles(dataset, predicted(dataset, noise, 3), thresholds(0.5)) for noise in (0.1, 0.3)
    ]
    units = [list(sum_by_group(one.bins, one.groups).values()) for one in scored]

    def average(which: int, weights: NDArray[np.float64]) -> float:
        merged = units[which][0]
        parts = [
            type(merged)(
                landslide=(weight * unit.landslide).astype(np.int64),
                other=(weight * unit.other).astype(np.int64),
                probability_sum=weight * unit.probability_sum,
            )
            for weight, unit in zip(weights, units[which], strict=True)
        ]
        return average_precision(sum(parts[1:], parts[0])) or 0.0

    everything = np.ones(12)
    value = average(0, everything) - average(1, everything)
    found = average_precision_difference(units[0], units[1], value)
    assert found.value == pytest.approx(value)
    draws = bootstrap_weights(12, 2000, np.random.default_rng(0))
    by_hand = [average(0, one) - average(1, one) for one in draws[:300]]
    assert found.low is not None
    assert found.high is not None
    assert found.low < np.percentile(by_hand, 5)
    assert found.high > np.percentile(by_hand, 95)
    assert found.high - found.low < 4 * np.std(by_hand) * 1.5
    assert average_precision_difference(units[0], units[0], 0.0).ends == (0.0, 0.0)
    assert average_precision_difference(units[0][:1], units[1][:1], value).ends is None
