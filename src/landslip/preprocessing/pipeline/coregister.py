"""Brings a product's multispectral image onto its panchromatic one."""

from landslip.core.choices import ShiftModel
from landslip.preprocessing.coregistration.matching import MatchFeature, MatchSettings
from landslip.preprocessing.coregistration.shift_models import RegistrationLimits
from landslip.preprocessing.orthorectification.camera_refinement import (
    Refinement,
    combine_fits,
    correction_of,
    fit_camera_shifts,
    match_views,
    to_image_space,
)
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import OrthoView
from landslip.preprocessing.pipeline.sources import Sources

_PATCH_PX, _PATCHES = (48, 96), 14
_SEARCHES_PX = (12, 3)
_LIMITS = RegistrationLimits(most_rms_px=0.5)
_AFFINE_TIES, _DRIFT_TIES = 60, 12


def coregister(sources: Sources, coarse: GroundGrid, ratio: int, name: str) -> Refinement:
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
    fixed = OrthoView(ground=coarse, source=sources.pan, finer=ratio)
    ms, fits = sources.ms, []
    for search_px in _SEARCHES_PX:
        settings = _settings(coarse.grid.shape, search_px)
        ties = match_views(OrthoView(ground=coarse, source=ms), fixed, coarse, settings)
        inside = to_image_space(ties, coarse, ms.rpc, settings.patch_px)
        subject = f"{name}, MSS and PAN"
        fits.append(fit_camera_shifts(inside, _model(len(ties)), _LIMITS, ms.image.shape, subject))
        ms = ms.corrected(correction_of(fits[-1]))
    return combine_fits(fits)


def _model(ties: int) -> ShiftModel:
    """Return how many places are enough for which correction."""
    if ties >= _AFFINE_TIES:
        return ShiftModel.AFFINE
    return ShiftModel.DRIFT if ties >= _DRIFT_TIES else ShiftModel.SHIFT


def _settings(shape: tuple[int, int], search_px: int) -> MatchSettings:
    """Return patches of which several fit beside each other also into a small map."""
    least, most = _PATCH_PX
    return MatchSettings(
        feature=MatchFeature.INTENSITY,
        patch_px=min(max(min(shape) // 4, least), most),
        count=_PATCHES,
        search_px=search_px,
    )
