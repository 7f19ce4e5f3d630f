"""What a tile's pixels say of it, whatever their order."""

import numpy as np
from numpy.typing import NDArray

from landslip.models.ood.cloud import Points

_LEAST_VARIANCE = 1e-4  # of pixels of variance 1; less is rounding
_LEAST_AXIS = 1e-6  # of the widest; bands may repeat one another


class PixelMoments:
    """Sums over normalised pixels, for their mean and covariance."""

    def __init__(self, bands: int) -> None:
        """Start with no pixel."""
        self._count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, pixels: NDArray[np.float32]) -> None:
        """Take pixels (bands, n)."""
        wide = pixels.astype(np.float64)
        self._count += wide.shape[1]
        self._sum += wide.sum(axis=1)
        self._products += wide @ wide.T

    def mean_and_axes(self) -> tuple[Points, Points]:
        """Return the mean (bands,) and the rows (bands, bands) that even the pixels out.

        Centred pixels times these are uncorrelated and of variance 1: principal axes, each divided
        by its standard deviation.
        """
        mean = self._sum / self._count
        variances, axes = np.linalg.eigh(self._products / self._count - np.outer(mean, mean))
        variances = np.maximum(variances, _LEAST_AXIS * variances[-1])
        return mean, axes.T / np.sqrt(variances)[:, np.newaxis]


def describe(pixels: NDArray[np.float32], mean: Points, axes: Points) -> Points:
    """Return the means and the logarithms of the spreads along the axes, (2 * bands,).

    Args:
        pixels: normalised (bands, n), at least one.
        mean: (bands,) of the training pixels.
        axes: of the training pixels, as `PixelMoments.mean_and_axes` returns them.
    """
    along = axes @ (pixels - mean[:, np.newaxis])
    spreads = 0.5 * np.log(along.var(axis=1) + _LEAST_VARIANCE)
    result: Points = np.concatenate([along.mean(axis=1), spreads])
    return result
