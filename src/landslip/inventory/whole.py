"""What an inventory says as a whole."""

from dataclasses import dataclass

import numpy as np
import shapely

from landslip.core.crs import AreaMeasure, clip_polygons
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.inventory.found import Found
from landslip.inventory.request import InventoryRequest
from landslip.inventory.statistics.adjusted_area import (
    adjusted_from_sample,
    adjusted_from_tiles,
    read_validation_sample,
)
from landslip.inventory.statistics.result import AdjustedArea, InventoryStatistics
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of
from landslip.inventory.table import Measured
from landslip.metrics.resampling import Resampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Statistics, and what was noticed on the way."""

    statistics: InventoryStatistics
    notes: tuple[Message, ...]


def whole_of(measured: Measured, request: InventoryRequest) -> Whole:
    """Return the statistics of an inventory.

    Raises:
        InputError: a sample or a file of errors cannot be read, or does not fit.
    """
    found, ground = measured.found, measured.terrain
    covered_m2 = None if found.mapped_m2 is None else _covered_m2(found)
    adjusted, notes = _adjusted(found, covered_m2, request)
    statistics = statistics_of(
        StatisticsRequest(
            areas_m2=measured.measures.area_m2,
            surface_m2=ground.surface_m2 if np.isfinite(ground.surface_m2).any() else None,
            mapped_m2=found.mapped_m2,
            covered_m2=covered_m2,
            least_m2=found.least_m2,
            draws=request.draws,
            seed=request.seed,
            adjusted=adjusted,
        )
    )
    return Whole(statistics=statistics, notes=tuple(notes))


def _covered_m2(found: Found) -> float:
    """Return the area that landslides cover of the ground searched; what several share once."""
    inside = found.polygons if found.frame is None else clip_polygons(found.polygons, found.frame)
    parts = shapely.get_parts(shapely.disjoint_subset_union_all(inside))
    return float(AreaMeasure(found.crs).areas_m2(parts).sum())


def _adjusted(
    found: Found, covered_m2: float | None, request: InventoryRequest
) -> tuple[AdjustedArea | None, list[Message]]:
    known = request.known
    if known.sample is None and known.errors is None:
        return None, [message("adjusted.none")]
    if found.mapped_m2 is None or covered_m2 is None:
        raise InputError(
            f"{request.source}: an adjusted area needs the area of the ground that was searched; "
            "give it with --area, in a coordinate system"
        )
    if known.sample is not None:
        sample = read_validation_sample(known.sample, found.polygons, found.projected, found.frame)
        adjusted = adjusted_from_sample(sample, found.mapped_m2, covered_m2)
        return adjusted, list(sample.notes)
    by_tiles = None
    if known.errors is not None:
        how = Resampling(seed=request.seed, draws=max(request.draws, 1))
        by_tiles = adjusted_from_tiles(known.errors, found.mapped_m2, covered_m2, how)
    if by_tiles is None:
        return None, [message("adjusted.few_tiles", file=str(known.errors))]
    return by_tiles, []
