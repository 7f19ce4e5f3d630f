import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.inventory.polygons.pixel_size import longest_step_m, metres_matrix


def grid(epsg: int | None, transform: Affine) -> Grid:
    crs = None if epsg is None else CRS.from_epsg(epsg)
    return Grid(crs=crs, transform=transform, shape=(100, 60))


def test_metres() -> None:
    place = grid(32650, Affine(2, 0, 500_000, 0, -3, 4_000_000))

    np.testing.assert_allclose(np.array(metres_matrix(place)), [[2, 0], [0, -3]])
    assert longest_step_m(place) == pytest.approx(3)


def test_feet() -> None:
    place = grid(2263, Affine(10, 0, 1e6, 0, -10, 2e5))

    assert longest_step_m(place) == pytest.approx(3048.0061 / 1000)


def test_a_turned_grid() -> None:
    place = grid(32650, Affine.rotation(30) @ Affine.scale(2, -2))

    assert longest_step_m(place) == pytest.approx(2)
    np.testing.assert_allclose(
        np.array(metres_matrix(place)), [[np.sqrt(3), 1], [1, -np.sqrt(3)]], atol=1e-12
    )


@pytest.mark.parametrize("south", [60.0, 0.0, -35.0])
def test_degrees(south: float) -> None:
    step = 1 / 3600
    place = grid(4326, Affine(step, 0, 103, 0, -step, south + 50 * step))
    geod = pyproj.Geod(ellps="WGS84")
    east_m = geod.inv(103, south, 103 + step, south)[2]
    north_m = geod.inv(103, south, 103, south + step)[2]

    matrix = metres_matrix(place)

    assert matrix is not None
    np.testing.assert_allclose(np.diag(matrix), [east_m, -north_m], rtol=0.006)
    longest_m = longest_step_m(place)
    assert longest_m is not None
    assert longest_m >= max(east_m, north_m) * 0.995


def test_nothing_is_known_without_a_coordinate_system() -> None:
    place = grid(None, Affine(2, 0, 0, 0, -2, 0))

    assert metres_matrix(place) is None
    assert longest_step_m(place) is None
