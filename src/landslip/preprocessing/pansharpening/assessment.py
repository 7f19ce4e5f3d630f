"""Wald's protocol: both images are degraded, so that the original bands are the reference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landslip.core.errors import InputError
from landslip.io.raster import Valid
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import (
    FULL_WEIGHT,
    ImagePair,
    RasterPair,
    join_samples,
    spread_windows,
)
from landslip.preprocessing.pansharpening.multiresolution import (
    PixelAxis,
    Pixels,
    degrade,
    filter_valid_at,
    grow_into_gaps,
    mtf_sigma_px,
    upsample,
)
from landslip.preprocessing.pansharpening.quality import (
    BLOCK_PX,
    FullScaleImages,
    FusionQuality,
    full_scale_quality,
    reference_quality,
)

PAN_MTF_NYQUIST = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedPair:
    """A degraded pair, the original bands it is to give back, and where they count."""

    pair: ImagePair
    reference: Pixels
    counted: Valid


def reduce_scale(pair: ImagePair, settings: FusionSettings) -> ReducedPair:
    """Degrade both images by the ratio.

    PAN is degraded to the multispectral pixels with a response of 0.15 at their Nyquist frequency
    (a panchromatic sensor's usual one), the bands with the settings' own response.

    Raises:
        InputError: the pair is smaller than one degraded pixel.
    """
    ratio, nyquist = settings.ratio, settings.mtf_nyquist
    sigma = mtf_sigma_px(ratio, PAN_MTF_NYQUIST)
    pan, share = filter_valid_at(pair.pan, pair.pan_valid, pair.axes, sigma)
    ms = degrade(grow_into_gaps(pair.ms, pair.valid), ratio, nyquist)
    valid = degrade(pair.valid.astype(np.float32), ratio, nyquist) > FULL_WEIGHT
    reduced = ImagePair.aligned(ms, pan, ratio, valid, share > FULL_WEIGHT)
    seen = upsample(valid.astype(np.float32), ratio, (pan.shape[0], pan.shape[1])) > 0.5
    return ReducedPair(
        pair=reduced, reference=pair.ms, counted=pair.valid & reduced.valid_on_pan & seen
    )


def wald_quality(pairs: Sequence[ImagePair], settings: FusionSettings) -> FusionQuality:
    """Fuse at reduced scale and compare with the original bands (Wald et al. 1997).

    The ground resolution is the ratio times coarser than in use, so that the scores rank methods
    and settings; they are no scores of the full-scale image.

    Args:
        pairs: places of one scene, of one height; the fusion is fitted on all together.
        settings: of the fusion, which also degrade the bands.

    Raises:
        InputError: the pairs are too small, or too little of them is valid.
    """
    reduced = [reduce_scale(pair, settings) for pair in pairs]
    samples = join_samples([part.pair.samples(settings.sigma_px) for part in reduced])
    fusion = fit_fusion(settings, samples)
    fused = np.concatenate([part.pair.fused(fusion) for part in reduced], axis=2)
    reference = np.concatenate([part.reference for part in reduced], axis=2)
    counted = np.concatenate([part.counted for part in reduced], axis=1)
    return reference_quality(fused, reference, settings.ratio, counted)


_QUALITY_PX, _QUALITY_PER_AXIS = 384, 2
_SHIFT_PX = 0.05


def assess_fusion(pair: RasterPair, fusion: Fusion) -> dict[str, Any]:
    """Score a fusion on up to 2 x 2 places of 384 x 384 multispectral pixels, evenly spread.

    Returns:
        ``reduced_scale`` by Wald's protocol, in which the fusion is fitted anew, and
        ``full_scale`` (QNR), the mean of the places. Either is None where too little is valid;
        full scale also where PAN's pixels do not divide the bands' evenly.
    """
    settings = fusion.settings
    outer = pair.overlap.coarse_window
    side = min(_QUALITY_PX, *outer.shape) // BLOCK_PX * BLOCK_PX
    if side == 0:
        return {"reduced_scale": None, "full_scale": None}
    margin = math.ceil(settings.ratio) * 8
    windows = spread_windows(outer, side, _QUALITY_PER_AXIS, equal=True)
    pairs = [pair.on_ms(window, margin) for window in windows]
    found = [score for part in pairs if (score := _full_scale(part, fusion)) is not None]
    means = {name: float(np.mean([s[name] for s in found])) for name in found[0]} if found else None
    try:
        reduced: dict[str, Any] | None = wald_quality(pairs, settings).as_dict()
    except InputError:
        reduced = None
    return {"reduced_scale": reduced, "full_scale": means}


def _full_scale(pair: ImagePair, fusion: Fusion) -> dict[str, float] | None:
    spans = [_whole_span(axis) for axis in pair.axes]
    if spans[0] is None or spans[1] is None:
        return None
    inner = np.s_[..., spans[0], spans[1]]
    samples = pair.samples(fusion.settings.sigma_px)
    quality = full_scale_quality(
        FullScaleImages(
            fused=pair.fused(fusion)[inner],
            pan=pair.pan[inner],
            ms=pair.ms,
            pan_coarse=samples.pan,
            valid=pair.valid_on_pan[inner],
            valid_coarse=samples.valid,
        )
    )
    return None if quality is None else quality.as_dict()


def _whole_span(axis: PixelAxis) -> slice | None:
    """Return the fine pixels that coarse ones divide among them evenly, or None."""
    start, step = round(axis.start), round(axis.step)
    end = axis.start + axis.step * axis.length
    if max(abs(axis.start - start), abs(end - start - step * axis.length)) > _SHIFT_PX:
        return None
    return slice(start, start + step * axis.length)
