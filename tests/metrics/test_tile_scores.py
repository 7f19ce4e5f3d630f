from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import bootstrap, kstest

from landslip.metrics.bootstrap import (
    IntervalEstimate,
    Resampling,
    bootstrap_weights,
    percentile_interval,
)
from landslip.metrics.pixels import SCORES, PixelCounts, sum_counts
from landslip.metrics.tile_scores import (
    TileTable,
    common_tiles,
    compare_f1,
    f1,
    f1_contrast,
    group_counts,
    holm,
    independent_units,
    permutation_p_value,
    ratios,
    score_intervals,
    seed_scores,
    seed_spread,
    unpaired_difference,
)


def tile_table(**tiles: int) -> TileTable:
    """Return a table of tiles by their tp."""
    counts = np.array([[(tp, 0, 0) for tp in tiles.values()]], dtype=np.int64)
    return TileTable(tile_ids=tuple(tiles), counts=counts.reshape(1, -1, 3))


def test_common_tiles_come_in_one_order() -> None:
    tables = [tile_table(a=1, b=2, c=3), tile_table(d=4, c=5, a=6)]
    shared = common_tiles(tables)
    assert shared == ["a", "c"]
    one, other = (table.of(shared) for table in tables)
    assert one[0, :, 0].tolist() == [1, 3]
    assert other[0, :, 0].tolist() == [6, 5]


def test_tables_without_a_common_tile_are_empty() -> None:
    tables = [tile_table(a=1), tile_table()]
    assert common_tiles(tables) == []
    assert tables[0].of([]).shape == (1, 0, 3)


def test_ratios_are_those_of_counts() -> None:
    table = np.array([[0, 0, 0], [3, 0, 0], [0, 2, 0], [0, 0, 5], [2, 2, 4]])
    found = ratios(table)
    for row, (tp, fp, fn) in enumerate(table.tolist()):
        for name in SCORES:
            expected = getattr(PixelCounts(tp=tp, fp=fp, fn=fn), name)
            value = None if np.isnan(found[name][row]) else found[name][row]
            assert value == expected
    np.testing.assert_array_equal(found["f1"], f1(table))


def table(seed: int, seeds: int = 3, tiles: int = 40) -> NDArray[np.int64]:
    """Return counts (seeds, tiles, 3) of tiles with a few landslides each."""
    generator = np.random.default_rng(seed)
    landslide = generator.integers(0, 60, tiles)
    tp = generator.binomial(landslide, 0.8, (seeds, tiles))
    fp = generator.binomial(30, 0.2, (seeds, tiles))
    return np.stack([tp, fp, landslide - tp], axis=2)


def listed(counts: NDArray[np.int64]) -> list[PixelCounts]:
    return [PixelCounts(tp=tp, fp=fp, fn=fn) for tp, fp, fn in counts.tolist()]


def intervals_of(tiles: list[PixelCounts], **how: float) -> dict[str, Any]:
    table = np.array([[(one.tp, one.fp, one.fn) for one in tiles]], dtype=np.int64)
    found = score_intervals(table.reshape(1, -1, 3), Resampling(**how))  # type: ignore[arg-type]
    return {name: (one.low, one.high) for name, one in found.items()}


def random_tiles(generator: np.random.Generator, count: int) -> list[PixelCounts]:
    """Return tiles of 100 pixels; a fifth of them is landslide in a tile of every second."""
    share = np.where(generator.random(count) < 0.5, 0.2, 0.0)
    landslide = generator.binomial(100, share)
    tp = generator.binomial(landslide, 0.8)
    fp = generator.binomial(100 - landslide, 0.03)
    return [
        PixelCounts(tp=int(t), fp=int(f), fn=int(n - t), tn=int(100 - n - f))
        for t, f, n in zip(tp, fp, landslide, strict=True)
    ]


def test_intervals_contain_the_point_estimates() -> None:
    tiles = random_tiles(np.random.default_rng(0), 30)
    intervals = intervals_of(tiles)
    for name in SCORES:
        low, high = intervals[name]
        assert low < getattr(sum_counts(tiles), name) < high


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # half of the tiles hold 20 landslide pixels: tp 8, fn 2, fp 0.03 * 90 in the mean of a tile
    truth = {"recall": 0.8, "precision": 8 / 10.7, "f1": 16 / 20.7, "iou": 8 / 12.7}
    generator = np.random.default_rng(1)
    runs = 300
    inside = dict.fromkeys(truth, 0)
    for run in range(runs):
        intervals = intervals_of(random_tiles(generator, 40), seed=run, draws=300)
        for name, value in truth.items():
            low, high = intervals[name]
            inside[name] += low <= value <= high
    for name, count in inside.items():
        assert 0.89 < count / runs < 0.99, name


