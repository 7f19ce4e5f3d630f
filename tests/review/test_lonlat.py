"""Outlines go to longitude and latitude and back without moving."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from tests.review.factories import LEFT, TOP

from landslip.core.errors import InputError
from landslip.review.lonlat import from_lonlat, lonlat_bounds, to_lonlat

UTM = CRS.from_epsg(32648)


@settings(max_examples=8)
@given(
    x=st.floats(-50_000, 50_000),
    y=st.floats(-50_000, 50_000),
    size=st.floats(1, 5000),
    epsg=st.sampled_from([32648, 3857, 4326, 4490, 2433]),
)
def test_round_trip(x: float, y: float, size: float, epsg: int) -> None:
    crs = CRS.from_epsg(epsg)
    drawn = shapely.Point(LEFT + x, TOP + y).buffer(size)
    lonlat = to_lonlat(np.array([drawn], dtype=object), UTM)[0]
    own = from_lonlat(lonlat, crs)
    again = to_lonlat(np.array([own], dtype=object), crs)[0]
    back = from_lonlat(again, UTM)
    off = shapely.get_coordinates(back) - shapely.get_coordinates(drawn)
    assert np.abs(off).max() < 1e-3  # metres


def test_long_edges_get_vertices_only_where_they_bend() -> None:
    # along a parallel, 50 km: a straight line in degrees sags by tens of metres in UTM
    box = shapely.box(104.0, 31.0, 104.6, 31.2)
    plain, dense = from_lonlat(box, UTM), from_lonlat(box, UTM, tolerance=0.5)
    exact = from_lonlat(shapely.segmentize(box, 1e-3), UTM)
    assert shapely.hausdorff_distance(plain, exact) > 10
    assert shapely.hausdorff_distance(shapely.segmentize(dense, 100), exact) < 1
    assert shapely.get_num_coordinates(dense) < 60
    small = shapely.box(104.0, 31.0, 104.001, 31.001)
    assert shapely.get_num_coordinates(from_lonlat(small, UTM, tolerance=0.5)) == 5


def test_bounds_cross_the_antimeridian() -> None:
    boxes = np.array([[179.5, 10, 180.5, 11], [100, 10, 101, 11]], dtype=float)
    found = lonlat_bounds(boxes, CRS.from_epsg(4326))
    assert np.allclose(found, np.array([[179.5, 10, -179.5, 11], [100, 10, 101, 11]]))


@pytest.mark.parametrize("place", [(600, 10), (10, 95), (float("inf"), 0)])
def test_places_off_the_earth_are_refused(place: tuple[float, float]) -> None:
    x, y = place
    with pytest.raises(InputError, match="longitudes from -180 to 180"):
        from_lonlat(shapely.Polygon([(0, 0), (1, 0), (x, y)]), UTM)
    with pytest.raises(InputError, match="no coordinate system"):
        from_lonlat(shapely.box(0, 0, 1, 1), None)
