"""Quality of a fusion: ERGAS, SAM and Q2n by Wald's protocol, QNR at full scale.

Images are (bands, height, width); ``valid`` (height, width) says which pixels count. ERGAS, SAM,
RMSE and correlation are over the valid pixels. Q2n is the mean over whole blocks of 32 x 32 px in
rows and columns from the upper left corner, of which every pixel is valid. A score without pixels
or with a denominator of 0 is undefined: None. torchmetrics has some of these scores, for torch
tensors without masks.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import (
    FULL_WEIGHT,
    ImagePair,
    RasterPair,
    evenly_spaced_windows,
    join_samples,
)
from landslip.preprocessing.pansharpening.multiresolution import (
    PixelAxis,
    degrade,
    extend_into_gaps,
    filter_valid_at,
    mtf_sigma_px,
    upsample,
)
from landslip.preprocessing.resampling import Flags

BLOCK_PX = 32
PAN_MTF_NYQUIST = 0.15
_WINDOW_PX, _WINDOWS_PER_AXIS = 384, 2
_SHIFT_PX = 0.05

Image = NDArray[np.floating[Any]]
Parts = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionQuality:
    """Scores over a number of valid pixels against a reference.

    ERGAS (no unit) and the mean spectral angle are 0 at best, Q2n (0 to 1) is 1. RMSE, in its unit,
    and correlation, -1 to 1, or None where it is constant, are of each band.
    """

    pixels: int
    ergas: float | None
    sam_deg: float | None
    q2n: float | None
    rmse: tuple[float, ...] | None
    correlation: tuple[float | None, ...] | None


def reference_quality(
    fused: Image, reference: Image, ratio: float, valid: Flags | None = None
) -> FusionQuality:
    """Return all scores of a fused image against a reference of the same shape.

    Raises:
        InputError: the shapes differ.
    """
    if fused.shape != reference.shape or fused.ndim != 3:
        raise InputError(
            "images to be compared have one shape (bands, height, width); "
            f"got {fused.shape} and {reference.shape}"
        )
    valid = np.ones(fused.shape[1:], dtype=np.bool_) if valid is None else valid
    measured = fused[:, valid].astype(np.float64)
    truth = reference[:, valid].astype(np.float64)
    is_defined = measured.shape[1] > 0
    return FusionQuality(
        pixels=measured.shape[1],
        ergas=ergas(measured, truth, ratio) if is_defined else None,
        sam_deg=sam_deg(measured, truth),
        q2n=q2n(fused, reference, valid),
        rmse=tuple(map(float, _rmse(measured, truth))) if is_defined else None,
        correlation=tuple(map(_correlation, measured, truth)) if is_defined else None,
    )


def ergas(fused: Image, reference: Image, ratio: float) -> float | None:
    """Return ``100 / ratio * sqrt(mean((RMSE / mean of the reference)^2))`` over (bands, ...).

    The relative global error of synthesis (Wald 2000; Alparone et al. 2007,
    doi 10.1109/TGRS.2007.904923). None where a band's mean is 0.
    """
    means = reference.reshape(len(reference), -1).mean(axis=1, dtype=np.float64)
    if not means.all():
        return None
    relative = _rmse(fused, reference) / means
    return float(100 / ratio * np.sqrt(np.mean(relative**2)))


def sam_deg(fused: Image, reference: Image) -> float | None:
    """Return the mean angle between the spectra of two images (bands, ...), in degrees.

    Pixels that are 0 in every band of one image have no direction and do not count.
    """
    left = fused.reshape(len(fused), -1).astype(np.float64)
    right = reference.reshape(len(reference), -1).astype(np.float64)
    lengths = np.linalg.norm(left, axis=0), np.linalg.norm(right, axis=0)
    counted = (lengths[0] > 0) & (lengths[1] > 0)
    if not counted.any():
        return None
    left, right = left[:, counted] / lengths[0][counted], right[:, counted] / lengths[1][counted]
    # of half the angle: the arc cosine of nearly 1 would lose half the digits
    halves = np.arctan2(np.linalg.norm(left - right, axis=0), np.linalg.norm(left + right, axis=0))
    return float(np.degrees(2 * halves).mean())


def q2n(
    fused: Image, reference: Image, valid: Flags | None = None, block_px: int = BLOCK_PX
) -> float | None:
    """Return the hypercomplex quality index, the mean over blocks (0 to 1).

    ``|cov(z1, z2)| / (s1 s2) * 2 s1 s2 / (s1^2 + s2^2) * 2 |m1| |m2| / (|m1|^2 + |m2|^2)`` with
    ``cov = E[(z1 - m1)(z2 - m2)*]`` (Garzelli, Nencini 2009, doi 10.1109/LGRS.2009.2022650); Q4
    with 4 bands, and the magnitude of the universal quality index with one. Blocks are taken as
    they are, without a normalisation of their bands first. A factor whose denominator is 0 (both
    constant, or both 0) is 1.
    """
    left, right = (as_numbers(valid_blocks(image, block_px, valid)) for image in (fused, reference))
    if left.shape[1] == 0:
        return None
    means = left.mean(axis=-1), right.mean(axis=-1)
    left, right = left - means[0][..., np.newaxis], right - means[1][..., np.newaxis]
    covariance = product(left, conjugate(right)).mean(axis=-1)
    spread = modulus_squared(left).mean(axis=-1) + modulus_squared(right).mean(axis=-1)
    squares = modulus_squared(means[0]), modulus_squared(means[1])
    contrast = _ratio_or_one(2 * np.sqrt(modulus_squared(covariance)), spread)
    level = _ratio_or_one(2 * np.sqrt(squares[0] * squares[1]), squares[0] + squares[1])
    return float(np.mean(contrast * level))


def uqi(
    one: Image, other: Image, valid: Flags | None = None, block_px: int = BLOCK_PX
) -> float | None:
    """Return the universal image quality index of two bands (height, width), -1 to 1.

    ``4 cov m1 m2 / ((s1^2 + s2^2)(m1^2 + m2^2))``, the mean over blocks (Wang, Bovik 2002,
    doi 10.1109/97.995823). A factor whose denominator is 0 is 1.
    """
    left, right = (valid_blocks(band[np.newaxis], block_px, valid)[0] for band in (one, other))
    if len(left) == 0:
        return None
    means = left.mean(axis=-1), right.mean(axis=-1)
    left, right = left - means[0][:, np.newaxis], right - means[1][:, np.newaxis]
    spread = (left**2 + right**2).mean(axis=-1)
    contrast = _ratio_or_one(2 * (left * right).mean(axis=-1), spread)
    level = _ratio_or_one(2 * means[0] * means[1], means[0] ** 2 + means[1] ** 2)
    return float(np.mean(contrast * level))


def valid_blocks(image: Image, block_px: int, valid: Flags | None = None) -> Parts:
    """Cut (bands, height, width) into (bands, blocks, pixels), wholly valid blocks only."""
    blocks = _blocks(image, block_px).astype(np.float64)
    if valid is None:
        return blocks
    return blocks[:, _blocks(valid[np.newaxis], block_px)[0].all(axis=-1)]


def _blocks(image: NDArray[Any], side: int) -> NDArray[Any]:
    down, across = image.shape[1] // side, image.shape[2] // side
    cut = image[:, : down * side, : across * side].reshape(-1, down, side, across, side)
    return cut.transpose(0, 1, 3, 2, 4).reshape(len(image), down * across, side * side)


def _rmse(fused: Image, reference: Image) -> Parts:
    difference = (fused.astype(np.float64) - reference).reshape(len(fused), -1)
    return np.asarray(np.sqrt(np.mean(difference**2, axis=1)))


def _correlation(one: Image, other: Image) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _ratio_or_one(numerator: Parts, denominator: Parts) -> Parts:
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), 1.0)


def as_numbers(bands: Parts) -> Parts:
    """Return bands (b, ...) with bands of 0 appended, so that their number is a power of 2."""
    count = 1 << (len(bands) - 1).bit_length()
    if count == len(bands):
        return bands
    return np.concatenate([bands, np.zeros((count - len(bands), *bands.shape[1:]))])


def conjugate(number: Parts) -> Parts:
    """Return the conjugate of (2^n, ...): all parts but the first change their sign."""
    return np.concatenate([number[:1], -number[1:]])


def product(left: Parts, right: Parts) -> Parts:
    """Multiply (2^n, ...) part-wise stored numbers by the Cayley-Dickson construction.

    ``(a, b)(c, d) = (a c - d* b, d a + b c*)``: real, complex, quaternion, octonion and further.
    """
    if len(left) == 1:
        return left * right
    half = len(left) // 2
    a, b, c, d = left[:half], left[half:], right[:half], right[half:]
    first = product(a, c) - product(conjugate(d), b)
    second = product(d, a) + product(b, conjugate(c))
    return np.concatenate([first, second])


def modulus_squared(number: Parts) -> Parts:
    """Return ``|z|^2`` of (2^n, ...)."""
    return np.asarray(np.sum(number**2, axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScaleQuality:
    """Distortions of spectrum and space, both 0 at best, 0 to 1, and what they leave of 1."""

    d_lambda: float
    d_s: float

    @property
    def qnr(self) -> float:
        """``(1 - D_lambda) (1 - D_s)``: 1 is perfect."""
        return (1 - self.d_lambda) * (1 - self.d_s)

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name."""
        return asdict(self) | {"qnr": self.qnr}


