from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from landslip.metrics.intervals import Resampling
from landslip.metrics.paired import (
    compare_f1,
    f1_contrast,
    holm,
    permutation_p,
    unpaired_difference,
)

Table = NDArray[np.int64]


def landslides(generator: np.random.Generator, tiles: int) -> NDArray[np.int64]:
    return generator.integers(0, 80, tiles)


def method(
    generator: np.random.Generator, landslide: NDArray[np.int64], skill: float, seeds: int = 1
) -> Table:
    """Return counts of a method whose recall varies from tile to tile around its skill."""
    shape = (seeds, len(landslide))
    tp = generator.binomial(landslide, generator.beta(20 * skill, 20 * (1 - skill), shape))
    fp = generator.binomial(40, generator.beta(1, 6, shape))
    return np.stack([tp, fp, landslide - tp], axis=2)


def f1_by_hand(sums: NDArray[np.int64]) -> float:
    tp, fp, fn = sums.tolist()
    return float(2 * tp / (2 * tp + fp + fn))


def mean_f1_by_hand(table: Table) -> float:
    return float(np.mean([f1_by_hand(seed.sum(axis=0)) for seed in table]))


@pytest.mark.parametrize("seeds", [1, 2])
def test_p_of_few_tiles_is_that_of_all_swaps(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    landslide = landslides(generator, 6) + 1
    one, other = (method(generator, landslide, skill, seeds) for skill in (0.8, 0.6))
    observed = abs(mean_f1_by_hand(one) - mean_f1_by_hand(other))
    reached = 0
    for swapped in product([False, True], repeat=6):
        first = np.where(np.array(swapped)[:, None], other, one)
        second = np.where(np.array(swapped)[:, None], one, other)
        reached += abs(mean_f1_by_hand(first) - mean_f1_by_hand(second)) >= observed - 1e-12
    assert permutation_p(one, other) == reached / 64
    assert permutation_p(other, one) == reached / 64


def test_drawn_swaps_agree_with_all_of_them() -> None:
    generator = np.random.default_rng(3)
    landslide = landslides(generator, 11) + 1
    one, other = method(generator, landslide, 0.75), method(generator, landslide, 0.65)
    exact = permutation_p(one, other)
    drawn = permutation_p(one, other, Resampling(swaps=2000))
    assert 0.05 < exact < 0.95
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=0.04)


def test_p_counts_what_was_observed_as_one_of_the_ways() -> None:
    generator = np.random.default_rng(4)
    landslide = landslides(generator, 200)
    good, bad = method(generator, landslide, 0.9), method(generator, landslide, 0.3)
    assert permutation_p(good, bad, Resampling(swaps=999)) == 1 / 1000


def test_alike_methods_have_p_1() -> None:
    generator = np.random.default_rng(5)
    one = method(generator, landslides(generator, 30), 0.8)
    assert permutation_p(one, one) == 1
    compared = compare_f1(one, one)
    assert compared is not None
    assert (compared.difference, compared.low, compared.high) == (0, 0, 0)


