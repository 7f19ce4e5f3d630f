"""Shadows of clouds whose height and sun are known."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from landslip.core.grid import Grid
from landslip.preprocessing.radiometry.shadows import detect_cloud_shadows

SHAPE = (160, 180)
GRID = Grid(crs=CRS.from_epsg(32650), transform=Affine(20, 0, 5e5, 0, -20, 4e6), shape=SHAPE)


@pytest.mark.parametrize(
    ("sun_deg", "move"), [((135.0, 45.0), (-21, -21)), ((180.0, 45.0), (-30, 0))]
)
def test_a_shadow_is_where_the_sun_throws_it(
    sun_deg: tuple[float, float], move: tuple[int, int]
) -> None:
    # cloud 600 m above the ground (30 px of 20 m), which at 45 degrees is as far as it moves
    generator = np.random.default_rng(0)
    nir = 0.3 + 0.02 * ndimage.gaussian_filter(generator.normal(size=SHAPE), 3).astype(np.float32)
    cloudy = np.zeros(SHAPE, dtype=np.bool_)
    cloudy[90:105, 80:110] = True
    truth = np.roll(cloudy, move, axis=(0, 1))
    nir[truth] *= 0.4
    nir[20:40, 150:160] = 0.05  # a lake
    nir[cloudy] = 0.7
    found = detect_cloud_shadows(nir, np.ones_like(cloudy), cloudy, GRID, sun_deg)
    union = np.count_nonzero(found | (truth & ~cloudy))
    assert np.count_nonzero(found & truth) / union > 0.8
    assert not found[20:40, 150:160].any()


def test_a_cloud_over_even_ground_has_no_shadow() -> None:
    cloudy = np.zeros(SHAPE, dtype=np.bool_)
    cloudy[90:105, 80:110] = True
    even = np.full(SHAPE, 0.3, dtype=np.float32)
    assert not detect_cloud_shadows(even, ~cloudy | True, cloudy, GRID, (135.0, 45.0)).any()
