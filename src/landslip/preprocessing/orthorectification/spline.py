"""Interpolation by cubic splines on maps much finer than the image."""

import cv2
import numpy as np
from scipy import ndimage

from landslip.preprocessing.orthorectification.resample import Pixels, bilinear

MARGIN_PX = 10
_DOUBLINGS = 2
_AT_NODES = np.array([1, 4, 1], dtype=np.float32) / 6


def spline(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an image (height, width, bands) seen at pixel coordinates, through cubic splines.

    The spline through the pixels (Unser 1999, doi 10.1109/79.799930) is refined by its two-scale
    relation to four times the sampling, which is exact, and is linear between those samples.

    Args:
        values: the image; what is nearer than `MARGIN_PX` to its edge is less exact.
        col: (height, width) pixel coordinates, pixel centres at halves.
        row: the same.
    """
    knots = ndimage.spline_filter1d(values, 3, axis=0, output=np.float32, mode="mirror")
    knots = ndimage.spline_filter1d(knots, 3, axis=1, output=np.float32, mode="mirror")
    for _ in range(_DOUBLINGS):
        # its kernel, [1 4 6 4 1] / 8, is the two-scale relation of the cubic B-spline
        knots = np.asarray(cv2.pyrUp(knots))
    fine = np.asarray(cv2.sepFilter2D(knots, -1, _AT_NODES, _AT_NODES), dtype=np.float32)
    scale, half = np.float32(2**_DOUBLINGS), np.float32(0.5)
    return bilinear(fine, (col - half) * scale + half, (row - half) * scale + half)
