"""Scores of methods from their counts by tile: intervals, spread over seeds, comparisons, tests.

A table is (seeds, tiles, 3): pixels found correctly (tp), found wrongly (fp) and missed (fn) of
each test tile, under each seed that the method was trained with. With folds, the test tiles of all
folds come first into one table, each tested once. A score is the mean over seeds of the score of
the counts summed over tiles; it is never averaged over tiles.

Intervals over tiles and spread over seeds answer different questions and stay separate. The
interval is how the score would vary with other test tiles of the same kind, for these trained
networks; the spread is how it varies with the seed of training, on these tiles.

What is drawn, and swapped by the permutation test, are the columns of a table: tiles, or the sums
of groups of tiles that depend on each other (`group_counts`), such as neighbours. Over single tiles
where there are such groups, intervals are too narrow and p too small. Intervals allow for few
groups, and for groups that hold most of the landslides; see `landslip.metrics.bootstrap`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.bootstrap import (
    DEFAULT_RESAMPLING,
    DefinedEstimate,
    IntervalEstimate,
    Resampling,
    bootstrap_p_value,
    bootstrap_sums,
    effective_units,
    interval_estimate,
    percentile_interval,
)
from landslip.metrics.curves import ProbabilityBins, average_precision_interval, sum_by_group
from landslip.metrics.pixels import PixelCounts

_ROUNDING = 1e-12
_CHUNK = 1000

CountTable = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileTable:
    """A method's counts (seeds, tiles, 3: tp, fp, fn), and the tiles' names, sorted."""

    tile_ids: tuple[str, ...]
    counts: CountTable

    def of(self, tile_ids: Sequence[str]) -> CountTable:
        """Return the counts of some of the tiles, in that order."""
        place = {name: at for at, name in enumerate(self.tile_ids)}
        return self.counts[:, [place[name] for name in tile_ids]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSpread:
    """A score over seeds; ``sd`` divides by n - 1 and is None with one seed."""

    mean: float
    sd: float | None
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class F1Comparison:
    """F1 of a method minus that of a reference, means over seeds, on the same tiles.

    The interval over ``units``, tiles or groups of them, is None with one. ``p_value`` is the
    larger of that of the permutation test and that of the bootstrap which the interval comes from:
    it is below 0.05 only where the 95 % interval excludes 0, so that the two never contradict each
    other.
    """

    difference: float
    low: float | None
    high: float | None
    p_value: float
    units: int


def common_tiles(tables: Sequence[TileTable]) -> list[str]:
    """Return the names of the tiles that all tables hold, sorted."""
    return sorted(set(tables[0].tile_ids).intersection(*(table.tile_ids for table in tables[1:])))


def independent_units(groups: Sequence[str]) -> list[str]:
    """Return what tiles are drawn by: their groups, or each tile where all are of one group."""
    return list(groups) if len(set(groups)) > 1 else [str(at) for at in range(len(groups))]


def group_counts(counts: NDArray[Number], groups: Sequence[str]) -> NDArray[Number]:
    """Return counts (seeds, groups, columns), summed over each group's tiles, sorted by name.

    Args:
        counts: (seeds, tiles, columns).
        groups: of each tile.
    """
    if len(groups) != counts.shape[1]:
        raise ValueError(f"each of {counts.shape[1]} tiles needs a group; got {len(groups)}")
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    summed = np.zeros((len(names), len(counts), counts.shape[2]), dtype=counts.dtype)
    np.add.at(summed, members, np.moveaxis(counts, 1, 0))
    return np.moveaxis(summed, 0, 1)


def f1(sums: NDArray[np.number]) -> NDArray[np.float64]:
    """2 tp / (2 tp + fp + fn) of (..., 3) counts; NaN where the denominator is 0."""
    return ratios(sums)["f1"]


def ratios(sums: NDArray[np.number]) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall, f1 and iou of (..., 3) counts; NaN where a denominator is 0."""
    tp, fp, fn = np.moveaxis(sums, -1, 0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "iou": tp / (tp + fp + fn),
        }


def score_intervals(
    counts: CountTable, how: Resampling = DEFAULT_RESAMPLING
) -> dict[str, IntervalEstimate]:
    """Return precision, recall, F1 and IoU of a table (seeds, units, 3), with intervals over units.

    Units are tiles, or groups of them. A score is the mean over seeds of that of the summed counts;
    undefined where it is so under any seed. The interval is the percentile one of the draws in
    which the score is defined; there is none with fewer than two units. Their order does not
    matter.
    """
    points = {name: float(values.mean()) for name, values in ratios(counts.sum(axis=1)).items()}
    if counts.shape[1] < 2:
        drawn = dict.fromkeys(points, np.zeros((1, 0)))
    else:
        columns = np.moveaxis(counts, 1, 0).reshape(counts.shape[1], -1)
        drawn = ratios(bootstrap_counts(counts[:, np.lexsort(columns.T)], how))
    units = effective_number(counts)
    return {
        name: interval_estimate(value, drawn[name].mean(axis=0), how.level, units)
        for name, value in points.items()
    }