def full_scale_quality(
    *,
    fused: Image,
    pan: Image,
    ms: Image,
    pan_coarse: Image,
    valid: Flags | None = None,
    valid_coarse: Flags | None = None,
) -> FullScaleQuality | None:
    """Return the quality with no reference (Alparone et al. 2008, doi 10.14358/PERS.74.2.193).

    D_lambda is the mean over pairs of bands of ``|Q(fused_i, fused_j) - Q(ms_i, ms_j)|``, D_s the
    mean over bands of ``|Q(fused_i, PAN) - Q(ms_i, PAN degraded)|``, both exponents 1. Q is the
    universal quality index of whole valid blocks: of 32 px in the fused image and of the same
    ground in the original (``ms``, and PAN degraded to its pixels). None where no block is valid;
    D_lambda of a single band is 0.

    Raises:
        InputError: the shapes do not agree.
    """
    bands = len(ms)
    if fused.shape != (bands, *pan.shape) or ms.shape != (bands, *pan_coarse.shape):
        raise InputError(
            "full-scale quality compares bands on PAN's pixels with as many on coarser ones; "
            f"got {fused.shape} on {pan.shape} and {ms.shape} on {pan_coarse.shape}"
        )
    coarse_px = max(round(BLOCK_PX / (pan.shape[0] / pan_coarse.shape[0])), 2)
    fine, coarse = [*fused, pan], [*ms, pan_coarse]
    between: list[float] = []
    with_pan: list[float] = []
    for i, j in combinations(range(bands + 1), 2):
        scores = uqi(fine[i], fine[j], valid), uqi(coarse[i], coarse[j], valid_coarse, coarse_px)
        if scores[0] is None or scores[1] is None:
            return None
        (between if j < bands else with_pan).append(abs(scores[0] - scores[1]))
    return FullScaleQuality(
        d_lambda=float(np.mean(between)) if between else 0.0, d_s=float(np.mean(with_pan))
    )


