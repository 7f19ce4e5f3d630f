"""How often landslides of which area are: fits, their intervals, and a histogram to look at.

The histogram's classes are equally wide in the logarithm of area. It is for plots alone: a line
fitted through such classes gives biased exponents, and the fits here take the areas themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.messages import Message, message
from landslip.inventory.statistics.areas import counted
from landslip.inventory.statistics.bootstrap import percentile_estimate
from landslip.inventory.statistics.inverse_gamma import InverseGamma
from landslip.inventory.statistics.inverse_gamma_fit import Fitted, fit_inverse_gamma, fit_many
from landslip.inventory.statistics.power_law import fit_power_law, likelihood_of_worse, refitted
from landslip.inventory.statistics.result import (
    AreaFrequency,
    Estimate,
    Histogram,
    InverseGammaFit,
    PowerLawFit,
)

FEWEST = 30
_CLASSES_A_DECADE, _MOST_CLASSES = 6, 60
_MOST_P_DRAWS, _MOST_DRAWS_OF_MANY, _MANY = 200, 100, 20_000
_DIFFERENT = 10
_LONE_CLASS = 1.2
_SMALLEST_SHARE = 0.01

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How intervals are drawn: number of draws, seed, and level of the interval."""

    draws: int = 500
    seed: int = 0
    level: float = 0.95


def area_frequency(
    areas_m2: Array, least_m2: float, how: Sampling
) -> tuple[AreaFrequency | None, list[Message]]:
    """Return fits and histogram of rising areas over 0, and what must be known about them.

    Args:
        areas_m2: (n,) float64; those under ``least_m2`` are left out of the fits.
        least_m2: area under which the inventory holds no landslide; 0 where that is not known.
        how: draws for the intervals.
    """
    if len(areas_m2) == 0:
        return None, []
    chart = histogram(areas_m2)
    kept, notes = areas_m2[areas_m2 >= least_m2], []
    if len(kept) < len(areas_m2):
        smaller = len(areas_m2) - len(kept)
        notes.append(message("statistics.small", count=smaller, min_area_m2=least_m2))
    if len(kept) < FEWEST or len(np.unique(kept)) < _DIFFERENT:
        few = message(
            "statistics.few",
            min_landslides=FEWEST,
            min_areas=_DIFFERENT,
            count=len(kept),
            areas=len(np.unique(kept)),
        )
        notes.append(few)
        return AreaFrequency(histogram=chart, inverse_gamma=None, power_law=None), notes
    gamma, told = _inverse_gamma(kept, least_m2, how)
    tail = _power_law(kept, how)
    if tail is None:
        notes.append(message("statistics.no_tail"))
    elif tail.p_value is not None and tail.p_value < 0.1:
        notes.append(message("statistics.no_power_law", p_value=_p_text(tail.p_value)))
    found = AreaFrequency(histogram=chart, inverse_gamma=gamma, power_law=tail)
    return found, [*notes, *told]


def _p_text(p_value: float) -> str:
    return f"= {p_value:.2f}" if p_value >= 0.01 else "< 0.01"


def histogram(areas_m2: Array) -> Histogram | None:
    """Count areas over 0 in about six classes to a factor of ten, from the smallest to the largest.

    None without an area; equal areas make one class around them.
    """
    if len(areas_m2) == 0:
        return None
    low, high = float(areas_m2.min()), float(areas_m2.max())
    if high <= low * (1 + 1e-9):
        low, high = low / _LONE_CLASS, high * _LONE_CLASS
    classes = int(np.clip(np.ceil(_CLASSES_A_DECADE * np.log10(high / low)), 1, _MOST_CLASSES))
    edges = np.geomspace(low, high, classes + 1)
    landslides, _ = np.histogram(areas_m2, edges)
    density = landslides / len(areas_m2) / np.diff(edges)
    return Histogram(
        edges_m2=tuple(edges.tolist()),
        landslides=tuple(landslides.tolist()),
        density_per_m2=tuple(density.tolist()),
    )


