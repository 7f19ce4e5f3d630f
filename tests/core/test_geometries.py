import math

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import box

from landslip.core.errors import InputError
from landslip.core.geometries import AreaMeasure, clip_polygons, gather, metric_crs, reproject
from landslip.core.grid import Grid

UTM, LONLAT, WEB = CRS.from_epsg(32648), CRS.from_epsg(4326), CRS.from_epsg(3857)
FEET = CRS.from_epsg(2263)


def square(lon: float, lat: float, side: float = 0.01) -> NDArray[np.object_]:
    return np.array([box(lon, lat, lon + side, lat + side)], dtype=object)


def geodesic_area(lonlat: shapely.Geometry) -> float:
    dense = shapely.segmentize(lonlat, 1e-4)
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(dense)[0])


def area_m2(crs: str, geometry: shapely.Geometry) -> float:
    (area,) = AreaMeasure(CRS.from_user_input(crs)).areas_m2(np.array([geometry]))
    return float(area)


@pytest.mark.parametrize(
    ("crs", "method"),
    [
        pytest.param("EPSG:32650", "planimetric", id="UTM"),
        pytest.param("EPSG:4326", "geodesic", id="degrees"),
        pytest.param("EPSG:3857", "geodesic", id="web Mercator"),
        pytest.param("EPSG:3395", "geodesic", id="Mercator"),
        pytest.param("EPSG:3857+5773", "geodesic", id="web Mercator with heights"),
        pytest.param("EPSG:32662", "geodesic", id="plate carrée"),
        pytest.param("EPSG:6933", "planimetric", id="equal area"),
        pytest.param("EPSG:2056", "planimetric", id="oblique Mercator"),
        pytest.param("EPSG:32650+5773", "planimetric", id="UTM with heights"),
    ],
)
def test_method(crs: str, method: str) -> None:
    assert AreaMeasure(CRS.from_user_input(crs)).method == method


def test_planimetric_area_without_its_hole() -> None:
    ring = shapely.Polygon([(0, 0), (40, 0), (40, 30), (0, 30)], [[(1, 1), (3, 1), (3, 6), (1, 6)]])
    assert area_m2("EPSG:32650", ring) == pytest.approx(40 * 30 - 2 * 5)


def test_area_in_survey_feet() -> None:
    assert area_m2("EPSG:2263", shapely.box(0, 0, 100, 100)) == pytest.approx(
        10_000 * (1200 / 3937) ** 2
    )


