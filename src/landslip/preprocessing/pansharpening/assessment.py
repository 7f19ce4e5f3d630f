"""How good the fusion of two rasters is: scores on places spread over them."""

import math
from typing import Any

import numpy as np

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.full_scale import FullScaleImages, full_scale_quality
from landslip.preprocessing.pansharpening.method import Fusion
from landslip.preprocessing.pansharpening.pair import Pair
from landslip.preprocessing.pansharpening.quality import BLOCK_PX
from landslip.preprocessing.pansharpening.rasters import RasterPair, spread_windows
from landslip.preprocessing.pansharpening.resample import Axis
from landslip.preprocessing.pansharpening.wald import wald_quality

_QUALITY_PX, _QUALITY_PER_AXIS = 384, 2
_SHIFT_PX = 0.05


def assess(pair: RasterPair, fusion: Fusion) -> dict[str, Any]:
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


def _full_scale(pair: Pair, fusion: Fusion) -> dict[str, float] | None:
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


def _whole_span(axis: Axis) -> slice | None:
    """Return the fine pixels that coarse ones divide among them evenly, or None."""
    start, step = round(axis.start), round(axis.step)
    end = axis.start + axis.step * axis.length
    if max(abs(axis.start - start), abs(end - start - step * axis.length)) > _SHIFT_PX:
        return None
    return slice(start, start + step * axis.length)
