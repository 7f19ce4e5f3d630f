import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.core.map_distances import MapPlane
from landslip.inventory.morphometry.planimetry import (
    along_and_across_m,
    box_azimuths_deg,
    extents_m,
    planar_measures,
)
from landslip.inventory.morphometry.sampling import PolygonEdges

UTM = pyproj.CRS.from_epsg(32650)
WGS84 = pyproj.CRS.from_epsg(4326)
MERCATOR = pyproj.CRS.from_epsg(3857)
FEET = pyproj.CRS("+proj=utm +zone=50 +datum=WGS84 +units=us-ft")
US_FOOT_M = 1200 / 3937
PLACE = (500_000.0, 3_400_000.0)


def of(*polygons: shapely.Geometry | None) -> NDArray[np.object_]:
    array = np.full(len(polygons), None, dtype=object)
    array[:] = polygons
    return array


def at(shape: shapely.Geometry, scale: float = 1.0) -> shapely.Geometry:
    return shapely.transform(shape, lambda points: (points + PLACE) * scale)


HOLED = shapely.Polygon(shapely.box(0, 0, 90, 60).exterior, [shapely.box(20, 10, 50, 50).exterior])


@pytest.mark.parametrize("crs", [UTM, rasterio.CRS.from_epsg(32650)], ids=["pyproj", "rasterio"])
def test_in_a_projected_system_the_map_is_measured(crs: pyproj.CRS) -> None:
    two = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(50, 0, 60, 30)])
    found = planar_measures(of(at(HOLED), at(two)), crs)
    assert found.area_m2 == pytest.approx([90 * 60 - 30 * 40, 400])
    assert found.perimeter_m == pytest.approx([300 + 140, 40 + 80])


def test_feet_are_turned_into_metres() -> None:
    found = planar_measures(of(at(HOLED, 1 / US_FOOT_M)), FEET)
    metres = planar_measures(of(at(HOLED)), UTM)
    assert found.area_m2[0] == pytest.approx(metres.area_m2[0], rel=1e-9)
    assert found.perimeter_m[0] == pytest.approx(440, rel=1e-9)
    assert found.centroid_lon[0] == pytest.approx(metres.centroid_lon[0], abs=1e-9)


def test_in_degrees_and_mercator_the_ground_is_measured() -> None:
    shape = shapely.box(103.0, 31.0, 103.01, 31.02)
    area, perimeter = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape)
    degrees = planar_measures(of(shape), WGS84)
    assert degrees.area_m2[0] == pytest.approx(abs(area), rel=1e-9)
    assert degrees.perimeter_m[0] == pytest.approx(perimeter, rel=1e-9)
    to_mercator = pyproj.Transformer.from_crs(WGS84, MERCATOR, always_xy=True)
    moved = shapely.transform(shape, lambda p: np.column_stack(to_mercator.transform(*p.T)))
    mercator = planar_measures(of(moved), MERCATOR)
    assert mercator.perimeter_m[0] == pytest.approx(perimeter, rel=1e-9)
    assert mercator.area_m2[0] == pytest.approx(abs(area), rel=1e-6)
    for found in (degrees, mercator):
        assert found.centroid_lon[0] == pytest.approx(103.005, abs=1e-9)
        assert found.centroid_lat[0] == pytest.approx(31.01, abs=1e-5)


def test_the_centroid_is_inside() -> None:
    ring = shapely.Point(PLACE).buffer(100).difference(shapely.Point(PLACE).buffer(80))
    horseshoe = ring.difference(at(shapely.box(-10, 0, 10, 200)))
    shapes = of(at(shapely.box(-50, -50, 50, 50)), ring, horseshoe)
    found = planar_measures(shapes, UTM)
    back = pyproj.Transformer.from_crs(WGS84, UTM, always_xy=True)
    x, y = back.transform(found.centroid_lon, found.centroid_lat)
    assert (x[0], y[0]) == pytest.approx(PLACE, abs=1e-4)
    assert (shapely.distance(shapes, shapely.points(x, y)) < 1e-4).all()


@pytest.mark.parametrize(
    "crs",
    [
        pytest.param(None, id="none"),
        pytest.param(pyproj.CRS('LOCAL_CS["plan",UNIT["metre",1]]'), id="of a plan"),
    ],
)
def test_without_a_place_on_earth_nothing_is_known(crs: pyproj.CRS | None) -> None:
    found = planar_measures(of(shapely.box(0, 0, 1, 1)), crs)
    for values in (found.area_m2, found.perimeter_m, found.centroid_lon, found.centroid_lat):
        assert np.isnan(values).tolist() == [True]


