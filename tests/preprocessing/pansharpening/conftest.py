"""A scene whose fine bands are known, and what two sensors see of it."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from landslip.preprocessing.pansharpening.multiresolution import degrade

WEIGHTS = (0.2, 0.3, 0.3, 0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownScene:
    fine: NDArray[np.float32]
    ms: NDArray[np.float32]
    pan: NDArray[np.float32]


@pytest.fixture(scope="session")
def known_scene() -> KnownScene:
    """Four bands of 384 x 320 px, their degraded twin at ratio 4, and PAN as their sum.

    Patches of ground, which differ in brightness and less in colour, with edges and texture finer
    than a coarse pixel, under haze.
    """
    generator = np.random.default_rng(7)
    patches = ndimage.zoom(generator.integers(0, 6, (48, 40)), 8, order=0)
    colours = generator.uniform(200, 900, 6) * generator.uniform(0.7, 1.3, (4, 6))
    light = 1 + 0.45 * ndimage.gaussian_filter(generator.normal(size=(384, 320)), 1.0)
    fine = (colours[:, patches] * light + 80).astype(np.float32)
    pan = np.tensordot(WEIGHTS, fine, 1).astype(np.float32)
    return KnownScene(fine=fine, ms=degrade(fine, 4), pan=pan)