def reduce_scale(pair: ImagePair, settings: FusionSettings) -> tuple[ImagePair, Flags]:
    """Degrade both images by the ratio; the original bands are the reference of the result.

    PAN is degraded to the multispectral pixels with a response of 0.15 at their Nyquist frequency
    (a panchromatic sensor's usual one), the bands with the settings' own response.

    Returns:
        The degraded pair, and which pixels of the reference count (height, width).

    Raises:
        InputError: the pair is smaller than one degraded pixel.
    """
    ratio, nyquist = settings.ratio, settings.mtf_nyquist
    sigma = mtf_sigma_px(ratio, PAN_MTF_NYQUIST)
    pan, weight = filter_valid_at(pair.pan, pair.pan_valid, pair.axes, sigma)
    ms = degrade(extend_into_gaps(pair.ms, pair.valid), ratio, nyquist)
    valid = degrade(pair.valid.astype(np.float32), ratio, nyquist) > FULL_WEIGHT
    reduced = ImagePair.aligned(ms, pan, ratio, valid, weight > FULL_WEIGHT)
    known = upsample(valid.astype(np.float32), ratio, (pan.shape[0], pan.shape[1])) > 0.5
    return reduced, pair.valid & reduced.valid_on_pan & known


def wald_quality(pairs: Sequence[ImagePair], settings: FusionSettings) -> FusionQuality:
    """Fuse at reduced scale and compare with the original bands (Wald et al. 1997).

    The ground resolution is the ratio times coarser than in use, so that the scores rank methods
    and settings; they are no scores of the full-scale image. The pairs are windows of one scene, of
    one height; the fusion is fitted on all together.

    Raises:
        InputError: the pairs are too small, or too little of them is valid.
    """
    reduced = [reduce_scale(pair, settings) for pair in pairs]
    fusion = fit_fusion(
        settings, join_samples([part.samples(settings.sigma_px) for part, _ in reduced])
    )
    fused = np.concatenate([part.fuse(fusion) for part, _ in reduced], axis=2)
    reference = np.concatenate([pair.ms for pair in pairs], axis=2)
    counted = np.concatenate([known for _, known in reduced], axis=1)
    return reference_quality(fused, reference, settings.ratio, counted)


