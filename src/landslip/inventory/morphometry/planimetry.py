"""What polygons measure on the map: area, perimeter, centroid, and extents along an axis."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.geometries import AreaMeasure
from landslip.core.map_distances import MapPlane, Points, azimuths_deg, directions
from landslip.core.transformations import lonlat_of
from landslip.inventory.morphometry.sampling import PolygonEdges, Values, batches, sums, valid_rows

_AREA_DIGITS = 6
_POLE_DEG = 90 + 1e-9
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanarMeasures:
    """Of each polygon (n,); NaN where there is no coordinate system, or no polygon.

    Areas are without holes, perimeters of all rings; geodesic where the coordinate system stretches
    them. Where a centroid, in degrees on WGS 84, is outside, a point inside is taken.
    """

    area_m2: Values
    perimeter_m: Values
    centroid_lon: Values
    centroid_lat: Values


def planar_measures(polygons: NDArray[np.object_], crs: pyproj.CRS | None) -> PlanarMeasures:
    """Measure polygons (n,), which may have several parts, in their coordinate system or None.

    Raises:
        InputError: one is where its coordinate system is undefined.
    """
    area_m2, perimeter_m, lon, lat = np.full((4, len(polygons)), np.nan)
    plane = MapPlane.of(crs)
    if plane is not None:
        for rows in batches(polygons, valid_rows(polygons)):
            shapes = polygons[rows]
            edges = PolygonEdges.of(shapes)
            lengths_m = plane.lengths(edges.starts, edges.ends)
            # smoothing restores areas up to rounding, which must not fall below the smallest one
            area_m2[rows] = np.round(AreaMeasure(plane.crs).areas_m2(shapes), _AREA_DIGITS)
            perimeter_m[rows] = sums(edges.owner, lengths_m, len(shapes))
            inside = shapely.centroid(shapes)
            outside = ~shapely.intersects(shapes, inside)
            inside[outside] = shapely.point_on_surface(shapes[outside])
            points = shapely.get_coordinates(inside)
            lon[rows], lat[rows] = lonlat_of(points, plane.crs).T
            undefined = ~(np.isfinite(lon[rows]) & (np.abs(lat[rows]) <= _POLE_DEG))
            if undefined.any():
                x, y = points[undefined][0]
                raise InputError(
                    f"{int(undefined.sum())} of the landslides, the first at {x:g}, {y:g}, are "
                    f"where {plane.crs.name} is not defined; fix or remove them, or assign the "
                    "right coordinate system"
                )
    return PlanarMeasures(
        area_m2=area_m2, perimeter_m=perimeter_m, centroid_lon=lon, centroid_lat=lat
    )


def extents_m(
    edges: PolygonEdges, azimuth_deg: Values, plane: MapPlane, origins: Points
) -> tuple[Values, Values]:
    """Return how far polygons reach along and across straight axes, (n,) each, in metres.

    The axes have an azimuth (n,), of which NaN gives NaN, and are measured at the origins (n, 2).
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
    """Return where points (m, 2) are along and right of their polygons' axes.

    Owners (m,) are the positions of the polygons, whose axes have an azimuth (n,) and go through
    the origins (n, 2).
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
    of_side, length = box[begins], np.hypot(*sides.T)
    longest = np.zeros(len(polygons))
    np.maximum.at(longest, of_side, length)
    chosen = (length >= longest[of_side] * (1 - _ROUNDING)) & (length > 0)
    azimuth = azimuths_deg(sides[chosen]) % 180.0
    azimuth[azimuth > 180.0 * (1 - _ROUNDING)] = 0.0
    least = np.full(len(polygons), np.inf)
    np.minimum.at(least, of_side[chosen], azimuth)
    return np.where(np.isfinite(least), least, np.nan)
