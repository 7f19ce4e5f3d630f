"""Corrects a camera in the image by what is matched on the map, e.g. with a reference scene."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from landslip.core.choices import ShiftModel
from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, RegistrationError, argument
from landslip.core.grid import Grid, edge_points, window_around
from landslip.core.rpc import RPC, ImageCorrection
from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    find_tie_points,
)
from landslip.preprocessing.coregistration.shift_models import (
    RegistrationLimits,
    Residuals,
    ShiftFit,
    fit_reliably,
)
from landslip.preprocessing.coregistration.tie_points import (
    ImagePatch,
    TiePoints,
    patch_centres,
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
from landslip.preprocessing.resampling import Points

_SMALLEST_PATCH_PX = 48
_PLACES_PER_SIDE = 12
_PATCH_PX, _PATCHES = 256, 12
_NEAR_PX = 6
_USUAL_SHIFT_M, _SHIFTS_PER_SIDE = 100.0, 10
# on rough ground a shifted map is also bent, so that the first rounds find places less well
_LOOSE = RegistrationLimits(least_kept=0.2, most_rms_px=6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinementRequest:
    """The reference scene, of any coordinate system and resolution, that a camera is corrected by.

    Errors of up to ``max_shift_m`` on the ground are searched for; None is 100 m, or less on a map
    too small for that. Residuals of up to ``most_rms_px`` matched pixels are accepted.
    """

    path: Path
    model: ShiftModel = ShiftModel.SHIFT
    max_shift_m: float | None = None
    most_rms_px: float = 2.0

    def __post_init__(self) -> None:
        shift_m = self.max_shift_m
        if shift_m is not None and not (math.isfinite(shift_m) and shift_m > 0):
            raise InputError(f"{argument('max_shift')} is over 0 metres; got {self.max_shift_m}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """What is applied after the camera model, and the last round's fit, in pixels of the image.

    ``before`` has the distances of its inlying tie points before any correction.
    """

    correction: ImageCorrection
    fit: ShiftFit
    before: Residuals

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "model": self.fit.model.value,
            "correction": list(self.correction.coefficients),
            "before": asdict(self.before),
            "after": asdict(self.fit.after),
        }


def refine_camera(
    source: CameraImage, ground: GroundGrid, request: RefinementRequest
) -> Refinement:
    """Match an image with a reference on the map, three times, and fit a correction in the image.

    Raises:
        InputError: the reference is elsewhere, or the map too small for the largest error.
        RegistrationError: too few places are found in both.
    """
    with SensorImage(request.path) as reference:
        if reference.grid.crs is None:
            raise InputError(
                f"{request.path}: a reference has a coordinate system and this one has none"
            )
        check_on_earth(reference.grid.crs, request.path)
        projection = GridProjection(reference.grid)
        corners = GridProjection(ground.grid).lonlat_of(edge_points(ground.grid.shape, 9))
        seen = window_around(projection.pixels_of(corners), 0)
        if seen.clipped(reference.shape) is None:
            raise InputError(
                f"{request.path}: the reference shows other ground than {source.image.path.name}; "
                "choose one that covers it"
            )
        own_m, reference_m = ground.grid.resolution_m, reference.grid.resolution_m
        if not own_m or not reference_m:
            raise InputError(f"{request.path}: the reference has no resolution")
        matched_m = max(own_m, reference_m)
        grid = ground.grid.coarser(matched_m / own_m)
        subject = f"{source.image.path.name} and {request.path.name}"
        strict = RegistrationLimits(most_rms_px=request.most_rms_px * matched_m / own_m)
        if request.max_shift_m is not None:
            wide_px = math.ceil(request.max_shift_m / matched_m)
        else:
            usual_px, room_px = _USUAL_SHIFT_M / matched_m, min(grid.shape) // _SHIFTS_PER_SIDE
            wide_px = max(min(math.ceil(usual_px), room_px), _NEAR_PX)
        wide, near = (_settings(search_px, grid, subject) for search_px in (wide_px, _NEAR_PX))
        advice = (
            f"errors of up to {wide_px * matched_m:.0f} m were searched for "
            f"({argument('max_shift')}), and the ground may have changed or hold too little to be "
            "matched (snow, sand, cloud, water): try another reference"
        )
        loose, strict = (replace(one, advice=advice) for one in (_LOOSE, strict))
        return match_repeatedly(
            OrthoView(
                ground=GroundGrid(grid, ground.elevation),
                source=source,
                finer=oversampling(matched_m, own_m),
            ),
            ReprojectedView(grid=grid, image=reference, finer=oversampling(matched_m, reference_m)),
            [(wide, loose), (near, loose), (near, strict)],
            lambda _ties: request.model,
            subject,
        )


def match_repeatedly(
    view: OrthoView,
    reference: MapView,
    rounds: Iterable[tuple[MatchSettings, RegistrationLimits]],
    choose_model: Callable[[int], ShiftModel],
    subject: str,
) -> Refinement:
    """Match an image with a reference on one map and correct its camera, round by round.

    Each round says how patches are matched (smaller ones on a small map), and when its fit is
    trusted; ``choose_model`` returns the correction's model for a number of tie points, and
    ``subject`` names the images in messages.

    Raises:
        RegistrationError: the map is too small for a patch, tie points are too few, or do not
            agree.
    """
    grid = view.ground.grid
    refinement, correction = None, ImageCorrection()
    # the reference stays where it is: its patches are resampled once for rounds of the same size
    seen: dict[Window, ImagePatch] = {}

    def reference_patch(window: Window) -> ImagePatch:
        if window not in seen:
            seen[window] = reference.patch(window)
        return seen[window]

    for settings, limits in rounds:
        size = min(settings.patch_px, *grid.shape)
        if size < _SMALLEST_PATCH_PX:
            raise RegistrationError(
                f"{subject}: images are matched in patches of at least {_SMALLEST_PATCH_PX} px; "
                f"their map has {grid.shape[1]} x {grid.shape[0]} px of {grid.resolution_m:g} m"
            )
        search = min(settings.search_px, (size - 1) // 2 - 1)
        fitting = replace(settings, patch_px=size, search_px=search)
        ties = find_tie_points(view.patch, reference_patch, grid.window, fitting)
        ties = _to_image_space(ties, view.ground, view.source.rpc, settings.patch_px)
        shape = view.source.image.shape
        fit = fit_reliably(ties, choose_model(len(ties)), limits, shape, subject)
        moved = ties.points - correction.undo(ties.points)
        before = Residuals.of(ties.shifts + moved, fit.inliers)
        a, b, c, d, e, f = fit.coefficients
        step = ImageCorrection(coefficients=(1 + a, b, c, d, 1 + e, f))
        correction = correction.then(step)
        view = replace(view, source=view.source.corrected(step))
        refinement = Refinement(correction=correction, fit=fit, before=before)
    if refinement is None:
        raise ValueError("a camera is corrected in at least one round")
    return refinement


def _to_image_space(ties: TiePoints, ground: GroundGrid, rpc: RPC, patch_px: int) -> TiePoints:
    """Turn tie points on the map into ones in the image: from where the camera says to where it is.

    What the moving map shows at ``q = p + shift`` was seen at the camera's image point of ``q``; it
    belongs to the ground at ``p``. As heights differ between the two, from place to place within a
    patch, the mean is taken over places spread over it.
    """
    projection = GridProjection(ground.grid)
    along = ((np.arange(_PLACES_PER_SIDE) + 0.5) / _PLACES_PER_SIDE - 0.5) * patch_px
    spread = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 1, 2)

    def project(points: Points) -> Points:
        lonlat = projection.lonlat_of((points + spread).reshape(-1, 2))
        image = rpc.project(lonlat, ground.elevation.at(lonlat))
        return np.asarray(image.reshape(len(spread), -1, 2).mean(axis=0))

    stated = project(ties.points)
    shifts = project(ties.points + ties.shifts) - stated
    return replace(ties, points=stated, shifts=shifts)


def _settings(search_px: int, grid: Grid, subject: str) -> MatchSettings:
    """Choose patches for a map: smaller ones on a small map, so that there are some to compare."""
    side = min(grid.shape)
    patch_px = max(min(_PATCH_PX, side // 4), _SMALLEST_PATCH_PX, 4 * search_px)
    settings = MatchSettings(
        feature=MatchFeature.GRADIENT, patch_px=patch_px, count=_PATCHES, search_px=search_px
    )
    if patch_px > 4 * search_px or side < _SMALLEST_PATCH_PX:
        return settings
    places = len(patch_centres(grid.shape, settings.count, min(patch_px, side)))
    if places < _LOOSE.least_ties:
        side_m = grid.resolution_m or 0.0
        raise InputError(
            f"{subject}: at least {_LOOSE.least_ties} places are compared, and errors of up to "
            f"{search_px * side_m:.0f} m are searched for in patches of {patch_px * side_m:.0f} m, "
            f"of which the map has {places}; lower {argument('max_shift')}"
        )
    return settings
