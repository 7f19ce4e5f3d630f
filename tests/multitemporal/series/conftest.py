"""Scenes of a few dates of one synthetic place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from tests.conftest import WriteRaster

BANDS = ("blue", "green", "red", "nir")
SHAPE = (200, 240)
TRANSFORM = Affine(2, 0, 500_000, 0, -2, 4_000_000)

WriteScene = Callable[..., Path]


def make_ground(seed: int = 0, shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    """Return reflectance (4, height, width) of fields and edges, 0.03 to about 0.4."""
    generator = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(generator.normal(size=shape), 3)
    fields = np.where(rough > 0, 1.0, 0.0) + 4 * ndimage.gaussian_filter(
        generator.normal(size=shape), 1.5
    )
    own = np.stack([ndimage.gaussian_filter(generator.normal(size=shape), 2) for _ in BANDS])
    levels, slopes = np.array([0.06, 0.09, 0.11, 0.25]), np.array([0.02, 0.03, 0.05, -0.06])
    ground = levels[:, None, None] + slopes[:, None, None] * fields + 0.06 * own
    return np.asarray(np.clip(ground, 0.01, 0.9))


@pytest.fixture
def write_scene(write_raster: WriteRaster) -> WriteScene:
    """Give the function that writes reflectance (4, height, width), 0 where it is NaN."""

    def write(name: str, reflectance: NDArray[Any], **profile: Any) -> Path:
        stored = np.where(np.isnan(reflectance), 0, np.clip(np.rint(reflectance * 1e4), 1, 65535))
        options: dict[str, Any] = {
            "names": BANDS,
            "scales": (0.0001,) * 4,
            "transform": TRANSFORM,
            "nodata": 0,
        }
        return write_raster(name, stored.astype(np.uint16), **(options | profile))

    return write
