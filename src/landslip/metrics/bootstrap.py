"""Intervals by the bootstrap: the one way in which landslip draws and reads off intervals.

`scipy.stats.bootstrap` draws the same percentile intervals. It cannot leave out draws in which a
ratio is undefined, nor draw another number than there are, and it gathers the samples of every
draw, which is slower than weights times sums and does not fit into memory for many landslides.

Units that depend on each other are drawn together: the cluster bootstrap draws whole clusters, with
replacement, and takes all of their units (Davison & Hinkley 1997, Bootstrap Methods and their
Application, section 3.8; Field & Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x). For scores of
sums it is enough to add up each cluster's units first, and to draw these sums.

Percentile intervals of few units are too narrow: the bootstrap variance of n units lacks a factor
of n / (n - 1), and a normal quantile stands where Student's belongs. ``units`` corrects both, by
percentiles further out (Hesterberg 2015, doi 10.1080/00031305.2015.1089789, "expanded percentile
interval"). Where a few units weigh more than all others, their effective number counts
(`effective_units`). ``benchmarks/interval_coverage.py`` measures what that gains.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslip.core.records import StrictModel

FEW_GROUPS = 10
"""Intervals over fewer groups than this are too narrow, even if corrected for their number."""
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

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends; None where one is undefined."""
        return None if self.low is None or self.high is None else (self.low, self.high)


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


def effective_units(sizes: ArrayLike) -> float:
    """Return the number of equally large units that vary as much as units of these sizes (units,).

    (sum w)² / sum w² (Kish 1965, Survey Sampling; for clusters Carter, Schnepel & Steigerwald 2017,
    doi 10.1162/REST_a_00639): the number of units where all are equal, and 1 where one holds all. 0
    where no unit has a size.
    """
    weights = np.asarray(sizes, dtype=np.float64)
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def tail_percentage(level: float, units: float = np.inf) -> float:
    """Return the percentage of draws beyond either end of the interval of a level.

    50 (1 - level) for many units; for n fewer, 100 Phi(-sqrt(n / (n - 1)) t), with the quantile t
    of Student's distribution of n - 1 degrees of freedom. 0 for at most one unit: the interval then
    is that of all draws.
    """
    if np.isinf(units):
        return 50 * (1 - level)
    if units <= 1:
        return 0.0
    from scipy.special import ndtr, stdtrit

    quantile = stdtrit(units - 1, (1 + level) / 2) * np.sqrt(units / (units - 1))
    return float(100 * ndtr(-quantile))


def bootstrap_p_value(drawn: NDArray[np.float64], units: float = np.inf) -> float:
    """Return the two-sided p of draws (draws,) against 0: 1 - level of the interval that ends at 0.

    It is the inverse of `tail_percentage`; at most 1. Draws that are not finite do not count.

    Raises:
        ValueError: no draw is finite.
    """
    defined = drawn[np.isfinite(drawn)]
    if len(defined) == 0:
        raise ValueError("a p-value needs draws that are finite, and none is")
    tail = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0)) / len(defined)
    if np.isinf(units):
        return min(1.0, 2 * tail)
    if units <= 1:
        return float(tail > 0)
    from scipy.special import ndtri, stdtr

    quantile = ndtri(tail) * np.sqrt((units - 1) / units)
    return float(min(1.0, 2 * stdtr(units - 1, quantile)))


def percentile_interval(
    values: NDArray[np.float64], level: float, units: float = np.inf
) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the values that are finite; None where none is.

    ``units``: (effective) number of units that were drawn, where they are few.
    """
    defined = values[np.isfinite(values)]
    if len(defined) == 0:
        return None, None
    tail = tail_percentage(level, units)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


def interval_estimate(
    value: float, drawn: NDArray[np.float64], level: float, units: float = np.inf
) -> IntervalEstimate:
    """Return a value with the percentile interval of its bootstrap draws (n,); none of under 20.

    What is not finite is undefined: such a value becomes None, and such draws are left out.
    ``units``: see `percentile_interval`.
    """
    if not np.isfinite(value):
        return IntervalEstimate(value=None)
    if np.count_nonzero(np.isfinite(drawn)) < _MIN_DRAWS:
        return IntervalEstimate(value=float(value))
    low, high = percentile_interval(drawn, level, units)
    return IntervalEstimate(value=float(value), low=low, high=high)
