"""Refines a shift to hundredths of a pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import erode_valid
from landslip.preprocessing.coregistration.models import Feature
from landslip.preprocessing.coregistration.patches import Patch, Pixels

_TAPS = 4  # of the windowed sinc, on each side
_SMOOTHING_PX = 1.0
_REACH_PX = {Feature.INTENSITY: _TAPS + 2, Feature.GRADIENT: _TAPS + 6}
_DERIVATIVE = np.array([[1, -8, 0, 8, -1]], dtype=np.float32) / 12
_ROUNDS = 20
_STILL_PX = 1e-3
_FURTHEST_PX = 1.5
_LEAST_PIXELS = 400


@dataclass(frozen=True, slots=True)
class _Overlap:
    moving: Pixels
    reference: Pixels
    weights: NDArray[np.float32]
    whole: tuple[int, int]


def feature_of(pixels: Pixels, feature: Feature) -> Pixels:
    """Return what is aligned: the pixels, or the length of the gradient of the smoothed pixels."""
    if feature is Feature.INTENSITY:
        return pixels
    smooth = cv2.GaussianBlur(pixels, (0, 0), _SMOOTHING_PX)
    return cv2.magnitude(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    ).astype(np.float32)


def fine_shift(
    moving: Patch,
    reference: Patch,
    start: tuple[float, float],
    feature: Feature,
) -> tuple[float, float] | None:
    """Refine a shift by Gauss-Newton steps on the difference of the two images.

    Solved for are the shift, a gain and an offset, by least squares (Lucas and Kanade 1981). For
    gradients, Cauchy weights take the say from what changed between the two; intensities, which
    are for images of one instant, all count the same, as the weights would take it from the edges.
    The moving image is interpolated by a sinc of 8 taps: shorter kernels draw the result towards
    whole pixels.

    Args:
        moving: pixels, finite, and valid mask.
        reference: the same, of the same shape.
        start: (dx, dy) in pixels; what is at ``p`` in the reference lies at ``p + (dx, dy)``.
        feature: what is aligned.

    Returns:
        The shift (dx, dy); None where nothing is left to compare, or the steps lead more than
        1.5 px away from ``start``.
    """
    overlap = _overlap(moving, reference, start, feature)
    if np.count_nonzero(overlap.weights) < _LEAST_PIXELS:
        return None
    begin = np.subtract(start, overlap.whole)
    fraction, trust = begin.copy(), overlap.weights
    for _ in range(_ROUNDS):
        step, error = _step(overlap, fraction, trust)
        if feature is Feature.GRADIENT:
            trust = _trust(overlap, error)
        fraction = fraction + step
        if not np.all(np.abs(fraction - begin) <= _FURTHEST_PX):
            return None
        if np.abs(step).max() < _STILL_PX:
            break
    dx, dy = (fraction + overlap.whole).tolist()
    return dx, dy


def interpolated(pixels: Pixels, dx: float, dy: float) -> Pixels:
    """Return the image's value (dx, dy) pixels away from each pixel, the edges repeated."""
    right, across = _sinc(dx)
    down, along = _sinc(dy)
    anchor = (_TAPS - 1, _TAPS - 1)
    shifted: Pixels = cv2.sepFilter2D(
        pixels, cv2.CV_32F, across, along, anchor=anchor, borderType=cv2.BORDER_REPLICATE
    ).astype(np.float32, copy=False)
    return np.roll(shifted, (-down, -right), axis=(0, 1)) if right or down else shifted


def _sinc(shift: float) -> tuple[int, NDArray[np.float64]]:
    whole = int(np.floor(shift))
    at = shift - whole - np.arange(1 - _TAPS, _TAPS + 1)
    kernel = np.sinc(at) * np.sinc(at / _TAPS)
    return whole, kernel / kernel.sum()


def _overlap(
    moving: Patch,
    reference: Patch,
    start: tuple[float, float],
    feature: Feature,
) -> _Overlap:
    """Cut both images to what they share at the whole pixels of the start."""
    whole = (round(start[0]), round(start[1]))
    here, there = [], []
    for by, side in zip(whole[::-1], reference.shape, strict=True):
        here.append(slice(max(-by, 0), side - max(by, 0)))
        there.append(slice(max(by, 0), side - max(-by, 0)))
    moved, fixed = moving.at(*there), reference.at(*here)
    reach = _REACH_PX[feature]
    weights = (erode_valid(moved.valid, reach) & erode_valid(fixed.valid, reach)).astype(np.float32)
    weights[:reach] = weights[-reach:] = 0
    weights[:, :reach] = weights[:, -reach:] = 0
    return _Overlap(
        feature_of(np.ascontiguousarray(moved.pixels), feature),
        feature_of(np.ascontiguousarray(fixed.pixels), feature),
        weights,
        whole,
    )


def _step(
    overlap: _Overlap, fraction: NDArray[np.float64], trust: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the next step (dx, dy), and what it leaves at the pixels used.

    Solves ``moving(p + d) + gradient . step = gain reference(p) + offset``.
    """
    used = overlap.weights > 0
    aligned = interpolated(overlap.moving, *fraction.tolist())
    slopes = [
        cv2.filter2D(aligned, cv2.CV_32F, kernel)[used] for kernel in (_DERIVATIVE, _DERIVATIVE.T)
    ]
    reference = overlap.reference[used]
    target = aligned[used]
    columns = np.stack([-slopes[0], -slopes[1], reference, np.ones_like(reference)])
    weighted = columns * trust[used]
    normal = (weighted @ columns.T).astype(np.float64)
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), 1e-30))
    solved = np.linalg.lstsq(normal * np.outer(scale, scale), (weighted @ target) * scale)[0]
    solution = solved * scale
    return solution[:2], np.abs(target - solution.astype(np.float32) @ columns)


def _trust(overlap: _Overlap, error: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Cauchy weights (height, width), half where the error is two standard deviations."""
    spread = max(2 * 1.4826 * float(np.median(error)), 1e-12)
    weights = np.zeros_like(overlap.weights)
    weights[overlap.weights > 0] = 1 / (1 + (error / np.float32(spread)) ** 2)
    return weights
