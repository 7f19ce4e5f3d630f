"""Finds how one scene of a pair must be displaced to coincide with the other."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from landslip.core.arguments import parse_bands
from landslip.core.bands import Bands
from landslip.core.choices import RegistrationModel, ShiftModel
from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, RegistrationError, argument
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, raster_shape
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    Displacement,
    SceneDisplacement,
    footprint,
    matching_grid,
)
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    PatchReader,
    find_tie_points,
)
from landslip.preprocessing.coregistration.shift_models import (
    RegistrationLimits,
    Residuals,
    ShiftFit,
    consistent_with_neighbours,
    fit_displacement_field,
    fit_reliably,
    fit_shifts,
    require_reliable,
    require_tie_points,
)
from landslip.preprocessing.coregistration.tie_points import (
    ImagePatch,
    TiePoints,
    patch_centres,
)

UNNAMED_BAND = "band{}"
_LEAST_OVERLAP_PX = 64
_PREFERRED_BANDS = ("red", "green")

_COARSE_SEARCH_PX = 24
_FINE_SEARCH_PX = 6
_CHECK_SEARCH_PX = 4
_PATCH_PX, _PATCHES = (48, 256), 15
# a field is as fine as the patches, and reaches as near to the edge
_LOCAL_PATCH_PX, _LOCAL_PATCHES = (48, 128), 24
_COARSE_PATCHES = 8
_USUAL_SHIFT_M, _SHIFTS_PER_SIDE = 100.0, 10
_LEAST_COARSE_TIES = 4
_LOCAL_RMS_PX = 4.0  # what an affine model may leave where a field follows


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
    """How a scene is registered to another one.

    Compares one band, or the mean of red and green; the scenes may be ``max_shift_m`` apart along
    an axis (None is 100 m, or less where they have little in common), and what is left may be
    ``max_residual_px`` (rms) in pixels of the coarser scene. Both
    nodata numbers override what the files say.
    """

    model: RegistrationModel = RegistrationModel.AFFINE
    band: str | None = None
    max_shift_m: float | None = None
    max_residual_px: float = 1.0
    nodata: float | None = None
    reference_nodata: float | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.max_shift_m is not None and not 0 < self.max_shift_m < math.inf:
            raise InputError(f"{argument('max_shift')} is over 0 metres; got {self.max_shift_m}")
        if not self.max_residual_px > 0:
            raise InputError(
                f"{argument('max_residual')} is over 0 pixels; got {self.max_residual_px}"
            )


@dataclass(frozen=True, slots=True)
class ScenePair:
    """Two open scenes, the bands whose means are compared, and the grid on which they are.

    ``frame`` is the reference's grid, coarsened where the moving scene is coarser; ``area`` is the
    window of it that both scenes cover.
    """

    moving: Scene
    reference: Scene
    frame: Grid
    area: Window
    moving_bands: Bands
    reference_bands: Bands

    @property
    def subject(self) -> str:
        """How messages name the two."""
        return f"{self.moving.path} and {self.reference.path}"

    @property
    def resolution_m(self) -> float:
        """Side of a pixel of the frame."""
        return self.frame.resolution_m or math.nan  # both scenes have a coordinate system

    def match(
        self, settings: MatchSettings, displacement: Displacement | None = None, coarser: int = 1
    ) -> TiePoints:
        """Match the scenes on a regular grid of patches; return total shifts in the frame's pixels.

        They are searched for beyond a known ``displacement``, which the moving scene is read with,
        on pixels ``coarser`` times as wide as the frame's.
        """
        grid = self.frame.coarser(coarser, covering=True)
        area = Window(
            self.area.col_off // coarser,
            self.area.row_off // coarser,
            max(self.area.width // coarser, 1),
            max(self.area.height // coarser, 1),
        )

        def reader(scene: Scene, bands: Bands, known: Displacement | None) -> PatchReader:
            offset = SceneDisplacement(frame=self.frame, displacement=known)
            view = DisplacedScene(scene, grid, offset)

            def read(window: Window) -> ImagePatch:
                values, valid = view.read(window, bands, as_mean=True)
                return ImagePatch(values[0], valid)

            return read

        ties = find_tie_points(
            reader(self.moving, self.moving_bands, displacement),
            reader(self.reference, self.reference_bands, None),
            area.clipped(grid.shape) or grid.window,
            settings,
        )
        ties = replace(ties, points=ties.points * coarser, shifts=ties.shifts * coarser)
        if displacement is None or len(ties) == 0:
            return ties
        return replace(ties, shifts=ties.shifts + displacement(ties.points + ties.shifts))


def open_scene(path: Path, nodata: float | None) -> Scene:
    """Open a scene; bands without names are called band1, band2 ...

    Raises:
        InputError: it is no raster, or its bands differ in type.
    """
    try:
        return Scene(path, SceneOptions(nodata=nodata))
    except InputError:
        count = raster_shape(path).count
        names = Bands(tuple(UNNAMED_BAND.format(index) for index in range(1, count + 1)))
        return Scene(path, SceneOptions(bands=names, nodata=nodata))


def pair_scenes(moving: Scene, reference: Scene, band: str | None) -> ScenePair:
    """Plan how two scenes are compared.

    Without a band, it is the mean of red and green, as far as both scenes have them: soil stands
    out from plants in both, and alike, so that their contrasts add (in infrared it is inverted, and
    changes with the season), and there is less haze than in blue. Else it is the first common band,
    and where none is common the mean of all.

    Raises:
        InputError: one is not georeferenced, they do not overlap, or lack the band.
    """
    for scene in (moving, reference):
        if scene.grid.crs is None:
            raise InputError(
                f"{scene.path}: both scenes must be georeferenced and this one has no coordinate "
                "system; assign one (gdal_edit.py -a_srs), or orthorectify it first"
            )
    if moving.grid.crs != reference.grid.crs:
        for scene in (moving, reference):
            check_on_earth(scene.grid.crs, scene.path)
    frame = matching_grid(moving.grid, reference.grid)
    area = footprint(moving.grid, frame).clipped(frame.shape)
    if area is None or min(area.shape) < _LEAST_OVERLAP_PX:
        raise InputError(
            f"{moving.path} and {reference.path}: the scenes must overlap by at least "
            f"{_LEAST_OVERLAP_PX} px; they do by "
            f"{'nothing' if area is None else f'{area.width} x {area.height} px'}. "
            "Check their coordinate systems, or take another reference"
        )
    bands, reference_bands = moving.bands, reference.bands
    common = [name for name in bands if name in set(reference_bands)]
    if band is not None:
        bands = reference_bands = parse_bands(band, "band")
        for scene in (moving, reference):
            if not set(bands) <= set(scene.bands):
                raise InputError(
                    f"{scene.path}: {argument('band')} names a band of both scenes; got {bands}, "
                    f"and this one has {scene.bands}"
                )
    elif common and common[0] != UNNAMED_BAND.format(1):
        preferred = tuple(name for name in common if name in _PREFERRED_BANDS)
        bands = reference_bands = Bands(preferred or (common[0],))
    return ScenePair(moving, reference, frame, area, bands, reference_bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The displacement at points of the pair's frame, the model used, and how well it fits.

    ``after`` is what the model leaves of the tie points' shifts, ``checked`` of the displaced
    scene, matched once more; ``local_field`` has the errors of prediction of a field and of the
    affine model, where one is used.
    """

    displacement: Displacement
    model: RegistrationModel
    fit: ShiftFit
    after: Residuals
    checked: Residuals
    local_field: dict[str, float] | None
    notes: list[str]


