"""Morphometry of polygons: axis, slope and aspect, highest and lowest point."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.geometries import AreaMeasure
from landslip.core.map_distances import MapPlane, azimuths_deg
from landslip.core.progress import Progress, no_progress
from landslip.core.transformations import lonlat_of
from landslip.inventory.morphometry.planimetry import (
    along_and_across_m,
    box_azimuths_deg,
    extents_m,
)
from landslip.inventory.morphometry.sampling import (
    PolygonBatch,
    SamplePoints,
    Values,
    batches,
    centres,
    inner_points,
    outline_points,
    sums,
    valid_rows,
)
from landslip.preprocessing.elevation_model import ElevationModel

DOWNSLOPE, BOX = "downslope", "box"
MIN_COVERAGE = 0.5
MIN_PIXELS_ACROSS = 3.0
"""A slope is that of 3 x 3 pixels, of which fewer across are mostly of other ground."""

_POINTS_INSIDE = 256
_POINTS_A_PIXEL = 8
_MIN_FALL = 1e-6
_MIN_AGREEMENT = 0.01
_OUTLINE_STEPS = 400
_SAME_HEIGHT_M = 1e-3
_ASIDE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainAttributes:
    """Columns of `landslip.inventory.fields`, (n,) each; NaN or None where unknown.

    The axis is the mean direction downslope, as a smallest box calls landslides wider than long
    by the wrong names (Niculita 2016); where the slope is unknown, or the ground is level or falls
    to all sides, it is the box's longer side. It is straight: of a landslide that bends, length
    is the reach along it and not the way down.

    ``axis`` is ``downslope`` or ``box``, None where there is no length; ``highest_points`` and
    ``lowest_points`` are shapely Points in the polygons' coordinates, or None.
    """

    surface_m2: Values
    length_m: Values
    width_m: Values
    elongation: Values
    axis: NDArray[np.object_]
    axis_deg: Values
    elevation_min_m: Values
    elevation_max_m: Values
    elevation_range_m: Values
    slope_deg: Values
    aspect_deg: Values
    runout_m: Values
    h_over_l: Values
    dem_resolution_m: Values
    dem_share: Values
    highest_points: NDArray[np.object_]
    lowest_points: NDArray[np.object_]

    @property
    def dem_coarse(self) -> NDArray[np.object_]:
        """Whether a polygon is under three of the elevation model's pixels across, or None."""
        across_m = np.fmin(self.length_m, self.width_m)
        coarse = (across_m < MIN_PIXELS_ACROSS * self.dem_resolution_m).astype(object)
        coarse[np.isnan(across_m) | np.isnan(self.dem_resolution_m)] = None
        return coarse


def terrain_attributes(
    polygons: NDArray[np.object_],
    crs: pyproj.CRS | None,
    elevation: ElevationModel | None,
    *,
    progress: Progress = no_progress,
) -> TerrainAttributes:
    """Measure polygons (n,), which may have several parts.

    Without an elevation model, length and width are along the box; where fewer than half of a
    polygon's points have heights, columns that need them stay empty save ``dem_share``. Without a
    coordinate system nothing is known.

    Raises:
        InputError: the elevation model covers none of the polygons.
    """
    columns: dict[str, NDArray[Any]] = {
        column.name: np.full(len(polygons), np.nan) for column in fields(TerrainAttributes)
    }
    for name in ("axis", "highest_points", "lowest_points"):
        columns[name] = np.full(len(polygons), None, dtype=object)
    attributes = TerrainAttributes(**columns)
    plane = MapPlane.of(crs)
    if plane is None:
        return attributes
    order = valid_rows(polygons)
    if elevation is not None:  # so that each tile of the elevation model is read once or so
        tiles = elevation.tiles_of(centres(polygons[order]), plane.crs)
        order = order[np.lexsort((tiles[:, 0], tiles[:, 1]))]
    done = 0
    for rows in batches(polygons, order):
        batch = PolygonBatch.of(polygons[rows], plane)
        for name, values in _columns(batch, elevation).items():
            columns[name][rows] = values
        done += len(rows)
        progress(done, len(polygons))
    measured = np.isfinite(attributes.dem_share)
    if elevation is None or not measured.any() or (attributes.dem_share[measured] > 0).any():
        return attributes
    # gaps in an elevation model under all of the polygons are no error
    points = centres(polygons[measured])
    if elevation.covers(points, plane.crs).any():
        return attributes
    lon, lat = lonlat_of(points, plane.crs).T
    raise InputError(
        f"{elevation.path}: the elevation model covers none of the landslides, which are "
        f"between longitude {np.min(lon):.4f} and {np.max(lon):.4f}, latitude {np.min(lat):.4f} "
        f"and {np.max(lat):.4f}; choose one that covers them"
    )


