"""A coarse view of a whole scene, for what needs to see all of it: clouds."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.progress import no_progress
from landslip.core.window import Window, tile_windows
from landslip.io.raster.output import OutputBand, WindowOutput, write_map
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import block_patch, finer_window
from landslip.preprocessing.pipeline.light import Light
from landslip.preprocessing.pipeline.request import CloudRequest
from landslip.preprocessing.pipeline.sources import Sources
from landslip.preprocessing.product.open import MSS_BANDS
from landslip.preprocessing.radiometry import clouds, omnicloud
from landslip.preprocessing.resampling import Flags, Pixels

_FINER = 2
_WINDOW_PX = 512
_OMNICLOUD = ("red", "green", "nir")


@dataclass(frozen=True, slots=True)
class CloudMap:
    """Where clouds are on a coarse grid of which a pixel covers ``ratio`` of the scene's."""

    cloudy: NDArray[np.bool_]
    ratio: int

    def at(self, window: Window) -> Flags:
        """Return which pixels of a scene's window are cloudy."""
        rows = np.arange(window.row_off, window.row_end) // self.ratio
        cols = np.arange(window.col_off, window.col_end) // self.ratio
        height, width = self.cloudy.shape
        return self.cloudy[np.ix_(np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1))]


def find_cloud_map(
    sources: Sources, light: Light, ground: GroundGrid, ratio: int, request: CloudRequest
) -> CloudMap:
    """Look for clouds in a view of the scene whose pixels are ``2 * ratio`` as large as its own.

    Args:
        sources: the open images.
        light: what their counts mean.
        ground: the scene's grid and heights.
        ratio: of the multispectral pixels to the scene's.
        request: how clouds are found.
    """
    times = ratio * _FINER
    grid = ground.grid.coarser(times, covering=True)
    seen, valid = _view(sources, light, GroundGrid(grid, ground.elevation))
    resolution_m = grid.resolution_m or 0.0
    if request.weights is None:
        found = clouds.find_clouds(seen, valid, clouds.CloudTest(), resolution_m=resolution_m)
    else:
        at = [MSS_BANDS.index(band) for band in _OMNICLOUD]
        settings = omnicloud.OmniCloud(weights=request.weights)
        found = omnicloud.find_clouds(seen[at], valid, settings, resolution_m=resolution_m)
    return CloudMap(found, times)


def write_clouds(clouds: CloudMap, grid: Grid, path: Path) -> None:
    """Write a mask of clouds on a scene's grid: 1 cloud, 0 clear."""
    layer = OutputBand(description="cloud", dtype="uint8")

    def make(window: Window) -> WindowOutput[None]:
        return WindowOutput(clouds.at(window)[np.newaxis].astype(np.uint8), None)

    write_map(path, grid, (layer,), make, no_progress)


def _view(sources: Sources, light: Light, ground: GroundGrid) -> tuple[Pixels, Flags]:
    """Return reflectance at the top of the atmosphere (4, height, width), and where it is known."""
    shape = ground.grid.shape
    values = np.zeros((len(MSS_BANDS), *shape), dtype=np.float32)
    valid = np.zeros(shape, dtype=np.bool_)
    fine = GroundGrid(ground.grid.finer(_FINER), ground.elevation)
    for tile in tile_windows(shape, _WINDOW_PX):
        window = tile.clipped(shape)
        if window is None:
            continue
        patch = fine.patch(finer_window(window, _FINER))
        dn, known = sources.ms.sharp(patch.seen_by(sources.ms.rpc))
        rows, cols = window.slices_in(ground.grid.window)
        size = window.width, window.height
        toa = light.toa.only(*MSS_BANDS).apply(dn)
        for band, target in zip(toa, values, strict=True):
            target[rows, cols] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        valid[rows, cols] = block_patch(dn[0], known & patch.known, _FINER).valid
    return values, valid
