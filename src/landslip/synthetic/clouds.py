"""Clouds over the synthetic ground, and their shadows."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.noise import Field, fractal_noise, top_fraction
from landslip.synthetic.phenology import Colour
from landslip.synthetic.terrain import sun_direction

CLOUD: Colour = (0.64, 0.61, 0.60, 0.63)
_LARGEST_PX, _SOFTNESS = 420.0, 0.18
_HEIGHT_M = (350.0, 800.0)
_SHADOW_DEPTH = (0.45, 0.52, 0.58, 0.68)
_TEXTURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Clouds:
    """Opacity of clouds and strength of their shadows (height, width), 0 to 1."""

    opacity: Field
    shadow: Field
    texture: Field

    def cover(self, reflectance: Field) -> Field:
        """Return reflectance (4: blue, green, red, nir, height, width) under clouds and shadows."""
        covered = np.empty_like(reflectance)
        for at, (cloud, depth) in enumerate(zip(CLOUD, _SHADOW_DEPTH, strict=True)):
            ground = reflectance[at] * (1 - np.float32(depth) * self.shadow)
            bright = np.float32(cloud) * (1 + np.float32(_TEXTURE) * self.texture)
            covered[at] = ground + self.opacity * (bright - ground)
        return covered


def draw_clouds(
    shape: tuple[int, int],
    fraction: float,
    resolution_m: float,
    sun: SunPosition,
    generator: Generator,
) -> Clouds:
    """Draw clouds whose opacity is over one half on a fraction of the ground.

    All are at one height of 350 to 800 m, which places their shadows away from the sun.
    """
    puffs = fractal_noise(shape, generator, largest_px=_LARGEST_PX, smallest_px=3, exponent=1.6)
    texture = fractal_noise(shape, generator, largest_px=40, smallest_px=3, exponent=1.2)
    height_m = generator.uniform(*_HEIGHT_M)
    opacity = top_fraction(puffs, fraction, _SOFTNESS)
    away_px = height_m * np.tan(np.radians(sun.zenith_deg)) / resolution_m
    x, y = sun_direction(sun)
    # noise is periodic, so that clouds of the far side cast shadows on the near one
    shadow = np.roll(opacity, (round(-away_px * y), round(-away_px * x)), axis=(0, 1))
    return Clouds(opacity=opacity, shadow=shadow, texture=texture)
