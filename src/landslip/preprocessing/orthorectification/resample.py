"""Looking arrays up at coordinates between their pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]


def bilinear(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an array (height, width) or (height, width, bands) seen at pixel coordinates.

    Args:
        values: what is looked up.
        col: (height, width) pixel coordinates, pixel centres at halves; beyond the edge, the
            edge's values hold.
        row: the same.
    """
    return _remap(values, col, row, cv2.INTER_LINEAR)


def cubic(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Do the same by cubic convolution."""
    return _remap(values, col, row, cv2.INTER_CUBIC)


def nearest(flags: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return flags (height, width) at pixel coordinates; beyond the edge none is set."""
    seen = cv2.remap(
        flags.view(np.uint8),
        col - np.float32(0.5),
        row - np.float32(0.5),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(seen, dtype=np.bool_)


def _remap(values: Pixels, col: Pixels, row: Pixels, how: int) -> Pixels:
    half = np.float32(0.5)
    seen = cv2.remap(values, col - half, row - half, how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.float32)