@pytest.mark.parametrize("crs", [UTM, WGS84, MERCATOR], ids=["UTM", "degrees", "Mercator"])
def test_what_is_no_polygon_is_empty(crs: pyproj.CRS) -> None:
    found = planar_measures(of(None, shapely.Polygon(), shapely.box(10, 10, 11, 11)), crs)
    for values in (found.area_m2, found.perimeter_m, found.centroid_lon, found.centroid_lat):
        assert np.isnan(values).tolist() == [True, True, False]
    assert len(planar_measures(of(), crs).area_m2) == 0


def test_shapes_without_area_measure_nothing() -> None:
    line = at(shapely.Polygon([(0, 0), (30, 40), (60, 80)]))
    found = planar_measures(of(line), UTM)
    assert found.area_m2[0] == pytest.approx(0, abs=1e-6)
    assert found.perimeter_m[0] == pytest.approx(200)
    assert np.isfinite(found.centroid_lon[0])


PLANE = MapPlane(pyproj.CRS.from_epsg(32650))
ORIGIN = np.array([[500_000.0, 3_400_000.0]])


def array_of(polygon: shapely.Geometry | None) -> NDArray[np.object_]:
    array = np.full(1, None, dtype=object)
    array[0] = polygon
    return array


def turned(polygon: shapely.Geometry, azimuth_deg: float) -> shapely.Geometry:
    """Turn a shape clockwise about its corner at the origin and place it on the map."""
    angle = np.radians(azimuth_deg)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return shapely.transform(polygon, lambda points: points @ matrix.T + ORIGIN)


@settings(max_examples=30)
@given(
    azimuth_deg=st.floats(0, 179.9), length_m=st.floats(20, 2000), width_share=st.floats(0.01, 0.95)
)
def test_the_box_of_a_rectangle_is_itself(
    azimuth_deg: float, length_m: float, width_share: float
) -> None:
    width_m = width_share * length_m
    shapes = array_of(turned(shapely.box(0, 0, width_m, length_m), azimuth_deg))
    found = box_azimuths_deg(shapes, PLANE, ORIGIN)
    assert (found[0] - azimuth_deg + 90) % 180 - 90 == pytest.approx(0, abs=1e-5)
    assert 0 <= found[0] < 180
    length, width = extents_m(PolygonEdges.of(shapes), found, PLANE, ORIGIN)
    assert (length[0], width[0]) == pytest.approx((length_m, width_m), rel=1e-6)


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        pytest.param(shapely.box(0, 0, 10, 10), 0.0, id="of a square the side to north"),
        pytest.param(shapely.Polygon([(0, 0), (5, 5), (9, 9)]), 45.0, id="a line"),
        pytest.param(shapely.Polygon([(3, 3), (3, 3), (3, 3)]), np.nan, id="a point"),
        pytest.param(shapely.Polygon(), np.nan, id="nothing"),
        pytest.param(None, np.nan, id="none"),
    ],
)
def test_boxes_of_odd_shapes(polygon: shapely.Geometry | None, expected: float) -> None:
    placed = polygon if polygon is None else shapely.transform(polygon, lambda p: p + ORIGIN)
    found = box_azimuths_deg(array_of(placed), PLANE, ORIGIN)
    assert found[0] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_bend_is_measured_along_the_straight_axis() -> None:
    # 300 m to the north, then 200 m to the east, 20 m wide
    bend = shapely.box(0, 0, 20, 300).union(shapely.box(0, 280, 200, 300))
    edges = PolygonEdges.of(array_of(turned(bend, 0)))
    length, width = extents_m(edges, np.array([0.0]), PLANE, ORIGIN)
    assert (length[0], width[0]) == pytest.approx((300, 200))
    length, width = extents_m(edges, np.array([45.0]), PLANE, ORIGIN)
    assert length[0] == pytest.approx((200 + 300) / np.sqrt(2))
    assert np.isnan(extents_m(edges, np.array([np.nan]), PLANE, ORIGIN)[0][0])


def test_across_is_to_the_right_of_the_axis() -> None:
    points = ORIGIN + np.array([[0.0, 10.0], [7.0, 0.0]])
    owner = np.zeros(2, dtype=np.intp)
    north = along_and_across_m(points, owner, np.array([0.0]), PLANE, ORIGIN)
    np.testing.assert_allclose(north, [[10, 0], [0, 7]], atol=1e-9)
    east = along_and_across_m(points, owner, np.array([90.0]), PLANE, ORIGIN)
    np.testing.assert_allclose(east, [[0, -10], [7, 0]], atol=1e-9)
