"""Scores of a fusion, on windows spread over the rasters: Wald's protocol and at full scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from landslip.preprocessing.pansharpening.quality import (
    BLOCK_PX,
    FusionQuality,
    full_scale_quality,
    reference_quality,
)
from landslip.preprocessing.resampling import Flags, Pixels

PAN_MTF_NYQUIST = 0.15
_WINDOW_PX, _WINDOWS_PER_AXIS = 384, 2
_SHIFT_PX = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedPair:
    """A degraded pair, the original bands as its reference, and where they count."""

    pair: ImagePair
    reference: Pixels
    counted: Flags


def reduce_scale(pair: ImagePair, settings: FusionSettings) -> ReducedPair:
    """Degrade both images by the ratio.

    PAN is degraded to the multispectral pixels with a response of 0.15 at their Nyquist frequency
    (a panchromatic sensor's usual one), the bands with the settings' own response.

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
    return ReducedPair(
        pair=reduced, reference=pair.ms, counted=pair.valid & reduced.valid_on_pan & known
    )


def wald_quality(pairs: Sequence[ImagePair], settings: FusionSettings) -> FusionQuality:
    """Fuse at reduced scale and compare with the original bands (Wald et al. 1997).

    The ground resolution is the ratio times coarser than in use, so that the scores rank methods
    and settings; they are no scores of the full-scale image.

    Args:
        pairs: windows of one scene, of one height; the fusion is fitted on all together.
        settings: of the fusion, which also degrade the bands.

    Raises:
        InputError: the pairs are too small, or too little of them is valid.
    """
    reduced = [reduce_scale(pair, settings) for pair in pairs]
    samples = join_samples([part.pair.samples(settings.sigma_px) for part in reduced])
    fusion = fit_fusion(settings, samples)
    fused = np.concatenate([part.pair.fuse(fusion) for part in reduced], axis=2)
    reference = np.concatenate([part.reference for part in reduced], axis=2)
    counted = np.concatenate([part.counted for part in reduced], axis=1)
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
    means = (
        {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        if scores
        else None
    )
    return {"reduced_scale": reduced_scale_scores(pairs, settings), "full_scale": means}


def reduced_scale_scores(
    pairs: Sequence[ImagePair], settings: FusionSettings
) -> dict[str, Any] | None:
    """Return the scores of Wald's protocol; None where too little is valid once degraded."""
    try:
        return wald_quality(pairs, settings).as_dict()
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
