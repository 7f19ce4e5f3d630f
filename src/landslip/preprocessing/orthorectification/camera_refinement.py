"""Corrects a camera by what was matched on the map."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from landslip.core.choices import ShiftModel
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.resources import parallel_map
from landslip.core.rpc import RPC, ImageCorrection
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    match_patch,
)
from landslip.preprocessing.coregistration.shift_models import (
    RegistrationLimits,
    Residuals,
    ShiftFit,
    fit_shifts,
    require_reliable,
    require_tie_points,
)
from landslip.preprocessing.coregistration.tie_points import (
    PatchShift,
    Points,
    TiePoints,
    patch_centres,
    patch_window,
)
from landslip.preprocessing.orthorectification.elevation import GridProjection
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import (
    CameraImage,
    MapView,
    OrthoView,
    ReprojectedView,
    oversampling,
)

SMALLEST_PATCH_PX = 48
_PLACES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """A camera's correction and what it rests on; residuals are in pixels of the image.

    Attributes:
        correction: what is applied after the camera model.
        fit: the last fit.
        before: the distances of its kept tie points before any correction.
    """

    correction: ImageCorrection
    fit: ShiftFit
    before: Residuals

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "model": self.fit.model.value,
            "correction": list(self.correction.coefficients),
            "before": self.before.as_dict(),
            "after": self.fit.after.as_dict(),
        }


def match_views(
    moving: MapView, reference: MapView, ground: GroundGrid, settings: MatchSettings
) -> TiePoints:
    """Match two images on the map, patch by patch, in pixels of the map.

    What is at ``p`` in the reference lies at ``p + shift`` in the moving image.

    Raises:
        InputError: the map is too small for a patch.
    """
    shape = ground.grid.shape
    size = min(settings.patch_px, *shape)
    if size < SMALLEST_PATCH_PX:
        raise InputError(
            f"images are matched in patches of at least {SMALLEST_PATCH_PX} px; the common map "
            f"has {shape[1]} x {shape[0]} px of {ground.grid.resolution_m:g} m"
        )
    search = min(settings.search_px, (size - 1) // 2 - 1)
    fitting = replace(settings, patch_px=size, search_px=search)

    def find(centre: Points) -> PatchShift | None:
        window = patch_window(centre, size)
        fixed = reference.patch(window)
        if fixed.valid.mean() < settings.least_valid:
            return None
        return match_patch(moving.patch(window), fixed, fitting)

    tried = parallel_map(find, patch_centres(shape, settings.count, size))
    return TiePoints.of(
        [((float(col), float(row)), match) for (col, row), match in tried if match is not None]
    )


def to_image_space(ties: TiePoints, ground: GroundGrid, rpc: RPC, patch_px: int) -> TiePoints:
    """Turn tie points on the map into ones in the image: where the camera says, and where it is.

    What the moving map shows at ``q = p + shift`` was seen at the camera's image point of ``q``; it
    belongs to the ground at ``p``. As heights differ between the two, from place to place within a
    patch, the mean is taken over places spread over it.

    Args:
        ties: pixels of the map.
        ground: the map.
        rpc: the camera that the moving map was made with.
        patch_px: side of a patch that was matched.
    """
    frame = GridProjection(ground.grid)
    along = ((np.arange(_PLACES) + 0.5) / _PLACES - 0.5) * patch_px
    spread = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 1, 2)

    def seen(points: Points) -> Points:
        lonlat = frame.lonlat_of((points + spread).reshape(-1, 2))
        image = rpc.project(lonlat, ground.elevation.at(lonlat))
        return np.asarray(image.reshape(len(spread), -1, 2).mean(axis=0))

    said = seen(ties.points)
    return TiePoints(points=said, shifts=seen(ties.points + ties.shifts) - said, scores=ties.scores)


def fit_camera_shifts(
    ties: TiePoints,
    model: ShiftModel,
    limits: RegistrationLimits,
    shape: tuple[int, int],
    subject: str,
) -> ShiftFit:
    """Fit a correction to tie points in an image of a shape (height, width), or refuse.

    Raises:
        InputError: tie points are too few, or do not agree.
    """
    require_tie_points(len(ties), limits, subject)
    fit = fit_shifts(ties, model)
    require_reliable(fit, limits, shape, subject)
    return fit


def correction_of(fit: ShiftFit) -> ImageCorrection:
    """Return the correction that adds a fit's displacement to where a camera says a point is."""
    a, b, c, d, e, f = fit.coefficients
    return ImageCorrection(coefficients=(1 + a, b, c, d, 1 + e, f))


def combine_fits(fits: list[ShiftFit]) -> Refinement:
    """Put the fits of rounds that followed each other together."""
    earlier = ImageCorrection()
    for fit in fits[:-1]:
        earlier = earlier.then(correction_of(fit))
    last = fits[-1]
    moved = last.ties.points - earlier.undo(last.ties.points)
    return Refinement(
        correction=earlier.then(correction_of(last)),
        fit=last,
        before=Residuals.of(last.ties.shifts + moved, last.kept),
    )


_PATCH_PX, _PATCHES = 256, 12
_NEAR_PX = 6
_USUAL_SHIFT_M, _ROOM = 100.0, 10
# on rough ground a shifted map is also bent, so that the first look finds places less well
_FIRST = RegistrationLimits(least_kept=0.2, most_rms_px=6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinementRequest:
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


def refine_camera(
    source: CameraImage, ground: GroundGrid, request: RefinementRequest
) -> Refinement:
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
        common = GroundGrid(ground.grid.coarser(matched_m / own_m), ground.elevation)
        fixed = ReprojectedView(
            grid=common.grid, image=reference, finer=oversampling(matched_m, theirs_m)
        )
        subject = f"{source.image.path.name} and {request.path.name}"
        finer = oversampling(matched_m, own_m)
        wide_px = _search_px(request, common.grid.shape, matched_m)
        strict = RegistrationLimits(most_rms_px=request.most_rms_px * matched_m / own_m)
        fits = []
        for search_px, limits in ((wide_px, _FIRST), (_NEAR_PX, _FIRST), (_NEAR_PX, strict)):
            settings = _settings(search_px, common.grid.shape)
            _require_room(common.grid, settings, subject)
            moving = OrthoView(ground=common, source=source, finer=finer)
            ties = match_views(moving, fixed, common, settings)
            inside = to_image_space(ties, common, source.rpc, settings.patch_px)
            fits.append(
                fit_camera_shifts(inside, request.model, limits, source.image.shape, subject)
            )
            source = source.corrected(correction_of(fits[-1]))
    return combine_fits(fits)


def _search_px(request: RefinementRequest, shape: tuple[int, int], pixel_m: float) -> int:
    if request.max_shift_m is not None:
        return math.ceil(request.max_shift_m / pixel_m)
    room_px = min(shape) // _ROOM
    return max(min(math.ceil(_USUAL_SHIFT_M / pixel_m), room_px), _NEAR_PX)


def _settings(search_px: int, shape: tuple[int, int]) -> MatchSettings:
    """Choose patches for a map; small maps take smaller ones, so that there are some to compare."""
    patch_px = max(min(_PATCH_PX, min(shape) // 4), SMALLEST_PATCH_PX, 4 * search_px)
    return MatchSettings(
        feature=MatchFeature.GRADIENT, patch_px=patch_px, count=_PATCHES, search_px=search_px
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
