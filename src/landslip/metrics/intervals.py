"""Intervals over tiles and spread over seeds of a method's scores.

The two answer different questions and are kept apart. The interval tells how the score would vary
with other test tiles of the same kind, the trained networks being what they are; the spread tells
how it varies with the seed of training, on these tiles. The tile is the unit that is drawn, since
pixels of one tile depend on each other; tiles that lie side by side depend on each other as well,
which makes the intervals too narrow rather than too wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.tiles import Table, ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals and tests draw.

    Attributes:
        seed: of all draws; the same seed gives the same tiles to every method.
        draws: sets of tiles, drawn with replacement.
        swaps: ways of swapping two methods; see `landslip.metrics.paired`.
        level: of the intervals.
    """

    seed: int = 0
    draws: int = 2000
    swaps: int = 10_000
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value and its interval; the interval is None where fewer than two tiles exist."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A score over seeds; ``sd`` has n - 1 below and is None with one seed."""

    mean: float
    sd: float | None
    low: float
    high: float
    seeds: int


STANDARD = Resampling()


def score_intervals(counts: Table, how: Resampling = STANDARD) -> dict[str, Estimate | None]:
    """Return precision, recall, F1 and IoU of a table (seeds, tiles, 3), with intervals over tiles.

    A score is the mean over seeds of that of the summed counts; None where it is undefined under
    any seed. The interval is the percentile one, of the draws in which the score is defined.
    """
    points = ratios(counts.sum(axis=1))
    drawn = ratios(drawn_sums(counts, how)) if counts.shape[1] > 1 else dict.fromkeys(points)
    return {name: _estimate(values, drawn[name], how) for name, values in points.items()}


def seed_scores(counts: Table) -> dict[str, list[float | None]]:
    """Return precision, recall, F1 and IoU under each seed; None where undefined."""
    return {
        name: [None if np.isnan(value) else float(value) for value in values]
        for name, values in ratios(counts.sum(axis=1)).items()
    }


def seed_spread(values: Sequence[float | None]) -> Spread | None:
    """Return mean and spread of a score over seeds; undefined ones are left out."""
    defined = np.array([value for value in values if value is not None], dtype=np.float64)
    if len(defined) == 0:
        return None
    return Spread(
        mean=float(defined.mean()),
        sd=float(defined.std(ddof=1)) if len(defined) > 1 else None,
        low=float(defined.min()),
        high=float(defined.max()),
        seeds=len(defined),
    )


def tile_draws(
    tiles: int, draws: int, generator: np.random.Generator, size: int | None = None
) -> NDArray[np.float64]:
    """Return how often each tile comes (draws, tiles) where ``size`` are drawn with replacement.

    ``size`` None draws as many as there are.
    """
    count = tiles if size is None else size
    return generator.multinomial(count, np.full(tiles, 1 / tiles), size=draws).astype(np.float64)


def drawn_sums(counts: Table, how: Resampling) -> NDArray[np.float64]:
    """Return the counts (seeds, draws, 3) of each drawn set of tiles, the same for every seed."""
    weights = tile_draws(counts.shape[1], how.draws, np.random.default_rng(how.seed))
    sums: NDArray[np.float64] = weights @ counts.astype(np.float64)
    return sums


def percentile_interval(
    values: NDArray[np.float64], level: float
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the values that are defined; None where none is."""
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return None, None
    low, high = np.percentile(defined, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _estimate(
    values: NDArray[np.float64], drawn: NDArray[np.float64] | None, how: Resampling
) -> Estimate | None:
    value = float(values.mean())
    if np.isnan(value):
        return None
    if drawn is None:
        return Estimate(value=value, low=None, high=None)
    low, high = percentile_interval(drawn.mean(axis=0), how.level)
    return Estimate(value=value, low=low, high=high)
