import numpy as np
import pyproj
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import box

from landslip.core.errors import InputError
from landslip.core.projection import metre_crs, reprojected

UTM, LONLAT, WEB = CRS.from_epsg(32648), CRS.from_epsg(4326), CRS.from_epsg(3857)
FEET = CRS.from_epsg(2263)


def square(lon: float, lat: float, side: float = 0.01) -> NDArray[np.object_]:
    return np.array([box(lon, lat, lon + side, lat + side)], dtype=object)


def geodesic_area(lonlat: shapely.Geometry) -> float:
    dense = shapely.segmentize(lonlat, 1e-4)
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(dense)[0])


def test_a_system_in_metres_is_kept() -> None:
    assert metre_crs(UTM, square(4e5, 3e6, 100)) == UTM


@pytest.mark.parametrize("crs", [LONLAT, WEB, FEET], ids=["degrees", "Mercator", "feet"])
def test_others_give_one_in_which_areas_are_right(crs: CRS) -> None:
    place = (-74.0, 40.7) if crs == FEET else (103.5, 31.2)
    lonlat = shapely.segmentize(square(*place), 1e-4)
    there = reprojected(lonlat, LONLAT, crs)
    metres = metre_crs(crs, there)
    measured = shapely.area(reprojected(there, crs, metres))[0]
    assert measured == pytest.approx(geodesic_area(lonlat[0]), rel=1e-6)


def test_the_middle_is_found_across_the_date_line() -> None:
    both = np.concatenate([square(179.5, -17), square(-179.51, -17)])
    there = reprojected(both, LONLAT, metre_crs(LONLAT, both))
    assert np.abs(shapely.total_bounds(there)).max() < 60_000


def test_one_of_two_without_a_system_is_refused() -> None:
    polygons = square(0, 0)
    assert reprojected(polygons, None, None) is polygons
    with pytest.raises(InputError, match=r"assign it to the one without"):
        reprojected(polygons, None, UTM)


def test_what_lies_where_a_system_is_not_defined_is_refused() -> None:
    with pytest.raises(InputError, match=r"outside the area where .* is defined"):
        reprojected(square(4e5, 3e6), LONLAT, UTM)