def test_a_higher_level_is_wider() -> None:
    tiles = random_tiles(np.random.default_rng(2), 30)
    narrow, wide = (intervals_of(tiles, level=level)["f1"] for level in (0.5, 0.95))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    "tiles",
    [
        pytest.param([], id="no tile"),
        pytest.param([PixelCounts(tp=1, fp=1, fn=1)], id="one tile"),
        pytest.param([PixelCounts(tn=9)] * 5, id="nothing found or to find"),
    ],
)
def test_intervals_that_are_undefined_have_no_ends(tiles: list[PixelCounts]) -> None:
    assert intervals_of(tiles) == dict.fromkeys(SCORES, (None, None))


def test_scores_are_means_over_seeds_of_scores_of_sums() -> None:
    counts = table(0)
    found = score_intervals(counts)
    for name in SCORES:
        expected = np.mean([getattr(sum_counts(listed(one)), name) for one in counts])
        estimate = found[name]
        assert estimate.value == pytest.approx(expected)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < expected < estimate.high


def test_intervals_of_one_seed_are_those_of_scipy() -> None:
    counts = table(1, seeds=1, tiles=200)
    found = score_intervals(counts, Resampling(draws=8000))["f1"]
    tp, fp, fn = counts[0].T
    expected = bootstrap(
        (tp, fp, fn),
        lambda tp, fp, fn: 2 * tp.sum() / (2 * tp.sum() + fp.sum() + fn.sum()),
        paired=True,
        vectorized=False,
        n_resamples=8000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.001)


def test_the_order_of_tiles_does_not_matter() -> None:
    """Evaluation takes tiles as the data set does, experiments by name: the interval is one."""
    counts = table(4)
    shuffled = counts[:, np.random.default_rng(0).permutation(counts.shape[1])]
    assert score_intervals(counts) == score_intervals(shuffled)


def test_seeds_share_the_drawn_tiles() -> None:
    # seeds with the same counts have the interval of one of them, not one narrowed by averaging
    counts = table(2, seeds=1)
    one, three = score_intervals(counts)["f1"], score_intervals(np.tile(counts, (3, 1, 1)))["f1"]
    assert (one.low, one.high) == pytest.approx((three.low, three.high))


def test_draws_are_as_many_as_asked_for() -> None:
    weights = bootstrap_weights(7, 4000, np.random.default_rng(0))
    assert weights.shape == (4000, 7)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.06)
    assert (bootstrap_weights(7, 5, np.random.default_rng(0), size=20).sum(axis=1) == 20).all()


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
    assert found["precision"].value is None
    assert (found["f1"].value, found["f1"].low, found["f1"].high) == (0, 0, 0)
    assert seed_scores(nothing_found)["precision"] == [None]
    assert score_intervals(np.zeros((2, 5, 3), dtype=np.int64)) == dict.fromkeys(
        SCORES, IntervalEstimate(value=None)
    )
    assert score_intervals(np.zeros((2, 0, 3), dtype=np.int64)) == dict.fromkeys(
        SCORES, IntervalEstimate(value=None)
    )


def test_one_tile_has_no_interval() -> None:
    found = score_intervals(np.array([[[6, 2, 2]]]))["f1"]
    assert (found.value, found.low, found.high) == (0.75, None, None)


def test_draws_without_a_landslide_are_left_out() -> None:
    counts = np.zeros((1, 10, 3), dtype=np.int64)
    counts[0, 0] = (5, 0, 5)
    found = score_intervals(counts)["recall"]
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
    assert permutation_p_value(one, other) == reached / 64
    assert permutation_p_value(other, one) == reached / 64


def test_drawn_swaps_agree_with_all_of_them() -> None:
    generator = np.random.default_rng(3)
    landslide = landslides(generator, 11) + 1
    one, other = method(generator, landslide, 0.75), method(generator, landslide, 0.65)
    exact = permutation_p_value(one, other)
    drawn = permutation_p_value(one, other, Resampling(swaps=2000))
    assert 0.05 < exact < 0.95
    assert drawn != exact
    assert drawn == pytest.approx(exact, abs=0.04)


def test_p_counts_what_was_observed_as_one_of_the_ways() -> None:
    generator = np.random.default_rng(4)
    landslide = landslides(generator, 200)
    good, bad = method(generator, landslide, 0.9), method(generator, landslide, 0.3)
    assert permutation_p_value(good, bad, Resampling(swaps=999)) == 1 / 1000