def _columns(batch: PolygonBatch, elevation: ElevationModel | None) -> dict[str, NDArray[Any]]:
    """Return the columns of some polygons."""
    plane, origins = batch.plane, batch.origins
    slopes = None if elevation is None else slope_statistics(batch, elevation)
    unknown = np.full(len(batch.polygons), np.nan)
    aspect_deg = unknown if slopes is None else azimuths_deg(slopes.fall)
    # down the aspect or, where that is unknown, along the box
    level, axis_deg = np.isnan(aspect_deg), aspect_deg.copy()
    axis_deg[level] = box_azimuths_deg(batch.polygons[level], plane, origins[level])
    length_m, width_m = extents_m(batch.edges, axis_deg, plane, origins)
    axis = np.where(level, BOX, DOWNSLOPE).astype(object)
    axis[np.isnan(axis_deg)] = None
    columns = {
        "axis": axis,
        "axis_deg": axis_deg,
        "length_m": length_m,
        "width_m": width_m,
        "elongation": _ratio(length_m, width_m),
    }
    if elevation is None or slopes is None:
        return columns
    area_m2 = AreaMeasure(plane.crs).areas_m2(batch.polygons)
    return columns | {
        "surface_m2": area_m2 * slopes.steepening,
        "slope_deg": slopes.slope_deg,
        "aspect_deg": aspect_deg,
        "dem_share": slopes.coverage,
        "dem_resolution_m": np.where(slopes.coverage >= MIN_COVERAGE, slopes.resolution_m, np.nan),
        **highest_and_lowest_points(batch, elevation, slopes, axis_deg),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeStatistics:
    """Slope inside polygons (n,); NaN where fewer than half of the points are known.

    Coverage is the fraction of the area that has heights, NaN without an area; the slope is a mean
    angle. The mean fall (n, 2) is in metres a metre east and north, NaN also where it is under 1e-6
    or under a hundredth of the mean steepness: level, or falling to all sides. Steepening is the
    mean of the area along the slope over the area on the map.

    The sample has about 256 points a polygon, fewer where they would be nearer than an eighth of
    the elevation model's pixels, but on at least 24 rows. Over pixels of 30 m, 95 % of 2,289 real
    landslides had mean slopes within 0.15 degrees of those of twenty times as many points.
    """

    resolution_m: Values
    coverage: Values
    slope_deg: Values
    fall: Values
    steepening: Values
    sample: SamplePoints
    heights_m: Values


def slope_statistics(batch: PolygonBatch, elevation: ElevationModel) -> SlopeStatistics:
    """Return the slope inside polygons."""
    resolution_m = elevation.resolution_at(batch.origins, batch.plane.crs)
    # by the scale at the origin: good enough to space points
    area_m2 = np.nan_to_num(shapely.area(batch.polygons) * batch.scale.prod(axis=1))
    spacing_m = np.maximum(np.sqrt(area_m2 / _POINTS_INSIDE), resolution_m / _POINTS_A_PIXEL)
    sample = inner_points(batch.edges, spacing_m[:, np.newaxis] / batch.scale)
    heights_m, gradients = elevation.sample(sample.points, batch.plane.crs)
    steepness = np.hypot(gradients[:, 0], gradients[:, 1])
    sloped, count = np.isfinite(steepness), len(batch.polygons)
    owner, weight = sample.owner[sloped], sample.weight[sloped]
    total_weight, area = sums(owner, weight, count), sums(sample.owner, sample.weight, count)
    too_few = ~(_ratio(sums(sample.owner, sample.weight * sloped, count), area) >= MIN_COVERAGE)

    def mean(values: Values) -> Values:
        weighted = sums(owner, weight * values[sloped], count)
        return np.where(too_few, np.nan, _ratio(weighted, total_weight))

    fall = np.column_stack([mean(-gradients[:, 0]), mean(-gradients[:, 1])])
    strength = np.hypot(fall[:, 0], fall[:, 1])
    fall[(strength < _MIN_FALL) | (strength < _MIN_AGREEMENT * mean(steepness))] = np.nan
    known = sums(sample.owner, sample.weight * np.isfinite(heights_m), count)
    return SlopeStatistics(
        resolution_m=resolution_m,
        coverage=_ratio(known, area),
        slope_deg=mean(np.degrees(np.arctan(steepness))),
        fall=fall,
        steepening=mean(np.hypot(1.0, steepness)),
        sample=sample,
        heights_m=heights_m,
    )


def _ratio(over: Values, under: Values) -> Values:
    """Return a quotient; NaN where it is by zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(under > 0, over / under, np.nan)


def highest_and_lowest_points(
    batch: PolygonBatch, elevation: ElevationModel, slopes: SlopeStatistics, azimuth_deg: Values
) -> dict[str, NDArray[Any]]:
    """Return columns of the highest and lowest points, among outline and points inside.

    Points on the outline are its vertices, and others no farther apart than the elevation model's
    pixels, or than a 400th of the perimeter where that is more. Of points as high within 1 mm, the
    highest (lowest) is the one farthest up (down) the axis, ten metres beside it counting as one
    back along it. There are none where fewer than half of the points have heights.
    """
    count = len(batch.polygons)
    edges = batch.edges
    spans_m = np.hypot(*((edges.ends - edges.starts) * batch.scale[edges.owner]).T)
    perimeter_m = sums(edges.owner, spans_m, count)
    step_m = np.maximum(slopes.resolution_m, perimeter_m / _OUTLINE_STEPS)
    outline_owner, outline = outline_points(edges, step_m[:, np.newaxis] / batch.scale)
    owner = np.concatenate([outline_owner, slopes.sample.owner])
    points = np.concatenate([outline, slopes.sample.points])
    outline_heights_m = elevation.heights_at(outline, batch.plane.crs)
    heights_m = np.concatenate([outline_heights_m, slopes.heights_m])
    used = np.isfinite(heights_m) & (slopes.coverage >= MIN_COVERAGE)[owner]
    owner, points, heights_m = owner[used], points[used], heights_m[used]

    def highest(sign: int) -> tuple[Values, NDArray[np.intp]]:
        """Return the greatest (with sign -1, least) heights (n,), and a point that has each."""
        level = sign * heights_m
        top = np.full(count, -np.inf)
        np.maximum.at(top, owner, level)
        high = np.flatnonzero(level >= top[owner] - _SAME_HEIGHT_M)
        place = along_and_across_m(
            points[high], owner[high], azimuth_deg, batch.plane, batch.origins
        )
        back_m = sign * place[:, 0] + _ASIDE_WEIGHT * np.abs(place[:, 1])
        order = np.lexsort((back_m, owner[high]))
        first = np.flatnonzero(np.diff(owner[high][order], prepend=-1))
        return np.where(np.isfinite(top), sign * top, np.nan), high[order[first]]

    (highest_m, top), (lowest_m, foot) = highest(1), highest(-1)
    rows = owner[top]
    ends = [batch.plane.metres(points[at], batch.origins[rows]) for at in (top, foot)]
    runout_m = np.full(count, np.nan)
    runout_m[rows] = np.hypot(*(ends[0] - ends[1]).T)
    highest_points, lowest_points = np.full((2, count), None, dtype=object)
    highest_points[rows] = shapely.points(points[top])
    lowest_points[rows] = shapely.points(points[foot])
    range_m = highest_m - lowest_m
    return {
        "elevation_min_m": lowest_m,
        "elevation_max_m": highest_m,
        "elevation_range_m": range_m,
        "runout_m": runout_m,
        "h_over_l": _ratio(range_m, runout_m),
        "highest_points": highest_points,
        "lowest_points": lowest_points,
    }
