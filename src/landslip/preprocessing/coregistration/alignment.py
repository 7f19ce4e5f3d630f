"""Two scenes of one ground, and the tie points between them."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from landslip.core.bands import Bands
from landslip.core.choices import RegistrationModel, ShiftModel
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.resources import parallel_map
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, raster_shape
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    Displacement,
    SceneDisplacement,
    footprint,
    matching_grid,
    pixel_ratio,
)
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    match_patch,
)
from landslip.preprocessing.coregistration.shift_models import (
    RegistrationLimits,
    Residuals,
    ShiftFit,
    consistent_with_neighbours,
    fit_displacement_field,
    fit_shifts,
    require_reliable,
    require_tie_points,
)
from landslip.preprocessing.coregistration.tie_points import (
    ImagePatch,
    PatchShift,
    Points,
    TiePoints,
    patch_centres,
    patch_window,
)

_LEAST_OVERLAP_PX = 64
_PREFERRED = ("red", "green")
UNNAMED_BAND = "band{}"


@dataclass(frozen=True, slots=True)
class ScenePair:
    """Two open scenes and the grid on which they are compared.

    Attributes:
        frame: the reference's grid, coarsened where the moving scene is coarser.
        area: the window of it that both scenes cover.
        moving_bands, reference_bands: bands whose mean is compared.
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

    def find(
        self, settings: MatchSettings, displacement: Displacement | None = None, coarser: int = 1
    ) -> TiePoints:
        """Match the scenes on a regular grid of patches.

        Args:
            settings: how; shifts are looked for beyond ``displacement``.
            displacement: known shifts in pixels of the frame, taken into account in reading the
                moving scene.
            coarser: how many pixels of the frame one pixel that is matched is wide.

        Returns:
            Whole shifts (with ``displacement``), in pixels of the frame.
        """
        grid = self.frame.coarser(coarser, covering=True)
        area = _shrunk(self.area, coarser).clipped(grid.shape) or grid.window
        moving, reference = self._views(grid, displacement)
        size = min(settings.patch_px, *area.shape)

        def match(place: Points) -> PatchShift | None:
            window = patch_window(place, size)
            fixed = ImagePatch(*reference.read_mean(window, self.reference_bands))
            if fixed.valid.mean() < settings.least_valid:
                return None
            moved = ImagePatch(*moving.read_mean(window, self.moving_bands))
            return match_patch(moved, fixed, settings)

        centres = patch_centres(area.shape, settings.count, size)
        tried = parallel_map(match, np.add(centres, (area.col_off, area.row_off)))
        ties = TiePoints.of(
            [((float(col), float(row)), found) for (col, row), found in tried if found is not None]
        )
        ties = TiePoints(
            points=ties.points * coarser, shifts=ties.shifts * coarser, scores=ties.scores
        )
        if displacement is None or len(ties) == 0:
            return ties
        return ties.with_shifts(ties.shifts + displacement(ties.points + ties.shifts))

    def _views(
        self, grid: Grid, displacement: Displacement | None
    ) -> tuple[DisplacedScene, DisplacedScene]:
        still = SceneDisplacement(frame=self.frame)
        moved = SceneDisplacement(frame=self.frame, displacement=displacement)
        return (
            DisplacedScene(self.moving, grid, moved, _samples(self.moving.grid, grid)),
            DisplacedScene(self.reference, grid, still, _samples(self.reference.grid, grid)),
        )


def open_scene(path: Path, nodata: float | None) -> Scene:
    """Open a scene whose bands may lack names; they are called band1, band2 ... then.

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

    Args:
        moving: the scene to be moved.
        reference: the scene it is to lie upon.
        band: the band to compare; None for the mean of red and green, as far as both scenes have
            them: soil stands out from plants in both, and alike, so that their contrasts add (in
            infrared it is inverted, and changes with the season), and there is less haze than in
            blue. Else the first common band, and where none is common the mean of all.

    Raises:
        InputError: one is not georeferenced, they do not overlap, or lack the band.
    """
    for scene in (moving, reference):
        if scene.grid.crs is None:
            raise InputError(
                f"{scene.path}: both scenes must be georeferenced and this one has no coordinate "
                "system; assign one (gdal_edit.py -a_srs), or orthorectify it first"
            )
    frame = matching_grid(moving.grid, reference.grid)
    area = footprint(moving.grid, frame).clipped(frame.shape)
    if area is None or min(area.shape) < _LEAST_OVERLAP_PX:
        raise InputError(
            f"{moving.path} and {reference.path}: the scenes must overlap by at least "
            f"{_LEAST_OVERLAP_PX} px; they do by "
            f"{'nothing' if area is None else f'{area.width} x {area.height} px'}. "
            "Check their coordinate systems, or take another reference"
        )
    ours, theirs = _compared(moving, reference, band)
    return ScenePair(moving, reference, frame, area, ours, theirs)


