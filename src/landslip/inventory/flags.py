"""Rules that mark landslides which may be something else; nothing is left out by them.

Each gives True, False, or None where what it goes by is not known.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import metric_crs, reproject
from landslip.core.errors import InputError
from landslip.io.vector import read_vector, repair_polygons

Judged = NDArray[np.object_]
Figures = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRules:
    """Thresholds of the rules; they are to be stated with an inventory.

    Attributes:
        river_max_slope_deg: river flats and bars are gentler, mapped landslides hardly ever;
            fields of debris at a foot may be.
        river_min_water_share: water makes up at least this share of what lies around a river flat;
            less may be a shadow, or a wet pixel.
        water_reach_m: a water polygon lies beside a landslide up to here: some pixels' worth of
            error in either outline.
        road_half_width_m: from a road's line to the edge of what was cut for it, error of the line
            included.
        road_min_share: share of a landslide on the road from which it is the road.
        road_max_width_m: without a layer of roads: a road with its cut and fill is narrower, along
            the slope.
        road_max_elongation: and lies across the slope, its length downslope (of the axis) less
            than this part of its width.
        cloud_min_share: share of a landslide as bright as cloud from which it is cloud.
    """

    river_max_slope_deg: float = 8.0
    river_min_water_share: float = 0.1
    water_reach_m: float = 15.0
    road_half_width_m: float = 8.0
    road_min_share: float = 0.6
    road_max_width_m: float = 20.0
    road_max_elongation: float = 0.4
    cloud_min_share: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            most = 1.0 if field.name.endswith("_share") else math.inf
            if not (0 < value <= most and math.isfinite(value)):
                raise InputError(
                    f"the rule {field.name} is over 0"
                    f"{' and at most 1' if most == 1.0 else ''}; got {value:g}"
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlagColumns:
    """What the rules go by, each (n,) float64 with NaN where it is not known, if not else said.

    Attributes:
        slope_deg: mean slope.
        length_m: extent along the axis.
        width_m: extent across it.
        downslope: (n,) bool, whether the axis is downslope.
        water_near: share of what lies around that is water.
        beside_water: (n,) 1 beside a polygon of a layer of water, else 0; NaN without a layer.
        on_road: share that lies on a road of a layer of roads; NaN without a layer.
        bright_share: share as bright as cloud.
    """

    slope_deg: Figures
    length_m: Figures
    width_m: Figures
    downslope: NDArray[np.bool_]
    water_near: Figures
    beside_water: Figures
    on_road: Figures
    bright_share: Figures


DEFAULT_RULES = FlagRules()


def flags(columns: FlagColumns, rules: FlagRules = DEFAULT_RULES) -> dict[str, Judged]:
    """Judge landslides; returns the columns of flags by name, each (n,) True, False or None."""
    return {
        "flag_river_flat": river_flat(columns, rules),
        "flag_road": road(columns, rules),
        "flag_cloud": cloud(columns, rules),
    }


def river_flat(columns: FlagColumns, rules: FlagRules = DEFAULT_RULES) -> Judged:
    """Gentle, and beside water by the scene or a layer, of which one is enough."""
    gentle = _under(columns.slope_deg, rules.river_max_slope_deg)
    by_scene = _from(columns.water_near, rules.river_min_water_share)
    return _all(gentle, _either(by_scene, _from(columns.beside_water, 1.0)))


def road(columns: FlagColumns, rules: FlagRules = DEFAULT_RULES) -> Judged:
    """On a road of a layer; without a layer narrow downslope and long along the contour."""
    on_road = _from(columns.on_road, rules.road_min_share)
    narrow = _under(columns.length_m, rules.road_max_width_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        across = _under(columns.length_m / columns.width_m, rules.road_max_elongation)
    by_shape = _all(narrow, across)
    by_shape[~columns.downslope] = None
    return np.where(np.isnan(columns.on_road), by_shape, on_road)


def cloud(columns: FlagColumns, rules: FlagRules = DEFAULT_RULES) -> Judged:
    """As bright as cloud, for the most part."""
    return _from(columns.bright_share, rules.cloud_min_share)


def _from(values: Figures, least: float) -> Judged:
    return _known(values, values >= least)


def _under(values: Figures, end: float) -> Judged:
    return _known(values, values < end)


def _known(values: Figures, judged: NDArray[np.bool_]) -> Judged:
    result = judged.astype(object)
    result[np.isnan(values)] = None
    return result


def _all(one: Judged, other: Judged) -> Judged:
    """Return whether both hold; False where one does not, whatever the other."""
    result = np.full(len(one), None, dtype=object)
    result[(one == True) & (other == True)] = True  # noqa: E712 - of objects
    result[(one == False) | (other == False)] = False  # noqa: E712
    return result


def _either(one: Judged, other: Judged) -> Judged:
    """Return whether one of two views says so; None where neither is known."""
    result = np.full(len(one), None, dtype=object)
    result[(one == False) | (other == False)] = False  # noqa: E712 - of objects
    result[(one == True) | (other == True)] = True  # noqa: E712
    return result


_LINES = {"LineString", "MultiLineString", "LinearRing"}


def beside_water(
    polygons: NDArray[np.object_], crs: CRS | None, water: Path, reach_m: float
) -> NDArray[np.float64]:
    """Return (n,) 1 where water is within a distance, else 0.

    Args:
        polygons: (n,) landslides.
        crs: theirs.
        water: a file of water, as polygons or lines, with one layer.
        reach_m: how far from a landslide it may be.

    Raises:
        InputError: the file cannot be read, or one of the two has no coordinate system.
    """
    here, there = _in_metres(polygons, crs, water)
    near = shapely.STRtree(there).query(here, predicate="dwithin", distance=reach_m)[0]
    found = np.zeros(len(polygons))
    found[near] = 1.0
    return found


def share_on_roads(
    polygons: NDArray[np.object_], crs: CRS | None, roads: Path, half_width_m: float
) -> NDArray[np.float64]:
    """Return (n,) share of each landslide's area that lies within a distance of a road, 0 to 1.

    Args:
        polygons: (n,) landslides.
        crs: theirs.
        roads: a file of lines, with one layer.
        half_width_m: how far from the line a road reaches.

    Raises:
        InputError: the file cannot be read, has other things than lines, or one of the two has no
            coordinate system.
    """
    here, there = _in_metres(polygons, crs, roads)
    others = sorted({str(line.geom_type) for line in there} - _LINES)
    if others:
        raise InputError(f"{roads}: roads are lines; there are also {', '.join(others)}")
    pieces = _pieces(there)
    near, piece = shapely.STRtree(pieces).query(here, predicate="dwithin", distance=half_width_m)
    share = np.zeros(len(polygons))
    if len(near) == 0:
        return share
    order = np.argsort(near, kind="stable")
    on_road, at = np.unique(near[order], return_inverse=True)
    lines = shapely.multilinestrings(pieces[piece[order]], indices=at)
    shared = shapely.area(shapely.intersection(here[on_road], shapely.buffer(lines, half_width_m)))
    areas = shapely.area(here[on_road])
    share[on_road] = np.minimum(shared / np.where(areas > 0, areas, np.inf), 1.0)
    return share


def _in_metres(
    polygons: NDArray[np.object_], crs: CRS | None, path: Path
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the landslides and what a file holds in one coordinate system, in metres."""
    frame = read_vector(path)
    if crs is None or frame.crs is None:
        without = "the landslides have" if crs is None else "it has"
        raise InputError(
            f"{path}: cannot be laid on the landslides, as {without} no coordinate system"
        )
    there = np.asarray(frame.geometry.values, dtype=object)
    there = there[~(shapely.is_missing(there) | shapely.is_empty(there))]
    metres = metric_crs(crs, polygons)
    moved = reproject(shapely.force_2d(there), CRS.from_wkt(frame.crs.to_wkt()), metres)
    return repair_polygons(reproject(polygons, crs, metres)), moved


def _pieces(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the straight pieces of lines."""
    points, of_line = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    follows = of_line[1:] == of_line[:-1]
    ends = np.stack([points[:-1][follows], points[1:][follows]], axis=1)
    return np.asarray(shapely.linestrings(ends), dtype=object)
