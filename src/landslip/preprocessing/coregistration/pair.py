"""Two scenes of one ground, and the tie points between them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.resources import parallel_map
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, raster_shape
from landslip.preprocessing.coregistration.lattice import (
    Displacement,
    Moved,
    footprint,
    matching_grid,
    pixel_ratio,
)
from landslip.preprocessing.coregistration.match import MatchSettings, match_patch
from landslip.preprocessing.coregistration.patches import Patch, patch_centres, patch_window
from landslip.preprocessing.coregistration.ties import Match, Points, TiePoints
from landslip.preprocessing.coregistration.view import View

_LEAST_OVERLAP_PX = 64
_PREFERRED = ("red", "green")
UNNAMED = "band{}"


@dataclass(frozen=True, slots=True)
class Pair:
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

        def match(place: Points) -> Match | None:
            window = patch_window(place, size)
            fixed = Patch(*reference.read_mean(window, self.reference_bands))
            if fixed.valid.mean() < settings.least_valid:
                return None
            moved = Patch(*moving.read_mean(window, self.moving_bands))
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

    def _views(self, grid: Grid, displacement: Displacement | None) -> tuple[View, View]:
        still = Moved(frame=self.frame)
        moved = Moved(frame=self.frame, displacement=displacement)
        return (
            View(self.moving, grid, moved, _samples(self.moving.grid, grid)),
            View(self.reference, grid, still, _samples(self.reference.grid, grid)),
        )


def open_unnamed(path: Path, nodata: float | None) -> Scene:
    """Open a scene whose bands may lack names; they are called band1, band2 ... then.

    Raises:
        InputError: it is no raster, or its bands differ in type.
    """
    try:
        return Scene(path, SceneOptions(nodata=nodata))
    except InputError:
        count = raster_shape(path).count
        names = Bands(tuple(UNNAMED.format(index) for index in range(1, count + 1)))
        return Scene(path, SceneOptions(bands=names, nodata=nodata))


def pair_of(moving: Scene, reference: Scene, band: str | None) -> Pair:
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
    return Pair(moving, reference, frame, area, ours, theirs)


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
    if not common or common[0] == UNNAMED.format(1):
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
