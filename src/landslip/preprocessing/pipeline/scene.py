"""A coarse view of a whole scene, for what needs to see all of it: clouds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import CloudHandling, Units
from landslip.core.grid import Grid
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.io.raster.output import OutputBand, WindowOutput, to_dtype, write_map
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import block_mean_patch
from landslip.preprocessing.pansharpening.fusion import Fusion
from landslip.preprocessing.pipeline.image_pair import OpenImages
from landslip.preprocessing.pipeline.radiometric_correction import RadiometricCorrection
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS
from landslip.preprocessing.radiometry import clouds
from landslip.preprocessing.resampling import Flags, Pixels

_CLOUD_RATIO = 2
_WINDOW_PX = 512
_OMNICLOUD = ("red", "green", "nir")


@dataclass(frozen=True, slots=True)
class CloudMask:
    """Where clouds are on a coarse grid of which a pixel covers ``ratio`` of the scene's."""

    cloudy: NDArray[np.bool_]
    ratio: int

    def at(self, window: Window) -> Flags:
        """Return which pixels of a scene's window are cloudy."""
        rows = np.arange(window.row_off, window.row_end) // self.ratio
        cols = np.arange(window.col_off, window.col_end) // self.ratio
        height, width = self.cloudy.shape
        return self.cloudy[np.ix_(np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1))]


def detect_clouds(
    sources: OpenImages,
    light: RadiometricCorrection,
    ground: GroundGrid,
    ratio: int,
    weights: Path | None = None,
) -> CloudMask:
    """Look for clouds in a view of the scene whose pixels are ``2 * ratio`` as large as its own.

    Args:
        sources: the open images.
        light: what their counts mean.
        ground: the scene's grid and heights.
        ratio: of the multispectral pixels to the scene's.
        weights: folder of OmniCloudMask's weights; None takes the threshold test.
    """
    times = ratio * _CLOUD_RATIO
    grid = ground.grid.coarser(times, covering=True)
    seen, valid = _overview(sources, light, GroundGrid(grid, ground.elevation))
    resolution_m = grid.resolution_m or 0.0
    if weights is None:
        found = clouds.detect_bright_clouds(
            seen, valid, clouds.CloudThresholds(), resolution_m=resolution_m
        )
    else:
        at = [MSS_BANDS.index(band) for band in _OMNICLOUD]
        settings = clouds.OmniCloudSettings(weights=weights)
        found = clouds.detect_clouds_omnicloud(seen[at], valid, settings, resolution_m=resolution_m)
    return CloudMask(found, times)


def write_cloud_mask(clouds: CloudMask, grid: Grid, path: Path) -> None:
    """Write a mask of clouds on a scene's grid: 1 cloud, 0 clear."""
    layer = OutputBand(description="cloud", dtype="uint8")

    def make(window: Window) -> WindowOutput[None]:
        return WindowOutput(clouds.at(window)[np.newaxis].astype(np.uint8), None)

    write_map(path, grid, (layer,), make, no_progress)


def _overview(
    sources: OpenImages, light: RadiometricCorrection, ground: GroundGrid
) -> tuple[Pixels, Flags]:
    """Return reflectance at the top of the atmosphere (4, height, width), and where it is known."""
    shape = ground.grid.shape
    values = np.zeros((len(MSS_BANDS), *shape), dtype=np.float32)
    valid = np.zeros(shape, dtype=np.bool_)
    fine = GroundGrid(ground.grid.finer(_CLOUD_RATIO), ground.elevation)
    for tile in tile_windows(shape, _WINDOW_PX):
        window = tile.clipped(shape)
        if window is None:
            continue
        patch = fine.window(window.scaled(_CLOUD_RATIO))
        dn, known = sources.ms.resample_cubic(patch.project(sources.ms.rpc))
        rows, cols = window.slices_in(ground.grid.window)
        size = window.width, window.height
        toa = light.toa.only(*MSS_BANDS).apply(dn)
        for band, target in zip(toa, values, strict=True):
            target[rows, cols] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        valid[rows, cols] = block_mean_patch(dn[0], known & patch.known, _CLOUD_RATIO).valid
    return values, valid


