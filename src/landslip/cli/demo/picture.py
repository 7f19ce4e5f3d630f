"""The demo's picture: image, label and result side by side, the test area framed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslip.core.bands import Bands
from landslip.core.window import Window
from landslip.io.visualization import RgbImage, draw_outlines, rgb_composite, save_panels

_WIDTH_PX = 640
_TRUTH, _FOUND, _FRAME = (255, 230, 40), (255, 60, 60), (255, 255, 255)


def draw_result(
    stored: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    bands: Bands,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    test: Window,
    path: Path,
) -> None:
    """Write a PNG of the scene, of its known landslides and of those found (``masks``)."""
    image = _shrunk(rgb_composite(stored, valid, bands))
    scale = image.shape[1] / stored.shape[2]
    known, found = (_shrunk(mask.astype(np.uint8) * 255) > 127 for mask in masks)
    frame = _frame(image.shape[:2], test, scale)
    parts = [
        ("image (framed: ground kept for the test)", image),
        ("label: known landslides", draw_outlines(image, known, _TRUTH)),
        ("result: landslides found", draw_outlines(image, found, _FOUND)),
    ]
    for _, picture in parts:
        picture[frame] = _FRAME
    save_panels(parts, path)


def _shrunk(picture: RgbImage) -> RgbImage:
    height, width = picture.shape[:2]
    size = min(_WIDTH_PX, width), round(height * min(_WIDTH_PX, width) / width)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _frame(shape: tuple[int, int], window: Window, scale: float) -> NDArray[np.bool_]:
    """Return the pixels (height, width) of a window's border, two wide."""
    inside = np.zeros(shape, dtype=np.bool_)
    rows = slice(round(window.row_off * scale), round(window.row_end * scale))
    cols = slice(round(window.col_off * scale), round(window.col_end * scale))
    inside[rows, cols] = True
    inner = inside.copy()
    inner[rows, cols] = False
    inner[rows.start + 2 : rows.stop - 2, cols.start + 2 : cols.stop - 2] = True
    return inside & ~inner
