"""Methods compared on the same tiles: difference of F1, its interval, a test of it.

All tables are (seeds, tiles, 3), tiles in one order; see `landslip.metrics.tiles`. With folds,
tiles are pooled first, each tested once, and nothing else changes. What is compared are the
networks as they were trained: how other seeds would have turned out is told by the spread over
seeds, not by the intervals and tests here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.intervals import (
    STANDARD,
    Estimate,
    Resampling,
    drawn_sums,
    percentile_interval,
)
from landslip.metrics.tiles import Table, f1

_ROUNDING = 1e-12
_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """F1 of a method minus that of a reference, on the same tiles.

    Attributes:
        difference: of the means over seeds.
        low: lower end of its interval over tiles; None with one tile.
        high: upper end.
        p_value: of the permutation test; see `permutation_p`.
        tiles: how many tiles both were tested on.
    """

    difference: float
    low: float | None
    high: float | None
    p_value: float
    tiles: int


def compare_f1(method: Table, reference: Table, how: Resampling = STANDARD) -> Comparison | None:
    """Compare a method with a reference; None where either F1 is undefined.

    The interval is the percentile one of the difference, the same drawn tiles for both.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    contrast = f1_contrast([(1, method), (-1, reference)], how)
    if contrast is None:
        return None
    return Comparison(
        difference=contrast.value,
        low=contrast.low,
        high=contrast.high,
        p_value=permutation_p(method, reference, how),
        tiles=method.shape[1],
    )


def f1_contrast(
    terms: Sequence[tuple[float, Table]], how: Resampling = STANDARD
) -> Estimate | None:
    """Return a weighted sum of F1s of methods on the same tiles, with its interval over them.

    Weights 1, -1 give a difference; 1, -1, -1, 1 tell by how much two differences differ, such as
    the gain of transfer with few and with all training tiles. None where an F1 is undefined.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    _check_same_tiles([table for _, table in terms])
    value = sum(weight * f1(table.sum(axis=1)).mean() for weight, table in terms)
    if np.isnan(value):
        return None
    if terms[0][1].shape[1] < 2:
        return Estimate(value=float(value), low=None, high=None)
    drawn = sum(weight * f1(drawn_sums(table, how)).mean(axis=0) for weight, table in terms)
    low, high = percentile_interval(np.asarray(drawn), how.level)
    return Estimate(value=float(value), low=low, high=high)


def unpaired_difference(first: Table, second: Table, how: Resampling = STANDARD) -> Estimate | None:
    """Return F1 of the first minus F1 of the second, on different tiles, with its interval.

    The tiles of each are drawn apart. None where either F1 is undefined.
    """
    value = float(f1(first.sum(axis=1)).mean() - f1(second.sum(axis=1)).mean())
    if np.isnan(value):
        return None
    if min(first.shape[1], second.shape[1]) < 2:
        return Estimate(value=value, low=None, high=None)
    apart = Resampling(seed=how.seed + 1, draws=how.draws, level=how.level)
    drawn = f1(drawn_sums(first, how)).mean(axis=0) - f1(drawn_sums(second, apart)).mean(axis=0)
    low, high = percentile_interval(drawn, how.level)
    return Estimate(value=value, low=low, high=high)


def permutation_p(method: Table, reference: Table, how: Resampling = STANDARD) -> float:
    """Return the two-sided p of a permutation test of the difference of F1.

    Were the two methods alike, each tile's counts could as well be the other's. Tile by tile they
    are swapped or not, all seeds of a tile together; p is the share of ways in which the difference
    is at least as far from 0 as the one observed. Where there are no more than ``how.swaps`` ways
    all are taken; else that many are drawn, and p = (1 + reached) / (1 + drawn). The method with
    fewer seeds has its seeds repeated, which leaves its mean as it is.

    Raises:
        ValueError: the tables are not of the same tiles.
    """
    _check_same_tiles([method, reference])
    first, second = _equally_many_seeds(method, reference)
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

    The k-th smallest of m is multiplied by m - k + 1, kept from falling, and cut at 1. None, where
    a comparison was not possible, counts for nothing.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[at] = highest
    return tuple(adjusted)


def _check_same_tiles(tables: Sequence[Table]) -> None:
    """Refuse tables whose tiles do not hold the same numbers of landslide pixels."""
    expected = tables[0][0, :, 0] + tables[0][0, :, 2]
    for table in tables:
        landslide = table[..., 0] + table[..., 2]
        if landslide.shape[1] != len(expected) or (landslide != expected).any():
            raise ValueError(
                "methods are compared on the same tiles in one order; the landslide pixels "
                "(tp + fn) of these differ"
            )


def _equally_many_seeds(first: Table, second: Table) -> tuple[Table, Table]:
    seeds = lcm(len(first), len(second))
    return (
        np.tile(first, (seeds // len(first), 1, 1)),
        np.tile(second, (seeds // len(second), 1, 1)),
    )


def _f1_gap(first: NDArray[np.number], second: NDArray[np.number]) -> NDArray[np.float64]:
    """Return the difference of F1, mean over seeds; 0 where one is undefined."""
    gap: NDArray[np.float64] = np.nan_to_num((f1(first) - f1(second)).mean(axis=-1))
    return gap


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
