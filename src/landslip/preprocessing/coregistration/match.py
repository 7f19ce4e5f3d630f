"""Matches two images of one ground, patch by patch."""

from dataclasses import dataclass

import numpy as np

from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.coarse import coarse_shift
from landslip.preprocessing.coregistration.fine import fine_shift
from landslip.preprocessing.coregistration.models import Feature
from landslip.preprocessing.coregistration.patches import (
    Patch,
    Pixels,
    Valid,
    patch_centres,
    patch_window,
)
from landslip.preprocessing.coregistration.ties import Match, TiePoints


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """How patches are matched.

    Attributes:
        feature: what is aligned to a fraction of a pixel.
        patch_px: side of a square patch.
        count: patches along each axis, at most.
        search_px: largest shift along an axis that is looked for; less than half a patch.
        least_score: how many standard deviations edges must agree better than at other shifts;
            other ground reaches about 4.5 by chance.
        least_valid: share of a patch that must be valid in each image.
        agreement_px: coarse and fine step, which see the images differently, must agree to this.
    """

    feature: Feature = Feature.GRADIENT
    patch_px: int = 256
    count: int = 15
    search_px: int = 8
    least_score: float = 6.0
    least_valid: float = 0.5
    agreement_px: float = 0.5

    def __post_init__(self) -> None:
        if self.patch_px < 32 or self.count < 1:
            raise InputError(
                f"patches are at least 32 px and at least 1; got {self.count} of {self.patch_px} px"
            )
        if not 1 <= self.search_px < self.patch_px / 2:
            raise InputError(
                f"the search is at least 1 px and less than half a patch; got {self.search_px} px "
                f"and patches of {self.patch_px} px"
            )
        if not (self.least_score >= 0 and 0 < self.least_valid <= 1):
            raise InputError(
                "the least score is 0 or more and the least valid share over 0 up to 1; "
                f"got {self.least_score}, {self.least_valid}"
            )


def match_patch(moving: Patch, reference: Patch, settings: MatchSettings) -> Match | None:
    """Find one patch: what is at ``p`` in the reference lies at ``p + (dx, dy)`` in the other.

    Args:
        moving: the window of the moving image.
        reference: the same window of the reference image.
        settings: ``patch_px`` and ``count`` play no part here.

    Returns:
        None where a patch is mostly not valid, flat, or not found again.
    """
    moved, fixed = (_centred(patch, settings.least_valid) for patch in (moving, reference))
    if moved is None or fixed is None:
        return None
    start = coarse_shift(moved, fixed, settings.search_px)
    if start is None or start.score < settings.least_score:
        return None
    found = fine_shift(moved, fixed, (start.dx, start.dy), settings.feature)
    if found is None:
        return None
    apart = max(abs(found[0] - start.dx), abs(found[1] - start.dy))
    return Match(*found, start.score) if apart <= settings.agreement_px else None


def match_patches(
    moving: Pixels,
    reference: Pixels,
    valid_moving: Valid,
    valid_reference: Valid,
    settings: MatchSettings,
) -> TiePoints:
    """Match two images (height, width) on one grid at a regular grid of patches.

    What is at ``p`` in the reference lies at ``p + shift`` in the moving image.

    Raises:
        InputError: the images differ in shape.
    """
    if moving.shape != reference.shape:
        raise InputError(
            f"images that are matched have one shape; got {moving.shape}, {reference.shape}"
        )
    moved, fixed = Patch(moving, valid_moving), Patch(reference, valid_reference)
    size = min(settings.patch_px, *fixed.shape)
    found = []
    for centre in patch_centres(fixed.shape, settings.count, size):
        window = patch_window(centre, size)
        rows = slice(window.row_off, window.row_end)
        cols = slice(window.col_off, window.col_end)
        match = match_patch(moved.at(rows, cols), fixed.at(rows, cols), settings)
        if match is not None:
            found.append(((float(centre[0]), float(centre[1])), match))
    return TiePoints.of(found)


def _centred(patch: Patch, least_valid: float) -> Patch | None:
    """Return a patch of mean 0, 0 where it is not valid; None where little is valid, or flat."""
    known = patch.valid & np.isfinite(patch.pixels)
    if known.mean() < least_valid:
        return None
    values = patch.pixels[known]
    if values.min() == values.max():
        return None
    middle = np.float32(values.mean(dtype=np.float64))
    return Patch(np.where(known, patch.pixels - middle, 0).astype(np.float32, copy=False), known)
