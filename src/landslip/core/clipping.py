"""Polygons cut to some ground."""

import numpy as np
import shapely
from numpy.typing import NDArray


def clipped(polygons: NDArray[np.object_], ground: shapely.Geometry) -> NDArray[np.object_]:
    """Return what of each valid polygon (n,) lies on the ground; empty polygons where nothing does.

    Both are in one coordinate system. Only polygons across the ground's edge are cut.
    """
    shapely.prepare(ground)
    touched = shapely.intersects(ground, polygons)
    crossing = touched & ~shapely.covers(ground, polygons)
    cut = polygons.copy()
    cut[~touched] = shapely.Polygon()
    cut[crossing] = [_areal(one) for one in shapely.intersection(polygons[crossing], ground)]
    return cut


def _areal(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry alone."""
    if isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
        return geometry
    parts = shapely.get_parts(geometry)
    return shapely.union_all(parts[shapely.area(parts) > 0])