def test_p_and_interval_do_not_contradict_each_other() -> None:
    """Swaps say that fewer false pixels are no accident; draws without landslide have F1 0."""
    landslide = np.repeat([100, 0], [2, 26])
    one, other = (
        np.stack([landslide, np.full(28, false), 0 * landslide], axis=1)[np.newaxis]
        for false in (1, 30)
    )
    assert permutation_p_value(one, other) < 0.001
    comparison = compare_f1(one, other)
    assert comparison is not None
    assert comparison.low == 0.0
    assert comparison.p_value > 0.05


def test_alike_methods_have_p_1() -> None:
    generator = np.random.default_rng(5)
    one = method(generator, landslides(generator, 30), 0.8)
    assert permutation_p_value(one, one) == 1
    compared = compare_f1(one, one)
    assert compared is not None
    assert (compared.difference, compared.low, compared.high) == (0, 0, 0)


def test_p_is_uniform_where_methods_are_alike() -> None:
    generator = np.random.default_rng(6)
    p = []
    for run in range(300):
        landslide = landslides(generator, 30)
        one, other = method(generator, landslide, 0.7, 2), method(generator, landslide, 0.7, 2)
        p.append(permutation_p_value(one, other, Resampling(seed=run, swaps=300)))
    assert kstest(p, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08


def test_seeds_are_swapped_together() -> None:
    # three seeds that say the same are no more evidence than one of them
    generator = np.random.default_rng(7)
    landslide = landslides(generator, 10) + 1
    one, other = method(generator, landslide, 0.75), method(generator, landslide, 0.65)
    thrice = permutation_p_value(np.tile(one, (3, 1, 1)), np.tile(other, (3, 1, 1)))
    assert thrice == permutation_p_value(one, other)


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


def test_one_tile_has_no_interval_of_a_difference() -> None:
    one, other = np.array([[[8, 0, 2]]]), np.array([[[5, 0, 5]]])
    found = compare_f1(one, other)
    assert found is not None
    assert (found.low, found.high, found.p_value, found.units) == (None, None, 1, 1)
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


def test_groups_are_sums_of_their_tiles() -> None:
    counts = np.arange(24, dtype=np.int64).reshape(2, 4, 3)
    summed = group_counts(counts, ["b", "a", "b", "c"])
    expected = np.stack([counts[:, 1], counts[:, 0] + counts[:, 2], counts[:, 3]], axis=1)
    np.testing.assert_array_equal(summed, expected)
    with pytest.raises(ValueError, match="each of 4 tiles needs a group; got 2"):
        group_counts(counts, ["a", "b"])


def test_tiles_of_one_group_are_drawn_by_tile() -> None:
    assert independent_units(["a", "a", "b"]) == ["a", "a", "b"]
    assert len(set(independent_units(["a", "a", "a"]))) == 3


def test_copies_of_tiles_in_a_group_are_no_more_evidence() -> None:
    """Each tile five times: over groups as wide as over the tiles, over tiles far narrower."""
    counts = table(0, seeds=1)
    copies, groups = (
        np.repeat(counts, 5, axis=1),
        [f"{at:02}" for at in range(40) for _ in range(5)],
    )
    one, grouped, single = (
        score_intervals(found)["f1"] for found in (counts, group_counts(copies, groups), copies)
    )
    assert (grouped.low, grouped.high) == (one.low, one.high)
    assert one.low is not None
    assert one.high is not None
    assert single.low is not None
    assert single.high is not None
    assert single.high - single.low < 0.6 * (one.high - one.low)


def test_groups_are_swapped_whole() -> None:
    generator = np.random.default_rng(13)
    landslide = landslides(generator, 12) + 1
    one, other = (method(generator, landslide, skill) for skill in (0.8, 0.7))
    groups = ["a", "a", "b", "b", "b", "c", "c", "d", "d", "e", "f", "f"]
    observed = abs(mean_f1_by_hand(one) - mean_f1_by_hand(other))
    reached = 0
    for swapped in product([False, True], repeat=6):
        of_tiles = np.array([swapped["abcdef".index(group)] for group in groups])[:, None]
        gap = mean_f1_by_hand(np.where(of_tiles, other, one)) - mean_f1_by_hand(
            np.where(of_tiles, one, other)
        )
        reached += abs(gap) >= observed - 1e-12
    assert permutation_p_value(group_counts(one, groups), group_counts(other, groups)) == (
        reached / 64
    )
