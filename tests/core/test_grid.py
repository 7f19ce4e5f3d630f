import math

import numpy as np
import pyproj
import pytest
import rasterio.transform
import shapely
from affine import Affine
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.grid import AreaMeasure, Grid, map_points
from landslip.core.window import Window

ROTATED = Affine(1.6, 1.2, 500_000, 1.2, -1.6, 4_000_000)  # pixels of 2 m, turned
FEET = 'LOCAL_CS["site",UNIT["foot",0.3048]]'


def grid(crs: str | None, transform: Affine, shape: tuple[int, int] = (100, 100)) -> Grid:
    found = None if crs is None else CRS.from_user_input(crs)
    return Grid(crs=found, transform=transform, shape=shape)


def area_m2(crs: str, geometry: shapely.Geometry) -> float:
    (area,) = AreaMeasure(CRS.from_user_input(crs)).areas_m2(np.array([geometry]))
    return float(area)


@pytest.mark.parametrize(
    ("crs", "transform", "expected_m"),
    [
        pytest.param("EPSG:32650", Affine(2, 0, 0, 0, -2, 0), 2.0, id="metres"),
        pytest.param("EPSG:32650", Affine(4, 0, 0, 0, -1, 0), 2.0, id="oblong pixels"),
        pytest.param("EPSG:32650", ROTATED, 2.0, id="turned"),
        pytest.param("EPSG:2263", Affine(10, 0, 0, 0, -10, 0), 3.048006096, id="survey feet"),
        pytest.param(FEET, Affine(10, 0, 0, 0, -10, 0), 3.048, id="feet of a local system"),
    ],
)
def test_resolution(crs: str, transform: Affine, expected_m: float) -> None:
    assert grid(crs, transform).resolution_m == pytest.approx(expected_m, rel=1e-9)


def test_resolution_without_a_coordinate_system_is_unknown() -> None:
    assert grid(None, Affine.identity()).resolution_m is None


@pytest.mark.parametrize("latitude", [0.0, 30.0, 60.0])
def test_resolution_in_degrees_is_that_of_the_ellipsoid_to_half_a_percent(latitude: float) -> None:
    step = 1e-4
    top = latitude + 50 * step
    found = grid("EPSG:4326", Affine(step, 0, 100, 0, -step, top)).resolution_m
    pixel = shapely.box(100, latitude - step / 2, 100 + step, latitude + step / 2)
    area, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(pixel)
    assert found == pytest.approx(math.sqrt(area), rel=5e-3)


def test_resolution_in_grads() -> None:
    step_grad = 1e-4
    found = grid("EPSG:4807", Affine(step_grad, 0, 0, 0, -step_grad, 50)).resolution_m
    metres_a_grad = 111_195 * 0.9  # 100 grads are 90 degrees
    assert found == pytest.approx(step_grad * metres_a_grad * math.sqrt(math.sqrt(0.5)), rel=1e-4)


@pytest.mark.parametrize(
    "transform", [Affine(2, 0, 7, 0, -2, 9), ROTATED], ids=["north up", "turned"]
)
def test_corners_are_where_rasterio_puts_them(transform: Affine) -> None:
    ring = grid("EPSG:32650", transform).corners(Window(3, 5, 10, 20))
    xs, ys = rasterio.transform.xy(transform, [5, 5, 25, 25], [3, 13, 13, 3], offset="ul")
    np.testing.assert_allclose(ring[:4], np.column_stack([xs, ys]))
    np.testing.assert_array_equal(ring[4], ring[0])


def test_a_windows_grid_places_the_same_pixels() -> None:
    whole = grid("EPSG:32650", ROTATED)
    part = whole.at(Window(30, 40, 10, 12))
    assert part.shape == (12, 10)
    assert part.crs == whole.crs
    here = map_points(part.transform, np.array([[1.0, 2.0]]))
    np.testing.assert_allclose(here, map_points(whole.transform, np.array([[31.0, 42.0]])))


def test_points_are_mapped_by_the_six_coefficients() -> None:
    mapped = map_points(Affine(2, 3, 5, 7, 11, 13), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    assert mapped.tolist() == [[7.0, 20.0], [8.0, 24.0], [10.0, 31.0]]


@pytest.mark.parametrize(
    ("transform", "shape", "message"),
    [
        pytest.param(Affine.identity(), (0, 5), "at least one row and column", id="empty"),
        pytest.param(Affine(1, 1, 0, 1, 1, 0), (5, 5), "maps pixels to an area", id="a line"),
    ],
)
def test_senseless_grids_are_refused(
    transform: Affine, shape: tuple[int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        grid(None, transform, shape)


@pytest.mark.parametrize(
    ("crs", "method"),
    [
        pytest.param("EPSG:32650", "planimetric", id="UTM"),
        pytest.param("EPSG:4326", "geodesic", id="degrees"),
        pytest.param("EPSG:3857", "geodesic", id="web Mercator"),
        pytest.param("EPSG:3395", "geodesic", id="Mercator"),
        pytest.param("EPSG:3857+5773", "geodesic", id="web Mercator with heights"),
        pytest.param("EPSG:6933", "planimetric", id="equal area"),
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


def test_coarser_grids_end_within_or_cover() -> None:
    own = grid("EPSG:32648", Affine(2, 0, 500_000, 0, -2, 4_000_000), (5, 7))
    assert (own.coarser(3).shape, own.coarser(3, covering=True).shape) == ((1, 2), (2, 3))
    assert own.coarser(2.5).transform == Affine(5, 0, 500_000, 0, -5, 4_000_000)
    assert own.coarser(50).shape == (1, 1)
    assert own.coarser(0.5) is own.coarser(1) is own
