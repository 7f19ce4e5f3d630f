import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from numpy.typing import NDArray

from landslip.inventory.morphometry.measures import measures

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
    found = measures(of(at(HOLED), at(two)), crs)
    assert found.area_m2 == pytest.approx([90 * 60 - 30 * 40, 400])
    assert found.perimeter_m == pytest.approx([300 + 140, 40 + 80])


def test_feet_are_turned_into_metres() -> None:
    found = measures(of(at(HOLED, 1 / US_FOOT_M)), FEET)
    metres = measures(of(at(HOLED)), UTM)
    assert found.area_m2[0] == pytest.approx(metres.area_m2[0], rel=1e-9)
    assert found.perimeter_m[0] == pytest.approx(440, rel=1e-9)
    assert found.centroid_lon[0] == pytest.approx(metres.centroid_lon[0], abs=1e-9)


def test_in_degrees_and_mercator_the_ground_is_measured() -> None:
    shape = shapely.box(103.0, 31.0, 103.01, 31.02)
    area, perimeter = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape)
    degrees = measures(of(shape), WGS84)
    assert degrees.area_m2[0] == pytest.approx(abs(area), rel=1e-9)
    assert degrees.perimeter_m[0] == pytest.approx(perimeter, rel=1e-9)
    to_mercator = pyproj.Transformer.from_crs(WGS84, MERCATOR, always_xy=True)
    moved = shapely.transform(shape, lambda p: np.column_stack(to_mercator.transform(*p.T)))
    mercator = measures(of(moved), MERCATOR)
    assert mercator.perimeter_m[0] == pytest.approx(perimeter, rel=1e-9)
    assert mercator.area_m2[0] == pytest.approx(abs(area), rel=1e-6)
    for found in (degrees, mercator):
        assert found.centroid_lon[0] == pytest.approx(103.005, abs=1e-9)
        assert found.centroid_lat[0] == pytest.approx(31.01, abs=1e-5)


def test_the_centroid_lies_inside() -> None:
    ring = shapely.Point(PLACE).buffer(100).difference(shapely.Point(PLACE).buffer(80))
    horseshoe = ring.difference(at(shapely.box(-10, 0, 10, 200)))
    shapes = of(at(shapely.box(-50, -50, 50, 50)), ring, horseshoe)
    found = measures(shapes, UTM)
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
    found = measures(of(shapely.box(0, 0, 1, 1)), crs)
    for values in (found.area_m2, found.perimeter_m, found.centroid_lon, found.centroid_lat):
        assert np.isnan(values).tolist() == [True]


@pytest.mark.parametrize("crs", [UTM, WGS84, MERCATOR], ids=["UTM", "degrees", "Mercator"])
def test_what_is_no_polygon_is_empty(crs: pyproj.CRS) -> None:
    found = measures(of(None, shapely.Polygon(), shapely.box(10, 10, 11, 11)), crs)
    for values in (found.area_m2, found.perimeter_m, found.centroid_lon, found.centroid_lat):
        assert np.isnan(values).tolist() == [True, True, False]
    assert len(measures(of(), crs).area_m2) == 0


def test_shapes_without_area_measure_nothing() -> None:
    line = at(shapely.Polygon([(0, 0), (30, 40), (60, 80)]))
    found = measures(of(line), UTM)
    assert found.area_m2[0] == pytest.approx(0, abs=1e-6)
    assert found.perimeter_m[0] == pytest.approx(200)
    assert np.isfinite(found.centroid_lon[0])