def assess_fusion(pair: RasterPair, fusion: Fusion) -> dict[str, Any]:
    """Score a fusion on up to 2 x 2 windows of 384 x 384 multispectral pixels, evenly spaced.

    Returns:
        ``reduced_scale`` by Wald's protocol, in which the fusion is fitted anew, and
        ``full_scale`` (QNR), the mean of the windows. Either is None where too little is valid;
        full scale also where PAN's pixels do not divide the bands' evenly.
    """
    settings = fusion.settings
    outer = pair.overlap.coarse_window
    side = min(_WINDOW_PX, *outer.shape) // BLOCK_PX * BLOCK_PX
    if side == 0:
        return {"reduced_scale": None, "full_scale": None}
    margin = math.ceil(settings.ratio) * 8
    windows = evenly_spaced_windows(outer, side, _WINDOWS_PER_AXIS, equal=True)
    pairs = [pair.on_ms(window, margin) for window in windows]
    scores = [score for part in pairs if (score := _full_scale(part, fusion)) is not None]
    means = None
    if scores:
        means = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
    return {"reduced_scale": reduced_scale_scores(pairs, settings), "full_scale": means}


def reduced_scale_scores(
    pairs: Sequence[ImagePair], settings: FusionSettings
) -> dict[str, Any] | None:
    """Return the scores of Wald's protocol; None where too little is valid once degraded."""
    try:
        return asdict(wald_quality(pairs, settings))
    except InputError:
        return None


def _full_scale(pair: ImagePair, fusion: Fusion) -> dict[str, float] | None:
    rows, cols = (_divided_pixels(axis) for axis in pair.axes)
    if rows is None or cols is None:
        return None
    inner = np.s_[..., rows, cols]
    samples = pair.samples(fusion.settings.sigma_px)
    quality = full_scale_quality(
        fused=pair.fuse(fusion)[inner],
        pan=pair.pan[inner],
        ms=pair.ms,
        pan_coarse=samples.pan,
        valid=pair.valid_on_pan[inner],
        valid_coarse=samples.valid,
    )
    return None if quality is None else quality.as_dict()


def _divided_pixels(axis: PixelAxis) -> slice | None:
    """Return the fine pixels that divide the coarse ones evenly, or None."""
    start, step = round(axis.start), round(axis.step)
    end = axis.start + axis.step * axis.length
    if max(abs(axis.start - start), abs(end - start - step * axis.length)) > _SHIFT_PX:
        return None
    return slice(start, start + step * axis.length)
