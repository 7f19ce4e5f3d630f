"""The staircase of pixels as a smooth line that keeps area and stays near.

A ring's points, one pixel apart, are moved by Taubin's filter, which takes out what is shorter
than some pixels and leaves the rest (Taubin 1995, doi:10.1145/218380.218473), but none farther
than a share of the limit. Points that a straight line replaces are left out, and each ring is then
widened or narrowed by one distance everywhere, so that it encloses the area of its pixels again.
All sums are the same whichever way a ring turns, so polygons that touch stay together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from landslip.core.grid import map_points
from landslip.inference.outlines import Outlines
from landslip.inventory.polygons.crossings import crossing_places, failing
from landslip.inventory.polygons.rings import contacts, lattice, shifted
from landslip.inventory.polygons.thinning import Chain, thinned
from landslip.inventory.polygons.widening import signed_areas, widened

_SHRINK, _GROW, _PASSES = 0.6307, -0.6732, 20
# shares of the limit: for the filter, for leaving points out, for keeping the area
_FILTER, _THIN, _AREA = 0.55, 0.15, 0.3
_CHUNK_POINTS = 1 << 20
_SHORTEST = 10  # rings of up to 4 pixels are as they are: round ones would not hold their area
_LOCAL_ROUNDS, _MOST_ROUNDS, _FREEZE_PX = 6, 40, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoothed:
    """Smooth polygons.

    Attributes:
        polygons: valid shapely Polygons, as they were placed.
        shift_px: float64, no point of a polygon's outline is farther from the old one, nor of the
            old one from it.
    """

    polygons: NDArray[np.object_]
    shift_px: NDArray[np.float64]


def smoothed(
    outlines: Outlines, region: NDArray[np.int64], max_shift_px: float, transform: Affine
) -> Smoothed:
    """Smooth polygons and place them on the map.

    A ring encloses its pixels' area as far as the limit lets it. Where smooth lines would cross,
    they follow the pixels; polygons neither overlap nor are they invalid.

    Args:
        outlines: of pixels; polygons of one region come one after the other.
        region: of each polygon; only those of one region may touch along a side.
        max_shift_px: no point of an outline moves farther, in pixels.
        transform: from pixels to the map.
    """
    polygons = np.empty(len(outlines), dtype=object)
    shift_px = np.zeros(len(outlines))
    frozen = np.empty(0, dtype=np.int64)
    again = np.arange(len(outlines))
    attempt = 0
    while len(again) and attempt < _MOST_ROUNDS:
        for some in _chunks(outlines, region, again):
            rings = _smooth_rings(outlines.take(some), region[some], frozen, max_shift_px)
            polygons[some] = rings.placed(transform)
            shift_px[some] = rings.shift_px
        failed = failing(polygons, again)
        again = np.flatnonzero(np.isin(region, region[failed]))
        if len(failed):
            keys = _keys_to_freeze(outlines.take(failed), polygons[failed], attempt, transform)
            frozen = np.union1d(frozen, keys)
        attempt += 1
    return Smoothed(polygons=shapely.orient_polygons(polygons), shift_px=shift_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rings:
    """Smooth rings of polygons in pixel coordinates; each ends with the point it starts with."""

    points: NDArray[np.float64]
    rings: NDArray[np.int64]
    polygons: NDArray[np.int64]
    shift_px: NDArray[np.float64]

    def placed(self, transform: Affine) -> NDArray[np.object_]:
        """Return them as polygons in map coordinates."""
        made: NDArray[np.object_] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON,
            map_points(transform, self.points),
            (self.rings, self.polygons),
        )
        return made


def _chunks(
    outlines: Outlines, region: NDArray[np.int64], chosen: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Cut polygons into batches of about a million points that keep regions together."""
    if len(chosen) == 0:
        return
    sizes = np.add.reduceat(np.diff(outlines.rings), outlines.polygons[:-1])[chosen]
    batch = np.cumsum(sizes) // _CHUNK_POINTS
    first_of_region = np.flatnonzero(np.diff(region[chosen], prepend=-1))
    cuts = first_of_region[1:][np.diff(batch[first_of_region]) > 0]
    yield from np.split(chosen, cuts)


def _smooth_rings(
    outlines: Outlines, region: NDArray[np.int64], frozen: NDArray[np.int64], max_shift_px: float
) -> _Rings:
    points = lattice(outlines)
    touching = contacts(points, region)
    sizes = np.diff(points.rings)
    short = (sizes < _SHORTEST) & ~np.logical_or.reduceat(touching.shared, points.rings[:-1])
    still = touching.fixed | np.repeat(short, sizes)
    still |= np.isin(points.keys, frozen)
    old = points.places
    new = filtered(old, points.rings, still, _FILTER * max_shift_px)
    thin = thinned(
        Chain(
            places=new,
            keys=points.keys,
            rings=points.rings,
            errors=np.zeros(len(new)),
            tolerance=np.where(still, 0.0, _THIN * max_shift_px),
            fixed=touching.fixed,
            loose=~still & ~touching.shared,
            shared=touching.shared,
        )
    )
    places, wider = widened(thin, signed_areas(old, points.rings), _AREA * max_shift_px)
    moved = np.maximum.reduceat(np.abs(new - old), points.rings[:-1])
    moved += np.maximum.reduceat(thin.errors, thin.rings[:-1]) + np.abs(wider)
    closed = np.insert(places, thin.rings[1:], places[thin.rings[:-1]])
    return _Rings(
        points=np.column_stack([closed.real, closed.imag]),
        rings=thin.rings + np.arange(len(thin.rings)),
        polygons=outlines.polygons,
        shift_px=np.maximum.reduceat(moved, outlines.polygons[:-1]),
    )


def filtered(
    places: NDArray[np.complex128],
    rings: NDArray[np.int64],
    still: NDArray[np.bool_],
    limit_px: float,
) -> NDArray[np.complex128]:
    """Return points on closed rings moved by Taubin's filter, none farther than a limit.

    Args:
        places: column + i row of each.
        rings: where each ring starts, and the end of the last.
        still: points that do not move.
        limit_px: how far a point may move.
    """
    new = places
    for factor in (_SHRINK, _GROW) * _PASSES:
        middle = 0.5 * (shifted(new, rings, -1) + shifted(new, rings, 1))
        new = np.where(still, places, new + factor * (middle - new))
    moved = new - places
    length = np.abs(moved)
    too_far = length > limit_px
    shrink = np.ones(len(moved))
    shrink[too_far] = limit_px / length[too_far]
    return np.where(too_far, places + moved * shrink, new)


def _keys_to_freeze(
    outlines: Outlines, polygons: NDArray[np.object_], attempt: int, transform: Affine
) -> NDArray[np.int64]:
    """Return the points that are to follow the pixels: near crossings, in the end all."""
    points = lattice(outlines)
    places = crossing_places(polygons)
    if attempt >= _LOCAL_ROUNDS or len(places) == 0:
        return points.keys
    at = np.column_stack([points.cols, points.rows])
    reach = _FREEZE_PX * (attempt + 1)
    distance, _ = cKDTree(map_points(~transform, places)).query(at, distance_upper_bound=reach)
    near: NDArray[np.int64] = points.keys[np.isfinite(distance)]
    return near
