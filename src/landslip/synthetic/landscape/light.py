"""Sunlight on the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.synthetic.landscape.noise import Field, blurred

_COARSE_PX = 4
SKY = 0.40


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun stands: azimuth clockwise from north, height over the horizon."""

    azimuth_deg: float = 142.0
    elevation_deg: float = 54.0

    @property
    def towards(self) -> tuple[float, float]:
        """The unit vector (x, y) in pixel coordinates, y downwards, that points to the sun."""
        azimuth = np.radians(self.azimuth_deg)
        return float(np.sin(azimuth)), float(-np.cos(azimuth))


def illumination(height_m: Field, resolution_m: float, sun: Sun) -> Field:
    """Return the light (height, width) on the ground, 1 being that of level ground in the sun.

    Direct light goes with the cosine of the angle of incidence and is missing in cast shadows; the
    sky gives a part that is the same everywhere.
    """
    fall_y, fall_x = np.gradient(height_m, resolution_m)
    elevation = np.radians(sun.elevation_deg)
    x, y = sun.towards
    level = np.sin(elevation)
    facing = level - (fall_x * x + fall_y * y) * np.cos(elevation)
    cosine = np.maximum(facing, 0) / np.sqrt(1 + fall_x**2 + fall_y**2)
    direct = cosine / level * (1 - cast_shadow(height_m, resolution_m, sun))
    light: Field = (SKY + (1 - SKY) * direct).astype(np.float32)
    return light


def cast_shadow(height_m: Field, resolution_m: float, sun: Sun) -> Field:
    """Return how much of the sun (height, width, 0 to 1) the mountains around take away."""
    coarse = blurred(height_m, 1.5)[::_COARSE_PX, ::_COARSE_PX]
    step_m = _COARSE_PX * resolution_m
    rise_m = step_m * np.tan(np.radians(sun.elevation_deg))
    shaded = np.zeros(coarse.shape, dtype=np.bool_)
    for step in range(1, int((coarse.max() - coarse.min()) / rise_m) + 2):
        shaded |= _moved(coarse, step, sun) - step * rise_m > coarse + 0.5
    zoom = [full / part for full, part in zip(height_m.shape, coarse.shape, strict=True)]
    fine = ndimage.zoom(shaded.astype(np.float32), zoom, order=1, mode="nearest", grid_mode=True)
    shadow: Field = np.clip((fine - 0.3) / 0.4, 0, 1)
    return shadow


def _moved(field: Field, step: int, sun: Sun) -> NDArray[np.float32]:
    """Return what lies ``step`` pixels towards the sun from each pixel."""
    x, y = sun.towards
    rows = np.clip(np.arange(field.shape[0]) + round(step * y), 0, field.shape[0] - 1)
    cols = np.clip(np.arange(field.shape[1]) + round(step * x), 0, field.shape[1] - 1)
    return field[np.ix_(rows, cols)]
