"""Frequency of landslides by area: an inverse gamma, a power law of the tail, and a histogram.

The power law is fitted by maximum likelihood: p(A) = (exponent - 1) / from (A / from)^-exponent for
A from ``from`` on, which is where the Kolmogorov-Smirnov distance between tail and fit is least
(Clauset et al. 2009, doi 10.1137/070710111, equations 3.1 and 3.9).

The histogram has classes of equal width in the logarithm of area. It is for plots alone: a line
fitted through such classes gives biased exponents, and the fits here use the areas themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.messages import Message, message
from landslip.inventory.statistics.inverse_gamma import (
    count_areas,
    fit_inverse_gamma,
    fit_inverse_gamma_many,
)
from landslip.inventory.statistics.result import (
    AreaFrequency,
    AreaHistogram,
    InverseGammaFit,
    PowerLawFit,
)
from landslip.metrics.bootstrap import (
    IntervalEstimate,
    Resampling,
    bootstrap_weights,
    interval_estimate,
)
from landslip.metrics.inverse_gamma import InverseGamma

MIN_LANDSLIDES = 30
_CLASSES_PER_DECADE, _MAX_CLASSES = 6, 60
_MAX_P_DRAWS, _MAX_DRAWS_OF_MANY, _MANY = 200, 100, 20_000
_MIN_AREAS = 10
_SINGLE_CLASS_RATIO = 1.2
_SMALLEST_QUANTILE = 0.01
_MAX_STARTS, _MAX_CHECKED = 80, 1_000

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLawTail:
    """A tail: its exponent, where it begins, how many landslides it holds, and its KS distance."""

    exponent: float
    from_m2: float
    landslides: int
    ks_distance: float


def area_frequency(
    areas_m2: Array, least_m2: float, how: Resampling
) -> tuple[AreaFrequency | None, list[Message]]:
    """Return fits and histogram of rising areas over 0 (n,), with notes.

    Areas under ``least_m2``, the minimum mapping unit (0: unknown), are left out of the fits.
    """
    if len(areas_m2) == 0:
        return None, []
    classes = histogram(areas_m2)
    fitted, notes = areas_m2[areas_m2 >= least_m2], []
    if len(fitted) < len(areas_m2):
        smaller = len(areas_m2) - len(fitted)
        notes.append(message("statistics.small", count=smaller, min_area_m2=least_m2))
    different = len(np.unique(fitted))
    if len(fitted) < MIN_LANDSLIDES or different < _MIN_AREAS:
        few = message(
            "statistics.few",
            min_landslides=MIN_LANDSLIDES,
            min_areas=_MIN_AREAS,
            count=len(fitted),
            areas=different,
        )
        return AreaFrequency(histogram=classes, inverse_gamma=None, power_law=None), [*notes, few]
    gamma, gamma_notes = _inverse_gamma(fitted, least_m2, how)
    tail = _power_law(fitted, how)
    if tail is None:
        notes.append(message("statistics.no_tail"))
    elif tail.p_value is not None and tail.p_value < 0.1:
        p_text = f"= {tail.p_value:.2f}" if tail.p_value >= 0.01 else "< 0.01"
        notes.append(message("statistics.no_power_law", p_value=p_text))
    found = AreaFrequency(histogram=classes, inverse_gamma=gamma, power_law=tail)
    return found, [*notes, *gamma_notes]


def histogram(areas_m2: Array) -> AreaHistogram | None:
    """Count areas over 0 in about six classes per decade, from the smallest to the largest.

    None without an area; equal areas make one class around them.
    """
    if len(areas_m2) == 0:
        return None
    low, high = float(areas_m2.min()), float(areas_m2.max())
    if high <= low * (1 + 1e-9):
        low, high = low / _SINGLE_CLASS_RATIO, high * _SINGLE_CLASS_RATIO
    classes = int(np.clip(np.ceil(_CLASSES_PER_DECADE * np.log10(high / low)), 1, _MAX_CLASSES))
    edges = np.geomspace(low, high, classes + 1)
    landslides, _ = np.histogram(areas_m2, edges)
    density = landslides / len(areas_m2) / np.diff(edges)
    return AreaHistogram(
        edges_m2=tuple(edges.tolist()),
        landslides=tuple(landslides.tolist()),
        density_per_m2=tuple(density.tolist()),
    )


def _inverse_gamma(
    areas_m2: Array, least_m2: float, how: Resampling
) -> tuple[InverseGammaFit, list[Message]]:
    """Return the fit, and what keeps rollover or parameters from meaning what they seem to."""
    areas = count_areas(areas_m2)
    fitted = fit_inverse_gamma(areas, least_m2)
    best = fitted.distribution
    generator = np.random.default_rng([how.seed, 1])
    drawn = fit_inverse_gamma_many(areas, areas.resampled(how.draws, generator), least_m2)
    rho, a, s = (
        interval_estimate(value, drawn[:, at], how.level)
        for at, value in enumerate((best.rho, best.a_m2, best.s_m2))
    )
    rollovers = drawn[:, 1] / (drawn[:, 0] + 1) + drawn[:, 2]
    rollover = interval_estimate(best.rollover_m2, rollovers, how.level)
    if best.rollover_m2 <= 0:  # no area
        rollover = IntervalEstimate(value=None)
    elif rollover.low is not None:
        rollover = rollover.model_copy(update={"low": max(rollover.low, 0.0)})
    result = InverseGammaFit(
        rho=rho,
        a_m2=a,
        s_m2=s,
        rollover_m2=rollover,
        least_m2=least_m2,
        landslides=len(areas_m2),
        log_likelihood=fitted.log_likelihood,
        ks_distance=ks_distance(areas_m2, best, least_m2),
        is_bounded="shape" not in fitted.at_edge,
    )
    # a sliver or two are no evidence of what was mapped
    edge, notes = max(least_m2, float(np.quantile(areas_m2, _SMALLEST_QUANTILE))), []
    at, uncertain = best.rollover_m2, rollover.low is not None and rollover.low < edge
    if "rollover" in fitted.at_edge or at < edge:
        notes.append(message("statistics.no_rollover", smallest_m2=edge))
    elif at < 3 * edge or uncertain:
        notes.append(message("statistics.rollover_at_edge", rollover_m2=at, smallest_m2=edge))
    if not result.is_bounded:
        notes.append(message("statistics.unbounded"))
    return result, notes


def ks_distance(areas_m2: Array, fitted: InverseGamma, least_m2: float) -> float:
    """Return the greatest distance between the empirical and the fitted distribution."""
    least = np.array(max(least_m2, 0.0))
    smaller = 1 - fitted.fraction_over(areas_m2) / fitted.fraction_over(least)
    empirical = np.arange(len(areas_m2) + 1) / len(areas_m2)
    firsts = np.searchsorted(areas_m2, areas_m2)
    lasts = np.searchsorted(areas_m2, areas_m2, side="right")
    return float(max(np.max(smaller - empirical[firsts]), np.max(empirical[lasts] - smaller)))


def _power_law(areas_m2: Array, how: Resampling) -> PowerLawFit | None:
    fitted = fit_power_law(areas_m2)
    if fitted is None:
        return None
    draws = how.draws if len(areas_m2) <= _MANY else min(how.draws, _MAX_DRAWS_OF_MANY)
    drawn = bootstrap_power_law(areas_m2, draws, np.random.default_rng([how.seed, 2]))
    p_draws, generator = min(draws, _MAX_P_DRAWS), np.random.default_rng([how.seed, 3])
    p_value = power_law_p_value(areas_m2, fitted, p_draws, generator) if p_draws > 0 else None
    return PowerLawFit(
        exponent=interval_estimate(fitted.exponent, drawn[:, 0], how.level),
        from_m2=interval_estimate(fitted.from_m2, drawn[:, 1], how.level),
        landslides=fitted.landslides,
        ks_distance=fitted.ks_distance,
        p_value=p_value,
    )


def fit_power_law(areas_m2: Array) -> PowerLawTail | None:
    """Fit the tail of rising areas over 0.

    A tail begins at one of up to 80 of the areas, evenly spread by rank, and holds at least 30
    landslides; distances are taken at up to 1,000 areas, evenly spread by rank.

    Returns:
        None where there are fewer than 30 landslides or all of a tail are of one area.
    """
    if len(areas_m2) < MIN_LANDSLIDES:
        return None
    logs = np.log(areas_m2)
    change = areas_m2[1:] != areas_m2[:-1]
    firsts = np.flatnonzero(np.concatenate(([True], change)))
    starts = _evenly_spaced(firsts[firsts <= len(logs) - MIN_LANDSLIDES], _MAX_STARTS)
    held = len(logs) - starts
    sums = np.cumsum(logs[::-1])[::-1][starts] - held * logs[starts]
    slopes = np.divide(held, sums, out=np.zeros(len(sums)), where=sums > 1e-9 * held)
    ends = _evenly_spaced(np.flatnonzero(np.concatenate((change, [True]))) + 1, _MAX_CHECKED)
    distances = _distances(logs, starts, slopes, ends)
    best = int(np.argmin(distances))
    if not np.isfinite(distances[best]):
        return None
    return PowerLawTail(
        exponent=float(1 + slopes[best]),
        from_m2=float(areas_m2[starts[best]]),
        landslides=int(held[best]),
        ks_distance=float(distances[best]),
    )


def power_law_p_value(
    areas_m2: Array, fitted: PowerLawTail, draws: int, generator: np.random.Generator
) -> float:
    """Return the p-value of a power law: how often such areas are farther from their fit.

    Sets of as many areas are drawn: from the fitted tail with the tail's fraction, else from the
    areas under it (Clauset et al. 2009, section 4.1); p under 0.1 speaks against a power law.
    """
    body = areas_m2[areas_m2 < fitted.from_m2]
    share, worse = fitted.landslides / len(areas_m2), 0
    for _ in range(draws):
        in_tail = int(generator.binomial(len(areas_m2), share))
        tail = fitted.from_m2 * generator.uniform(size=in_tail) ** (-1 / (fitted.exponent - 1))
        rest = _redrawn(body, len(areas_m2) - in_tail, generator)
        again = fit_power_law(np.concatenate((rest, np.sort(tail))))
        worse += again is not None and again.ks_distance >= fitted.ks_distance
    return worse / draws


def bootstrap_power_law(areas_m2: Array, draws: int, generator: np.random.Generator) -> Array:
    """Return exponent and start (draws, 2) of bootstrap samples; NaN without a fit."""
    found = np.full((draws, 2), np.nan)
    for draw in range(draws):
        again = fit_power_law(_redrawn(areas_m2, len(areas_m2), generator))
        if again is not None:
            found[draw] = again.exponent, again.from_m2
    return found


def _redrawn(areas_m2: Array, landslides: int, generator: np.random.Generator) -> Array:
    """Return rising areas drawn with replacement from rising ones; none from none."""
    if landslides == 0:
        return areas_m2[:0]
    weights = bootstrap_weights(len(areas_m2), 1, generator, size=landslides)[0]
    return np.repeat(areas_m2, weights.astype(np.intp))


def _evenly_spaced(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Return up to ``most`` of the places, the first and the last among them."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.intp)]


def _distances(
    logs: Array, starts: NDArray[np.intp], slopes: Array, ends: NDArray[np.intp]
) -> Array:
    """Return the greatest distance of each tail to its fit; infinite where there is no fit.

    At each different area the fit is compared with the share of smaller ones and of smaller or
    equal ones.
    """
    firsts = np.searchsorted(logs, logs[ends - 1])
    held = (len(logs) - starts)[:, None]
    inside = firsts[None] >= starts[:, None]
    fitted = np.exp(-slopes[:, None] * np.maximum(logs[ends - 1] - logs[starts][:, None], 0))
    over = np.maximum((len(logs) - ends) / held - fitted, fitted - (len(logs) - ends) / held)
    under = np.abs(fitted - (len(logs) - firsts) / held)
    distances = np.where(inside, np.maximum(over, under), 0).max(axis=1)
    return np.where(slopes > 0, distances, np.inf)