SCALE = 0.0001
NODATA = 0
_DTYPE = "uint16"
_MIN_STORED, _MAX_STORED = 0.5, 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneInputs:
    """All that a window of the scene is made from; several threads share it."""

    ground: GroundGrid
    sources: OpenImages
    light: RadiometricCorrection
    fusion: Fusion
    clouds: CloudMask | None = None
    cloud_fate: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """What was counted in a window: pixels, and the cameras' largest interpolation error."""

    valid: int = 0
    cloudy: int = 0
    clipped: tuple[int, ...] = (0,) * len(MSS_BANDS)
    error_px: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCounts:
    """What was counted in a whole scene."""

    pixels: int
    valid: int
    cloudy: int
    clipped: dict[str, int]
    error_px: float

    @classmethod
    def of(cls, notes: list[WindowCounts], shape: tuple[int, int]) -> "SceneCounts":
        """Sum the windows up."""
        clipped = np.sum([note.clipped for note in notes], axis=0).tolist()
        return cls(
            pixels=math.prod(shape),
            valid=sum(note.valid for note in notes),
            cloudy=sum(note.cloudy for note in notes),
            clipped=dict(zip(MSS_BANDS, clipped, strict=True)),
            error_px=max(note.error_px for note in notes),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return shares for a JSON file; clipped ones are of the valid pixels."""
        valid = max(self.valid, 1)
        return {
            "pixels": self.pixels,
            "valid_share": self.valid / self.pixels,
            "cloud_share": self.cloudy / max(self.valid + self.cloudy, 1),
            "clipped_share": {band: count / valid for band, count in self.clipped.items()},
            "interpolation_error_px": self.error_px,
        }


def write_reflectance_scene(making: SceneInputs, path: Path, progress: Progress) -> SceneCounts:
    """Write the scene as a Cloud-Optimized GeoTIFF."""
    grid = making.ground.grid
    notes = write_map(path, grid, scene_layers(), window_function(making), progress)
    return SceneCounts.of(notes, grid.shape)


def scene_layers() -> tuple[OutputBand, ...]:
    """Return the bands of a scene: reflectance in steps of 0.0001, 0 where there is none."""
    return tuple(
        OutputBand(
            description=name,
            dtype=_DTYPE,
            nodata=NODATA,
            scale=SCALE,
            units=Units.REFLECTANCE.value,
        )
        for name in MSS_BANDS
    )


def window_function(making: SceneInputs) -> Callable[[Window], WindowOutput[WindowCounts]]:
    """Return what makes one window."""
    margin = making.fusion.margin_px

    def make(window: Window) -> WindowOutput[WindowCounts]:
        wide = Window(
            window.col_off - margin,
            window.row_off - margin,
            window.width + 2 * margin,
            window.height + 2 * margin,
        )
        patch = making.ground.window(wide)
        inside = window.slices_in(wide)
        pan_seen = patch.project(making.sources.pan.rpc)
        pan, pan_valid = making.sources.pan.resample_cubic(pan_seen)
        if not pan_valid[inside].any():
            return WindowOutput(None, WindowCounts(error_px=pan_seen.error_px))
        ms_seen = patch.project(making.sources.ms.rpc)
        ms, ms_valid = making.sources.ms.resample_spline(ms_seen)
        bands = making.light.reflectance(ms, MSS_BANDS)
        detail = making.light.reflectance(pan, PAN_BANDS)[0]
        fused = making.fusion.fuse(bands, detail, pan_valid, out=bands)[:, inside[0], inside[1]]
        valid = (pan_valid & ms_valid & patch.known)[inside]
        error = max(pan_seen.error_px, ms_seen.error_px)
        return _stored(making, window, fused, valid, error)

    return make


def _stored(
    making: SceneInputs,
    window: Window,
    fused: NDArray[np.float32],
    valid: NDArray[np.bool_],
    error_px: float,
) -> WindowOutput[WindowCounts]:
    cloudy = 0
    if making.clouds is not None:
        covered = making.clouds.at(window) & valid
        cloudy = int(np.count_nonzero(covered))
        if making.cloud_fate is CloudHandling.NODATA:
            valid = valid & ~covered
    values = fused * np.float32(1 / SCALE)
    if not valid.all():
        values[:, ~valid] = 1
    clipped = [_count_clipped(band) for band in values]
    stored = to_dtype(values, valid, _DTYPE, NODATA) if valid.any() else None
    note = WindowCounts(
        valid=int(np.count_nonzero(valid)),
        cloudy=cloudy,
        clipped=tuple(clipped),
        error_px=error_px,
    )
    return WindowOutput(stored, note)


def _count_clipped(band: NDArray[np.float32]) -> int:
    """Return how many of the numbers (height, width) cannot be stored as they are."""
    if band.min() >= _MIN_STORED and band.max() <= _MAX_STORED:
        return 0
    return int(np.count_nonzero((band < _MIN_STORED) | (band > _MAX_STORED)))
