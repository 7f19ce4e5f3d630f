from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from tests.factories.synthetic_terrain import (
    CENTRE,
    UTM,
    pixels_around,
    plane,
    write_dem,
    write_heights,
)

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.elevation_model import TILE_PX, ElevationModel
from landslip.preprocessing.orthorectification.elevation import Elevation

WGS84 = pyproj.CRS.from_epsg(4326)


def write_rough(path: Path, shape: tuple[int, int], transform: Affine) -> NDArray[np.float32]:
    """Write random heights and return them."""
    heights = np.random.default_rng(5).uniform(100, 200, shape).astype(np.float32)
    write_heights(path, heights, transform)
    return heights


def test_heights_and_gradients_across_tiles(tmp_path: Path) -> None:
    shape = (TILE_PX + 90, 2 * TILE_PX + 7)
    transform = pixels_around(shape, 10.0)
    heights = write_rough(tmp_path / "dem.tif", shape, transform).astype(np.float64)
    rng = np.random.default_rng(6)
    pixels = rng.uniform([0.6, 0.6], [shape[1] - 0.6, shape[0] - 0.6], (5000, 2))
    pixels[:500, 0] = rng.uniform(TILE_PX - 2, TILE_PX + 2, 500)
    pixels[500:1000, 1] = rng.uniform(TILE_PX - 2, TILE_PX + 2, 500)
    with ElevationModel(tmp_path / "dem.tif") as terrain:
        found, gradients = terrain.sample(map_points(transform, pixels), UTM)
        again = terrain.heights_at(map_points(transform, pixels), UTM)
    place = (pixels - 0.5).T[::-1]
    expected = ndimage.map_coordinates(heights, place, order=1)
    # float32 tiles are gathered in float64
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_array_equal(found, again)
    rise_col = ndimage.correlate(heights, np.outer([1, 2, 1], [-1, 0, 1]) / 80)
    rise_row = ndimage.correlate(heights, np.outer([-1, 0, 1], [1, 2, 1]) / 80)
    for values in (rise_col, rise_row):
        values[[0, -1]] = np.nan
        values[:, [0, -1]] = np.nan
    east = ndimage.map_coordinates(rise_col, place, order=1, cval=np.nan)
    north = -ndimage.map_coordinates(rise_row, place, order=1, cval=np.nan)
    np.testing.assert_allclose(gradients, np.column_stack([east, north]), rtol=1e-5, atol=1e-6)


def test_inventories_and_orthorectification_take_the_same_heights(tmp_path: Path) -> None:
    """Bit by bit, inside: beyond the outer pixel centres they differ on purpose."""
    path, transform = tmp_path / "dem.tif", pixels_around((60, 80), 10.0)
    write_rough(path, (60, 80), transform)
    places = map_points(transform, np.random.default_rng(2).uniform(1, (79, 59), (300, 2)))
    to_lonlat = pyproj.Transformer.from_crs(UTM, WGS84, always_xy=True)
    lonlat = np.column_stack(to_lonlat.transform(*places.T))
    with ElevationRaster(path) as file:
        values = file.read(file.grid.window)
        elevation = Elevation(height_m=values, known=np.isfinite(values), grid=file.grid)
    with ElevationModel(path) as model:
        ours = model.heights_at(lonlat, WGS84)
    np.testing.assert_array_equal(ours, elevation.at(lonlat))


def test_a_height_needs_four_neighbours_and_a_gradient_the_ones_around_them(
    tmp_path: Path,
) -> None:
    transform = pixels_around((9, 9), 1.0)
    path = write_dem(
        tmp_path / "dem.tif",
        plane(1.0, 0.0),
        transform,
        (9, 9),
        gap=(slice(4, 5), slice(4, 5)),
    )
    pixels = np.array([[4.5, 4.5], [3.6, 3.6], [3.4, 3.4], [1.6, 1.6], [2.4, 2.4], [0.4, 5.0]])
    pixels = np.concatenate([pixels, [[0.5, 0.5], [8.5, 8.5], [1.5, 1.5], [8.6, 5], [np.nan, 1]]])
    with ElevationModel(path) as terrain:
        heights, gradients = terrain.sample(map_points(transform, pixels), UTM)
    T, F = True, False  # noqa: N806
    assert np.isfinite(heights).tolist() == [F, F, T, T, T, F, T, T, T, F, F]
    assert np.isfinite(gradients).all(axis=1).tolist() == [F, F, F, T, T, F, F, F, T, F, F]
    known = np.isfinite(gradients[:, 0])
    np.testing.assert_allclose(gradients[known], np.tile([1.0, 0.0], (known.sum(), 1)), atol=1e-12)