def tile_intervals(
    tiles: Sequence[PixelCounts],
    bins: Sequence[ProbabilityBins],
    groups: Sequence[str],
    average_precision: float | None,
    how: Resampling = DEFAULT_RESAMPLING,
) -> dict[str, IntervalEstimate]:
    """Return `score_intervals` and that of an average precision, over the groups of tiles.

    Args:
        tiles: pixels of each.
        bins: pixels of each by probability; (): unknown.
        groups: of each tile.
        average_precision: of all tiles; None: undefined.
        how: seed, draws and level.
    """
    units = list(sum_by_group(bins, groups).values()) if bins else []
    return score_intervals(grouped_table(tiles, groups), how) | {
        "average_precision": average_precision_interval([units], average_precision, how)
    }


def grouped_table(tiles: Sequence[PixelCounts], groups: Sequence[str]) -> CountTable:
    """Return the table (1, groups, 3) of tiles, under one seed, summed over each group."""
    counts = np.array([(one.tp, one.fp, one.fn) for one in tiles], dtype=np.int64)
    return group_counts(counts.reshape(1, -1, 3), groups)


def effective_number(*tables: NDArray[np.number]) -> float:
    """Return the effective number of the units of tables (seeds, units, 3) of the same units.

    The size of a unit is the denominator of F1, 2 tp + fp + fn: the pixels that are mapped and
    those that are landslide, in the mean over seeds, added over tables.
    """
    return effective_units(np.sum([table.mean(axis=0) @ (2, 1, 1) for table in tables], axis=0))


def seed_scores(counts: CountTable) -> dict[str, list[float | None]]:
    """Return precision, recall, F1 and IoU under each seed; None where undefined."""
    return {
        name: [None if np.isnan(value) else float(value) for value in values]
        for name, values in ratios(counts.sum(axis=1)).items()
    }


def seed_spread(values: Sequence[float | None]) -> SeedSpread | None:
    """Return mean and spread of a score over seeds, without undefined ones; None of none."""
    defined = np.array([value for value in values if value is not None], dtype=np.float64)
    if len(defined) == 0:
        return None
    return SeedSpread(
        mean=float(defined.mean()),
        sd=float(defined.std(ddof=1)) if len(defined) > 1 else None,
        low=float(defined.min()),
        high=float(defined.max()),
        seeds=len(defined),
    )


def compare_f1(
    method: CountTable, reference: CountTable, how: Resampling = DEFAULT_RESAMPLING
) -> F1Comparison | None:
    """Compare a method with a reference; None where either F1 is undefined.

    The interval is the percentile one of the difference, with the same drawn units for both.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    contrast, drawn = _contrast_with_draws([(1, method), (-1, reference)], how)
    if contrast is None:
        return None
    p_value = permutation_p_value(method, reference, how)
    if np.isfinite(drawn).any():
        p_value = max(p_value, bootstrap_p_value(drawn, effective_number(method, reference)))
    return F1Comparison(
        difference=contrast.value,
        low=contrast.low,
        high=contrast.high,
        p_value=p_value,
        units=method.shape[1],
    )


def f1_contrast(
    terms: Sequence[tuple[float, CountTable]], how: Resampling = DEFAULT_RESAMPLING
) -> DefinedEstimate | None:
    """Return a weighted sum of F1s of methods on the same tiles, with its interval over them.

    Weights 1, -1 give a difference; 1, -1, -1, 1 the difference of two differences, such as the
    gain of transfer with few and with all training tiles. None where an F1 is undefined.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    return _contrast_with_draws(terms, how)[0]


def _contrast_with_draws(
    terms: Sequence[tuple[float, CountTable]], how: Resampling
) -> tuple[DefinedEstimate | None, NDArray[np.float64]]:
    """Return `f1_contrast`, and the sums in the draws of tiles that its interval is from."""
    _check_same_tiles([table for _, table in terms])
    value = float(sum(weight * f1(table.sum(axis=1)).mean() for weight, table in terms))
    if np.isnan(value):
        return None, np.empty(0)
    if terms[0][1].shape[1] < 2:
        return DefinedEstimate(value=value), np.empty(0)
    drawn = [weight * f1(bootstrap_counts(table, how)).mean(axis=0) for weight, table in terms]
    total: NDArray[np.float64] = np.sum(drawn, axis=0)
    units = effective_number(*(table for _, table in terms))
    low, high = percentile_interval(total, how.level, units)
    return DefinedEstimate(value=value, low=low, high=high), total


