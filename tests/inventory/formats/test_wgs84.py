"""Longitude and latitude, at the antimeridian too."""

import geopandas
import numpy as np
import pyproj
import pytest
import shapely

from landslip.inventory.formats.wgs84 import footprint, in_wgs84, points_in_wgs84

NEAR_180 = "EPSG:32660"  # its zone ends at 180 degrees east


def across(crs: str = NEAR_180) -> geopandas.GeoSeries:
    """A square of 2 km whose middle is on the antimeridian, on the equator."""
    middle = geopandas.GeoSeries.from_xy([180.0], [0.0], crs="EPSG:4326").to_crs(crs)
    x, y = middle.iloc[0].x, middle.iloc[0].y
    return geopandas.GeoSeries([shapely.box(x - 1000, y - 1000, x + 1000, y + 1000)], crs=crs)


def test_a_polygon_across_the_antimeridian_is_cut_there() -> None:
    (cut,) = in_wgs84(across())
    assert cut.geom_type == "MultiPolygon"
    west, east = sorted(cut.geoms, key=lambda part: part.bounds[0])
    assert west.bounds[0] == -180.0
    assert east.bounds[2] == 180.0
    assert west.area == pytest.approx(east.area, rel=1e-3)
    assert cut.area == pytest.approx((2000 / 111_320) ** 2, rel=0.01)


def test_its_footprint_has_bounds_that_go_east_over_it() -> None:
    found = footprint(in_wgs84(across()))
    assert found is not None
    west, south, east, north = found[1]
    assert 179.9 < west < 180
    assert -180 < east < -179.9
    assert shapely.get_num_geometries(found[0]) == 2
    assert shapely.area(found[0]) < 0.001
    assert south == pytest.approx(-north, abs=1e-4)


def test_what_spans_the_world_is_not_cut() -> None:
    world = geopandas.GeoSeries([shapely.box(-180, -60, 180, 60)], crs="EPSG:4326")
    (same,) = in_wgs84(world)
    assert same.equals(world.iloc[0])
    found = footprint(np.array([same]))
    assert found is not None
    assert found[1] == (-180, -60, 180, 60)


def test_two_sides_of_the_atlantic_are_not_two_sides_of_the_antimeridian() -> None:
    found = footprint(np.array([shapely.box(-80, 0, -79, 1), shapely.box(20, 0, 21, 1)]))
    assert found is not None
    assert found[1] == (-80, 0, 21, 1)


def test_places_outside_of_a_projection_have_none() -> None:
    far = geopandas.GeoSeries([shapely.box(1e12, 1e12, 2e12, 2e12)], crs="EPSG:3035")
    assert in_wgs84(far).tolist() == [None]
    assert footprint(in_wgs84(far)) is None
    assert footprint(np.array([], dtype=object)) is None


def test_points_without_a_coordinate_system_are_nowhere() -> None:
    assert np.isnan(points_in_wgs84(geopandas.GeoSeries.from_xy([1.0], [2.0]))).all()


@pytest.mark.parametrize(
    ("crs", "pole"), [(3413, 90.0), (3995, 90.0), (32661, 90.0), (3031, -90.0), (32761, -90.0)]
)
def test_a_polygon_about_a_pole_reaches_up_to_it(crs: int, pole: float) -> None:
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(30.0, pole)
    circle = shapely.Point(x, y).buffer(800)
    beside = shapely.Point(x + 3000, y).buffer(800)
    found, other = in_wgs84(geopandas.GeoSeries([circle, beside], crs=crs))
    for shape in (found, other):
        assert shape.is_valid
        assert not shape.is_empty
    west, south, east, north = found.bounds
    assert (west, east) == (-180, 180)
    assert pole in (south, north)
    assert found.geom_type == "Polygon"
    assert other.bounds[2] - other.bounds[0] < 40
    hull = footprint(np.array([found, other], dtype=object))
    assert hull is not None
    assert shapely.is_valid(hull[0])
    assert hull[1][0::2] == (-180, 180)
