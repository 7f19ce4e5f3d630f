import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.metrics.intervals import (
    Resampling,
    percentile_interval,
    score_intervals,
    seed_scores,
    seed_spread,
    tile_draws,
)
from landslip.metrics.pixels import SCORES, Counts, bootstrap_intervals, total


def table(seed: int, seeds: int = 3, tiles: int = 40) -> NDArray[np.int64]:
    """Return counts (seeds, tiles, 3) of tiles with a few landslides each."""
    generator = np.random.default_rng(seed)
    landslide = generator.integers(0, 60, tiles)
    tp = generator.binomial(landslide, 0.8, (seeds, tiles))
    fp = generator.binomial(30, 0.2, (seeds, tiles))
    return np.stack([tp, fp, landslide - tp], axis=2)


def listed(counts: NDArray[np.int64]) -> list[Counts]:
    return [Counts(tp=tp, fp=fp, fn=fn) for tp, fp, fn in counts.tolist()]


def test_scores_are_means_over_seeds_of_scores_of_sums() -> None:
    counts = table(0)
    found = score_intervals(counts)
    for name in SCORES:
        expected = np.mean([getattr(total(listed(one)), name) for one in counts])
        estimate = found[name]
        assert estimate is not None
        assert estimate.value == pytest.approx(expected)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high


def test_intervals_of_one_seed_are_those_of_the_bootstrap_by_index() -> None:
    counts = table(1, seeds=1, tiles=200)
    found = score_intervals(counts, Resampling(draws=8000))["f1"]
    expected = bootstrap_intervals(listed(counts[0]), draws=8000)["f1"]
    assert found is not None
    assert expected is not None
    assert (found.low, found.high) == pytest.approx(expected, abs=0.001)


def test_seeds_share_the_drawn_tiles() -> None:
    # seeds with the same counts have the interval of one of them, not one narrowed by averaging
    counts = table(2, seeds=1)
    one, three = score_intervals(counts)["f1"], score_intervals(np.tile(counts, (3, 1, 1)))["f1"]
    assert one is not None
    assert three is not None
    assert (one.low, one.high) == pytest.approx((three.low, three.high))


def test_draws_are_as_many_as_asked_for() -> None:
    weights = tile_draws(7, 4000, np.random.default_rng(0))
    assert weights.shape == (4000, 7)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.06)
    assert (tile_draws(7, 5, np.random.default_rng(0), size=20).sum(axis=1) == 20).all()


def test_the_seed_decides() -> None:
    counts = table(3)
    assert score_intervals(counts, Resampling(seed=1)) == score_intervals(
        counts, Resampling(seed=1)
    )
    assert score_intervals(counts, Resampling(seed=1)) != score_intervals(
        counts, Resampling(seed=2)
    )


def test_what_is_undefined_is_none() -> None:
    nothing_found = np.array([[[0, 0, 5], [0, 0, 7]]])
    found = score_intervals(nothing_found)
    assert found["precision"] is None
    assert found["f1"] is not None
    assert (found["f1"].value, found["f1"].low, found["f1"].high) == (0, 0, 0)
    assert seed_scores(nothing_found)["precision"] == [None]
    assert score_intervals(np.zeros((2, 5, 3), dtype=np.int64)) == dict.fromkeys(SCORES)
    assert score_intervals(np.zeros((2, 0, 3), dtype=np.int64)) == dict.fromkeys(SCORES)


def test_one_tile_has_no_interval() -> None:
    found = score_intervals(np.array([[[6, 2, 2]]]))["f1"]
    assert found is not None
    assert (found.value, found.low, found.high) == (0.75, None, None)


def test_draws_without_a_landslide_are_left_out() -> None:
    counts = np.zeros((1, 10, 3), dtype=np.int64)
    counts[0, 0] = (5, 0, 5)
    found = score_intervals(counts)["recall"]
    assert found is not None
    assert (found.low, found.high) == (0.5, 0.5)


def test_percentiles_by_hand() -> None:
    values = np.array([*range(101), np.nan])
    assert percentile_interval(values, 0.9) == pytest.approx((5, 95))
    assert percentile_interval(np.array([np.nan]), 0.9) == (None, None)


def test_the_spread_over_seeds() -> None:
    spread = seed_spread([0.5, None, 0.7, 0.9])
    assert spread is not None
    assert (spread.mean, spread.low, spread.high, spread.seeds) == pytest.approx((0.7, 0.5, 0.9, 3))
    assert spread.sd == pytest.approx(0.2)
    single = seed_spread([0.5])
    assert single is not None
    assert (single.mean, single.sd) == (0.5, None)
    assert seed_spread([None]) is None


def test_scores_of_each_seed() -> None:
    counts = np.array([[[6, 2, 2], [0, 0, 0]], [[4, 0, 4], [0, 2, 0]]])
    assert seed_scores(counts)["f1"] == pytest.approx([0.75, 8 / 14])
    assert seed_scores(counts)["precision"] == pytest.approx([0.75, 4 / 6])
