"""Reflectance scenes of the synthetic ground, as they come out of preprocessing on a bad day."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.clouds import Clouds
from landslip.synthetic.noise import Field, blurred
from landslip.synthetic.terrain import SyntheticTerrain, cast_shadow

REFLECTANCE_SCALE = 0.0001
_BLUR_PX = 0.6
_NOISE, _NOISE_OF_SIGNAL = 0.0012, 0.008
_CLOUD, _CLOUD_SHADOW, _TERRAIN_SHADOW = 0.1, 0.35, 0.5
_EDGE_SLOPE = math.tan(math.radians(12))

Bands4 = tuple[float, float, float, float]
_Pixel = TypeVar("_Pixel", np.float32, np.uint8)


class PixelQuality(IntEnum):
    """What is seen in a pixel of a scene."""

    GROUND = 0
    OUTSIDE = 1
    CLOUD = 2
    CLOUD_SHADOW = 3
    TERRAIN_SHADOW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConditions:
    """What makes the scene of a date differ from the ground.

    Attributes:
        cloud_fraction: share of the ground under clouds; their shadows come on top.
        shift_px: (col, row) by which the scene is displaced: an error of registration.
        gains: by which reflectance (blue, green, red, nir) is multiplied.
        offsets: added to reflectance then.
        missing_fraction: share of the area beyond the right edge of the image.
    """

    cloud_fraction: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    gains: Bands4 = (1.0, 1.0, 1.0, 1.0)
    offsets: Bands4 = (0.0, 0.0, 0.0, 0.0)
    missing_fraction: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.cloud_fraction < 1 and 0 <= self.missing_fraction < 1):
            raise InputError(
                "the fractions of a scene that are under clouds and missing must be from 0 to "
                f"under 1; got {self.cloud_fraction} and {self.missing_fraction}"
            )

    def footprint(self, shape: tuple[int, int]) -> shapely.Polygon:
        """Return what the image covers of an area of this shape, in pixels."""
        height, width = shape
        if self.missing_fraction == 0:
            return shapely.box(0, 0, width, height)
        edge, lean = width * (1 - self.missing_fraction), height / 2 * _EDGE_SLOPE
        top, bottom = (min(max(edge + by, 0), width) for by in (lean, -lean))
        return shapely.Polygon([(0, 0), (top, 0), (bottom, height), (0, height)])


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObservation:
    """A scene as stored (4: blue, green, red, nir, height, width), 0 where there is none.

    ``quality`` (height, width) has the values of `PixelQuality`; that of the scene is displaced as
    the scene is, ``ground_quality`` is that of the ground.
    """

    stored: NDArray[np.uint16]
    quality: NDArray[np.uint8]
    ground_quality: NDArray[np.uint8]


def observe(
    reflectance: Field,
    quality: NDArray[np.uint8],
    window: Window,
    conditions: SceneConditions,
    generator: np.random.Generator,
) -> SceneObservation:
    """Return the scene of a window of the ground; the ground reaches some pixels beyond it."""
    rows, cols = window.slices_in(Window(0, 0, quality.shape[1], quality.shape[0]))
    missing = ~rasterize(
        [conditions.footprint(window.shape)], out_shape=window.shape, dtype="uint8"
    ).astype(np.bool_)
    stored = np.zeros((len(reflectance), *window.shape), dtype=np.uint16)
    for at, band in enumerate(reflectance):
        seen = _shifted(blurred(band, _BLUR_PX), conditions.shift_px, cv2.INTER_CUBIC)[rows, cols]
        noise = generator.standard_normal(window.shape, dtype=np.float32)
        seen = seen + noise * (_NOISE + _NOISE_OF_SIGNAL * seen)
        value = seen * conditions.gains[at] + conditions.offsets[at]
        layer = np.clip(np.rint(value / REFLECTANCE_SCALE), 1, 65_535).astype(np.uint16)
        stored[at] = np.where(missing, 0, layer)
    displaced = _shifted(quality, conditions.shift_px, cv2.INTER_NEAREST)[rows, cols]
    outside = np.uint8(PixelQuality.OUTSIDE)
    return SceneObservation(
        stored=stored,
        quality=np.where(missing, outside, displaced),
        ground_quality=np.where(missing, outside, quality[rows, cols]),
    )


def pixel_quality(
    terrain: SyntheticTerrain, sun: SunPosition, clouds: Clouds | None
) -> NDArray[np.uint8]:
    """Return what is seen of the ground (height, width): it, clouds, or shadows."""
    quality = np.full(terrain.shape, PixelQuality.GROUND, dtype=np.uint8)
    shaded = cast_shadow(terrain.height_m, terrain.resolution_m, sun)
    quality[shaded > _TERRAIN_SHADOW] = PixelQuality.TERRAIN_SHADOW
    if clouds is not None:
        quality[clouds.shadow > _CLOUD_SHADOW] = PixelQuality.CLOUD_SHADOW
        quality[clouds.opacity > _CLOUD] = PixelQuality.CLOUD
    return quality


def _shifted(layer: NDArray[_Pixel], shift_px: tuple[float, float], how: int) -> NDArray[_Pixel]:
    """Return a layer (height, width) moved by (col, row)."""
    move = np.array([[1, 0, shift_px[0]], [0, 1, shift_px[1]]], dtype=np.float64)
    size = layer.shape[::-1]
    moved = cv2.warpAffine(layer, move, size, flags=how, borderMode=cv2.BORDER_REFLECT)
    return moved.astype(layer.dtype, copy=False)
