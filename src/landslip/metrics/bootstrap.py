"""Intervals by the bootstrap: the one way in which landslip draws and reads off intervals.

`scipy.stats.bootstrap` draws the same percentile intervals. It cannot leave out draws in which a
ratio is undefined, nor draw another number than there are, and it gathers the samples of every
draw, which is slower than weights times sums and does not fit into memory for many landslides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.records import StrictModel

_MIN_DRAWS = 20
_WEIGHTS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals and tests draw.

    Attributes:
        seed: of all draws; the same seed gives the same units to every method.
        draws: number of bootstrap samples.
        swaps: number of permutations of two methods; see `landslip.metrics.tile_scores`.
        level: of the intervals.
    """

    seed: int = 0
    draws: int = 2000
    swaps: int = 10_000
    level: float = 0.95


DEFAULT_RESAMPLING = Resampling()


class IntervalEstimate(StrictModel):
    """A value and the ends of its interval; None where they are undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


class DefinedEstimate(IntervalEstimate):
    """An estimate whose value is known."""

    value: float


def bootstrap_weights(
    units: int, draws: int, generator: np.random.Generator, size: int | None = None
) -> NDArray[np.float64]:
    """Return how often each unit is in each sample (draws, units), drawn with replacement.

    ``size``: units in a sample; None draws as many as there are.
    """
    drawn = generator.integers(units, size=(draws, units if size is None else size))
    places = drawn + units * np.arange(draws)[:, None]
    counts = np.bincount(places.ravel(), minlength=draws * units)
    return counts.reshape(draws, units).astype(np.float64)


def bootstrap_sums(
    rows: NDArray[np.number], draws: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the sums (draws, columns) of bootstrap samples of rows (units, columns)."""
    sums = np.empty((draws, rows.shape[1]))
    at_once = max(_WEIGHTS_AT_ONCE // max(len(rows), 1), 1)
    for start in range(0, draws, at_once):
        some = slice(start, min(start + at_once, draws))
        sums[some] = bootstrap_weights(len(rows), some.stop - start, generator) @ rows
    return sums


def percentile_interval(
    values: NDArray[np.float64], level: float
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the values that are finite; None where none is."""
    defined = values[np.isfinite(values)]
    if len(defined) == 0:
        return None, None
    low, high = np.percentile(defined, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def interval_estimate(value: float, drawn: NDArray[np.float64], level: float) -> IntervalEstimate:
    """Return a value with the percentile interval of its bootstrap draws (n,); none of under 20.

    What is not finite is undefined: such a value becomes None, and such draws are left out.
    """
    if not np.isfinite(value):
        return IntervalEstimate(value=None)
    if np.count_nonzero(np.isfinite(drawn)) < _MIN_DRAWS:
        return IntervalEstimate(value=float(value))
    low, high = percentile_interval(drawn, level)
    return IntervalEstimate(value=float(value), low=low, high=high)
