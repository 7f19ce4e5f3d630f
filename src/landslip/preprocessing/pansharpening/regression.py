"""How the panchromatic band follows from the others: moments, weights and gains."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from landslip.core.errors import InputError

LEAST_SAMPLES = 100
_NO_VARIATION = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Pixels in which both images are known at the coarse resolution.

    Attributes:
        ms: multispectral bands, (bands, ...) float32.
        pan: panchromatic band degraded to the same pixels, (...) float32, any unit.
        valid: which pixels count, (...) bool.
    """

    ms: NDArray[np.float32]
    pan: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not self.ms.shape[1:] == self.pan.shape == self.valid.shape:
            raise InputError(
                "samples of both images lie on the same pixels; got shapes "
                f"{self.ms.shape}, {self.pan.shape} and {self.valid.shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Number, means (bands + 1,) and covariances (bands + 1, bands + 1); PAN is the last."""

    number: int
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    @classmethod
    def of(cls, samples: Samples) -> "Moments":
        """Sum up the valid samples.

        Raises:
            InputError: fewer than 100 are valid, or the panchromatic ones do not vary.
        """
        number = int(np.count_nonzero(samples.valid))
        if number < LEAST_SAMPLES:
            raise InputError(
                f"fusion is fitted on at least {LEAST_SAMPLES} pixels in which both images are "
                f"valid; there are {number}. Check nodata, and whether the two images overlap"
            )
        stacked = np.vstack([samples.ms[:, samples.valid], samples.pan[samples.valid]])
        values = stacked.astype(np.float64)
        means = values.mean(axis=1)
        values -= means[:, np.newaxis]
        found = cls(number=number, means=means, covariances=values @ values.T / number)
        if found.pan_variance <= _NO_VARIATION * max(means[-1] ** 2, np.finfo(np.float32).tiny):
            raise InputError(
                f"fusion needs a panchromatic band that varies; its {number} samples are all "
                f"{means[-1]:g}. Check that the right file was given"
            )
        return found

    @property
    def ms_covariances(self) -> NDArray[np.float64]:
        """Covariances of the multispectral bands, (bands, bands)."""
        return self.covariances[:-1, :-1]

    @property
    def pan_covariances(self) -> NDArray[np.float64]:
        """Covariance of each multispectral band with PAN, (bands,)."""
        return self.covariances[:-1, -1]

    @property
    def pan_variance(self) -> float:
        """Variance of PAN."""
        return float(self.covariances[-1, -1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Intensity:
    """PAN as the multispectral bands show it: ``sum(weights * bands) + intercept``.

    Attributes:
        r2: share of the variance of the degraded PAN that it explains.
    """

    weights: tuple[float, ...]
    intercept: float
    r2: float


def regress_intensity(moments: Moments, *, non_negative: bool) -> Intensity:
    """Fit the intensity to the degraded PAN by least squares.

    Args:
        moments: of the samples.
        non_negative: keep the weights at 0 or more, as spectral responses are; where the bands
            are much alike, free weights can be large and of both signs.

    Raises:
        InputError: the bands explain nothing of PAN.
    """
    weights = _weights(moments, non_negative=non_negative)
    residual = moments.pan_variance - 2 * weights @ moments.pan_covariances
    residual += weights @ moments.ms_covariances @ weights
    r2 = float(1 - residual / moments.pan_variance)
    if r2 <= _NO_VARIATION:
        raise InputError(
            "the multispectral bands explain nothing of the panchromatic band (constant, or of "
            "another place); check that both images are of the same scene and lie on one another"
        )
    intercept = float(moments.means[-1] - weights @ moments.means[:-1])
    return Intensity(weights=tuple(map(float, weights)), intercept=intercept, r2=r2)


def intensity_gains(moments: Moments, intensity: Intensity) -> tuple[float, ...]:
    """Return ``cov(band, I) / var(I)`` of each band."""
    weights = np.asarray(intensity.weights)
    covariances = moments.ms_covariances @ weights
    return tuple(map(float, covariances / (weights @ covariances)))


def _weights(moments: Moments, *, non_negative: bool) -> NDArray[np.float64]:
    spread = np.sqrt(np.diag(moments.ms_covariances))
    unit = np.where(spread > 0, spread, 1)
    system = moments.ms_covariances / np.outer(unit, unit)
    target = moments.pan_covariances / unit
    if not non_negative:
        solution: NDArray[np.float64] = np.linalg.lstsq(system, target, rcond=1e-9)[0] / unit
        return solution
    values, vectors = np.linalg.eigh(system)
    kept = values > 1e-9 * max(values.max(), 1e-30)
    root = np.sqrt(values[kept])
    if not kept.any():
        return np.zeros_like(unit)
    found, _ = nnls(root[:, np.newaxis] * vectors[:, kept].T, vectors[:, kept].T @ target / root)
    return np.asarray(found / unit, dtype=np.float64)
