"""Rules that flag landslides which may be something else; nothing is left out by them.

Each rule gives True, False, or None where what it depends on is unknown.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.geometries import metric_crs, reproject
from landslip.core.messages import Message
from landslip.core.transformations import datum_note
from landslip.io.vector import read_vector, repair_polygons

Values = NDArray[np.float64]
FlagValues = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRules:
    """Thresholds of the rules; they are recorded with an inventory.

    Attributes:
        river_max_slope_deg: river flats and bars are gentler, mapped landslides hardly ever;
            debris at the foot of a slope may be.
        river_min_water_share: water makes up at least this fraction of the surroundings of a river
            flat; less may be a shadow, or a wet pixel.
        water_reach_m: a water polygon is beside a landslide up to this distance: some pixels of
            error in either outline.
        road_half_width_m: from a road's line to the edge of its cut, error of the line included.
        road_min_share: fraction of a landslide on the road from which it is the road.
        road_max_width_m: without a layer of roads: a road with its cut and fill is narrower, along
            the slope.
        road_max_elongation: and runs across the slope, its length downslope (of the axis) less
            than this part of its width.
        cloud_min_share: fraction of a landslide as bright as cloud from which it is cloud.
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
            maximum = 1.0 if field.name.endswith("_share") else math.inf
            if not (0 < value <= maximum and math.isfinite(value)):
                raise InputError(
                    f"the rule {field.name} must be over 0"
                    f"{' and at most 1' if maximum == 1.0 else ''}; got {value:g}"
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlagColumns:
    """What the rules depend on, each (n,) float64 with NaN where unknown unless stated otherwise.

    Length is along the axis, and ``downslope`` whether that is downslope; ``water_near`` and
    ``bright_share`` are of `landslip.inventory.scene_context`. Without a layer of water or roads,
    ``beside_water`` (1 or 0) or ``on_road`` (a fraction) is NaN.
    """

    slope_deg: Values
    length_m: Values
    width_m: Values
    downslope: NDArray[np.bool_]
    water_near: Values
    beside_water: Values
    on_road: Values
    bright_share: Values


DEFAULT_RULES = FlagRules()


def flags(columns: FlagColumns, rules: FlagRules = DEFAULT_RULES) -> dict[str, FlagValues]:
    """Return the flags by name, each (n,) True, False or None.

    River flat: gentle, and beside water by the scene or a layer, of which one is enough. Road: on
    a road of a layer; without a layer narrow downslope and long along the contour. Cloud: as
    bright as cloud for the most part.
    """
    gentle = _below(columns.slope_deg, rules.river_max_slope_deg)
    # the larger of what is known
    by_water = np.fmax(
        _at_least(columns.water_near, rules.river_min_water_share),
        _at_least(columns.beside_water, 1.0),
    )
    narrow = _below(columns.length_m, rules.road_max_width_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        elongated = _below(columns.length_m / columns.width_m, rules.road_max_elongation)
    road_by_shape = _both(narrow, elongated)
    road_by_shape[~columns.downslope] = np.nan
    road_in_layer = _at_least(columns.on_road, rules.road_min_share)
    found = {
        "flag_river_flat": _both(gentle, by_water),
        "flag_road": np.where(np.isnan(columns.on_road), road_by_shape, road_in_layer),
        "flag_cloud": _at_least(columns.bright_share, rules.cloud_min_share),
    }
    result = {name: (values == 1).astype(object) for name, values in found.items()}
    for name, values in found.items():
        result[name][np.isnan(values)] = None
    return result


def _at_least(values: Values, minimum: float) -> Values:
    return np.where(np.isnan(values), np.nan, values >= minimum)


def _below(values: Values, limit: float) -> Values:
    return np.where(np.isnan(values), np.nan, values < limit)


def _both(one: Values, other: Values) -> Values:
    """Return whether both hold; 0 where one does not, whatever the other."""
    return np.where((one == 0) | (other == 0), 0.0, one * other)


_LINES = {"LineString", "MultiLineString", "LinearRing"}


def beside_water(
    polygons: NDArray[np.object_], crs: CRS | None, water: Path, reach_m: float
) -> tuple[NDArray[np.float64], Message | None]:
    """Return (n,) 1 where a file's water, as polygons or lines, is within a distance, else 0.

    With it comes a note where the datums of the two are only taken as equal.

    Raises:
        InputError: the file cannot be read, or one of the two has no coordinate system.
    """
    here, there, note = _metric(polygons, crs, water)
    near = shapely.STRtree(there).query(here, predicate="dwithin", distance=reach_m)[0]
    beside = np.zeros(len(polygons))
    beside[near] = 1.0
    return beside, note


def fraction_on_roads(
    polygons: NDArray[np.object_], crs: CRS | None, roads: Path, half_width_m: float
) -> tuple[NDArray[np.float64], Message | None]:
    """Return (n,) fraction of each landslide's area within a distance of a file's lines, 0 to 1.

    With it comes a note where the datums of the two are only taken as equal.

    Raises:
        InputError: the file cannot be read, has other things than lines, or one of the two has no
            coordinate system.
    """
    here, there, note = _metric(polygons, crs, roads)
    others = sorted({str(line.geom_type) for line in there} - _LINES)
    if others:
        raise InputError(f"{roads}: roads must be lines; there are also {', '.join(others)}")
    points, of_line = shapely.get_coordinates(shapely.get_parts(there), return_index=True)
    follows = of_line[1:] == of_line[:-1]
    ends = np.stack([points[:-1][follows], points[1:][follows]], axis=1)
    pieces = np.asarray(shapely.linestrings(ends), dtype=object)
    near, piece = shapely.STRtree(pieces).query(here, predicate="dwithin", distance=half_width_m)
    share = np.zeros(len(polygons))
    if len(near) == 0:
        return share, note
    order = np.argsort(near, kind="stable")
    on_road, at = np.unique(near[order], return_inverse=True)
    lines = shapely.multilinestrings(pieces[piece[order]], indices=at)
    shared = shapely.area(shapely.intersection(here[on_road], shapely.buffer(lines, half_width_m)))
    areas = shapely.area(here[on_road])
    share[on_road] = np.minimum(shared / np.where(areas > 0, areas, np.inf), 1.0)
    return share, note


def _metric(
    polygons: NDArray[np.object_], crs: CRS | None, path: Path
) -> tuple[NDArray[np.object_], NDArray[np.object_], Message | None]:
    """Return the landslides and what a file holds in one system, in metres, and `datum_note`."""
    frame = read_vector(path)
    if crs is None or frame.crs is None:
        without = "the landslides have" if crs is None else "it has"
        raise InputError(
            f"{path}: cannot be compared with the landslides, as {without} no coordinate system"
        )
    there = np.asarray(frame.geometry.values, dtype=object)
    there = there[~(shapely.is_missing(there) | shapely.is_empty(there))]
    metres, own = metric_crs(crs, polygons), CRS.from_wkt(frame.crs.to_wkt())
    try:
        moved = reproject(shapely.force_2d(there), own, metres)
        note = datum_note(path.name, own, crs, there)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return repair_polygons(reproject(polygons, crs, metres)), moved, note
