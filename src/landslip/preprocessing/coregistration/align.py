"""Finds how one scene of a pair must be moved to lie upon the other."""

import math
from dataclasses import dataclass, replace

from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.field import agreeing, local_field
from landslip.preprocessing.coregistration.fit import Fit, Residuals, reject_outliers
from landslip.preprocessing.coregistration.lattice import Displacement
from landslip.preprocessing.coregistration.limits import Limits, require, require_count
from landslip.preprocessing.coregistration.match import MatchSettings
from landslip.preprocessing.coregistration.models import Feature, RegistrationModel, ShiftModel
from landslip.preprocessing.coregistration.pair import Pair

_ROUGH_SEARCH_PX = 24
_FINE_SEARCH_PX = 6
_CHECK_SEARCH_PX = 4
_PATCH_PX, _PATCHES = (48, 256), 15
# a field is as fine as the patches, and reaches as near to the edge
_LOCAL_PATCH_PX, _LOCAL_PATCHES = (48, 128), 24
_ROUGH_PATCHES = 8
_LOCAL_RMS_PX = 4.0  # what a plane may leave where a field follows


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOptions:
    """How a scene is brought onto another one.

    Attributes:
        model: how shifts may change over the scene.
        band: the band that is compared; None for the mean of red and green.
        max_shift_m: how far the scenes may lie apart along an axis, in metres.
        max_residual_px: root mean square of what may be left, in pixels of the coarser scene.
        nodata, reference_nodata: numbers that mark missing data, over what the files say.
    """

    model: RegistrationModel = RegistrationModel.AFFINE
    band: str | None = None
    max_shift_m: float = 100.0
    max_residual_px: float = 1.0
    nodata: float | None = None
    reference_nodata: float | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.max_shift_m < math.inf:
            raise InputError(f"--max-shift is over 0 metres; got {self.max_shift_m}")
        if not self.max_residual_px > 0:
            raise InputError(f"--max-residual is over 0 pixels; got {self.max_residual_px}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How a scene is to be displaced, and how well that was seen to fit."""

    displacement: Displacement
    model: RegistrationModel
    fit: Fit
    after: Residuals
    checked: Residuals
    local: dict[str, float] | None
    notes: list[str]


def align(pair: Pair, options: RegisterOptions) -> Alignment:
    """Find how the moving scene of a pair must be displaced.

    First roughly, on pixels coarse enough for the largest shift; then finely, from there; then the
    result is checked by matching once more.

    Raises:
        InputError: too little fits.
    """
    limits = Limits(most_rms_px=options.max_residual_px)
    loose = options.model is RegistrationModel.LOCAL
    model = ShiftModel.SHIFT if options.model is RegistrationModel.SHIFT else ShiftModel.AFFINE
    rough = _rough(pair, options)
    fine = _settings(pair, _FINE_SEARCH_PX, local=loose)
    ties = pair.find(fine, rough)
    require_count(len(ties), limits, pair.subject)
    fit = reject_outliers(ties, model)
    wide = Limits(most_rms_px=max(_LOCAL_RMS_PX, options.max_residual_px))
    require(fit, wide if loose else limits, pair.area.shape, pair.subject)
    displacement, used, after, local = fit.displacement, options.model, fit.after, None
    notes = []
    field = local_field(fit) if loose else None
    if field is not None:
        displacement = field.displacement
        left = ties.shifts - displacement(ties.points)
        after = Residuals.of(left, field.kept)
        local = dict(zip(("predicted_px", "affine_px"), field.predicted_px, strict=True))
    elif loose:
        used = RegistrationModel.AFFINE
        notes.append("a field of local displacements predicts no better: affine was used")
    checked = _checked(pair, displacement, limits)
    return Alignment(
        displacement=displacement,
        model=used,
        fit=fit if field is None else field.base,
        after=after,
        checked=checked,
        local=local,
        notes=notes,
    )


def _rough(pair: Pair, options: RegisterOptions) -> Displacement:
    """Return the displacement to a pixel or two, found on coarser pixels if need be."""
    most_px = options.max_shift_m / pair.resolution_m
    coarser = max(math.ceil(most_px / _ROUGH_SEARCH_PX), 1)
    search = math.ceil(most_px / coarser) + 1
    settings = replace(_settings(pair, search, coarser), count=_ROUGH_PATCHES)
    ties = pair.find(settings, coarser=coarser)
    limits = Limits(least_ties=4, most_rms_px=2.0 * coarser, most_shift_px=most_px)
    require_count(len(ties), limits, pair.subject)
    fit = reject_outliers(ties, ShiftModel.SHIFT)
    if options.model is not RegistrationModel.SHIFT and fit.after.kept >= 9:
        affine = reject_outliers(ties, ShiftModel.AFFINE)
        fit = affine if affine.after.kept > fit.after.kept else fit
    require(fit, limits, pair.area.shape, pair.subject)
    return fit.displacement


def _checked(pair: Pair, displacement: Displacement, limits: Limits) -> Residuals:
    """Match the displaced scene once more and refuse what does not lie on the reference."""
    ties = pair.find(_settings(pair, _CHECK_SEARCH_PX), displacement)
    require_count(len(ties), limits, pair.subject)
    left = ties.shifts - displacement(ties.points)
    checked = Residuals.of(left, agreeing(ties.points, left))
    if not checked.rms_px <= limits.most_rms_px:
        raise InputError(
            f"{pair.subject}: once moved, the scene may be off by {limits.most_rms_px:g} px (rms); "
            f"it is by {checked.rms_px:.2f} px. Try --model local, or another band"
        )
    return checked


def _settings(
    pair: Pair, search_px: int, coarser: int = 1, *, local: bool = False
) -> MatchSettings:
    smallest, largest = _LOCAL_PATCH_PX if local else _PATCH_PX
    count = _LOCAL_PATCHES if local else _PATCHES
    side = min(pair.area.shape) // coarser
    patch = min(max(side // 4, smallest, 3 * search_px), largest)
    return MatchSettings(feature=Feature.GRADIENT, patch_px=patch, count=count, search_px=search_px)