def unmatched_reason(error: InputError) -> str:
    """Return why scenes could not be matched, without the remedy of `landslip register`."""
    return str(error).partition("; ")[0]


def align(pair: ScenePair, options: RegistrationOptions) -> Alignment:
    """Find how the moving scene of a pair must be displaced.

    First coarsely, on pixels large enough for the largest shift; then finely, from there; then the
    result is checked by matching once more.

    Raises:
        RegistrationError: too few tie points agree, or the result is off.
        InputError: the scenes are too small for the largest shift.
    """
    search = _plan_search(pair, options)
    limits = RegistrationLimits(most_rms_px=options.max_residual_px, advice=search.advice)
    is_local = options.model is RegistrationModel.LOCAL
    model = ShiftModel.SHIFT if options.model is RegistrationModel.SHIFT else ShiftModel.AFFINE
    coarse = _coarse_displacement(pair, options, search)
    ties = pair.match(_settings(pair, _FINE_SEARCH_PX, is_local=is_local), coarse)
    wide = replace(limits, most_rms_px=max(_LOCAL_RMS_PX, options.max_residual_px))
    fit = fit_reliably(ties, model, wide if is_local else limits, pair.area.shape, pair.subject)
    displacement: Displacement = fit.displacement
    used, after, local = options.model, fit.after, None
    notes = []
    field = fit_displacement_field(fit) if is_local else None
    if field is not None:
        displacement, fit = field.displacement, field.base
        after = Residuals.of(ties.shifts - displacement(ties.points), fit.inliers)
        local = dict(zip(("predicted_px", "affine_px"), field.predicted_px, strict=True))
    elif is_local:
        used = RegistrationModel.AFFINE
        notes.append("a field of local displacements predicts no better: affine was used")
    again = pair.match(_settings(pair, _CHECK_SEARCH_PX), displacement)
    require_tie_points(again, limits, pair.subject)
    residual = again.shifts - displacement(again.points)
    checked = Residuals.of(residual, consistent_with_neighbours(again.points, residual))
    if not checked.rms_px <= limits.most_rms_px:
        raise RegistrationError(
            f"{pair.subject}: once moved, the scene may be off by {limits.most_rms_px:g} px (rms); "
            f"it is by {checked.rms_px:.2f} px. Try {argument('model', 'local')}, or another band"
        )
    return Alignment(
        displacement=displacement,
        model=used,
        fit=fit,
        after=after,
        checked=checked,
        local_field=local,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CoarseSearch:
    """How the largest shift is searched for, on pixels ``coarser`` times as wide as the frame's.

    ``advice`` is for messages where too little is found.
    """

    most_px: float
    coarser: int
    settings: MatchSettings
    advice: str = ""

    @classmethod
    def over(cls, pair: ScenePair, most_px: float) -> "_CoarseSearch":
        coarser = max(math.ceil(most_px / _COARSE_SEARCH_PX), 1)
        search_px = math.ceil(most_px / coarser) + 1
        settings = replace(_settings(pair, search_px, coarser), count=_COARSE_PATCHES)
        return cls(most_px=most_px, coarser=coarser, settings=settings)

    def fits(self, pair: ScenePair) -> bool:
        """Whether there is room for enough patches."""
        height, width = (max(side // self.coarser, 1) for side in pair.area.shape)
        size = self.settings.patch_px
        if min(height, width) < size:
            return False
        places = patch_centres((height, width), self.settings.count, size)
        return len(places) >= _LEAST_COARSE_TIES


def _plan_search(pair: ScenePair, options: RegistrationOptions) -> _CoarseSearch:
    """Plan a search that leaves room for several patches.

    Raises:
        InputError: there is none for the stated largest shift, or for any.
    """
    side, metres = min(pair.area.shape), pair.resolution_m
    if options.max_shift_m is not None:
        most_px = options.max_shift_m / metres
    else:
        most_px = min(_USUAL_SHIFT_M / metres, max(side // _SHIFTS_PER_SIDE, _FINE_SEARCH_PX))
    widest_px = max(most_px, side / 2)
    while widest_px > 1 and not _CoarseSearch.over(pair, widest_px).fits(pair):
        widest_px *= 0.9
    search = _CoarseSearch.over(pair, most_px)
    common = f"{pair.area.width} x {pair.area.height} px of {metres:g} m"
    if not search.fits(pair):
        remedy = (
            f"pass at most {argument('max_shift', math.floor(widest_px * metres))}"
            if widest_px > 1
            else "use scenes with more ground in common"
        )
        raise InputError(
            f"{pair.subject}: the scenes have {common} in common, too little to search for shifts "
            f"of {most_px * metres:.0f} m in at least {_LEAST_COARSE_TIES} places; {remedy}"
        )
    far = f"the scenes may be more than {most_px * metres:.0f} m apart"
    if widest_px > 1.2 * most_px:
        far += f" (search up to {argument('max_shift', math.floor(widest_px * metres))})"
    else:
        far += f", which is all that can be searched in their common {common}"
    advice = (
        "the ground may have changed or hold too little to be matched (snow, sand, cloud, water): "
        f"try another {argument('band')} or reference; or {far}"
    )
    return replace(search, advice=advice)


def _coarse_displacement(
    pair: ScenePair, options: RegistrationOptions, search: _CoarseSearch
) -> Displacement:
    """Return the displacement to a pixel or two, found on coarser pixels if need be."""
    ties = pair.match(search.settings, coarser=search.coarser)
    limits = RegistrationLimits(
        least_ties=_LEAST_COARSE_TIES,
        most_rms_px=2.0 * search.coarser,
        most_shift_px=search.most_px,
        advice=search.advice,
    )
    require_tie_points(ties, limits, pair.subject)
    fit = fit_shifts(ties, ShiftModel.SHIFT)
    if options.model is not RegistrationModel.SHIFT and fit.after.kept >= 9:
        affine = fit_shifts(ties, ShiftModel.AFFINE)
        fit = affine if affine.after.kept > fit.after.kept else fit
    require_reliable(fit, limits, pair.area.shape, pair.subject)
    return fit.displacement


def _settings(
    pair: ScenePair, search_px: int, coarser: int = 1, *, is_local: bool = False
) -> MatchSettings:
    smallest, largest = _LOCAL_PATCH_PX if is_local else _PATCH_PX
    count = _LOCAL_PATCHES if is_local else _PATCHES
    side = min(pair.area.shape) // coarser
    patch = min(max(side // 4, smallest, 3 * search_px), largest)
    return MatchSettings(
        feature=MatchFeature.GRADIENT, patch_px=patch, count=count, search_px=search_px
    )
