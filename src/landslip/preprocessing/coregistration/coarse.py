"""Finds a shift to about half a pixel, over a wide range and across bands and dates."""

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from landslip.core.grid import erode_valid
from landslip.preprocessing.coregistration.patches import Patch
from landslip.preprocessing.coregistration.ties import Match

_SMOOTHING_PX = 1.0
# a pixel this near to one without data has a gradient that shows the hole
REACH_PX = 4
_LEAST_OVERLAP = 0.25
_PEAK_PX = 4
_LEAST_REACH_PX = 12


def orientation_field(patch: Patch) -> NDArray[np.complex64]:
    """Return the direction of edges as complex numbers whose angle is twice the gradient's.

    Twice the angle makes a dark edge on bright ground equal to a bright one on dark ground, so that
    bands and seasons of inverted contrast fit. The length is g / (g + median g) of the gradient g:
    strong edges do not outvote weak ones, and flat ground has no say. After Fitch et al. 2002
    (https://doi.org/10.5244/C.16.11), who leave the angle single and all lengths 1.

    Args:
        patch: its pixels are finite; what is not valid, or near that, gets 0.
    """
    smooth = cv2.GaussianBlur(patch.pixels, (0, 0), _SMOOTHING_PX)
    gradient = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) + 1j * cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    length = np.abs(gradient)
    sure = erode_valid(patch.valid, REACH_PX)
    usual = np.median(length[sure]) if sure.any() else 0.0
    scale = length * (length + usual)
    field = np.divide(gradient * gradient, scale, out=np.zeros_like(gradient), where=scale > 0)
    field[~sure] = 0
    directions: NDArray[np.complex64] = field.astype(np.complex64)
    return directions


def coarse_shift(moving: Patch, reference: Patch, search_px: int) -> Match | None:
    """Find the shift at which the directions of edges agree best.

    What is at ``p`` in the reference lies at ``p + (dx, dy)`` in the moving image. The mean
    agreement over the pixels valid in both is compared at all whole shifts; a parabola through
    its peak gives the fraction. The score is how many standard deviations of the agreement at other
    shifts, searched or not, the peak rises over their mean.

    Args:
        moving: pixels, finite, and valid mask.
        reference: the same, of the same shape.
        search_px: largest shift along an axis that is looked at.

    Returns:
        None where the peak lies on the rim of the search, or too little is valid.
    """
    reach = max(search_px + 1, _LEAST_REACH_PX)
    agreement = _agreement(orientation_field(moving), orientation_field(reference), reach)
    searched = slice(reach - search_px - 1, reach + search_px + 2)
    near = agreement[searched, searched]
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    last = near.shape[0] - 1
    if not (0 < row < last and 0 < col < last):
        return None
    around = near[row - 1 : row + 2, col - 1 : col + 2]
    if not np.all(np.isfinite(around)):
        return None
    dx = col + _vertex(around[1]) - search_px - 1
    dy = row + _vertex(around[:, 1]) - search_px - 1
    peak = (int(row) + searched.start, int(col) + searched.start)
    return Match(float(dx), float(dy), _distinctness(agreement, peak))


def _agreement(
    moving: NDArray[np.complex64], reference: NDArray[np.complex64], reach: int
) -> NDArray[np.float32]:
    """Return the mean agreement (2 reach + 1, the same) by (dy, dx); -inf at too little overlap."""
    shape = [scipy.fft.next_fast_len(side + reach) for side in reference.shape]
    rows, cols = (np.arange(-reach, reach + 1) % side for side in shape)
    where = np.ix_(rows, cols)
    spectrum = scipy.fft.fft2(moving, shape) * np.conj(scipy.fft.fft2(reference, shape))
    total = scipy.fft.ifft2(spectrum)[where].real
    known = [(field != 0).astype(np.float32) for field in (moving, reference)]
    counts = scipy.fft.rfft2(known[0], shape) * np.conj(scipy.fft.rfft2(known[1], shape))
    overlap = scipy.fft.irfft2(counts, shape)[where]
    least = _LEAST_OVERLAP * min(float(known[0].sum()), float(known[1].sum()))
    enough = overlap > max(least, 1.0)
    return np.where(enough, total / np.maximum(overlap, 1), -np.inf).astype(np.float32)


def _vertex(three: NDArray[np.float32]) -> float:
    """Return where between -0.5 and 0.5 a parabola through three values has its top."""
    before, at, after = three.tolist()
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _distinctness(agreement: NDArray[np.float32], peak: tuple[int, int]) -> float:
    """Return how far a peak rises over all that is further off, in standard deviations of it."""
    beside = np.isfinite(agreement)
    rows, cols = (slice(max(at - _PEAK_PX, 0), at + _PEAK_PX + 1) for at in peak)
    beside[rows, cols] = False
    rest = agreement[beside]
    spread = float(rest.std()) if rest.size else 0.0
    return (float(agreement[peak]) - float(rest.mean())) / spread if spread > 0 else 0.0
