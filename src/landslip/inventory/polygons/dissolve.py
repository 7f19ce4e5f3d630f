"""Polygons of several sources that show one landslide, united."""

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.crs import DEGREE_M, axis_unit
from landslip.core.geometries import polygonal_part


def dissolve(
    polygons: NDArray[np.object_], source: NDArray[np.int64], gap: float = 0.0
) -> tuple[NDArray[np.object_], list[NDArray[np.int64]]]:
    """Unite polygons of different sources that overlap or share a part of their edge.

    Args:
        polygons: (n,) valid, in one coordinate system.
        source: (n,) index of the source of each; polygons of one source are not compared.
        gap: polygons of different sources so far apart touch, in map units.

    Returns:
        The united polygons (m,), in the order of their first part, and the indices of the parts
        of each.
    """
    count = len(polygons)
    if count == 0:
        return polygons, []
    one, other = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=gap)
    differs = (source[one] != source[other]) & (one < other)
    one, other = one[differs], other[differs]
    if gap == 0 and len(one):
        shared = shapely.intersection(polygons[one], polygons[other])
        meets = (shapely.area(shared) > 0) | (shapely.length(shared) > 0)
        one, other = one[meets], other[meets]
    links = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    _, label = connected_components(links, directed=False)
    _, starts = np.unique(label, return_index=True)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    groups = [groups[at] for at in np.argsort(starts, kind="stable")]
    merged = np.empty(len(groups), dtype=object)
    for at, group in enumerate(groups):
        merged[at] = polygons[group[0]] if len(group) == 1 else _united(polygons[group], gap)
    return merged, groups


def _united(parts: NDArray[np.object_], gap: float) -> shapely.Geometry:
    """Return the union of parts, with gaps between them closed."""
    union = polygonal_part(shapely.union_all(parts))
    if gap > 0 and shapely.get_num_geometries(union) > shapely.get_num_geometries(parts).min():
        wider = shapely.buffer(union, gap / 2 * (1 + 1e-6), join_style="mitre")
        closed = shapely.buffer(wider, -gap / 2 * (1 + 1e-6), join_style="mitre")
        union = polygonal_part(shapely.union(union, closed))
    return union


def length_in_map_units(length_m: float, crs: CRS | None) -> float:
    """Return a length in the units of a coordinate system, degrees along a meridian; 0 without."""
    if crs is None:
        return 0.0
    return length_m / DEGREE_M if crs.is_geographic else length_m / axis_unit(crs)
