"""Fits the fusion of a product's two images on places spread over the scene."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import finer_window
from landslip.preprocessing.pansharpening.assessment import wald_quality
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, join_samples
from landslip.preprocessing.pansharpening.quality import FullScaleImages, full_scale_quality
from landslip.preprocessing.pipeline.light import Light
from landslip.preprocessing.pipeline.sources import Sources
from landslip.preprocessing.product.open import MSS_BANDS, PAN_BANDS

_PLACES, _PLACE_PX = 5, (48, 128)
_LEAST_VALID = 0.5
_JUDGED, _JUDGED_VALID = 4, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A fitted fusion, and how good it is: scores are None where no place could be judged."""

    fusion: Fusion
    reduced: dict[str, Any] | None
    full: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            **self.fusion.as_dict(),
            "reduced_scale": self.reduced,
            "full_scale": self.full,
        }


def fit_detail(
    sources: Sources, light: Light, coarse: GroundGrid, ratio: int, method: PansharpeningMethod
) -> Detail:
    """Fit the fusion, and judge it by Wald's protocol and by QNR.

    Args:
        sources: the open images, registered.
        light: what their counts mean.
        coarse: a map as fine as the multispectral image.
        ratio: how many panchromatic pixels go into one of that map, along an axis.
        method: how detail comes in.

    Raises:
        InputError: the images have too little ground in common.
    """
    settings = FusionSettings(method=method, ratio=float(ratio))
    pairs = list(_pairs(sources, light, coarse, ratio))
    if not pairs:
        raise InputError(
            "the multispectral and the panchromatic image must show common ground to be fused; "
            "no place was found where both hold data"
        )
    fusion = fit_fusion(settings, join_samples([pair.samples(settings.sigma_px) for pair in pairs]))
    judged = _judged(pairs)
    return Detail(
        fusion=fusion,
        reduced=_reduced_scale(judged, settings),
        full=_full_scale(judged, fusion) if judged else None,
    )


def _judged(pairs: list[ImagePair]) -> list[ImagePair]:
    """Return the places of one size that hold most data."""
    known = [(float(pair.valid_on_pan.mean()), pair) for pair in pairs]
    held = [(share, pair) for share, pair in known if share >= _JUDGED_VALID]
    held.sort(key=lambda one: -one[0])
    return [pair for _, pair in held[:_JUDGED] if pair.ms.shape == held[0][1].ms.shape]


def _pairs(sources: Sources, light: Light, coarse: GroundGrid, ratio: int) -> Iterator[ImagePair]:
    fine = GroundGrid(coarse.grid.finer(ratio), coarse.elevation)
    for window in _places(coarse.grid.shape):
        patch = coarse.patch(window)
        ms, ms_valid = sources.ms.sharp(patch.seen_by(sources.ms.rpc))
        valid = ms_valid & patch.known
        if valid.mean() < _LEAST_VALID:
            continue
        near = fine.patch(finer_window(window, ratio))
        pan, pan_valid = sources.pan.sharp(near.seen_by(sources.pan.rpc))
        yield ImagePair.aligned(
            light.reflectance(ms, MSS_BANDS),
            light.reflectance(pan, PAN_BANDS)[0],
            float(ratio),
            valid,
            pan_valid & near.known,
        )


def _places(shape: tuple[int, int]) -> list[Window]:
    """Return windows spread over a map, fewer where it is small."""
    height, width = shape
    least, most = _PLACE_PX
    size = min(max(min(shape) // 4, least), most, height, width)
    rows, cols = (
        np.unique(np.linspace(0, length - size, min(_PLACES, math.ceil(length / size))).astype(int))
        for length in (height, width)
    )
    return [Window(int(col), int(row), size, size) for row in rows for col in cols]


def _reduced_scale(pairs: list[ImagePair], settings: FusionSettings) -> dict[str, Any] | None:
    """Return the scores of Wald's protocol; None where too little is left once degraded."""
    if not pairs:
        return None
    try:
        return wald_quality(pairs, settings).as_dict()
    except InputError:
        return None


def _full_scale(pairs: list[ImagePair], fusion: Fusion) -> dict[str, Any] | None:
    def beside(parts: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(parts, axis=-1)

    samples = [pair.samples(fusion.settings.sigma_px) for pair in pairs]
    quality = full_scale_quality(
        FullScaleImages(
            fused=beside([pair.fused(fusion) for pair in pairs]),
            pan=beside([pair.pan for pair in pairs]),
            ms=beside([pair.ms for pair in pairs]),
            pan_coarse=beside([part.pan for part in samples]),
            valid=beside([pair.valid_on_pan for pair in pairs]),
            valid_coarse=beside([part.valid for part in samples]),
        )
    )
    return None if quality is None else quality.as_dict()
