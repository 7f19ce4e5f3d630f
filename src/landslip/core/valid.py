"""Masks of what is valid."""

import cv2
import numpy as np
from numpy.typing import NDArray


def eroded(valid: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """Return where everything within ``reach_px`` along the axes and inside the image is valid."""
    if valid.all():
        return valid
    square = np.ones((2 * reach_px + 1,) * 2, dtype=np.uint8)
    return np.asarray(cv2.erode(valid.astype(np.uint8), square), dtype=np.bool_)
