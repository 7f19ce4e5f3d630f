"""Which way polygons run, and how far they reach along and across it."""

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory.morphometry.plane import MapPlane, Points, azimuths_deg, directions
from landslip.inventory.morphometry.sampling import Edges, Values

_ROUNDING = 1e-9


def extents_m(
    edges: Edges, azimuth_deg: Values, plane: MapPlane, origins: Points
) -> tuple[Values, Values]:
    """Return how far polygons reach along and across straight axes, (n,) each, in metres.

    Args:
        edges: of the polygons.
        azimuth_deg: (n,) direction of each one's axis; NaN gives NaN.
        plane: how the map is measured.
        origins: (n, 2) where each is measured.
    """
    places = along_and_across_m(edges.starts, edges.owner, azimuth_deg, plane, origins)
    least, most = np.full((2, edges.polygons, 2), np.inf)
    np.minimum.at(least, edges.owner, places)
    np.minimum.at(most, edges.owner, -places)
    with np.errstate(invalid="ignore"):
        reach = -most - least
    reach[~np.isfinite(reach)] = np.nan
    return reach[:, 0], reach[:, 1]


def along_and_across_m(
    points: Points, owner: NDArray[np.intp], azimuth_deg: Values, plane: MapPlane, origins: Points
) -> Points:
    """Return where points (m, 2) lie along and right of their polygons' axes through the origins.

    Args:
        points: (m, 2) map coordinates.
        owner: (m,) position of the polygon of each point.
        azimuth_deg: (n,) direction of each polygon's axis.
        plane: how the map is measured.
        origins: (n, 2) map coordinates.
    """
    east, north = (plane.metres(points, origins[owner]) - plane.metres(origins, origins)[owner]).T
    to_east, to_north = directions(azimuth_deg)[owner].T
    return np.column_stack([east * to_east + north * to_north, east * to_north - north * to_east])


def box_azimuths_deg(polygons: NDArray[np.object_], plane: MapPlane, origins: Points) -> Values:
    """Return directions (n,), 0 to under 180, of the longer side of each smallest rectangle.

    It is the rectangle of least area. Of a square the side nearer to north is taken, and of what
    has no extent, none: NaN.
    """
    hulls = shapely.convex_hull(polygons)
    points, owner = shapely.get_coordinates(hulls, return_index=True)
    middle = plane.metres(origins, origins)[owner]
    flat = shapely.set_coordinates(hulls, plane.metres(points, origins[owner]) - middle)
    corners, box = shapely.get_coordinates(shapely.oriented_envelope(flat), return_index=True)
    begins = np.flatnonzero(box[1:] == box[:-1])
    sides = corners[begins + 1] - corners[begins]
    return _longest(sides, box[begins], len(polygons))


def _longest(sides: Points, owner: NDArray[np.intp], count: int) -> Values:
    """Return the direction of each owner's longest side; of equals, the least from north."""
    length = np.hypot(*sides.T)
    longest = np.zeros(count)
    np.maximum.at(longest, owner, length)
    chosen = (length >= longest[owner] * (1 - _ROUNDING)) & (length > 0)
    azimuth = azimuths_deg(sides[chosen]) % 180.0
    azimuth[azimuth > 180.0 * (1 - _ROUNDING)] = 0.0
    least = np.full(count, np.inf)
    np.minimum.at(least, owner[chosen], azimuth)
    return np.where(np.isfinite(least), least, np.nan)
