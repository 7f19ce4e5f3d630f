"""Images for display: natural colours, outlines and error maps on them, panels side by side."""

import math
from collections.abc import Sequence
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
_NAME_PX = 18
_SWATCH_PX = 12
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = (60, 200, 90), (230, 60, 60), (70, 110, 255)

LegendEntry = tuple[str, tuple[int, int, int]]
ERROR_LEGEND: tuple[LegendEntry, ...] = (
    ("landslide found", TRUE_POSITIVE),
    ("found wrongly", FALSE_POSITIVE),
    ("landslide missed", FALSE_NEGATIVE),
)


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
    save_sheet([("", row) for row in rows], path)


def save_panels(parts: list[tuple[str, RgbImage]], path: Path) -> None:
    """Write images side by side as a PNG, each under its caption."""
    save_sheet([("", [image for _, image in parts])], path, [caption for caption, _ in parts])


def save_sheet(
    rows: list[tuple[str, list[RgbImage]]],
    path: Path,
    captions: Sequence[str] = (),
    legend: Sequence[LegendEntry] = (),
) -> None:
    """Write rows of images as one PNG, under captions of the columns and over a legend.

    Each row is under its name, unless that is empty. Captions are above the images of the first
    row, and cut where they are longer.
    """
    font, small = ImageFont.load_default(16), ImageFont.load_default(13)
    legend_px = [_SWATCH_PX + 24 + math.ceil(font.getlength(text)) for text, _ in legend]
    row_px = [sum(image.shape[1] + _GAP_PX for image in row) - _GAP_PX for _, row in rows]
    name_px = [math.ceil(small.getlength(name)) + 8 for name, _ in rows if name]
    width = max([*row_px, *name_px, *legend_px])
    legend_rows = 0 if not legend else 1 if sum(legend_px) <= width else len(legend)
    height = (_CAPTION_PX if captions else 0) + legend_rows * _CAPTION_PX - _GAP_PX
    height += sum(
        max(i.shape[0] for i in row) + _GAP_PX + (_NAME_PX if n else 0) for n, row in rows
    )
    canvas = Image.new("RGB", (width, height), "white")
    draw, left, top = ImageDraw.Draw(canvas), 0, 0
    for caption, image in zip(captions, rows[0][1], strict=False):
        draw.text((left + 4, 4), caption, fill="black", font=font)
        left += image.shape[1] + _GAP_PX
        draw.rectangle((left - _GAP_PX, 0, width, _CAPTION_PX), fill="white")
    top += _CAPTION_PX if captions else 0
    for name, row in rows:
        if name:
            draw.text((4, top), name, fill="black", font=small)
            top += _NAME_PX
        left = 0
        for image in row:
            canvas.paste(Image.fromarray(image), (left, top))
            left += image.shape[1] + _GAP_PX
        top += max(image.shape[0] for image in row) + _GAP_PX
    left, top = 4, top - _GAP_PX
    for (text, colour), entry_px in zip(legend, legend_px, strict=True):
        draw.rectangle((left, top + 8, left + _SWATCH_PX, top + 8 + _SWATCH_PX), fill=colour)
        draw.text((left + _SWATCH_PX + 6, top + 5), text, fill="black", font=font)
        left, top = (left + entry_px, top) if legend_rows == 1 else (left, top + _CAPTION_PX)
    canvas.save(path, optimize=True)


def _stretched(band: NDArray[Any], valid: NDArray[np.bool_]) -> RgbImage:
    if not valid.any():
        return np.full(band.shape, _OUTSIDE, dtype=np.uint8)
    low, high = np.percentile(band[valid].astype(np.float64), (1, 99))
    filled = np.where(valid, band, low).astype(np.float64)
    scaled = (filled - low) / max(high - low, 1e-12)
    stretched: RgbImage = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return stretched
