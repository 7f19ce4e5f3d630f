"""Outlines that people draw: what is accepted, and why not."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from landslip.core.errors import InputError
from landslip.core.geometries import polygonal_part
from landslip.review.record import ReviewRecord

MAX_VERTICES = 100_000
MAX_PIECES = 1000
_MARGIN = 0.1  # of the longer side of what was mapped
_PIXEL_SHARE = 0.1  # of a pixel: how far outlines may be apart that are meant to be the same
_ROUNDING_M = 0.02  # what comes from a map has seven decimals of a degree
_LEAST_TOLERANCE = 1e-6  # of the longer side of an outline
_PLACE = re.compile(r"^(?P<fault>[^\[]+)\[(?P<at>[^\]]+)\]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineRules:
    """What outlines of one review keep to, in its coordinate system.

    Attributes:
        box: left, bottom, right and top that outlines are within.
        most_area: of one outline, in square units of the map.
        tolerance: how far apart outlines are that are meant to be the same, in units of the map.
    """

    box: tuple[float, float, float, float]
    most_area: float
    tolerance: float

    @classmethod
    def of(cls, record: ReviewRecord) -> "OutlineRules":
        """Return the rules of a review."""
        left, bottom, right, top = record.bounds
        margin = max(_MARGIN * max(right - left, top - bottom), record.grid.cell)
        grid, tolerance = record.grid, 0.0
        if grid.cell_m:
            tolerance_m = max(_PIXEL_SHARE * (record.resolution_m or 0.0), _ROUNDING_M)
            tolerance = tolerance_m * grid.cell / grid.cell_m
        return cls(
            box=(left - margin, bottom - margin, right + margin, top + margin),
            most_area=(right - left + 2 * margin) * (top - bottom + 2 * margin),
            tolerance=tolerance,
        )

    def check(self, geometry: object, what: str = "the outline") -> shapely.Geometry:
        """Return an outline without heights, its rings oriented.

        Raises:
            InputError: it is none that can be kept; the message says what and where.
        """
        if not isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
            kind = getattr(geometry, "geom_type", type(geometry).__name__)
            raise InputError(f"{what} must be a polygon or multipolygon; got {kind}")
        if shapely.is_empty(geometry):
            raise InputError(f"{what} must enclose an area; got an empty one")
        count = shapely.get_num_coordinates(geometry)
        if count > MAX_VERTICES:
            raise InputError(
                f"{what} may have {MAX_VERTICES:,} vertices and has {count:,}; simplify it"
            )
        flat = shapely.force_2d(geometry)
        if not np.isfinite(shapely.get_coordinates(flat)).all():
            raise InputError(f"{what} has a coordinate that is not finite")
        left, bottom, right, top = self.box
        west, south, east, north = shapely.bounds(flat).tolist()
        if west < left or south < bottom or east > right or north > top:
            raise InputError(
                f"{what} must be within the mapped scene and a margin around it, x {left:g} to "
                f"{right:g}, y {bottom:g} to {top:g}; it is from x {west:g} to {east:g}, y "
                f"{south:g} to {north:g}"
            )
        if not shapely.is_valid(flat):
            raise InputError(f"{what} {_fault(flat)}; draw it so that its edges do not cross")
        if not shapely.area(flat) > 0 or shapely.area(flat) > self.most_area:
            raise InputError(f"{what} must enclose an area, and less than the scene")
        oriented: shapely.Geometry = shapely.orient_polygons(flat)
        return oriented

    def check_pieces(self, pieces: Sequence[shapely.Geometry], whole: shapely.Geometry) -> None:
        """Check that pieces cover an outline, do not overlap, and are within it.

        Raises:
            InputError: they do not.
        """
        reach = self.tolerance
        longest = max(
            *(np.diff(np.reshape(shapely.bounds(whole), (2, 2)), axis=0).ravel().tolist()),
        )
        reach = max(reach, _LEAST_TOLERANCE * longest)
        allowed = reach * shapely.length(whole)
        together = shapely.union_all(list(pieces))
        missing = shapely.area(shapely.difference(whole, together))
        beyond = shapely.area(shapely.difference(together, whole))
        overlap = math.fsum(map(shapely.area, pieces)) - shapely.area(together)
        for size, problem in (
            (missing, "leave a part of the polygon out"),
            (beyond, "reach beyond the polygon"),
            (overlap, "overlap each other"),
        ):
            if size > allowed:
                raise InputError(
                    f"the pieces {problem}: {size:.4g} square units of the map, and {allowed:.2g} "
                    "are tolerated; divide the polygon by a line through it"
                )


def union_of(outlines: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """Return the union of outlines, without lines and points."""
    return polygonal_part(shapely.union_all(list(outlines)))


def _fault(geometry: shapely.Geometry) -> str:
    """Say what is wrong with an outline, and where."""
    reason = shapely.is_valid_reason(geometry)
    found = _PLACE.match(reason)
    if found is None:
        return f"is not valid ({reason})"
    x, y = (float(number) for number in found["at"].split()[:2])
    words = {
        "Self-intersection": "crosses itself",
        "Ring Self-intersection": "touches itself",
        "Hole lies outside shell": "has a hole outside of it",
        "Holes are nested": "has a hole within a hole",
        "Nested shells": "has a part within another",
        "Interior is disconnected": "has holes that divide it",
        "Duplicate Rings": "has a part twice",
        "Too few points in geometry component": "has a ring with too few points",
    }
    return f"{words.get(found['fault'], found['fault'].lower())} at x {x:.7g}, y {y:.7g}"
