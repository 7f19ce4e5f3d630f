import math
from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.factories.synthetic_terrain import (
    CENTRE,
    UTM,
    Ground,
    pixels_around,
    plane,
    write_dem,
    write_heights,
)

from landslip.core.bands import TERRAIN_UNITS
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.preprocessing.stack.terrain import TerrainBands, derivatives

NAMES = tuple(TERRAIN_UNITS)
SCENE = Grid(crs=CRS.from_epsg(32650), transform=pixels_around((90, 120), 2.0), shape=(90, 120))


def bowl(a: float, b: float) -> Ground:
    """Return z = 500 + a x² + b y² around the centre."""

    def heights(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return 500 + a * (x - CENTRE[0]) ** 2 + b * (y - CENTRE[1]) ** 2

    return heights


def terrain(
    path: Path, grid: Grid = SCENE, window: Window | None = None
) -> dict[str, NDArray[np.float32]]:
    with TerrainBands(path, grid) as bands:
        return dict(zip(NAMES, bands.read(window or grid.window, NAMES), strict=True))


def degrees_around(shape: tuple[int, int], step_deg: float) -> Affine:
    lon, lat = pyproj.Transformer.from_crs(UTM, 4326, always_xy=True).transform(*CENTRE)
    return (
        Affine.translation(lon, lat)
        @ Affine.scale(step_deg, -step_deg)
        @ Affine.translation(-shape[1] / 2, -shape[0] / 2)
    )


@pytest.mark.parametrize("system", ["projected", "turned", "degrees"])
def test_a_plane_has_its_slope_and_direction_whichever_grid_the_model_has(
    system: str, tmp_path: Path
) -> None:
    shape, crs = (60, 60), UTM
    transform = pixels_around(shape, 10.0, turn_deg=30.0 if system == "turned" else 0.0)
    if system == "degrees":
        transform, crs = degrees_around(shape, 1e-4), pyproj.CRS.from_epsg(4326)
    east, north = 0.3, -0.4  # falls to the west, and less so to the north
    path = write_dem(tmp_path / "dem.tif", plane(east, north), transform, shape, crs)
    found = terrain(path)
    length = math.sqrt(1 + east**2 + north**2)
    np.testing.assert_allclose(found["slope"], math.degrees(math.atan(0.5)), atol=0.02)
    np.testing.assert_allclose(found["eastness"], -east / length, atol=1e-3)
    np.testing.assert_allclose(found["northness"], -north / length, atol=1e-3)
    np.testing.assert_allclose(found["curvature"], 0, atol=1e-5)


def test_curvature_is_negative_in_a_hollow(tmp_path: Path) -> None:
    shape = (60, 60)
    path = write_dem(tmp_path / "dem.tif", bowl(1e-3, 2e-3), pixels_around(shape, 10.0), shape)
    np.testing.assert_allclose(terrain(path)["curvature"], -(2e-3 + 4e-3), atol=2e-5)


def test_derivatives_are_those_of_a_fitted_quadric() -> None:
    """Evans' second derivatives are least squares of z = a c² + b cr + d r² + ... over 3 x 3."""
    heights = np.random.default_rng(2).normal(0, 1, (3, 3)).astype(np.float32)
    row, col = (axis.ravel() - 1 for axis in np.mgrid[:3, :3])
    terms = np.column_stack([col**2, col * row, row**2, col, row, np.ones(9)]).astype(np.float64)
    a, b, d, *_ = np.linalg.lstsq(terms, heights.ravel())[0]
    np.testing.assert_allclose(derivatives(heights)[2:, 0, 0], [2 * a, b, 2 * d], rtol=1e-5)


def test_a_pixel_does_not_depend_on_its_window(tmp_path: Path) -> None:
    shape = (40, 40)
    heights = np.random.default_rng(3).uniform(100, 140, shape).astype(np.float32)
    write_heights(tmp_path / "dem.tif", heights, pixels_around(shape, 10.0))
    whole = terrain(tmp_path / "dem.tif")
    part = terrain(tmp_path / "dem.tif", window=Window(37, 11, 50, 41))
    for name in NAMES:
        np.testing.assert_allclose(
            part[name], whole[name][11:52, 37:87], rtol=1e-5, atol=1e-6, err_msg=name
        )


def test_a_finer_model_is_averaged_and_not_picked_from(tmp_path: Path) -> None:
    """Heights that alternate from pixel to pixel have no slope on coarser pixels."""
    shape = (400, 400)
    row, col = np.indices(shape)
    heights = (300 + 5.0 * ((row + col) % 2)).astype(np.float32)
    write_heights(tmp_path / "dem.tif", heights, pixels_around(shape, 1.0))
    found = terrain(tmp_path / "dem.tif")
    np.testing.assert_allclose(found["elevation"], 302.5, atol=1e-3)
    np.testing.assert_allclose(found["slope"], 0, atol=1e-3)


def test_gaps_are_unknown_with_their_neighbours(tmp_path: Path) -> None:
    shape = (60, 60)
    gap = (slice(30, 32), slice(30, 32))
    path = write_dem(
        tmp_path / "dem.tif", plane(0.1, 0.0), pixels_around(shape, 10.0), shape, gap=gap
    )
    found = terrain(path)
    assert np.isnan(found["slope"]).any()
    assert np.isfinite(found["slope"][:, :20]).all()
    unknown = np.isnan(found["slope"])
    assert (unknown | np.isfinite(found["elevation"])).all()  # a slope needs more heights


def test_a_model_elsewhere_is_refused_and_a_part_is_noted(tmp_path: Path) -> None:
    shape = (20, 20)
    far = Affine.translation(50_000, 0) @ pixels_around(shape, 10.0)
    path = write_dem(tmp_path / "far.tif", plane(0.1, 0.0), far, shape)
    with pytest.raises(InputError, match=r"far\.tif: the elevation model covers nothing"):
        TerrainBands(path, SCENE)
    half = Affine.translation(100, 0) @ pixels_around(shape, 10.0)
    path = write_dem(tmp_path / "half.tif", plane(0.1, 0.0), half, shape)
    with TerrainBands(path, SCENE) as bands:
        assert [note.key for note in bands.notes] == ["stack.dem_part"]
    unplaced = Grid(crs=None, transform=SCENE.transform, shape=SCENE.shape)
    with pytest.raises(InputError, match="no coordinate system; assign one, or leave dem out"):
        TerrainBands(path, unplaced)
