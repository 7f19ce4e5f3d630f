"""Holes of outlines."""

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inference.outlines import Outlines, offsets, run_indices


def without_narrow_holes(
    outlines: Outlines, max_px: float, reach_px: float
) -> tuple[Outlines, NDArray[np.int64]]:
    """Fill holes that are small, and so narrow that each point is near the outline.

    Args:
        outlines: polygons.
        max_px: larger holes stay.
        reach_px: holes with a point farther than this from their outline stay.

    Returns:
        The polygons, and how many pixels were filled in each (int64).
    """
    filled_px = np.zeros(len(outlines), dtype=np.int64)
    if len(outlines) == 0:
        return outlines, filled_px
    areas = ring_areas(outlines)
    is_hole = np.ones(len(areas), dtype=np.bool_)
    is_hole[outlines.polygons[:-1]] = False
    small = np.flatnonzero(is_hole & (areas < max_px))
    filled = small[_narrow(outlines, small, reach_px)]
    owner = np.repeat(np.arange(len(outlines)), np.diff(outlines.polygons))
    np.add.at(filled_px, owner[filled], np.rint(areas[filled]).astype(np.int64))
    kept = np.delete(np.arange(len(areas)), filled)
    sizes = np.diff(outlines.rings)[kept]
    return (
        Outlines(
            points=outlines.points[run_indices(outlines.rings[:-1][kept], sizes)],
            rings=offsets(sizes),
            polygons=offsets(np.bincount(owner[kept], minlength=len(outlines))),
        ),
        filled_px,
    )


def ring_areas(outlines: Outlines) -> NDArray[np.float64]:
    """Return the area in pixels inside each ring, whichever way it turns."""
    x, y = outlines.points.astype(np.float64).T
    cross = np.zeros(len(x))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[outlines.rings[1:] - 1] = 0
    areas: NDArray[np.float64] = np.abs(np.add.reduceat(cross, outlines.rings[:-1])) / 2
    return areas


def _narrow(outlines: Outlines, rings: NDArray[np.int64], reach_px: float) -> NDArray[np.bool_]:
    """Return whether no point inside is farther than so much from the ring."""
    if len(rings) == 0 or reach_px <= 0:
        return np.zeros(len(rings), dtype=np.bool_)
    sizes = np.diff(outlines.rings)[rings]
    points = outlines.points[run_indices(outlines.rings[:-1][rings], sizes)].astype(np.float64)
    polygons = shapely.polygons(
        shapely.linearrings(points, indices=np.repeat(np.arange(len(rings)), sizes))
    )
    left = shapely.buffer(polygons, -reach_px * (1 + 1e-9), join_style="mitre")
    narrow: NDArray[np.bool_] = np.atleast_1d(shapely.is_empty(left))
    return narrow
