"""Rules that mark landslides which may be something else; nothing is left out by them.

Each gives True, False, or None where what it goes by is not known.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError

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


USUAL_RULES = FlagRules()


def flags(columns: FlagColumns, rules: FlagRules = USUAL_RULES) -> dict[str, Judged]:
    """Judge landslides; returns the columns of flags by name, each (n,) True, False or None."""
    return {
        "flag_river_flat": river_flat(columns, rules),
        "flag_road": road(columns, rules),
        "flag_cloud": cloud(columns, rules),
    }


def river_flat(columns: FlagColumns, rules: FlagRules = USUAL_RULES) -> Judged:
    """Gentle, and beside water by the scene or a layer, of which one is enough."""
    gentle = _under(columns.slope_deg, rules.river_max_slope_deg)
    by_scene = _from(columns.water_near, rules.river_min_water_share)
    return _all(gentle, _either(by_scene, _from(columns.beside_water, 1.0)))


def road(columns: FlagColumns, rules: FlagRules = USUAL_RULES) -> Judged:
    """On a road of a layer; without a layer narrow downslope and long along the contour."""
    on_road = _from(columns.on_road, rules.road_min_share)
    narrow = _under(columns.length_m, rules.road_max_width_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        across = _under(columns.length_m / columns.width_m, rules.road_max_elongation)
    by_shape = _all(narrow, across)
    by_shape[~columns.downslope] = None
    return np.where(np.isnan(columns.on_road), by_shape, on_road)


def cloud(columns: FlagColumns, rules: FlagRules = USUAL_RULES) -> Judged:
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