def test_p_is_uniform_where_methods_are_alike() -> None:
    generator = np.random.default_rng(6)
    p = []
    for run in range(300):
        landslide = landslides(generator, 30)
        one, other = method(generator, landslide, 0.7, 2), method(generator, landslide, 0.7, 2)
        p.append(permutation_p(one, other, Resampling(seed=run, swaps=300)))
    assert kstest(p, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08


def test_seeds_are_swapped_together() -> None:
    # three seeds that say the same are no more evidence than one of them
    generator = np.random.default_rng(7)
    landslide = landslides(generator, 10) + 1
    one, other = method(generator, landslide, 0.75), method(generator, landslide, 0.65)
    thrice = permutation_p(np.tile(one, (3, 1, 1)), np.tile(other, (3, 1, 1)))
    assert thrice == permutation_p(one, other)


def test_methods_may_have_different_numbers_of_seeds() -> None:
    generator = np.random.default_rng(8)
    landslide = landslides(generator, 40)
    one, other = method(generator, landslide, 0.75, 3), method(generator, landslide, 0.7, 2)
    compared = compare_f1(one, other)
    assert compared is not None
    assert compared.difference == pytest.approx(mean_f1_by_hand(one) - mean_f1_by_hand(other))
    repeated = compare_f1(np.tile(one, (2, 1, 1)), np.tile(other, (3, 1, 1)))
    assert repeated is not None
    assert repeated.p_value == compared.p_value
    assert (repeated.low, repeated.high) == pytest.approx((compared.low, compared.high))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(9)
    # expected counts of a tile: 39.5 landslide pixels and 40 / 7 found wrongly
    expected = [np.array([39.5 * skill, 40 / 7, 39.5 * (1 - skill)]) for skill in (0.8, 0.7)]
    one, other = (2 * tp / (2 * tp + fp + fn) for tp, fp, fn in expected)
    inside, runs = 0, 300
    for run in range(runs):
        landslide = landslides(generator, 40)
        pair = method(generator, landslide, 0.8), method(generator, landslide, 0.7)
        compared = f1_contrast([(1, pair[0]), (-1, pair[1])], Resampling(seed=run, draws=300))
        assert compared is not None
        assert compared.low is not None
        assert compared.high is not None
        inside += compared.low <= one - other <= compared.high
    assert 0.89 <= inside / runs <= 0.99


def test_pairing_narrows_the_interval() -> None:
    # both methods fail on the same tiles
    generator = np.random.default_rng(10)
    landslide = landslides(generator, 60) + 5
    tp = generator.binomial(landslide, generator.beta(1, 1, 60))
    better = np.minimum(tp + 1, landslide)
    fp = np.full(60, 3)
    one, other = (np.stack([found, fp, landslide - found], axis=1)[None] for found in (better, tp))
    paired, apart = f1_contrast([(1, one), (-1, other)]), unpaired_difference(one, other)
    assert paired is not None
    assert apart is not None
    assert paired.value == pytest.approx(apart.value)
    assert width(paired.low, paired.high) < 0.2 * width(apart.low, apart.high)


def width(low: float | None, high: float | None) -> float:
    assert low is not None
    assert high is not None
    return high - low


def test_a_difference_of_differences() -> None:
    generator = np.random.default_rng(11)
    landslide = landslides(generator, 50)
    few_with, few_without, all_with, all_without = (
        method(generator, landslide, skill) for skill in (0.7, 0.4, 0.8, 0.75)
    )
    found = f1_contrast([(1, few_with), (-1, few_without), (-1, all_with), (1, all_without)])
    assert found is not None
    assert found.value == pytest.approx(
        (mean_f1_by_hand(few_with) - mean_f1_by_hand(few_without))
        - (mean_f1_by_hand(all_with) - mean_f1_by_hand(all_without))
    )
    assert found.low is not None
    assert 0 < found.low < found.value


def test_other_tiles_are_refused() -> None:
    generator = np.random.default_rng(12)
    landslide = landslides(generator, 10) + 1
    one, other = method(generator, landslide, 0.8), method(generator, landslide[::-1], 0.8)
    for wrong in (other, one[:, :9]):
        with pytest.raises(ValueError, match="on the same tiles in one order"):
            compare_f1(one, wrong)


def test_undefined_is_none() -> None:
    nothing = np.zeros((1, 4, 3), dtype=np.int64)
    wrong = np.zeros((1, 4, 3), dtype=np.int64)
    wrong[..., 1] = 2
    assert compare_f1(nothing, wrong) is None
    assert unpaired_difference(nothing, wrong) is None
    found = compare_f1(wrong, wrong)
    assert found is not None
    assert (found.difference, found.p_value) == (0, 1)


def test_one_tile_has_no_interval() -> None:
    one, other = np.array([[[8, 0, 2]]]), np.array([[[5, 0, 5]]])
    found = compare_f1(one, other)
    assert found is not None
    assert (found.low, found.high, found.p_value, found.tiles) == (None, None, 1, 1)
    apart = unpaired_difference(one, other)
    assert apart is not None
    assert (apart.value, apart.low) == (found.difference, None)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        pytest.param([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], id="by hand"),
        pytest.param([0.5, 0.6], [1, 1], id="cut at 1"),
        pytest.param([None, 0.02, None, 0.03], [None, 0.04, None, 0.04], id="two of four"),
        pytest.param([], [], id="none"),
    ],
)
def test_holm(p: list[float | None], expected: list[float | None]) -> None:
    assert holm(p) == pytest.approx(tuple(expected))