@pytest.mark.parametrize("turn", [0.0, 17.0, 90.0, 200.0])
def test_a_plane_is_a_plane_on_turned_pixels(tmp_path: Path, turn: float) -> None:
    path = write_dem(
        tmp_path / "d.tif", plane(0.3, -0.7), pixels_around((50, 40), 30.0, turn), (50, 40)
    )
    points = CENTRE + np.random.default_rng(1).uniform(-350, 350, (300, 2))
    with ElevationModel(path) as terrain:
        heights, gradients = terrain.sample(points, UTM)
        assert terrain.resolution_near([np.nan] * 4, UTM) == pytest.approx(30, rel=1e-12)
        assert terrain.resolution_at(points[:1], UTM) == pytest.approx(30, rel=1e-12)
    np.testing.assert_allclose(heights, plane(0.3, -0.7)(*points.T), atol=2e-4)
    np.testing.assert_allclose(gradients, np.tile([0.3, -0.7], (300, 1)), atol=1e-5)


def test_over_a_country_the_lattice_is_fine_enough(tmp_path: Path) -> None:
    # a plane of longitude and latitude over 10 degrees, seen from UTM
    step = 1 / 32
    shape = (320, 320)
    transform = Affine(step, 0, 112, 0, -step, 36)

    def slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = pyproj.Transformer.from_crs(UTM, WGS84, always_xy=True).transform(x, y)
        heights: NDArray[np.float64] = 64 * (lon - 112) + 128 * (lat - 26)
        return heights

    path = write_dem(tmp_path / "dem.tif", slope, transform, shape, WGS84)
    rng = np.random.default_rng(2)
    lonlat = rng.uniform([112.1, 26.1], [121.9, 35.9], (2000, 2))
    points = np.column_stack(
        pyproj.Transformer.from_crs(WGS84, UTM, always_xy=True).transform(*lonlat.T)
    )
    with ElevationModel(path) as terrain:
        heights, gradients = terrain.sample(points, UTM)
        resolution = terrain.resolution_at(points, UTM)
    np.testing.assert_allclose(
        heights, 64 * (lonlat[:, 0] - 112) + 128 * (lonlat[:, 1] - 26), atol=1e-3
    )
    east, north = np.array([100.0, 0.0]), np.array([0.0, 100.0])
    expected = np.column_stack(
        [(slope(*(points + d).T) - slope(*(points - d).T)) / 200 for d in (east, north)]
    )
    np.testing.assert_allclose(gradients, expected, atol=3e-5 * np.abs(expected).max())
    sides = np.sqrt(np.cos(np.radians(lonlat[:, 1]))) * step * 111_195
    np.testing.assert_allclose(resolution, sides, rtol=5e-3)


def test_heights_are_laid_on_a_grid(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "d.tif", plane(0.25, 0.5), pixels_around((40, 40), 16.0), (40, 40))
    fine = Grid(
        crs=rasterio.CRS.from_epsg(32650),
        transform=Affine(2, 0, CENTRE[0] - 30, 0, -2, CENTRE[1] + 31),
        shape=(25, 33),
    )
    with ElevationModel(path) as terrain:
        heights = terrain.heights_on(fine)
        row, col = np.indices(fine.shape).astype(np.float64)
        x, y = CENTRE[0] - 30 + 2 * (col + 0.5), CENTRE[1] + 31 - 2 * (row + 0.5)
        np.testing.assert_allclose(heights, plane(0.25, 0.5)(x, y), rtol=1e-7)
        assert heights.dtype == np.float32
        beside = Grid(crs=fine.crs, transform=Affine(2, 0, 0, 0, -2, 0), shape=(3, 3))
        assert np.isnan(terrain.heights_on(beside)).all()
        nowhere = Grid(crs=None, transform=fine.transform, shape=(3, 3))
        with pytest.raises(InputError, match="for an image that has no coordinate system"):
            terrain.heights_on(nowhere)


def test_it_describes_itself(tmp_path: Path) -> None:
    step = 1 / 3600
    transform = Affine(step, 0, 116.9, 0, -step, 60.1)
    path = write_dem(tmp_path / "glo30.tif", plane(0, 0), transform, (700, 700), WGS84)
    with ElevationModel(path) as terrain:
        assert (terrain.name, terrain.crs) == ("glo30.tif", "EPSG:4326")
        # the middle of the model, at 60.0028 degrees north: half as wide as high
        assert terrain.resolution_near([0.0] * 4, None) == pytest.approx(21.901, abs=0.002)
        assert terrain.resolution_near([np.nan] * 4, WGS84) == pytest.approx(21.901, abs=0.002)
        near = terrain.resolution_near([100.0, 0.0, 102.0, 0.0], WGS84)
        assert near == pytest.approx(30.82, abs=0.02)


def test_a_map_that_is_not_tied_to_the_earth_is_refused(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(0, 0), pixels_around((9, 9), 1.0), (9, 9))
    plan = pyproj.CRS('LOCAL_CS["plan",UNIT["metre",1]]')
    with ElevationModel(path) as terrain, pytest.raises(InputError, match="not tied to the Earth"):
        terrain.heights_at(np.array([[0.0, 0.0]]), plan)


def test_one_row_of_pixels_has_no_heights(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "dem.tif", plane(0, 0), pixels_around((1, 9), 1.0), (1, 9))
    with ElevationModel(path) as terrain:
        assert np.isnan(terrain.heights_at(np.array([CENTRE]), UTM)).all()
        heights, gradients = terrain.sample(np.empty((0, 2)), UTM)
    assert heights.shape == (0,)
    assert gradients.shape == (0, 2)
