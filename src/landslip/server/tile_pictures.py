"""Pictures of tiles: numbers become colours, and these PNG, WebP or JPEG."""

import io
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.server.catalogue.entries import RasterEntry
from landslip.server.schemas import RasterClass
from landslip.server.tile_reading import Valid

PictureFormat = Literal["png", "webp", "jpeg"]
Picture = NDArray[np.uint8]
"""(height, width, 3 or 4) in blue, green, red and alpha, as OpenCV writes it."""
_WEBP_QUALITY, _WEBP_METHOD = 85, 1  # the method of twice the speed
_JPEG_QUALITY, _PNG_LEVEL = 88, 1
_FINE = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """How a raster is drawn.

    Attributes:
        bands: positions in the entry's bands, one or three; none of a probability or classes.
        limits: low and high of each, in the unit that is shown.
        gamma: over 1 brightens.
        side: of a tile, in pixels.
    """

    bands: tuple[int, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()
    gamma: float = 1.0
    side: int = 256


def draw(raster: RasterEntry, view: TileView, values: NDArray[Any], valid: Valid) -> Picture:
    """Return the picture of numbers (height, width, bands), and where they are valid."""
    if raster.kind == "probability" and not view.bands:
        # elevation tiles to MapLibre: probability = red / 250; they are opaque
        levels = values[..., 0].astype(np.float32) * np.float32(raster.scale[0])
        levels += np.float32(raster.offset[0])
        red = np.clip(np.rint(levels * PROBABILITY_LEVELS), 0, PROBABILITY_LEVELS)
        picture = np.zeros((*red.shape, 3), dtype=np.uint8)
        picture[..., 2] = red if valid is None else np.where(valid, red, 0)
        return picture
    if raster.classes and not view.bands:
        picture = np.zeros((*values.shape[:2], 4), dtype=np.uint8)
        for one in raster.classes:
            shown = values[..., 0] == one.value
            picture[shown if valid is None else valid & shown] = _blue_green_red(one)
        return picture
    picture = _stretched(raster, view, values)
    to_colours = cv2.COLOR_GRAY2BGR if picture.shape[2] == 1 else cv2.COLOR_RGB2BGR
    picture = np.asarray(cv2.cvtColor(picture, to_colours), dtype=np.uint8)
    if valid is None or valid.all():
        return picture
    picture = np.dstack([picture, np.full(valid.shape, 255, np.uint8)])
    picture[~valid] = 0
    return picture


def _stretched(raster: RasterEntry, view: TileView, values: NDArray[Any]) -> Picture:
    """Return bands, stretched between their limits."""
    lows, factors = np.zeros(4), np.zeros(4)
    for at, position in enumerate(view.bands or (0,)):
        shown = raster.bands[position]
        limits = view.limits[at] if view.limits else (shown.low, shown.high)
        scale, offset = raster.scale[position], raster.offset[position]
        low, high = ((limit - offset) / scale for limit in limits)
        lows[at], factors[at] = low, 1 / (high - low or 1.0)
    above = cv2.subtract(values.astype(np.float32, copy=False), lows)
    if view.gamma == 1:
        stretched = cv2.multiply(above, factors * 255, dtype=cv2.CV_8U)
    else:
        fine = cv2.multiply(above, factors * _FINE, dtype=cv2.CV_16U)
        levels = (np.arange(_FINE + 1) / _FINE) ** (1 / view.gamma)
        stretched = (levels * 255 + 0.5).astype(np.uint8)[fine]
    return np.asarray(stretched, dtype=np.uint8).reshape(values.shape)


def _blue_green_red(one: RasterClass) -> tuple[int, int, int, int]:
    red, green, blue = (int(one.colour[at : at + 2], 16) for at in (1, 3, 5))
    return blue, green, red, 255


def encode(picture: Picture, picture_format: PictureFormat) -> tuple[bytes, str]:
    """Return content and media type of a picture; without any opaque pixel both are empty.

    With ``jpeg``, which takes a fifth of WebP's time, what is transparent in parts becomes WebP.
    """
    is_opaque = picture.shape[2] == 3
    if not is_opaque and not picture[..., 3].any():
        return b"", ""
    if picture_format == "png":
        return _by_opencv(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL]), "image/png"
    if picture_format == "jpeg" and is_opaque:
        return _by_opencv(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]), "image/jpeg"
    order = (2, 1, 0) if is_opaque else (2, 1, 0, 3)
    packed = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture[..., order]))
    image.save(packed, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return packed.getvalue(), "image/webp"


def _by_opencv(ending: str, picture: Picture, parameters: list[int]) -> bytes:
    written, content = cv2.imencode(ending, picture, parameters)
    if not written:
        raise RuntimeError(f"a tile could not be encoded as {ending}")
    return content.tobytes()
