"""Crowns and toes: the highest and the lowest points of polygons."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory.morphometry.axis import along_and_across_m
from landslip.inventory.morphometry.inclination import LEAST_SHARE, Inclination
from landslip.inventory.morphometry.piece import Piece
from landslip.inventory.morphometry.plane import Points
from landslip.inventory.morphometry.sampling import Values, outline_points
from landslip.inventory.morphometry.terrain import Terrain

_STEPS_OUTLINE = 400
_AS_HIGH_M = 1e-3
_ASIDE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """The highest and the lowest points, (n,) each; NaN and None where heights are not known.

    Attributes:
        crowns, toes: object, shapely Points in map coordinates. Of points as high within 1 mm, the
            one farthest up (down) the axis, ten metres beside it counting as one back along it.
        highest_m, lowest_m: their heights.
        runout_m: from one to the other on the map.
    """

    crowns: NDArray[np.object_]
    toes: NDArray[np.object_]
    highest_m: Values
    lowest_m: Values
    runout_m: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heights:
    """Points with heights: position of the polygon (m,), map coordinates (m, 2), metres (m,)."""

    owner: NDArray[np.intp]
    points: Points
    heights_m: Values


def extremes(piece: Piece, terrain: Terrain, inside: Inclination, azimuth_deg: Values) -> Extremes:
    """Find crowns and toes among the vertices, other points of the outline, and points inside.

    Points on the outline are no farther apart than the elevation model's pixels, or than a 400th
    of the perimeter where that is more.

    Args:
        piece: the polygons.
        terrain: the elevation model.
        inside: what it says inside; where fewer than half of the points have heights, there are
            no crowns and toes.
        azimuth_deg: (n,) direction of the axes.
    """
    known = _heights(piece, terrain, inside)
    highest_m, crown = _highest(known, piece, azimuth_deg, sign=1)
    lowest_m, toe = _highest(known, piece, azimuth_deg, sign=-1)
    rows = known.owner[crown]
    ends = [piece.plane.metres(known.points[at], piece.origins[rows]) for at in (crown, toe)]
    runout_m = np.full(len(piece.polygons), np.nan)
    runout_m[rows] = np.hypot(*(ends[0] - ends[1]).T)
    return Extremes(
        crowns=_points(known.points[crown], rows, len(piece.polygons)),
        toes=_points(known.points[toe], rows, len(piece.polygons)),
        highest_m=highest_m,
        lowest_m=lowest_m,
        runout_m=runout_m,
    )


def _heights(piece: Piece, terrain: Terrain, inside: Inclination) -> _Heights:
    """Return all points with heights of polygons that have enough of them."""
    step_m = np.maximum(inside.resolution_m, piece.about_perimeter_m / _STEPS_OUTLINE)
    around, points = outline_points(piece.edges, step_m[:, np.newaxis] / piece.scale)
    heights_m = terrain.heights_at(points, piece.plane.crs)
    owner = np.concatenate([around, inside.sample.owner])
    points = np.concatenate([points, inside.sample.points])
    heights_m = np.concatenate([heights_m, inside.heights_m])
    used = np.isfinite(heights_m) & (inside.share >= LEAST_SHARE)[owner]
    return _Heights(owner=owner[used], points=points[used], heights_m=heights_m[used])


def _highest(
    known: _Heights, piece: Piece, azimuth_deg: Values, *, sign: int
) -> tuple[Values, NDArray[np.intp]]:
    """Return the greatest (with sign -1, least) heights (n,), and the points that have them.

    Points are positions, of one for each polygon that has heights.
    """
    level = sign * known.heights_m
    top = np.full(len(piece.polygons), -np.inf)
    np.maximum.at(top, known.owner, level)
    high = np.flatnonzero(level >= top[known.owner] - _AS_HIGH_M)
    owner = known.owner[high]
    place = along_and_across_m(known.points[high], owner, azimuth_deg, piece.plane, piece.origins)
    order = np.lexsort((sign * place[:, 0] + _ASIDE * np.abs(place[:, 1]), owner))
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    return np.where(np.isfinite(top), sign * top, np.nan), high[order[first]]


def _points(points: Points, rows: NDArray[np.intp], count: int) -> NDArray[np.object_]:
    """Return shapely Points (count,) in some rows and None in the others."""
    spread = np.full(count, None, dtype=object)
    spread[rows] = shapely.points(points)
    return spread
