"""The return of plants as a curve: the deficit falls exponentially."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.bootstrap import bootstrap_weights

LONGEST_YEARS, SHORTEST_YEARS = 200.0, 0.05
_STEPS = 400
_TIMES: NDArray[np.float64] = np.geomspace(SHORTEST_YEARS, LONGEST_YEARS, _STEPS)
_LEVEL = 0.95

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnCurve:
    """Deficit A exp(-t / T) against the level before, and the half-life T ln 2 with its interval.

    Times are in years; NaN: not known, infinite: it does not return (over 200 years). ``rms`` is of
    what the curve leaves of the deficits; NaN with fewer than three dates.
    """

    deficit: float
    half_life: float
    low: float
    high: float
    rms: float


def fit_return(years: Values, deficits: Values) -> tuple[Values, Values]:
    """Fit A exp(-t / T) by least squares to each row of deficits.

    For each of 400 times T from 0.05 to 200 years the best A is known in closed form; the best T is
    refined by a parabola through three of them.

    Args:
        years: (dates,) since the first date after the landslide.
        deficits: (n, dates), what is lacking to the level before; NaN where not seen.

    Returns:
        A and T (n,) in years; T is infinite where the deficit does not fall, and both are NaN where
        fewer than two dates are known or there is no deficit.
    """
    known = np.isfinite(deficits)
    y = np.where(known, deficits, 0.0)
    curves = np.exp(-years / _TIMES[:, np.newaxis])
    products = y @ curves.T
    squares = known @ (curves**2).T
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.where(products > 0, products**2 / squares, -np.inf)
    best = explained.argmax(axis=1)
    rows = np.arange(len(y))
    inner = np.clip(best, 1, _STEPS - 2)
    left, middle, right = (explained[rows, inner + step] for step in (-1, 0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = 0.5 * (left - right) / (left - 2 * middle + right)
    shift = np.where(np.isfinite(shift) & (best == inner), np.clip(shift, -1, 1), 0.0)
    step = np.log(_TIMES[1] / _TIMES[0])
    times = np.where(best == _STEPS - 1, np.inf, _TIMES[best] * np.exp(shift * step))
    curve = np.exp(-years / times[:, np.newaxis])
    with np.errstate(invalid="ignore", divide="ignore"):
        amplitudes = (y * curve).sum(axis=1) / (known * curve**2).sum(axis=1)
    unknown = (known.sum(axis=1) < 2) | ~(amplitudes > 0)
    return np.where(unknown, np.nan, amplitudes), np.where(unknown, np.nan, times)


def return_curve(
    years: Values, deficits: Values, blocks: NDArray[np.int64], draws: int, seed: int
) -> ReturnCurve:
    """Fit the mean deficit of pixels, with an interval by bootstrap over blocks of pixels.

    Neighbouring pixels are alike, so that whole blocks are drawn. The interval holds what varies
    within the landslide and not what the neighbours' level is wrong by.

    Args:
        years: (dates,) since the first date after the landslide.
        deficits: (pixels, dates), NaN where not seen.
        blocks: (pixels,) number of each pixel's block, from 0.
        draws: number of bootstrap samples; 0: no interval.
        seed: of the draws.
    """
    known = np.isfinite(deficits)
    units = int(blocks.max()) + 1
    sums, counts = np.zeros((2, units, len(years)))
    np.add.at(sums, blocks, np.where(known, deficits, 0.0))
    np.add.at(counts, blocks, known)
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=0) / counts.sum(axis=0)
    (amplitude,), (time,) = fit_return(years, mean[np.newaxis])
    low = high = np.nan
    if units > 1 and draws > 0 and np.isfinite(amplitude):
        weights = bootstrap_weights(units, draws, np.random.default_rng(seed))
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (weights @ sums) / (weights @ counts)
        _, times = fit_return(years, drawn)
        times = times[~np.isnan(times)]
        tail = (1 - _LEVEL) / 2
        if len(times):  # infinite ones count, so that no mean of two is taken
            low, high = np.quantile(times, (tail, 1 - tail), method="nearest")
    dates = np.isfinite(mean)
    rms = np.nan
    if dates.sum() > 2:
        left = mean - amplitude * np.exp(-years / time)
        rms = float(np.sqrt(np.mean(left[dates] ** 2)))
    half = np.log(2)
    return ReturnCurve(
        deficit=float(amplitude),
        half_life=float(time * half),
        low=float(low * half),
        high=float(high * half),
        rms=rms,
    )
