"""Corrects a camera by a scene that lies where it should."""

import math
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.limits import Limits
from landslip.preprocessing.coregistration.match import MatchSettings
from landslip.preprocessing.coregistration.models import Feature, ShiftModel
from landslip.preprocessing.coregistration.patches import patch_centres
from landslip.preprocessing.orthorectification.camera_fit import (
    SMALLEST_PATCH_PX,
    Refinement,
    correction_of,
    fit_camera,
    in_image,
    match_views,
    refined,
)
from landslip.preprocessing.orthorectification.ground import Ground
from landslip.preprocessing.orthorectification.source import Source
from landslip.preprocessing.orthorectification.view import CameraView, MappedView, times_finer

_PATCH_PX, _PATCHES = 256, 12
_NEAR_PX = 6
_USUAL_SHIFT_M, _ROOM = 100.0, 10
# on rough ground a shifted map is also bent, so that the first look finds places less well
_FIRST = Limits(least_kept=0.2, most_rms_px=6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineRequest:
    """What a camera is corrected by.

    Attributes:
        path: a mapped scene, of any coordinate system and resolution.
        model: how the correction may change over the image.
        max_shift_m: largest error that is looked for, on the ground; None is 100 m, or less on a
            map too small for that.
        most_rms_px: largest residual that is accepted, in pixels that are matched.
    """

    path: Path
    model: ShiftModel = ShiftModel.SHIFT
    max_shift_m: float | None = None
    most_rms_px: float = 2.0

    def __post_init__(self) -> None:
        shift_m = self.max_shift_m
        if shift_m is not None and not (math.isfinite(shift_m) and shift_m > 0):
            raise InputError(f"--max-shift is over 0 metres; got {self.max_shift_m}")


def refine(source: Source, ground: Ground, request: RefineRequest) -> Refinement:
    """Match an image with a reference on the map, three times, and fit a correction in the image.

    Args:
        source: the image.
        ground: the map that it goes onto, and its heights.
        request: the reference, and what is accepted.

    Raises:
        InputError: the reference lies elsewhere, or too few places are found in both.
    """
    with SensorImage(request.path) as reference:
        if reference.grid.crs is None:
            raise InputError(
                f"{request.path}: a reference has a coordinate system and this one has none"
            )
        own_m, theirs_m = ground.grid.resolution_m, reference.grid.resolution_m
        if not own_m or not theirs_m:
            raise InputError(f"{request.path}: the reference has no resolution")
        matched_m = max(own_m, theirs_m)
        common = Ground(ground.grid.coarser(matched_m / own_m), ground.elevation)
        fixed = MappedView(
            grid=common.grid, image=reference, finer=times_finer(matched_m, theirs_m)
        )
        subject = f"{source.image.path.name} and {request.path.name}"
        finer = times_finer(matched_m, own_m)
        wide_px = _search_px(request, common.grid.shape, matched_m)
        strict = Limits(most_rms_px=request.most_rms_px * matched_m / own_m)
        fits = []
        for search_px, limits in ((wide_px, _FIRST), (_NEAR_PX, _FIRST), (_NEAR_PX, strict)):
            settings = _settings(search_px, common.grid.shape)
            _require_room(common.grid, settings, subject)
            moving = CameraView(ground=common, source=source, finer=finer)
            ties = match_views(moving, fixed, common, settings)
            inside = in_image(ties, common, source.rpc, settings.patch_px)
            fits.append(fit_camera(inside, request.model, limits, source.image.shape, subject))
            source = source.corrected(correction_of(fits[-1]))
    return refined(fits)


def _search_px(request: RefineRequest, shape: tuple[int, int], pixel_m: float) -> int:
    if request.max_shift_m is not None:
        return math.ceil(request.max_shift_m / pixel_m)
    room_px = min(shape) // _ROOM
    return max(min(math.ceil(_USUAL_SHIFT_M / pixel_m), room_px), _NEAR_PX)


def _settings(search_px: int, shape: tuple[int, int]) -> MatchSettings:
    """Choose patches for a map; small maps take smaller ones, so that there are some to compare."""
    patch_px = max(min(_PATCH_PX, min(shape) // 4), SMALLEST_PATCH_PX, 4 * search_px)
    return MatchSettings(
        feature=Feature.GRADIENT, patch_px=patch_px, count=_PATCHES, search_px=search_px
    )


def _require_room(grid: Grid, settings: MatchSettings, subject: str) -> None:
    """Refuse a search so wide that its patches are too few on the map."""
    if settings.patch_px > 4 * settings.search_px or min(grid.shape) < SMALLEST_PATCH_PX:
        return
    size = min(settings.patch_px, *grid.shape)
    places = len(patch_centres(grid.shape, settings.count, size))
    if places < _FIRST.least_ties:
        side_m = grid.resolution_m or 0.0
        raise InputError(
            f"{subject}: at least {_FIRST.least_ties} places are compared, and errors of up to "
            f"{settings.search_px * side_m:.0f} m are looked for in patches of "
            f"{settings.patch_px * side_m:.0f} m, of which the map has {places}; lower --max-shift"
        )
