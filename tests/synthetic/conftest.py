"""A small ground with hills and a pattern, made by code."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.overpass import ImageTarget
from landslip.synthetic.terrain import SyntheticTerrain

EAST_M, NORTH_M = 354_000.0, 3_466_000.0


def make_grid(shape: tuple[int, int], pixel_m: float = 2.0) -> Grid:
    transform = Affine(pixel_m, 0, EAST_M, 0, -pixel_m, NORTH_M)
    return Grid(crs=CRS.from_epsg(32648), transform=transform, shape=shape)


def hills(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Heights of 1350 to 1650 m, slopes up to some 35 degrees."""
    row, col = np.indices(shape, dtype=np.float32)
    height: NDArray[np.float32] = (
        1500 + 75 * np.sin(row / 90) + 75 * np.cos(col / 70 + row / 300)
    ).astype(np.float32)
    return height


def plain_reflectance(shape: tuple[int, int]) -> NDArray[np.float32]:
    bands = np.reshape(np.array([0.04, 0.06, 0.05, 0.25], np.float32), (4, 1, 1))
    return np.repeat(np.repeat(bands, shape[0], axis=1), shape[1], axis=2)


def rounded_otherwise(terrain: SyntheticTerrain) -> SyntheticTerrain:
    """Return a terrain whose slopes differ by a 50,000th, more than between processors."""
    generator = np.random.default_rng(0)

    def changed(field: NDArray[np.float32]) -> NDArray[np.float32]:
        factors = 1 + 2e-5 * generator.uniform(-1, 1, field.shape)
        return (field * factors).astype(np.float32)

    return replace(
        terrain, slope_deg=changed(terrain.slope_deg), downslope=changed(terrain.downslope)
    )


@pytest.fixture(scope="session")
def ground() -> GroundModel:
    shape = (640, 640)
    reflectance = plain_reflectance(shape)
    row, col = np.indices(shape)
    reflectance *= np.where((row // 40 + col // 40) % 2, 1.5, 1.0).astype(np.float32)
    return GroundModel(reflectance=reflectance, height_m=hills(shape), grid=make_grid(shape))


@pytest.fixture(scope="session")
def target(ground: GroundModel) -> ImageTarget:
    lon, lat = ground.centre_deg
    return ImageTarget(lon_deg=lon, lat_deg=lat, height_m=1500.0, mss_shape=(96, 96))