def _compared(moving: Scene, reference: Scene, band: str | None) -> tuple[Bands, Bands]:
    if band is not None:
        wanted = Bands.parse(band)
        for scene in (moving, reference):
            if not set(wanted) <= set(scene.bands):
                raise InputError(
                    f"{scene.path}: --band names a band of both scenes; got {wanted}, and this one "
                    f"has {scene.bands}"
                )
        return wanted, wanted
    common = [name for name in moving.bands if name in set(reference.bands)]
    if not common or common[0] == UNNAMED_BAND.format(1):
        return moving.bands, reference.bands
    chosen = Bands(tuple(name for name in common if name in _PREFERRED) or (common[0],))
    return chosen, chosen


def _samples(scene: Grid, grid: Grid) -> int:
    """Return how many samples along each axis do a scene's pixels justice on a grid."""
    return max(math.floor(1 / pixel_ratio(scene, grid) + 0.5), 1)


def _shrunk(window: Window, times: int) -> Window:
    return Window(
        window.col_off // times,
        window.row_off // times,
        max(window.width // times, 1),
        max(window.height // times, 1),
    )


_ROUGH_SEARCH_PX = 24
_FINE_SEARCH_PX = 6
_CHECK_SEARCH_PX = 4
_PATCH_PX, _PATCHES = (48, 256), 15
# a field is as fine as the patches, and reaches as near to the edge
_LOCAL_PATCH_PX, _LOCAL_PATCHES = (48, 128), 24
_ROUGH_PATCHES = 8
_LOCAL_RMS_PX = 4.0  # what a plane may leave where a field follows


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
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
    fit: ShiftFit
    after: Residuals
    checked: Residuals
    local: dict[str, float] | None
    notes: list[str]


def align(pair: ScenePair, options: RegistrationOptions) -> Alignment:
    """Find how the moving scene of a pair must be displaced.

    First roughly, on pixels coarse enough for the largest shift; then finely, from there; then the
    result is checked by matching once more.

    Raises:
        InputError: too little fits.
    """
    limits = RegistrationLimits(most_rms_px=options.max_residual_px)
    loose = options.model is RegistrationModel.LOCAL
    model = ShiftModel.SHIFT if options.model is RegistrationModel.SHIFT else ShiftModel.AFFINE
    rough = _rough(pair, options)
    fine = _settings(pair, _FINE_SEARCH_PX, local=loose)
    ties = pair.find(fine, rough)
    require_tie_points(len(ties), limits, pair.subject)
    fit = fit_shifts(ties, model)
    wide = RegistrationLimits(most_rms_px=max(_LOCAL_RMS_PX, options.max_residual_px))
    require_reliable(fit, wide if loose else limits, pair.area.shape, pair.subject)
    displacement, used, after, local = fit.displacement, options.model, fit.after, None
    notes = []
    field = fit_displacement_field(fit) if loose else None
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


def _rough(pair: ScenePair, options: RegistrationOptions) -> Displacement:
    """Return the displacement to a pixel or two, found on coarser pixels if need be."""
    most_px = options.max_shift_m / pair.resolution_m
    coarser = max(math.ceil(most_px / _ROUGH_SEARCH_PX), 1)
    search = math.ceil(most_px / coarser) + 1
    settings = replace(_settings(pair, search, coarser), count=_ROUGH_PATCHES)
    ties = pair.find(settings, coarser=coarser)
    limits = RegistrationLimits(least_ties=4, most_rms_px=2.0 * coarser, most_shift_px=most_px)
    require_tie_points(len(ties), limits, pair.subject)
    fit = fit_shifts(ties, ShiftModel.SHIFT)
    if options.model is not RegistrationModel.SHIFT and fit.after.kept >= 9:
        affine = fit_shifts(ties, ShiftModel.AFFINE)
        fit = affine if affine.after.kept > fit.after.kept else fit
    require_reliable(fit, limits, pair.area.shape, pair.subject)
    return fit.displacement


def _checked(pair: ScenePair, displacement: Displacement, limits: RegistrationLimits) -> Residuals:
    """Match the displaced scene once more and refuse what does not lie on the reference."""
    ties = pair.find(_settings(pair, _CHECK_SEARCH_PX), displacement)
    require_tie_points(len(ties), limits, pair.subject)
    left = ties.shifts - displacement(ties.points)
    checked = Residuals.of(left, consistent_with_neighbours(ties.points, left))
    if not checked.rms_px <= limits.most_rms_px:
        raise InputError(
            f"{pair.subject}: once moved, the scene may be off by {limits.most_rms_px:g} px (rms); "
            f"it is by {checked.rms_px:.2f} px. Try --model local, or another band"
        )
    return checked


def _settings(
    pair: ScenePair, search_px: int, coarser: int = 1, *, local: bool = False
) -> MatchSettings:
    smallest, largest = _LOCAL_PATCH_PX if local else _PATCH_PX
    count = _LOCAL_PATCHES if local else _PATCHES
    side = min(pair.area.shape) // coarser
    patch = min(max(side // 4, smallest, 3 * search_px), largest)
    return MatchSettings(
        feature=MatchFeature.GRADIENT, patch_px=patch, count=count, search_px=search_px
    )
