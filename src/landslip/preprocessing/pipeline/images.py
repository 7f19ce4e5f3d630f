"""The two images of a product: opened, counted, co-registered, and their pansharpening fitted."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import PansharpeningMethod, ShiftModel
from landslip.core.errors import InputError
from landslip.core.resources import parallel_map
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
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, join_samples
from landslip.preprocessing.pansharpening.quality import full_scale_quality, reduced_scale_scores
from landslip.preprocessing.pipeline.radiometric_correction import RadiometricCorrection
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS, Product
from landslip.preprocessing.radiometry.dark_object import CountHistogram

_FILL = 0
_STRIP_ROWS, _PAN_STEP = 64, 4
_PATCH_PX, _PATCHES = (48, 96), 14
_SEARCHES_PX = (12, 3)
_COREGISTRATION_LIMITS = RegistrationLimits(
    most_rms_px=0.5,
    advice="small images, and those of snow, sand, cloud or water, hold too little to be matched",
)
_MIN_AFFINE_TIES, _MIN_DRIFT_TIES = 60, 12
_SAMPLES_PER_AXIS, _SAMPLE_PX, _SAMPLE_MIN_VALID = 5, (48, 128), 0.5
_ASSESSED, _ASSESSED_MIN_VALID = 4, 0.9


@dataclass(frozen=True, slots=True)
class OpenImages:
    """The multispectral and the panchromatic image of a product."""

    ms: CameraImage
    pan: CameraImage


@contextmanager
def open_images(product: Product) -> Iterator[OpenImages]:
    """Open both images; 0 is fill in them."""
    with SensorImage(product.mss.tiff, _FILL) as ms, SensorImage(product.pan.tiff, _FILL) as pan:
        yield OpenImages(ms=CameraImage(ms, product.mss.rpc), pan=CameraImage(pan, product.pan.rpc))


def count_histograms(images: OpenImages) -> dict[str, CountHistogram]:
    """Return histograms of counts by band: of all multispectral pixels, and of PAN's every fourth.

    Strips of rows are read, so that a file in strips is read once; both images at a time.
    """
    histograms = {band: CountHistogram() for band in (*PAN_BANDS, *MSS_BANDS)}

    def count(part: tuple[CameraImage, tuple[str, ...], int]) -> None:
        one, bands, step = part
        height, width = one.image.shape
        for row in range(0, height, _STRIP_ROWS * step):
            strip = Window(0, row, width, min(_STRIP_ROWS, height - row))
            stored, valid = one.image.read(strip)
            for band, values in zip(bands, stored, strict=True):
                histograms[band].add(values, valid)

    parts = ((images.ms, MSS_BANDS, 1), (images.pan, PAN_BANDS, _PAN_STEP))
    for _ in parallel_map(count, parts):
        pass
    return histograms


def coregister(images: OpenImages, coarse: GroundGrid, ratio: int, name: str) -> Refinement:
    """Match the two images on the map, twice, and correct the multispectral camera.

    The correction is affine with many tie points, else a shift that may drift. ``coarse`` is a map
    as fine as the multispectral image, ``ratio`` that of its pixels to panchromatic ones; ``name``
    is the product's, for messages.

    Raises:
        RegistrationError: tie points are too few, or do not agree.
    """
    least_px, most_px = _PATCH_PX  # several patches fit beside each other on a small map too
    patch_px = min(max(min(coarse.grid.shape) // 4, least_px), most_px)
    settings = MatchSettings(feature=MatchFeature.INTENSITY, patch_px=patch_px, count=_PATCHES)
    return match_repeatedly(
        OrthoView(ground=coarse, source=images.ms),
        OrthoView(ground=coarse, source=images.pan, finer=ratio),
        [(replace(settings, search_px=px), _COREGISTRATION_LIMITS) for px in _SEARCHES_PX],
        _correction_model,
        f"{name}, MSS and PAN",
    )


def _correction_model(ties: int) -> ShiftModel:
    """Return the richest model that a number of tie points allows."""
    if ties >= _MIN_AFFINE_TIES:
        return ShiftModel.AFFINE
    return ShiftModel.DRIFT if ties >= _MIN_DRIFT_TIES else ShiftModel.SHIFT


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPansharpening:
    """A fitted fusion, and its quality at reduced scale (Wald's protocol) and at full scale (QNR).

    Quality is None where too few pixels are valid to assess it.
    """

    fusion: Fusion
    reduced: dict[str, Any] | None
    full: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {**self.fusion.as_dict(), "reduced_scale": self.reduced, "full_scale": self.full}


def fit_pansharpening(
    images: OpenImages,
    correction: RadiometricCorrection,
    coarse: GroundGrid,
    ratio: int,
    method: PansharpeningMethod,
) -> FittedPansharpening:
    """Fit the fusion on windows spread over the scene, and assess it by Wald's protocol and QNR.

    The images are co-registered; ``coarse`` and ``ratio`` as in `coregister`.

    Raises:
        InputError: the images have too little ground in common.
    """
    settings = FusionSettings(method=method, ratio=float(ratio))
    pairs = list(_sample_pairs(images, correction, coarse, ratio))
    if not pairs:
        raise InputError(
            "the multispectral and the panchromatic image must overlap to be fused; "
            "no window was found where both hold data"
        )
    fusion = fit_fusion(settings, join_samples([pair.samples(settings.sigma_px) for pair in pairs]))
    # the pairs of one size with most valid pixels
    fractions = [(float(pair.valid_on_pan.mean()), pair) for pair in pairs]
    fractions.sort(key=lambda one: -one[0])
    complete = [pair for fraction, pair in fractions if fraction >= _ASSESSED_MIN_VALID]
    assessed = [pair for pair in complete[:_ASSESSED] if pair.ms.shape == complete[0].ms.shape]
    return FittedPansharpening(
        fusion=fusion,
        reduced=reduced_scale_scores(assessed, settings) if assessed else None,
        full=_full_scale(assessed, fusion) if assessed else None,
    )


def _sample_pairs(
    images: OpenImages, correction: RadiometricCorrection, coarse: GroundGrid, ratio: int
) -> Iterator[ImagePair]:
    fine = GroundGrid(coarse.grid.finer(ratio), coarse.elevation)
    # windows spread over the map, fewer where it is small
    height, width = coarse.grid.shape
    least_px, most_px = _SAMPLE_PX
    size = min(max(min(height, width) // 4, least_px), most_px, height, width)
    rows, cols = (
        np.unique(np.linspace(0, side - size, min(_SAMPLES_PER_AXIS, -(-side // size))).astype(int))
        for side in (height, width)
    )
    for row, col in itertools.product(rows.tolist(), cols.tolist()):
        window = Window(col, row, size, size)
        patch = coarse.window(window)
        ms, ms_valid = images.ms.resample_cubic(patch.project(images.ms.rpc))
        valid = ms_valid & patch.known
        if valid.mean() < _SAMPLE_MIN_VALID:
            continue
        fine_patch = fine.window(window.scaled(ratio))
        pan, pan_valid = images.pan.resample_cubic(fine_patch.project(images.pan.rpc))
        yield ImagePair.aligned(
            correction.reflectance(ms, MSS_BANDS),
            correction.reflectance(pan, PAN_BANDS)[0],
            float(ratio),
            valid,
            pan_valid & fine_patch.known,
        )


def _full_scale(pairs: list[ImagePair], fusion: Fusion) -> dict[str, Any] | None:
    def beside(parts: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(parts, axis=-1)

    samples = [pair.samples(fusion.settings.sigma_px) for pair in pairs]
    quality = full_scale_quality(
        fused=beside([pair.fuse(fusion) for pair in pairs]),
        pan=beside([pair.pan for pair in pairs]),
        ms=beside([pair.ms for pair in pairs]),
        pan_coarse=beside([part.pan for part in samples]),
        valid=beside([pair.valid_on_pan for pair in pairs]),
        valid_coarse=beside([part.valid for part in samples]),
    )
    return None if quality is None else quality.as_dict()
