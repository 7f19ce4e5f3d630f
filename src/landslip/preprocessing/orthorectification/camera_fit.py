"""Corrects a camera by what was matched on the map."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landslip.core.errors import InputError
from landslip.core.resources import parallel_map
from landslip.core.rpc import RPC, ImageCorrection
from landslip.preprocessing.coregistration.fit import Fit, Residuals, reject_outliers
from landslip.preprocessing.coregistration.limits import Limits, require, require_count
from landslip.preprocessing.coregistration.match import MatchSettings, match_patch
from landslip.preprocessing.coregistration.models import ShiftModel
from landslip.preprocessing.coregistration.patches import patch_centres, patch_window
from landslip.preprocessing.coregistration.ties import Match, Points, TiePoints
from landslip.preprocessing.orthorectification.frame import Frame
from landslip.preprocessing.orthorectification.ground import Ground
from landslip.preprocessing.orthorectification.view import View

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
    fit: Fit
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
    moving: View, reference: View, ground: Ground, settings: MatchSettings
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

    def find(centre: Points) -> Match | None:
        window = patch_window(centre, size)
        fixed = reference.patch(window)
        if fixed.valid.mean() < settings.least_valid:
            return None
        return match_patch(moving.patch(window), fixed, fitting)

    tried = parallel_map(find, patch_centres(shape, settings.count, size))
    return TiePoints.of(
        [((float(col), float(row)), match) for (col, row), match in tried if match is not None]
    )


def in_image(ties: TiePoints, ground: Ground, rpc: RPC, patch_px: int) -> TiePoints:
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
    frame = Frame(ground.grid)
    along = ((np.arange(_PLACES) + 0.5) / _PLACES - 0.5) * patch_px
    spread = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 1, 2)

    def seen(points: Points) -> Points:
        lonlat = frame.lonlat_of((points + spread).reshape(-1, 2))
        image = rpc.project(lonlat, ground.elevation.at(lonlat))
        return np.asarray(image.reshape(len(spread), -1, 2).mean(axis=0))

    said = seen(ties.points)
    return TiePoints(points=said, shifts=seen(ties.points + ties.shifts) - said, scores=ties.scores)


def fit_camera(
    ties: TiePoints, model: ShiftModel, limits: Limits, shape: tuple[int, int], subject: str
) -> Fit:
    """Fit a correction to tie points in an image of a shape (height, width), or refuse.

    Raises:
        InputError: tie points are too few, or do not agree.
    """
    require_count(len(ties), limits, subject)
    fit = reject_outliers(ties, model)
    require(fit, limits, shape, subject)
    return fit


def correction_of(fit: Fit) -> ImageCorrection:
    """Return the correction that adds a fit's displacement to where a camera says a point is."""
    a, b, c, d, e, f = fit.coefficients
    return ImageCorrection(coefficients=(1 + a, b, c, d, 1 + e, f))


def refined(fits: list[Fit]) -> Refinement:
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
