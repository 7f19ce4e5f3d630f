"""Wald's protocol: both images are degraded, so that the original bands are the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landslip.preprocessing.pansharpening.method import FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.pair import WHOLE, Pair, joined
from landslip.preprocessing.pansharpening.quality import Quality, Valid, compare
from landslip.preprocessing.pansharpening.resample import (
    Pixels,
    degrade,
    filter_valid_at,
    grow_into_gaps,
    mtf_sigma_px,
    upsample,
)

PAN_MTF_NYQUIST = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedPair:
    """A degraded pair, the original bands it is to give back, and where they count."""

    pair: Pair
    reference: Pixels
    counted: Valid


def at_reduced_scale(pair: Pair, settings: FusionSettings) -> ReducedPair:
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
    valid = degrade(pair.valid.astype(np.float32), ratio, nyquist) > WHOLE
    reduced = Pair.aligned(ms, pan, ratio, valid, share > WHOLE)
    seen = upsample(valid.astype(np.float32), ratio, (pan.shape[0], pan.shape[1])) > 0.5
    return ReducedPair(
        pair=reduced, reference=pair.ms, counted=pair.valid & reduced.valid_on_pan & seen
    )


def wald_quality(pairs: Sequence[Pair], settings: FusionSettings) -> Quality:
    """Fuse at reduced scale and compare with the original bands (Wald et al. 1997).

    The ground resolution is the ratio times coarser than in use, so that the scores rank methods
    and settings; they are no scores of the full-scale image.

    Args:
        pairs: places of one scene, of one height; the fusion is fitted on all together.
        settings: of the fusion, which also degrade the bands.

    Raises:
        InputError: the pairs are too small, or too little of them is valid.
    """
    reduced = [at_reduced_scale(pair, settings) for pair in pairs]
    samples = joined([part.pair.samples(settings.sigma_px) for part in reduced])
    fusion = fit_fusion(settings, samples)
    fused = np.concatenate([part.pair.fused(fusion) for part in reduced], axis=2)
    reference = np.concatenate([part.reference for part in reduced], axis=2)
    counted = np.concatenate([part.counted for part in reduced], axis=1)
    return compare(fused, reference, settings.ratio, counted)