def unpaired_difference(
    first: CountTable, second: CountTable, how: Resampling = DEFAULT_RESAMPLING
) -> DefinedEstimate | None:
    """Return F1 of the first minus F1 of the second, on different tiles, with its interval.

    The units of each are drawn independently; the interval allows for the fewer of the two. None
    where either F1 is undefined.
    """
    value = float(f1(first.sum(axis=1)).mean() - f1(second.sum(axis=1)).mean())
    if np.isnan(value):
        return None
    if min(first.shape[1], second.shape[1]) < 2:
        return DefinedEstimate(value=value)
    independent = replace(how, seed=how.seed + 1)
    drawn = f1(bootstrap_counts(first, how)).mean(axis=0)
    drawn = drawn - f1(bootstrap_counts(second, independent)).mean(axis=0)
    units = min(effective_number(first), effective_number(second))
    low, high = percentile_interval(drawn, how.level, units)
    return DefinedEstimate(value=value, low=low, high=high)


def permutation_p_value(
    method: CountTable, reference: CountTable, how: Resampling = DEFAULT_RESAMPLING
) -> float:
    """Return the two-sided p of a permutation test of the difference of F1.

    Were the two methods alike, each unit's counts could as well be the other's. Unit by unit, a
    tile or a whole group of tiles, they are swapped or not, all seeds together; p is the fraction
    of permutations in which the difference is at least as far from 0 as the one observed. Where
    there are no more than ``how.swaps`` permutations all are taken; else that many are drawn, and
    p = (1 + reached) / (1 + drawn). The method with fewer seeds has its seeds repeated, which
    leaves its mean as it is.
    `scipy.stats.permutation_test` doubles the smaller tail instead, and gathers the counts of each
    permutation, where sums of the swapped differences are enough.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    _check_same_tiles([method, reference])
    seeds = lcm(len(method), len(reference))
    first, second = (np.tile(one, (seeds // len(one), 1, 1)) for one in (method, reference))
    totals = first.sum(axis=1), second.sum(axis=1)
    gap = (second - first).astype(np.float64)
    gap = gap[:, gap.any(axis=(0, 2))]  # tiles that are alike change nothing when swapped
    far = abs(_f1_gap(*totals)) - _ROUNDING
    reached = taken = 0
    for swapped in _swaps(gap.shape[1], how):
        moved = np.tensordot(swapped, gap, axes=(1, 1))
        reached += int((np.abs(_f1_gap(totals[0] + moved, totals[1] - moved)) >= far).sum())
        taken += len(swapped)
    drawn = not _all_ways(gap.shape[1], how)
    return (reached + drawn) / (taken + drawn)


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return p adjusted for several comparisons (Holm 1979, Scand. J. Statist. 6: 65-70).

    The k-th smallest of m is multiplied by m - k + 1, made non-decreasing, and clipped to 1. None,
    where a comparison was not possible, does not count.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[at] = highest
    return tuple(adjusted)


def _check_same_tiles(tables: Sequence[CountTable]) -> None:
    """Refuse tables whose tiles do not hold the same numbers of landslide pixels."""
    expected = tables[0][0, :, 0] + tables[0][0, :, 2]
    for table in tables:
        landslide = table[..., 0] + table[..., 2]
        if landslide.shape[1] != len(expected) or (landslide != expected).any():
            raise ValueError(
                "methods are compared on the same tiles in one order; the landslide pixels "
                "(tp + fn) of these differ"
            )


def _f1_gap(first: NDArray[np.number], second: NDArray[np.number]) -> NDArray[np.float64]:
    """Return the difference of F1, mean over seeds; 0 where one is undefined."""
    gap: NDArray[np.float64] = np.nan_to_num((f1(first) - f1(second)).mean(axis=-1))
    return gap


def bootstrap_counts(counts: NDArray[np.number], how: Resampling) -> NDArray[np.float64]:
    """Return the sums (seeds, draws, columns) of bootstrap samples of units, drawn once for all.

    ``counts``: (seeds, units, columns).
    """
    seeds, tiles, columns = counts.shape
    rows = np.moveaxis(counts, 1, 0).reshape(tiles, -1)
    sums = bootstrap_sums(rows, how.draws, np.random.default_rng(how.seed))
    return np.moveaxis(sums.reshape(how.draws, seeds, columns), 1, 0)


def _all_ways(tiles: int, how: Resampling) -> bool:
    return int(2**tiles) <= how.swaps


def _swaps(tiles: int, how: Resampling) -> Iterator[NDArray[np.float64]]:
    """Yield which tiles are swapped (ways, tiles), 0 or 1, in parts."""
    if _all_ways(tiles, how):
        ways = np.arange(2**tiles)
        yield ((ways[:, None] >> np.arange(tiles)) & 1).astype(np.float64)
        return
    generator = np.random.default_rng(how.seed)
    for start in range(0, how.swaps, _CHUNK):
        ways_now = min(_CHUNK, how.swaps - start)
        yield generator.integers(2, size=(ways_now, tiles), dtype=np.int8).astype(np.float64)
