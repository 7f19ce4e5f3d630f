"""Images for display: natural colours, outlines and error maps on them, panels side by side."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from landslip.core.bands import Bands

RgbImage = NDArray[np.uint8]
_NATURAL = ("red", "green", "blue")
_OUTSIDE = 96
_GAP_PX = 8
_CAPTION_PX = 28
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = (60, 200, 90), (230, 60, 60), (70, 110, 255)


def rgb_composite(stored: NDArray[Any], valid: NDArray[np.bool_], bands: Bands) -> RgbImage:
    """Stretch a scene (bands, height, width) to an image (height, width, 3).

    Red, green and blue where the scene has them, else its first three bands, or its first in grey;
    each is stretched between its 1 % and 99 % points. What is not valid is grey.
    """
    if set(_NATURAL) <= set(bands.names):
        chosen = bands.positions_of(Bands(_NATURAL))
    else:
        chosen = (0, 1, 2) if len(bands) >= 3 else (0, 0, 0)
    image = np.stack([_stretched(stored[at], valid) for at in chosen], axis=-1)
    image[~valid] = _OUTSIDE
    return image


def draw_outlines(
    image: RgbImage, landslide: NDArray[np.bool_], colour: tuple[int, int, int]
) -> RgbImage:
    """Draw the outlines of landslides on an image."""
    thick = max(1, max(landslide.shape) // 900)
    edge = landslide & ~ndimage.binary_erosion(landslide, iterations=thick, border_value=1)
    drawn = image.copy()
    drawn[edge] = colour
    return drawn


def overlay(
    image: RgbImage, parts: list[tuple[NDArray[np.bool_], tuple[int, int, int]]]
) -> RgbImage:
    """Blend colours over parts of an image."""
    drawn = image.astype(np.float32)
    for mask, colour in parts:
        drawn[mask] = 0.5 * drawn[mask] + 0.5 * np.array(colour, dtype=np.float32)
    return drawn.astype(np.uint8)


def label_image(landslide: NDArray[np.bool_]) -> RgbImage:
    """Return landslides in white on black."""
    grey = np.where(landslide, np.uint8(255), np.uint8(0))
    return np.repeat(grey[..., None], 3, axis=2)


def error_map(
    image: RgbImage, detected: NDArray[np.bool_], landslide: NDArray[np.bool_]
) -> RgbImage:
    """Colour true positives, false positives and false negatives on an image."""
    parts = [
        (detected & landslide, TRUE_POSITIVE),
        (detected & ~landslide, FALSE_POSITIVE),
        (landslide & ~detected, FALSE_NEGATIVE),
    ]
    return overlay(image, parts)


def save_rows(rows: list[list[RgbImage]], path: Path) -> None:
    """Write rows of images as one PNG."""
    heights = [max(part.shape[0] for part in row) for row in rows]
    widths = [sum(part.shape[1] + _GAP_PX for part in row) - _GAP_PX for row in rows]
    height = sum(heights) + _GAP_PX * (len(rows) - 1)
    canvas = Image.new("RGB", (max(widths), height), "white")
    top = 0
    for row, row_height in zip(rows, heights, strict=True):
        left = 0
        for part in row:
            canvas.paste(Image.fromarray(part), (left, top))
            left += part.shape[1] + _GAP_PX
        top += row_height + _GAP_PX
    canvas.save(path, optimize=True)


def save_panels(parts: list[tuple[str, RgbImage]], path: Path) -> None:
    """Write images of one size side by side as a PNG, each under its caption."""
    height, width = parts[0][1].shape[:2]
    total = len(parts) * width + (len(parts) - 1) * _GAP_PX
    canvas = Image.new("RGB", (total, height + _CAPTION_PX), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    for at, (caption, image) in enumerate(parts):
        left = at * (width + _GAP_PX)
        draw.text((left + 4, 4), caption, fill="black", font=font)
        canvas.paste(Image.fromarray(image), (left, _CAPTION_PX))
    canvas.save(path, optimize=True)


def _stretched(band: NDArray[Any], valid: NDArray[np.bool_]) -> RgbImage:
    if not valid.any():
        return np.full(band.shape, _OUTSIDE, dtype=np.uint8)
    low, high = np.percentile(band[valid].astype(np.float64), (1, 99))
    filled = np.where(valid, band, low).astype(np.float64)
    scaled = (filled - low) / max(high - low, 1e-12)
    stretched: RgbImage = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return stretched
