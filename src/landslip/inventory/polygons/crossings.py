"""Where outlines cross themselves or each other."""

import numpy as np
import shapely
from numpy.typing import NDArray


def failing(polygons: NDArray[np.object_], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which polygons are invalid, or overlap one that was chosen."""
    invalid = chosen[~shapely.is_valid(polygons[chosen])]
    tree = shapely.STRtree(polygons)
    one, other = tree.query(polygons[chosen], predicate="intersects")
    one = chosen[one]
    pair = one != other
    one, other = one[pair], other[pair]
    # GEOS cannot tell of invalid ones; they come again
    sound = shapely.is_valid(polygons[one]) & shapely.is_valid(polygons[other])
    one, other = one[sound], other[sound]
    over = ~shapely.touches(polygons[one], polygons[other])
    found: NDArray[np.int64] = np.unique(np.concatenate([invalid, one[over], other[over]]))
    return found


def crossing_places(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the ends of sides that cross or touch others than those they join."""
    rings = shapely.get_rings(polygons)
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    first = np.flatnonzero(of_ring[1:] == of_ring[:-1])
    ends = np.stack([points[first], points[first + 1]], axis=1)
    sides = np.asarray(shapely.linestrings(ends), dtype=object)
    one, other = shapely.STRtree(sides).query(sides, predicate="intersects")
    one, other = one[one < other], other[one < other]
    joined = (ends[one][:, :, None] == ends[other][:, None, :]).all(axis=-1).any(axis=(1, 2))
    places: NDArray[np.float64] = ends[np.union1d(one[~joined], other[~joined])].reshape(-1, 2)
    return places
