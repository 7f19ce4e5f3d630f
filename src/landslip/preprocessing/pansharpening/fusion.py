"""Pansharpening as arrays: fitted on samples of both images, then applied window by window."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.multiresolution import (
    MTF_NYQUIST,
    mtf_sigma_px,
    pyramid_kernel,
)
from landslip.preprocessing.resampling import Flags, Pixels

LEAST_SAMPLES = 100
_NO_VARIATION = 1e-10
_HAZE_PERCENT = 0.5
_LEAST_INTENSITY = 0.05
_MOST_RATIO = 4.0
_LEAST_WEIGHT = 0.1
_STRIP_PX = 1 << 16  # pixels worked on at a time: what the processor's cache holds


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSamples:
    """Multispectral bands (bands, ...), PAN degraded to their pixels (...), and which count."""

    ms: Pixels
    pan: Pixels
    valid: Flags

    def __post_init__(self) -> None:
        if not self.ms.shape[1:] == self.pan.shape == self.valid.shape:
            raise InputError(
                "samples of both images are of the same pixels; got shapes "
                f"{self.ms.shape}, {self.pan.shape} and {self.valid.shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BandMoments:
    """Number, means (bands + 1,) and covariances (bands + 1, bands + 1); PAN is the last."""

    number: int
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    @classmethod
    def of(cls, samples: FusionSamples) -> "BandMoments":
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
        moments = cls(number=number, means=means, covariances=values @ values.T / number)
        least = _NO_VARIATION * max(means[-1] ** 2, np.finfo(np.float32).tiny)
        if moments.covariances[-1, -1] <= least:
            raise InputError(
                f"fusion needs a panchromatic band that varies; its {number} samples are all "
                f"{means[-1]:g}. Check that the right file was given"
            )
        return moments


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityModel:
    """PAN as the multispectral bands show it: ``sum(weights * bands) + intercept``.

    ``r2`` is the fraction of the variance of the degraded PAN that it explains.
    """

    weights: tuple[float, ...]
    intercept: float
    r2: float


def regress_intensity(moments: BandMoments, *, non_negative: bool) -> IntensityModel:
    """Fit the intensity to the degraded PAN by least squares.

    With ``non_negative``, weights are 0 or more, as spectral responses are; where the bands are
    much alike, free weights can be large and of both signs.

    Raises:
        InputError: the bands explain nothing of PAN.
    """
    among, with_pan = moments.covariances[:-1, :-1], moments.covariances[:-1, -1]
    pan_variance = float(moments.covariances[-1, -1])
    spread = np.sqrt(np.diag(among))
    unit = np.where(spread > 0, spread, 1)
    system, target = among / np.outer(unit, unit), with_pan / unit
    if non_negative:
        values, vectors = np.linalg.eigh(system)
        usable = values > 1e-9 * max(values.max(), 1e-30)
        weights = np.zeros_like(unit)
        if usable.any():
            root, axes = np.sqrt(values[usable]), vectors[:, usable].T
            weights = nnls(root[:, np.newaxis] * axes, axes @ target / root)[0] / unit
    else:
        weights = np.linalg.lstsq(system, target, rcond=1e-9)[0] / unit
    residual = pan_variance - 2 * weights @ with_pan + weights @ among @ weights
    r2 = float(1 - residual / pan_variance)
    if r2 <= _NO_VARIATION:
        raise InputError(
            "the multispectral bands explain nothing of the panchromatic band (constant, or of "
            "another place); check that both images are of the same scene and aligned"
        )
    intercept = float(moments.means[-1] - weights @ moments.means[:-1])
    return IntensityModel(weights=tuple(map(float, weights)), intercept=intercept, r2=r2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSettings:
    """How bands are fused whose pixels are ``ratio`` panchromatic ones wide, at least 1.

    ``mtf_nyquist`` is the multispectral sensor's response at its Nyquist frequency, 0 to 1.
    """

    method: PansharpeningMethod = PansharpeningMethod.BROVEY
    ratio: float = 4.0
    mtf_nyquist: float = MTF_NYQUIST

    def __post_init__(self) -> None:
        mtf_sigma_px(self.ratio, self.mtf_nyquist)

    @property
    def sigma_px(self) -> float:
        """Standard deviation of the filter that degrades PAN, in panchromatic pixels."""
        return mtf_sigma_px(self.ratio, self.mtf_nyquist)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """A fusion fitted on a number of samples; immutable, so that threads may share it.

    Attributes:
        gains: factor of GSA on the detail for each band, in its unit per unit of PAN.
        haze, haze_pan: path radiance that Brovey and GLP assume in each band and in PAN, in its
            unit: it is left out of the ratio, since detail does not modulate it.
        floor: least intensity over the haze that is divided by.
        kernel: weights of one axis of the filter of GLP.
    """

    settings: FusionSettings
    intensity: IntensityModel
    gains: tuple[float, ...]
    haze: tuple[float, ...]
    haze_pan: float
    floor: float
    kernel: Pixels
    samples: int

    @property
    def margin_px(self) -> int:
        """Context that a window needs on each side, so that no seams arise."""
        return len(self.kernel) // 2 if self.settings.method is PansharpeningMethod.GLP else 0

    def fuse(
        self, ms: Pixels, pan: Pixels, valid: Flags | None = None, out: Pixels | None = None
    ) -> Pixels:
        """Fuse a window of float32 bands on PAN's pixels, (bands, height, width), in their unit.

        PAN (height, width) is in the unit it was fitted in. Pixels that are not valid are left out
        of its filter, and fused values are meaningless there. The result goes to ``out`` of
        ``ms``'s shape and type; ``ms`` itself may be given.

        Raises:
            InputError: shapes, types or the number of bands are not as said.
        """
        if len(ms) != len(self.gains) or ms.shape[1:] != pan.shape:
            raise InputError(
                f"this fusion was fitted on {len(self.gains)} bands, on PAN's pixels; "
                f"got shape {ms.shape} and PAN of {pan.shape}"
            )
        if ms.dtype != np.float32 or pan.dtype != np.float32:
            raise InputError(f"pixels to be fused are float32; got {ms.dtype} and {pan.dtype}")
        out = np.empty_like(ms) if out is None else out
        coarse = None
        if self.settings.method is PansharpeningMethod.GLP:
            coarse = low_pass(pan, valid, self.kernel)
        rows = max(_STRIP_PX // pan.shape[1], 1)
        for start in range(0, len(pan), rows):
            strip = np.s_[..., start : start + rows, :]
            if coarse is not None:
                below = coarse[strip]
            else:
                below = np.full_like(pan[strip], self.intensity.intercept)
                for band, weight in zip(ms[strip], self.intensity.weights, strict=True):
                    cv2.scaleAdd(band, weight, below, below)
            if self.settings.method is PansharpeningMethod.GSA:
                detail = pan[strip] - below
                for band, gain, fused in zip(ms[strip], self.gains, out[strip], strict=True):
                    cv2.scaleAdd(detail, gain, band, fused)
                continue
            # (PAN - haze) / (below - haze); 1 where PAN equals the intensity below it
            ratio = pan[strip] - below
            ratio /= np.maximum(below - np.float32(self.haze_pan), np.float32(self.floor))
            ratio += np.float32(1)
            np.clip(ratio, np.float32(0), np.float32(_MOST_RATIO), out=ratio)
            rest = np.float32(1) - ratio
            # (band - haze) * ratio + haze
            for band, haze, fused in zip(ms[strip], self.haze, out[strip], strict=True):
                cv2.multiply(band, ratio, fused)
                cv2.scaleAdd(rest, haze, fused, fused)
        return out

    def as_dict(self) -> dict[str, Any]:
        """Return what was fitted, for a report."""
        settings = asdict(self.settings) | {"method": self.settings.method.value}
        fitted = {
            "weights": list(self.intensity.weights),
            "intercept": self.intensity.intercept,
            "r2": self.intensity.r2,
            "samples": self.samples,
        }
        if self.settings.method is PansharpeningMethod.GSA:
            return settings | fitted | {"gains": list(self.gains)}
        return settings | fitted | {"haze": list(self.haze), "haze_pan": self.haze_pan}


def fit_fusion(settings: FusionSettings, samples: FusionSamples) -> Fusion:
    """Fit a fusion at the multispectral resolution.

    Weights of the bands in PAN come from least squares on the degraded PAN.

    - GSA: they are free, and each band's gain is ``cov(band, I) / var(I)`` (Aiazzi, Baronti, Selva
      2007, doi 10.1109/TGRS.2007.901007).
    - Brovey and GLP: they are 0 or more, and detail comes in by ``(band - haze) * ratio + haze``
      with ``ratio = (PAN - haze_pan) / (below - haze_pan)``; ``below`` is the weighted sum of the
      bands (Brovey) or the filtered PAN (GLP with high-pass modulation; Vivone et al. 2015,
      doi 10.1109/TGRS.2014.2361734). Haze is the 0.5 % percentile of each band, and what the
      weights make of it in PAN (Lolli et al. 2017, doi 10.1109/LGRS.2017.2761021). The ratio is
      kept between 0 and 4 and its denominator at 5 % of its mean or more: next to glints and in
      black shadow it means nothing.

    Raises:
        InputError: too few samples are valid, or one of the images does not vary.
    """
    moments = BandMoments.of(samples)
    is_free = settings.method is PansharpeningMethod.GSA
    intensity = regress_intensity(moments, non_negative=not is_free)
    weights = np.asarray(intensity.weights)
    covariances = moments.covariances[:-1, :-1] @ weights
    haze = np.percentile(samples.ms[:, samples.valid], _HAZE_PERCENT, axis=1)
    haze_pan = float(haze @ intensity.weights) + intensity.intercept
    return Fusion(
        settings=settings,
        intensity=intensity,
        gains=tuple(map(float, covariances / (weights @ covariances))),
        haze=tuple(map(float, haze)),
        haze_pan=haze_pan,
        floor=_LEAST_INTENSITY * (float(moments.means[-1]) - haze_pan),
        kernel=pyramid_kernel(settings.ratio, settings.mtf_nyquist),
        samples=moments.number,
    )


def low_pass(pan: Pixels, valid: Flags | None, kernel: Pixels) -> Pixels:
    """Filter PAN (height, width) by a kernel (taps,) along both axes, over its valid pixels.

    Returns weighted means, and PAN itself where under a tenth of the weights is on valid pixels.
    """
    if valid is None or valid.all():
        return np.asarray(cv2.sepFilter2D(pan, cv2.CV_32F, kernel, kernel), dtype=np.float32)
    known = np.where(valid, pan, np.float32(0))
    sums = cv2.sepFilter2D(known, cv2.CV_32F, kernel, kernel)
    weights = cv2.sepFilter2D(valid.astype(np.float32), cv2.CV_32F, kernel, kernel)
    enough = weights > _LEAST_WEIGHT
    return np.where(enough, sums / np.where(enough, weights, np.float32(1)), pan)
