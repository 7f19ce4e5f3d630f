import numpy as np

from landslip.core.choices import Split
from landslip.metrics.pixels import PixelCounts
from landslip.metrics.tile_scores import score_intervals
from landslip.models.evaluation import Evaluation


def test_the_counts_of_each_tile_are_told_beside_their_sum() -> None:
    tiles = (PixelCounts(tp=1, fp=2, fn=3, tn=4), PixelCounts(tp=10, fp=0, fn=0, tn=5))
    found = Evaluation(split=Split.TEST, threshold=0.5, tiles=tiles).as_dict()
    assert found["tile_counts"] == [[1, 2, 3, 4], [10, 0, 0, 5]]
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (11, 2, 3, 9)
    assert found["tiles"] == 2


def test_intervals_are_those_of_an_experiment_on_the_same_tiles() -> None:
    """An experiment's report scores the same counts, tiles sorted by name."""
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 50, (30, 3))
    tiles = tuple(PixelCounts(tp=tp, fp=fp, fn=fn) for tp, fp, fn in counts.tolist())
    found = Evaluation(split=Split.TEST, threshold=0.5, tiles=tiles).as_dict()["intervals"]
    reported = score_intervals(counts[generator.permutation(30)][np.newaxis])
    assert found == {name: [one.low, one.high] for name, one in reported.items()}
