"""Relative radiometric normalisation of an image to another one of the same ground."""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10
_KEPT = 0.5
_TO_SIGMA = 1.4826
_FLAT = 1e-12

Values = NDArray[np.floating]
Factors = NDArray[np.float64]


def relative_gains(image: Values, reference: Values) -> tuple[Factors, Factors]:
    """Return gain and offset (bands,) that make an image like a reference where nothing changed.

    Starts from medians and median deviations. Then the half of the pixels that differ least, over
    all bands in robust standard deviations, and the lines along their major axis alternate: pixels
    whose ground changed, if they are fewer than half, are left out.

    Args:
        image: (bands, n) values.
        reference: (bands, n) values of the same bands and places.
    """
    own, other = image.astype(np.float64), reference.astype(np.float64)
    gain = _deviation(other) / np.maximum(_deviation(own), _FLAT)
    offset = np.median(other, axis=1) - gain * np.median(own, axis=1)
    for _ in range(_ROUNDS):
        differences = other - (gain[:, None] * own + offset[:, None])
        sigma = np.maximum(_deviation(differences), _FLAT)
        distance = ((differences / sigma[:, None]) ** 2).sum(axis=0)
        kept = distance <= np.quantile(distance, _KEPT)
        gain, offset = _major_axis(own[:, kept], other[:, kept])
    return gain, offset


def _deviation(values: Factors) -> Factors:
    """Return robust standard deviations (bands,) of (bands, n)."""
    apart = np.abs(values - np.median(values, axis=1, keepdims=True))
    return np.asarray(_TO_SIGMA * np.median(apart, axis=1))


def _major_axis(own: Factors, other: Factors) -> tuple[Factors, Factors]:
    """Return gain and offset (bands,) of lines with errors in both images."""
    middle, other_middle = own.mean(axis=1), other.mean(axis=1)
    x, y = own - middle[:, None], other - other_middle[:, None]
    # scaled to one spread, so that neither unit decides which errors count
    ratio = np.sqrt((y**2).sum(axis=1) / np.maximum((x**2).sum(axis=1), _FLAT))
    sign = np.where((x * y).sum(axis=1) < 0, -1.0, 1.0)
    gain = ratio * sign
    return gain, other_middle - gain * middle
