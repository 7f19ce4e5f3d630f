"""Synthetic textures defined at every place, so that shifts are exact without interpolation."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Texture = Callable[..., NDArray[np.float32]]


def make_texture(seed: int, waves: int = 1200) -> Texture:
    """Return a function that draws (height, width) pixels from a column and row offset on.

    A sum of plane waves with the spectrum of land (amplitude falling with frequency) and the blur
    of a sensor, some of it beyond what the pixels can resolve.
    """
    generator = np.random.default_rng(seed)
    frequency = np.exp(generator.uniform(np.log(0.004), np.log(0.9), waves))
    angle, phase = generator.uniform(0, 2 * np.pi, (2, waves))
    u, v = frequency * np.cos(angle), frequency * np.sin(angle)
    strength = np.exp(np.log(0.15) * (frequency / 0.5) ** 2)

    def draw(shape: tuple[int, int], dx: float = 0.0, dy: float = 0.0) -> NDArray[np.float32]:
        across = np.exp(2j * np.pi * np.outer(u, np.arange(shape[1]) + dx) + 1j * phase[:, None])
        down = np.exp(2j * np.pi * np.outer(np.arange(shape[0]) + dy, v))
        waves: NDArray[np.complex128] = (down * strength) @ across
        return np.asarray(500 + 4 * waves.real, dtype=np.float32)

    return draw


@pytest.fixture
def ground() -> Texture:
    return make_texture(0)


@pytest.fixture
def other_ground() -> Texture:
    return make_texture(1)
