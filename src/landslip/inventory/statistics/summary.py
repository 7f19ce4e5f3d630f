"""All statistics of an inventory: sizes, distribution of areas, event magnitude, and volume.

**Magnitude** is log10 of the number of landslides (Malamud et al. 2004). The number mapped depends
on how small landslides are mapped, so it is also inferred from landslides of at least 10,000 m², of
which the standard distribution, that of three complete events, holds 4.1 %: their number over that
fraction. That holds where the landslides of one event were mapped and their areas follow the
standard distribution.

**Volume** is the total by relations between area and volume, V = alpha A^gamma: an order of
magnitude. Such relations are lines through the logarithms of areas and volumes of other landslides,
whose volumes for one area span two orders of magnitude. Areas are those on the map, source and
deposit together, as they are mapped from images; relations of scars, the source alone, overestimate
the volume of such outlines. Exponents are over 1, so that landslides merged into one outline have a
larger volume than apart (Marc and Hovius 2015, doi 10.5194/nhess-15-723-2015). Errors of alpha and
gamma are drawn as if independent, as their covariance is not published: the interval of a relation
fitted to few landslides, such as that of Wenchuan, is too wide rather than too narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from landslip.core.messages import message, sentences
from landslip.inventory.statistics.area_frequency import area_frequency
from landslip.inventory.statistics.inverse_gamma import usable_areas
from landslip.inventory.statistics.result import (
    AdjustedLandslideArea,
    DateTotal,
    EventMagnitude,
    InventoryStatistics,
    LandslideSizes,
    VolumeTotal,
)
from landslip.metrics.bootstrap import IntervalEstimate, Resampling, interval_estimate
from landslip.metrics.inverse_gamma import MALAMUD_2004

LARGE_FROM_M2 = 10_000.0
MIN_LARGE = 5
LANDSLIDE_ERROR_LOG10 = 0.4
"""Assumed standard deviation of one landslide's log10 volume about the relation."""
RELATION_ERROR_LOG10 = 0.3
"""Assumed standard deviation, of one kind for all landslides of an inventory: a factor of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRelation:
    """A published relation; V in m³ for A in m². Standard errors are 0 where none is published."""

    name: str
    reference: str
    alpha: float
    gamma: float
    log10_alpha_error: float = 0.0
    gamma_error: float = 0.0


RELATIONS = (
    VolumeRelation(
        name="Guzzetti et al. 2009, landslides of the slide type",
        reference="doi 10.1016/j.epsl.2009.01.005",
        alpha=0.074,
        gamma=1.450,
    ),
    VolumeRelation(
        name="Larsen et al. 2010, all landslides",
        reference="doi 10.1038/ngeo776",
        alpha=10**-0.836,
        gamma=1.332,
        log10_alpha_error=0.015,
        gamma_error=0.005,
    ),
    VolumeRelation(
        name="Larsen et al. 2010, scars in soil",
        reference="doi 10.1038/ngeo776, table S1",
        alpha=10**-0.649,
        gamma=1.262,
        log10_alpha_error=0.021,
        gamma_error=0.009,
    ),
    VolumeRelation(
        name="Larsen et al. 2010, scars in bedrock",
        reference="doi 10.1038/ngeo776, table S1",
        alpha=10**-0.63,
        gamma=1.41,
        log10_alpha_error=0.06,
        gamma_error=0.02,
    ),
    VolumeRelation(
        name="Parker et al. 2011, Wenchuan earthquake",
        reference="doi 10.1038/ngeo1154",
        alpha=0.106,
        gamma=1.388,
        log10_alpha_error=0.366,
        gamma_error=0.087,
    ),
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StatisticsRequest:
    """What statistics are computed from.

    Attributes:
        areas_m2: (n,) areas on the map, one for each landslide; NaN where unknown.
        surface_m2: (n,) areas along the slope, NaN where unknown; None without heights.
        mapped_m2: size of the mapped area.
        covered_m2: what landslides cover of it, overlaps counted once; None: the sum of their
            areas.
        least_m2: minimum mapping unit; 0 where it is unknown.
        draws: for the intervals.
        seed: of the draws.
        level: of the intervals.
        adjusted: area adjusted for errors, where a validation was given.
        dates: (n,) text or None, where landslides have dates of their own.
    """

    areas_m2: Array
    surface_m2: Array | None = None
    mapped_m2: float | None = None
    covered_m2: float | None = None
    least_m2: float = 0.0
    draws: int = 500
    seed: int = 0
    level: float = 0.95
    adjusted: AdjustedLandslideArea | None = None
    dates: NDArray[np.object_] | None = None


def statistics_of(request: StatisticsRequest) -> InventoryStatistics:
    """Return the statistics of an inventory, which may be empty; unknown values are None."""
    areas, landslides = usable_areas(request.areas_m2), len(request.areas_m2)
    how = Resampling(draws=request.draws, seed=request.seed, level=request.level)
    frequency, frequency_notes = area_frequency(areas, request.least_m2, how)
    area_m2, surface_m2 = _sum(request.areas_m2), None
    notes = []
    if len(areas) < landslides:
        unmeasured = landslides - len(areas)
        notes.append(message("statistics.areas_unknown", count=unmeasured, total=landslides))
    if request.surface_m2 is not None:
        surface_m2 = _sum(request.surface_m2)
        if surface_m2 is None:
            unknown = int(np.count_nonzero(~np.isfinite(request.surface_m2)))
            notes.append(message("statistics.surface_unknown", count=unknown, total=landslides))
    notes += frequency_notes
    mapped_m2 = request.mapped_m2 or None
    covered_m2 = area_m2 if request.covered_m2 is None else request.covered_m2
    sizes = None
    if len(areas):
        sizes = LandslideSizes(
            smallest_m2=float(areas[0]),
            median_m2=float(np.median(areas)),
            mean_m2=float(areas.mean()),
            p90_m2=float(np.percentile(areas, 90)),
            largest_m2=float(areas[-1]),
        )
    return InventoryStatistics(
        landslides=landslides,
        area_m2=area_m2,
        surface_m2=surface_m2,
        mapped_m2=mapped_m2,
        landslides_per_km2=landslides / (mapped_m2 / 1e6) if mapped_m2 else None,
        area_share=covered_m2 / mapped_m2 if mapped_m2 and covered_m2 is not None else None,
        sizes=sizes,
        area_frequency=frequency,
        magnitude=magnitude_of(landslides, areas, request.level),
        volumes=volumes_of(areas, how),
        adjusted=request.adjusted,
        dates=() if request.dates is None else date_totals(request.dates, request.areas_m2),
        interval_level=request.level,
        draws=request.draws,
        seed=request.seed,
        notes=sentences(notes),
        messages=tuple(notes),
    )


def _sum(values: Array) -> float | None:
    """Return the sum; None where a value is unknown."""
    total = float(np.sum(values))
    return total if np.isfinite(total) else None


def date_totals(dates: NDArray[np.object_], areas_m2: Array) -> tuple[DateTotal, ...]:
    """Return number and area of the landslides of each date, those without one last."""
    known = {str(day) for day in dates if day is not None}
    days: list[str | None] = [*sorted(known), *([None] if None in set(dates) else [])]
    totals = []
    for day in days:
        own = np.array([one == day for one in dates], dtype=np.bool_)
        totals.append(DateTotal(date=day, landslides=int(own.sum()), area_m2=_sum(areas_m2[own])))
    return tuple(totals)


def magnitude_of(
    landslides: int, areas_m2: NDArray[np.float64], level: float
) -> EventMagnitude | None:
    """Return the magnitude of an inventory; None of one without landslides.

    The interval from large landslides is that of their number as a Poisson variable (Garwood
    1936); how far an event's areas are from the standard distribution is not in it. ``landslides``
    is the number of all, ``areas_m2`` those areas that are known.
    """
    if landslides == 0:
        return None
    large = int(np.count_nonzero(areas_m2 >= LARGE_FROM_M2))
    inferred = None
    if large >= MIN_LARGE:
        share = float(MALAMUD_2004.fraction_over(np.array(LARGE_FROM_M2)))
        low, high = gammaincinv([large, large + 1], [(1 - level) / 2, (1 + level) / 2])
        value, low, high = (float(np.log10(number / share)) for number in (large, low, high))
        inferred = IntervalEstimate(value=value, low=low, high=high)
    return EventMagnitude(
        from_count=float(np.log10(landslides)),
        from_large=inferred,
        large_from_m2=None if inferred is None else LARGE_FROM_M2,
    )


def volumes_of(areas_m2: NDArray[np.float64], how: Resampling) -> tuple[VolumeTotal, ...]:
    """Return the total volume by each relation; none without areas.

    The value is the sum of alpha A^gamma. The interval is that of draws of log10 alpha and gamma
    within their published standard errors, as if independent, and of two assumed normal errors of
    log10 V: `RELATION_ERROR_LOG10`, shared by all landslides, and `LANDSLIDE_ERROR_LOG10` of each,
    which is divided by the root of the number of landslides that make up the volume.
    """
    if len(areas_m2) == 0:
        return ()
    logs, totals = np.log(areas_m2), []
    for at, relation in enumerate(RELATIONS):
        generator = np.random.default_rng([how.seed, 4, at])
        by_alpha, by_gamma, shared, own = generator.normal(size=(4, how.draws))
        each = relation.alpha * np.exp(relation.gamma * logs)
        total = float(each.sum())
        effective = total**2 / float(np.sum(each**2))
        gammas = relation.gamma_error * by_gamma
        # over so small a change of gamma, the logarithm of the sum is a parabola
        mean = float(np.average(logs, weights=each))
        spread = float(np.average((logs - mean) ** 2, weights=each))
        log10 = (
            np.log10(total)
            + relation.log10_alpha_error * by_alpha
            + (gammas * mean + gammas**2 * spread / 2) / np.log(10)
            + RELATION_ERROR_LOG10 * shared
            + LANDSLIDE_ERROR_LOG10 / np.sqrt(effective) * own
        )
        totals.append(
            VolumeTotal(
                relation=relation.name,
                reference=relation.reference,
                alpha=relation.alpha,
                gamma=relation.gamma,
                total_m3=interval_estimate(total, 10**log10, how.level),
            )
        )
    return tuple(totals)
