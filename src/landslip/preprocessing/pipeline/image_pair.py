"""A product's two images, open, and what is counted in them beforehand."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import PansharpeningMethod, ShiftModel
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.matching import MatchFeature, MatchSettings
from landslip.preprocessing.coregistration.shift_models import RegistrationLimits
from landslip.preprocessing.orthorectification.camera_refinement import (
    Refinement,
    match_repeatedly,
)
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import CameraImage, OrthoView
from landslip.preprocessing.pansharpening.assessment import wald_quality
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, join_samples
from landslip.preprocessing.pansharpening.quality import FullScaleImages, full_scale_quality
from landslip.preprocessing.pipeline.radiometric_correction import RadiometricCorrection
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS, Product
from landslip.preprocessing.radiometry.dark_object import CountHistogram

FILL = 0
_STRIP_ROWS = 64
_PAN_EVERY = 4


@dataclass(frozen=True, slots=True)
class OpenImages:
    """The multispectral and the panchromatic image of a product."""

    ms: CameraImage
    pan: CameraImage


@contextmanager
def open_images(product: Product) -> Iterator[OpenImages]:
    """Open both images; 0 is fill in them."""
    with SensorImage(product.mss.tiff, FILL) as ms, SensorImage(product.pan.tiff, FILL) as pan:
        yield OpenImages(ms=CameraImage(ms, product.mss.rpc), pan=CameraImage(pan, product.pan.rpc))


def count_histograms(sources: OpenImages) -> dict[str, CountHistogram]:
    """Return histograms of counts by band: of all multispectral pixels, and of PAN's every fourth.

    Strips of rows are counted, so that a file in strips is read once.
    """
    histograms = {band: CountHistogram() for band in (*PAN_BANDS, *MSS_BANDS)}
    for source, bands, every in (
        (sources.ms, MSS_BANDS, 1),
        (sources.pan, PAN_BANDS, _PAN_EVERY),
    ):
        height, width = source.image.shape
        for row in range(0, height, _STRIP_ROWS * every):
            strip = Window(0, row, width, min(_STRIP_ROWS, height - row))
            stored = source.image.read(strip)
            valid = source.image.holds(stored)
            for band, values in zip(bands, stored, strict=True):
                histograms[band].add(values, valid)
    return histograms


_PATCH_PX, _PATCHES = (48, 96), 14
_SEARCHES_PX = (12, 3)
_COREGISTRATION_LIMITS = RegistrationLimits(most_rms_px=0.5)
_MIN_AFFINE_TIES, _MIN_DRIFT_TIES = 60, 12


def coregister(sources: OpenImages, coarse: GroundGrid, ratio: int, name: str) -> Refinement:
    """Match the two images on the map, twice, and correct the multispectral camera.

    The correction is affine where many places were found, else a shift that may drift.

    Args:
        sources: the open images.
        coarse: a map as fine as the multispectral image.
        ratio: how many panchromatic pixels go into one of that map, along an axis.
        name: of the product, for messages.

    Raises:
        InputError: too few places were found, or they do not agree.
    """
    rounds = [
        (_match_settings(coarse.grid.shape, search_px), _COREGISTRATION_LIMITS)
        for search_px in _SEARCHES_PX
    ]
    return match_repeatedly(
        OrthoView(ground=coarse, source=sources.ms),
        OrthoView(ground=coarse, source=sources.pan, finer=ratio),
        rounds,
        _correction_model,
        f"{name}, MSS and PAN",
    )


def _correction_model(ties: int) -> ShiftModel:
    """Return how many places are enough for which correction."""
    if ties >= _MIN_AFFINE_TIES:
        return ShiftModel.AFFINE
    return ShiftModel.DRIFT if ties >= _MIN_DRIFT_TIES else ShiftModel.SHIFT


def _match_settings(shape: tuple[int, int], search_px: int) -> MatchSettings:
    """Return patches of which several fit beside each other also into a small map."""
    least, most = _PATCH_PX
    return MatchSettings(
        feature=MatchFeature.INTENSITY,
        patch_px=min(max(min(shape) // 4, least), most),
        count=_PATCHES,
        search_px=search_px,
    )


_SAMPLES_PER_AXIS, _SAMPLE_PX = 5, (48, 128)
_MIN_VALID = 0.5
_ASSESSED, _ASSESSED_MIN_VALID = 4, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPansharpening:
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


def fit_pansharpening(
    sources: OpenImages,
    light: RadiometricCorrection,
    coarse: GroundGrid,
    ratio: int,
    method: PansharpeningMethod,
) -> FittedPansharpening:
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
    pairs = list(_sample_pairs(sources, light, coarse, ratio))
    if not pairs:
        raise InputError(
            "the multispectral and the panchromatic image must show common ground to be fused; "
            "no place was found where both hold data"
        )
    fusion = fit_fusion(settings, join_samples([pair.samples(settings.sigma_px) for pair in pairs]))
    judged = _most_valid(pairs)
    return FittedPansharpening(
        fusion=fusion,
        reduced=_reduced_scale(judged, settings),
        full=_full_scale(judged, fusion) if judged else None,
    )


def _most_valid(pairs: list[ImagePair]) -> list[ImagePair]:
    """Return the places of one size that hold most data."""
    known = [(float(pair.valid_on_pan.mean()), pair) for pair in pairs]
    held = [(share, pair) for share, pair in known if share >= _ASSESSED_MIN_VALID]
    held.sort(key=lambda one: -one[0])
    return [pair for _, pair in held[:_ASSESSED] if pair.ms.shape == held[0][1].ms.shape]


def _sample_pairs(
    sources: OpenImages, light: RadiometricCorrection, coarse: GroundGrid, ratio: int
) -> Iterator[ImagePair]:
    fine = GroundGrid(coarse.grid.finer(ratio), coarse.elevation)
    for window in _sample_windows(coarse.grid.shape):
        patch = coarse.window(window)
        ms, ms_valid = sources.ms.resample_cubic(patch.project(sources.ms.rpc))
        valid = ms_valid & patch.known
        if valid.mean() < _MIN_VALID:
            continue
        near = fine.window(window.scaled(ratio))
        pan, pan_valid = sources.pan.resample_cubic(near.project(sources.pan.rpc))
        yield ImagePair.aligned(
            light.reflectance(ms, MSS_BANDS),
            light.reflectance(pan, PAN_BANDS)[0],
            float(ratio),
            valid,
            pan_valid & near.known,
        )


def _sample_windows(shape: tuple[int, int]) -> list[Window]:
    """Return windows spread over a map, fewer where it is small."""
    height, width = shape
    least, most = _SAMPLE_PX
    size = min(max(min(shape) // 4, least), most, height, width)
    rows, cols = (
        np.unique(
            np.linspace(0, length - size, min(_SAMPLES_PER_AXIS, math.ceil(length / size))).astype(
                int
            )
        )
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
