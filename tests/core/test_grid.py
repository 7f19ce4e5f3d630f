import math

import numpy as np
import pyproj
import pytest
import rasterio.transform
import shapely
from affine import Affine
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window

ROTATED = Affine(1.6, 1.2, 500_000, 1.2, -1.6, 4_000_000)  # pixels of 2 m, turned
FEET = 'LOCAL_CS["site",UNIT["foot",0.3048]]'


def grid(crs: str | None, transform: Affine, shape: tuple[int, int] = (100, 100)) -> Grid:
    found = None if crs is None else CRS.from_user_input(crs)
    return Grid(crs=found, transform=transform, shape=shape)


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
        pytest.param(Affine(2, 0, math.nan, 0, -2, 0), (5, 5), "to an area; got .*nan", id="NaN"),
        pytest.param(Affine(2, 0, 0, 0, -2, math.inf), (5, 5), "to an area; got .*inf", id="inf"),
        pytest.param(Affine(1e30, 0, 0, 0, -1e30, 0), (5, 5), "coordinates can tell", id="large"),
        pytest.param(Affine(2, 0, 1e18, 0, -2, 0), (5, 5), "coordinates can tell", id="far"),
        pytest.param(Affine(1e-9, 0, 5e5, 0, -2, 0), (5, 5), "coordinates can tell", id="fine"),
    ],
)
def test_senseless_grids_are_refused(
    transform: Affine, shape: tuple[int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        grid(None, transform, shape)


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(Affine.identity(), id="pixels"),
        pytest.param(Affine(2, 0, 5e5, 0, 2, 9e6), id="south up"),
        pytest.param(Affine(1e-6, 0, 179.5, 0, -1e-6, -89), id="degrees"),
        pytest.param(Affine(500, 0, 5e8, 0, -500, 4e9), id="millimetres"),
        pytest.param(Affine(40_000, 0, -2e7, 0, -40_000, 2e7), id="the whole Earth"),
    ],
)
def test_usual_grids_pass(transform: Affine) -> None:
    assert grid(None, transform, (1000, 1000)).transform == transform


def test_coarser_grids_end_within_or_cover() -> None:
    own = grid("EPSG:32648", Affine(2, 0, 500_000, 0, -2, 4_000_000), (5, 7))
    assert (own.coarser(3).shape, own.coarser(3, covering=True).shape) == ((1, 2), (2, 3))
    assert own.coarser(2.5).transform == Affine(5, 0, 500_000, 0, -5, 4_000_000)
    assert own.coarser(50).shape == (1, 1)
    assert own.coarser(0.5) is own.coarser(1) is own
