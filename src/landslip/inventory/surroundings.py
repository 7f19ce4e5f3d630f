"""What maps of water and roads show around landslides."""

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import metric_crs, reproject
from landslip.core.errors import InputError
from landslip.io.vector import read_vector, repair_polygons

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