def _inverse_gamma(
    areas_m2: Array, least_m2: float, how: Sampling
) -> tuple[InverseGammaFit, list[Message]]:
    areas = counted(areas_m2)
    fitted = fit_inverse_gamma(areas, least_m2)
    found = fitted.distribution
    generator = np.random.default_rng([how.seed, 1])
    drawn = fit_many(areas, areas.resampled(how.draws, generator), least_m2)
    rollovers = drawn[:, 1] / (drawn[:, 0] + 1) + drawn[:, 2]
    rollover = _over_zero(percentile_estimate(found.rollover_m2, rollovers, how.level))
    rho, a, s = (
        percentile_estimate(value, drawn[:, at], how.level)
        for at, value in enumerate((found.rho, found.a_m2, found.s_m2))
    )
    result = InverseGammaFit(
        rho=rho,
        a_m2=a,
        s_m2=s,
        rollover_m2=rollover,
        least_m2=least_m2,
        landslides=len(areas_m2),
        log_likelihood=fitted.log_likelihood,
        ks_distance=ks_distance(areas_m2, found, least_m2),
    )
    # a sliver or two tell nothing of what was mapped
    smallest = float(np.quantile(areas_m2, _SMALLEST_SHARE))
    return result, _warnings(fitted, rollover, max(least_m2, smallest))


def _over_zero(area: Estimate) -> Estimate:
    """Return an area that can be: none where its estimate is not over 0, low ends from 0 on."""
    if area.value is None or area.value <= 0:
        return Estimate(value=None)
    return Estimate(
        value=area.value, low=None if area.low is None else max(area.low, 0.0), high=area.high
    )


def ks_distance(areas_m2: Array, fitted: InverseGamma, least_m2: float) -> float:
    """Return the greatest distance between the shares of smaller landslides, seen and fitted."""
    least = np.array(max(least_m2, 0.0))
    smaller = 1 - fitted.share_over(areas_m2) / fitted.share_over(least)
    seen = np.arange(len(areas_m2) + 1) / len(areas_m2)
    firsts = np.searchsorted(areas_m2, areas_m2)
    lasts = np.searchsorted(areas_m2, areas_m2, side="right")
    return float(max(np.max(smaller - seen[firsts]), np.max(seen[lasts] - smaller)))


def _warnings(fitted: Fitted, rollover: Estimate, edge: float) -> list[Message]:
    """Return what keeps the rollover or the parameters from meaning what they seem to."""
    notes = []
    at = fitted.distribution.rollover_m2
    uncertain = rollover.low is not None and rollover.low < edge
    if "rollover" in fitted.at_edge or at < edge:
        notes.append(message("statistics.no_rollover", smallest_m2=edge))
    elif at < 3 * edge or uncertain:
        notes.append(message("statistics.rollover_at_edge", rollover_m2=at, smallest_m2=edge))
    if "shape" in fitted.at_edge:
        notes.append(message("statistics.unbounded"))
    return notes


def _power_law(areas_m2: Array, how: Sampling) -> PowerLawFit | None:
    fitted = fit_power_law(areas_m2)
    if fitted is None:
        return None
    draws = how.draws if len(areas_m2) <= _MANY else min(how.draws, _MOST_DRAWS_OF_MANY)
    drawn = refitted(areas_m2, draws, np.random.default_rng([how.seed, 2]))
    p_draws = min(draws, _MOST_P_DRAWS)
    p_value = None
    if p_draws > 0:
        generator = np.random.default_rng([how.seed, 3])
        p_value = likelihood_of_worse(areas_m2, fitted, p_draws, generator)
    return PowerLawFit(
        exponent=percentile_estimate(fitted.exponent, drawn[:, 0], how.level),
        from_m2=percentile_estimate(fitted.from_m2, drawn[:, 1], how.level),
        landslides=fitted.landslides,
        ks_distance=fitted.ks_distance,
        p_value=p_value,
    )