def test_area_of_a_degree_cell_is_the_ellipsoids() -> None:
    # closed formula for the area of a zone of the ellipsoid, WGS 84
    e = math.sqrt(0.00669437999014)
    b = 6_356_752.314245

    def zone(latitude: float) -> float:
        s = math.sin(math.radians(latitude))
        return b**2 / 2 * (s / (1 - (e * s) ** 2) + math.atanh(e * s) / e)

    expected = math.radians(1) * (zone(1) - zone(0))
    assert area_m2("EPSG:4326", shapely.box(10, 0, 11, 1)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("clockwise", [False, True])
def test_geodesic_hole_is_taken_off_whichever_way_it_runs(clockwise: bool) -> None:
    outer, hole = shapely.box(100, 30, 100.2, 30.2), shapely.box(100.05, 30.05, 100.1, 30.1)
    holes = [list(hole.exterior.coords)[:: -1 if clockwise else 1]]
    found = area_m2("EPSG:4326", shapely.Polygon(outer.exterior.coords, holes))
    assert found == pytest.approx(area_m2("EPSG:4326", outer) - area_m2("EPSG:4326", hole))


def test_web_mercator_at_60_degrees_is_a_quarter_of_the_plane() -> None:
    to_metres = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    x, y = to_metres.transform(15, 60)
    square = shapely.box(x - 50, y - 50, x + 50, y + 50)
    corners = np.array(square.exterior.coords)
    lon, lat = to_metres.transform(corners[:, 0], corners[:, 1], direction="INVERSE")
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    found = area_m2("EPSG:3857", square)
    assert found == pytest.approx(abs(area), rel=1e-6)
    assert found == pytest.approx(10_000 / 4, rel=0.01)


def test_area_in_grads_is_that_in_degrees() -> None:
    degrees = area_m2("EPSG:4275", shapely.box(1.0, 44.0, 1.1, 44.1))
    in_grads = shapely.transform(shapely.box(1.0, 44.0, 1.1, 44.1), lambda points: points / 0.9)
    assert area_m2("EPSG:4807", in_grads) == pytest.approx(degrees, rel=1e-9)


def test_area_without_a_coordinate_system_is_not_a_number() -> None:
    measure = AreaMeasure(None)
    assert measure.method is None
    assert np.isnan(measure.areas_m2(np.array([shapely.box(0, 0, 1, 1)]))).tolist() == [True]


@pytest.mark.parametrize("crs", ["EPSG:32650", "EPSG:4326"])
def test_no_polygon_has_no_area(crs: str) -> None:
    empty = np.array([], dtype=object)
    assert AreaMeasure(CRS.from_user_input(crs)).areas_m2(empty).tolist() == []


def test_a_system_in_metres_is_kept() -> None:
    assert metric_crs(UTM, square(4e5, 3e6, 100)) == UTM


@pytest.mark.parametrize("crs", [LONLAT, WEB, FEET], ids=["degrees", "Mercator", "feet"])
def test_others_give_one_in_which_areas_are_right(crs: CRS) -> None:
    place = (-74.0, 40.7) if crs == FEET else (103.5, 31.2)
    lonlat = shapely.segmentize(square(*place), 1e-4)
    there = reproject(lonlat, LONLAT, crs)
    metres = metric_crs(crs, there)
    measured = shapely.area(reproject(there, crs, metres))[0]
    assert measured == pytest.approx(geodesic_area(lonlat[0]), rel=1e-6)


def test_the_middle_is_found_across_the_date_line() -> None:
    both = np.concatenate([square(179.5, -17), square(-179.51, -17)])
    there = reproject(both, LONLAT, metric_crs(LONLAT, both))
    assert np.abs(shapely.total_bounds(there)).max() < 60_000


def test_one_of_two_without_a_system_is_refused() -> None:
    polygons = square(0, 0)
    assert reproject(polygons, None, None) is polygons
    with pytest.raises(InputError, match=r"assign it to the one without"):
        reproject(polygons, None, UTM)


def test_points_where_a_system_is_not_defined_are_refused() -> None:
    with pytest.raises(InputError, match=r"outside the area where .* is defined"):
        reproject(square(4e5, 3e6), LONLAT, UTM)


GROUND = shapely.box(0, 0, 10, 10)


def test_outlines_inside_across_and_beside() -> None:
    inside, across = shapely.box(1, 1, 2, 2), shapely.box(8, 8, 12, 9)
    touching, beside = shapely.box(10, 0, 11, 1), shapely.box(20, 20, 21, 21)
    given = np.array([inside, across, touching, beside], dtype=object)
    found = clip_polygons(given, GROUND)
    assert found[0] is inside
    assert shapely.equals(found[1], shapely.box(8, 8, 10, 9))
    assert shapely.area(found).tolist() == [1, 2, 0, 0]
    assert given[3] is beside


def test_lines_and_points_that_arise_are_left_out() -> None:
    # a bracket around the corner: one arm lies on the ground, the other along its edge
    bracket = shapely.union(shapely.box(10, 2, 11, 9), shapely.box(9, 2, 10, 3))
    found = clip_polygons(np.array([bracket], dtype=object), GROUND)
    assert found[0].geom_type == "Polygon"
    assert shapely.equals(found[0], shapely.box(9, 2, 10, 3))
    assert clip_polygons(np.array([], dtype=object), GROUND).tolist() == []


def test_polygons_stay_in_one_piece_across_the_antimeridian() -> None:
    fiji = CRS.from_epsg(32701)
    x, y = pyproj.Transformer.from_crs(4326, 32701, always_xy=True).transform(180, -17)
    across = np.array([box(x - 1000, y - 1000, x + 1000, y + 1000)])
    for near in (None, 175.0, -175.0, 185.0):
        (moved,) = reproject(across, fiji, LONLAT, near)
        west, _, east, _ = moved.bounds
        assert east - west == pytest.approx(2000 / 106_000, rel=0.02)
        assert near is None or abs((west + east) / 2 - near) < 180
    (back,) = reproject(np.array([moved]), LONLAT, fiji)
    assert back.equals_exact(across[0], 1e-3)


def test_parts_on_both_sides_are_brought_near() -> None:
    """As RFC 7946 cuts them, and as some programs draw them: the long way round."""
    cut = shapely.MultiPolygon([box(179.9, 0, 180, 1), box(-180, 0, -179.9, 1)])
    long = shapely.Polygon([(179.9, 0), (-179.9, 0), (-179.9, 1), (179.9, 1)])
    world, half = box(-180, -60, 180, 60), box(-170, -60, 170, 60)
    found = reproject(np.array([cut, long]), LONLAT, LONLAT, 180.0)
    assert shapely.bounds(found).tolist() == [[179.9, 0, pytest.approx(180.1), 1]] * 2
    same = np.array([world, half, box(1, 2, 3, 4)])
    assert shapely.equals(reproject(same, LONLAT, LONLAT), same).all()


def test_a_grid_over_the_antimeridian_takes_either_longitude() -> None:
    grid = Grid(crs=LONLAT, transform=Affine(0.01, 0, 170, 0, -0.01, 10), shape=(100, 2000))
    found = grid.pixels(np.array([[179.0, 9.5], [-179.0, 9.5], [181.0, 9.5]]))
    np.testing.assert_allclose(found, [[900, 50], [1100, 50], [1100, 50]])
    assert Grid(crs=UTM, transform=grid.transform, shape=(9, 9)).pixels(np.array([[-179.0, 9.5]]))[
        0, 0
    ] == pytest.approx(-34900)


def test_what_is_on_both_sides_of_180_degrees_comes_together() -> None:
    cut = shapely.MultiPolygon([box(179.9, 0, 180, 1), box(-180, 0, -179.9, 1)])
    there = np.array([box(-179.5, 0, -179.4, 1), cut, None, box(179.2, 0, 179.3, 1)], object)
    found = gather(there, LONLAT)
    left, _, right, _ = shapely.bounds(found[[0, 1, 3]]).T
    assert right.max() - left.min() == pytest.approx(1.4)
    assert found[1].geom_type == "Polygon"
    assert found[1].area == pytest.approx(0.2)
    assert found[2] is None


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param([(-179, 0), (179, 0), (0, 0), (100, 0), (-80, 0)], id="the whole Earth"),
        pytest.param([(-60, 0), (60, 0)], id="far from it"),
        pytest.param([(103, 31), (104, 32)], id="a region"),
    ],
)
def test_other_polygons_stay_as_they_are(boxes: list[tuple[float, float]]) -> None:
    there = np.array([box(x, y, x + 0.1, y + 0.1) for x, y in boxes], object)
    assert shapely.equals_exact(gather(there, LONLAT), there).all()
