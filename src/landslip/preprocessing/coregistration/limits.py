"""When a fit of tie points is too poor to be used."""

import math
from dataclasses import dataclass

import numpy as np

from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.fit import Fit
from landslip.preprocessing.coregistration.models import ShiftModel

_SPARE = 3  # tie points that agree beyond those that any model passes through


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a fit must keep to.

    Attributes:
        least_ties: tie points found, at least.
        least_kept: share of them that fits the model, at least.
        most_rms_px: root mean square of what the model leaves, at most.
        most_shift_px: largest displacement at a kept tie point along an axis; None for any.
        least_spread: share of the image's width and height that the kept tie points span.
    """

    least_ties: int = 8
    least_kept: float = 0.3
    most_rms_px: float = 1.0
    most_shift_px: float | None = None
    least_spread: float = 0.25

    def __post_init__(self) -> None:
        if self.least_ties < 1 or not (0 <= self.least_kept <= 1 and 0 <= self.least_spread <= 1):
            raise InputError(
                "at least one tie point is asked for, and shares are from 0 to 1; got "
                f"{self.least_ties}, {self.least_kept}, {self.least_spread}"
            )
        if not self.most_rms_px > 0:
            raise InputError(f"the largest residual is over 0 px; got {self.most_rms_px}")


def require(fit: Fit, limits: Limits, shape: tuple[int, int], subject: str) -> None:
    """Refuse a fit that cannot be trusted.

    Args:
        fit: what was fitted.
        limits: what it must keep to.
        shape: (height, width) in pixels of the area that was matched.
        subject: what was matched, as a message should name it: ``"a.tif and b.tif"``.

    Raises:
        InputError: too few tie points, too few that agree, too large a residual or displacement,
            or tie points in one corner only.
    """
    require_count(len(fit.ties), limits, subject)
    kept, found = fit.after.kept, fit.after.count
    least = max(math.ceil(limits.least_kept * found), fit.model.needed + _SPARE)
    if kept < least:
        raise InputError(
            f"{subject}: at least {least} of the {found} tie points must agree on one "
            f"{fit.model.value}; {kept} do. The images may not show the same ground, or "
            "differ by more than such a model: try another band or model"
        )
    if not fit.after.rms_px <= limits.most_rms_px:
        raise InputError(
            f"{subject}: tie points may stray by {limits.most_rms_px:g} px (rms) from the fitted "
            f"{fit.model.value}; they do by {fit.after.rms_px:.2f} px. Try a more flexible model, "
            "or another band"
        )
    _require_reach(fit, limits, subject)
    _require_spread(fit, limits, shape, subject)


def require_count(found: int, limits: Limits, subject: str) -> None:
    """Refuse too few tie points, before anything is fitted to them.

    Raises:
        InputError: there are fewer than the limit.
    """
    if found < limits.least_ties:
        raise InputError(
            f"{subject}: at least {limits.least_ties} tie points are needed and {found} were "
            "found; the images may lie further apart than was searched, be covered by cloud, or "
            "show other ground: search wider, or match another band"
        )


def _require_reach(fit: Fit, limits: Limits, subject: str) -> None:
    if limits.most_shift_px is None:
        return
    furthest = float(np.abs(fit.displacement(fit.ties.points[fit.kept])).max())
    if furthest > limits.most_shift_px:
        raise InputError(
            f"{subject}: the images may lie at most {limits.most_shift_px:.1f} px apart along an "
            f"axis; the fitted {fit.model.value} says {furthest:.1f} px. Allow larger shifts, or "
            "check the images' georeferencing"
        )


def _require_spread(fit: Fit, limits: Limits, shape: tuple[int, int], subject: str) -> None:
    if fit.model is ShiftModel.SHIFT:
        return  # one number for all places: a corner tells it as well
    span = np.ptp(fit.ties.points[fit.kept], axis=0) / np.array(shape[::-1])
    least = span if fit.model is ShiftModel.AFFINE else span[1:]
    if least.min() < limits.least_spread:
        raise InputError(
            f"{subject}: to fit a {fit.model.value}, tie points must span at least "
            f"{limits.least_spread:.0%} of the image; the good ones span {span[0]:.0%} of its "
            f"width and {span[1]:.0%} of its height. Use the model shift"
        )
