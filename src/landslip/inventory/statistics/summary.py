"""All statistics of an inventory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.messages import Message, message, sentences
from landslip.inventory.statistics.areas import usable_areas
from landslip.inventory.statistics.frequency import Sampling, area_frequency
from landslip.inventory.statistics.magnitude import magnitude_of
from landslip.inventory.statistics.result import AdjustedArea, Sizes, Statistics
from landslip.inventory.statistics.volume import volumes_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StatisticsRequest:
    """What statistics are made of.

    Attributes:
        areas_m2: (n,) areas on the map, one for each landslide; NaN where not known.
        surface_m2: (n,) areas along the slope, NaN where not known; None without heights.
        mapped_m2: area of the ground that was mapped.
        covered_m2: what landslides cover of it, ground that several share once; None: the sum of
            their areas.
        least_m2: area under which the inventory holds no landslide; 0 where that is not known.
        draws: for the intervals.
        seed: of the draws.
        level: of the intervals.
        adjusted: area adjusted for errors, where a validation was given.
    """

    areas_m2: Array
    surface_m2: Array | None = None
    mapped_m2: float | None = None
    covered_m2: float | None = None
    least_m2: float = 0.0
    draws: int = 500
    seed: int = 0
    level: float = 0.95
    adjusted: AdjustedArea | None = None


def statistics_of(request: StatisticsRequest) -> Statistics:
    """Return the statistics of an inventory, which may be empty; what is not known is None."""
    areas = usable_areas(request.areas_m2)
    landslides, notes = len(request.areas_m2), []
    if landslides and len(areas) < landslides:
        unmeasured = landslides - len(areas)
        notes.append(message("statistics.areas_unknown", count=unmeasured, total=landslides))
    how = Sampling(draws=request.draws, seed=request.seed, level=request.level)
    frequency, told = area_frequency(areas, request.least_m2, how)
    area = _sum(request.areas_m2)
    surface, unknown = _surface(request.surface_m2)
    mapped = request.mapped_m2 if request.mapped_m2 else None
    covered = area if request.covered_m2 is None else request.covered_m2
    noted = (*notes, *unknown, *told)
    return Statistics(
        landslides=landslides,
        area_m2=area,
        surface_m2=surface,
        mapped_m2=mapped,
        landslides_per_km2=None if mapped is None else landslides / (mapped / 1e6),
        area_share=None if mapped is None or covered is None else covered / mapped,
        sizes=_sizes(areas),
        area_frequency=frequency,
        magnitude=magnitude_of(landslides, areas, request.level),
        volumes=volumes_of(areas, request.draws, request.seed, request.level),
        adjusted=request.adjusted,
        interval_level=request.level,
        draws=request.draws,
        seed=request.seed,
        notes=sentences(noted),
        messages=noted,
    )


def _sum(values: Array) -> float | None:
    """Return the sum; None where one is not known."""
    total = float(np.sum(values))
    return total if np.isfinite(total) else None


def _surface(surface_m2: Array | None) -> tuple[float | None, list[Message]]:
    if surface_m2 is None:
        return None, []
    unknown = int(np.count_nonzero(~np.isfinite(surface_m2)))
    if not unknown:
        return _sum(surface_m2), []
    return None, [message("statistics.surface_unknown", count=unknown, total=len(surface_m2))]


def _sizes(areas_m2: Array) -> Sizes | None:
    if len(areas_m2) == 0:
        return None
    return Sizes(
        smallest_m2=float(areas_m2[0]),
        median_m2=float(np.median(areas_m2)),
        mean_m2=float(areas_m2.mean()),
        p90_m2=float(np.percentile(areas_m2, 90)),
        largest_m2=float(areas_m2[-1]),
    )
