"""Relative radiometric normalisation of two images by pseudo-invariant pixels, found by IR-MAD.

The iteratively re-weighted multivariate alteration detection (Nielsen 2007, doi
10.1109/TIP.2006.888195) finds the pixels that did not change; an orthogonal regression on them
gives each band's line (Canty and Nielsen 2008, doi 10.1016/j.rse.2007.07.013).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special

from landslip.core.errors import InputError

Values = NDArray[np.floating[Any]]

INVARIANT, _LEAST_INVARIANT = 0.95, 0.5
_UNCHANGED = 0.1
_HELD_OUT = 1 / 3
_LEAST_PIXELS = 100
_LEAST_CORRELATION = 0.5
_SAME = 1.02  # where nothing is to be corrected, the residuals differ by chance
_SMALLEST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterationDetection:
    """What IR-MAD finds of n pixels.

    Attributes:
        no_change: probability (n,) of finding more change in a pixel that did not change: even from
            0 to 1 over unchanged pixels, near 0 for changed ones.
        correlations: canonical correlations of the two images, descending.
        iterations: until the correlations changed by less than the tolerance, or the most.
    """

    no_change: NDArray[np.float64]
    correlations: NDArray[np.float64]
    iterations: int

    @property
    def unchanged_share(self) -> float:
        """Share of the pixels that did not change, 0 to 1."""
        return min(float(np.mean(self.no_change > _UNCHANGED)) / (1 - _UNCHANGED), 1.0)


def detect_alteration(
    reference: Values, other: Values, *, most_iterations: int = 100, tolerance: float = 1e-4
) -> AlterationDetection:
    """Find the pixels that changed between two images, whatever line relates their bands.

    Canonical variates of both images are subtracted (the MAD variates), the sum of their squares
    over their variances follows a chi-square distribution where nothing changed, and its
    probability weights the next round (Nielsen 2007, equations 10 to 14). The weights cut off the
    variates' tails; their variance is divided by what that takes of a normal distribution's, so
    that the probability stays even over unchanged pixels. Without it, the variance shrinks from
    round to round, without end for one or two bands.

    Args:
        reference: values (bands, n), not constant.
        other: the same pixels of the other image, of as many bands.
        most_iterations: after which it stops.
        tolerance: largest change of a canonical correlation in the last iteration.

    Raises:
        InputError: the shapes differ, or there are fewer than 10 pixels for each band.
    """
    if reference.shape != other.shape or reference.ndim != 2:
        raise InputError(
            f"two images of one shape (bands, n) are compared; got {reference.shape} and "
            f"{other.shape}"
        )
    bands, count = reference.shape
    if count < 10 * bands:
        raise InputError(f"{10 * bands} pixels are needed to compare {bands} bands; got {count}")
    both = np.vstack([reference, other]).astype(np.float64)
    # about the same size, whatever the units
    both = (both - both.mean(axis=1, keepdims=True)) / _above_zero(both.std(axis=1))[:, np.newaxis]
    weights, earlier = np.ones(count), np.zeros(bands)
    left, iterations = 1.0, 0
    while iterations < most_iterations:
        iterations += 1
        mean = both @ weights / weights.sum()
        centred = both - mean[:, np.newaxis]
        covariance = (centred * weights) @ centred.T / weights.sum()
        own, others, cross = (
            covariance[:bands, :bands],
            covariance[bands:, bands:],
            covariance[:bands, bands:],
        )
        whitened, other_whitened = _whitening(own), _whitening(others)
        u, correlations, v = np.linalg.svd(whitened @ cross @ other_whitened.T)
        variates = u.T @ whitened @ centred[:bands] - v @ other_whitened @ centred[bands:]
        variances = _above_zero(2 * (1 - correlations)) / left
        weights = _chi_square_tail(np.sum(variates**2 / variances[:, np.newaxis], axis=0), bands)
        left = _variance_left(bands)
        if np.abs(correlations - earlier).max() < tolerance or weights.sum() < 10 * bands:
            break
        earlier = correlations
    return AlterationDetection(
        no_change=weights, correlations=np.clip(correlations, 0, 1), iterations=iterations
    )


def _above_zero(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(variances, _SMALLEST_VARIANCE)


def _whitening(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that turns what has this covariance into uncorrelated unit variances."""
    ridge = _SMALLEST_VARIANCE + 1e-9 * np.trace(covariance) / len(covariance)
    factor = np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))
    return np.asarray(np.linalg.inv(factor))


def _chi_square_tail(values: NDArray[np.float64] | float, freedom: int) -> NDArray[np.float64]:
    return np.asarray(special.gammaincc(freedom / 2, np.asarray(values) / 2))


@cache
def _variance_left(bands: int) -> float:
    """Return the variance of normal variates that are weighted by their no-change probability."""
    smaller, _ = integrate.quad(lambda z: float(_chi_square_tail(z, bands)) ** 2, 0, np.inf)
    return float(smaller / bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLine:
    """``reference = gain x other + offset`` of a band, and its residuals (root mean square)."""

    gain: float
    offset: float
    rms_before: float
    rms_after: float
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeNormalisation:
    """Lines by band, fitted to ``pixels`` pseudo-invariant pixels of two images.

    Residuals and correlations are of ``held_out`` unchanged pixels that no line was fitted to.
    """

    lines: tuple[BandLine, ...]
    pixels: int
    held_out: int
    detection: AlterationDetection

    @property
    def is_plausible(self) -> bool:
        """Whether the lines are better than none."""
        return (
            self.pixels >= _LEAST_PIXELS
            and all(line.gain > 0 and line.correlation > _LEAST_CORRELATION for line in self.lines)
            and sum(one.rms_after for one in self.lines)
            <= _SAME * sum(one.rms_before for one in self.lines)
        )


def normalise(
    reference: Values,
    other: Values,
    generator: np.random.Generator,
    *,
    same_units: bool = True,
) -> RelativeNormalisation:
    """Fit the lines that turn an image's bands into the reference's.

    A third of the pixels, drawn by ``generator``, is held out. Pseudo-invariant pixels have a
    no-change probability from 0.95, or of small images the 100 highest, from 0.5. The residuals are
    of held-out pixels over 0.1: nine tenths of those that did not change.

    Args:
        reference: values (bands, n).
        other: the same pixels of the other image.
        generator: of the draw.
        same_units: whether errors are of one size in both images; False: in proportion to the
            spread of their values, whatever the units of each.

    Raises:
        InputError: see `detect_alteration`.
    """
    detection = detect_alteration(reference, other)
    held = np.asarray(generator.random(reference.shape[1]) < _HELD_OUT, dtype=np.bool_)
    most_probable = np.sort(detection.no_change[~held])[-_LEAST_PIXELS:]
    least = min(INVARIANT, max(float(most_probable[0]), _LEAST_INVARIANT))
    fitted = (detection.no_change >= least) & ~held
    checked = (detection.no_change > _UNCHANGED) & held
    lines = tuple(
        _line(y, x, fitted, checked, same_units=same_units)
        for y, x in zip(reference, other, strict=True)
    )
    return RelativeNormalisation(
        lines=lines,
        pixels=int(np.count_nonzero(fitted)),
        held_out=int(np.count_nonzero(checked)),
        detection=detection,
    )


def _line(
    reference: Values,
    other: Values,
    fitted: NDArray[np.bool_],
    checked: NDArray[np.bool_],
    *,
    same_units: bool,
) -> BandLine:
    per_unit = 1.0
    if not same_units and fitted.any() and (spread := float(other[fitted].std())) > 0:
        per_unit = float(reference[fitted].std()) / spread
    gain, offset = orthogonal_regression(per_unit * other[fitted], reference[fitted])
    gain *= per_unit
    y, x = reference[checked].astype(np.float64), other[checked].astype(np.float64)
    if len(y) < 2:
        return BandLine(gain=gain, offset=offset, rms_before=0, rms_after=0, correlation=0)
    spread = float(y.std() * x.std())
    return BandLine(
        gain=gain,
        offset=offset,
        rms_before=float(np.sqrt(np.mean((y - x) ** 2))),
        rms_after=float(np.sqrt(np.mean((y - gain * x - offset) ** 2))),
        correlation=float(np.mean((y - y.mean()) * (x - x.mean()))) / spread if spread else 0.0,
    )


def orthogonal_regression(x: Values, y: Values) -> tuple[float, float]:
    """Return gain and offset of the line through points (n,) with the least squared distances.

    Distances are at right angles to the line, as both images have errors of the same size (Canty
    and Nielsen 2008, section 2.3). Gain 1 and offset 0 where there is no such line.
    """
    if len(x) < 2:
        return 1.0, 0.0
    (xx, xy), (_, yy) = np.cov(x.astype(np.float64), y.astype(np.float64)).tolist()
    if not xy > 0:
        return 1.0, 0.0
    gain = (yy - xx + np.hypot(yy - xx, 2 * xy)) / (2 * xy)
    return float(gain), float(np.mean(y) - gain * np.mean(x))
