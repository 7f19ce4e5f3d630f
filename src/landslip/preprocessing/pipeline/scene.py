"""Makes a scene of a product's two images: each window in one pass, each image resampled once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import CloudHandling, Units
from landslip.core.progress import Progress
from landslip.core.window import Window
from landslip.io.raster.output import OutputBand, WindowOutput, to_dtype, write_map
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.pansharpening.fusion import Fusion
from landslip.preprocessing.pipeline.light import Light
from landslip.preprocessing.pipeline.overview import CloudMap
from landslip.preprocessing.pipeline.sources import Sources
from landslip.preprocessing.product.open import MSS_BANDS, PAN_BANDS

SCALE = 0.0001
NODATA = 0
_DTYPE = "uint16"
_LEAST, _LARGEST = 0.5, 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """All that a window of the scene is made from; several threads share it."""

    ground: GroundGrid
    sources: Sources
    light: Light
    fusion: Fusion
    clouds: CloudMap | None = None
    cloud_fate: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowNote:
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
    def of(cls, notes: list[WindowNote], shape: tuple[int, int]) -> "SceneCounts":
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


def write_scene_of(making: Making, path: Path, progress: Progress) -> SceneCounts:
    """Write the scene as a Cloud-Optimized GeoTIFF."""
    grid = making.ground.grid
    notes = write_map(path, grid, scene_layers(), window_maker(making), progress)
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


def window_maker(making: Making) -> Callable[[Window], WindowOutput[WindowNote]]:
    """Return what makes one window."""
    margin = making.fusion.margin_px

    def make(window: Window) -> WindowOutput[WindowNote]:
        wide = Window(
            window.col_off - margin,
            window.row_off - margin,
            window.width + 2 * margin,
            window.height + 2 * margin,
        )
        patch = making.ground.patch(wide)
        inside = window.slices_in(wide)
        pan_seen = patch.seen_by(making.sources.pan.rpc)
        pan, pan_valid = making.sources.pan.sharp(pan_seen)
        if not pan_valid[inside].any():
            return WindowOutput(None, WindowNote(error_px=pan_seen.error_px))
        ms_seen = patch.seen_by(making.sources.ms.rpc)
        ms, ms_valid = making.sources.ms.smooth(ms_seen)
        bands = making.light.reflectance(ms, MSS_BANDS)
        detail = making.light.reflectance(pan, PAN_BANDS)[0]
        fused = making.fusion.fuse(bands, detail, pan_valid, out=bands)[:, inside[0], inside[1]]
        valid = (pan_valid & ms_valid & patch.known)[inside]
        error = max(pan_seen.error_px, ms_seen.error_px)
        return _stored(making, window, fused, valid, error)

    return make


def _stored(
    making: Making,
    window: Window,
    fused: NDArray[np.float32],
    valid: NDArray[np.bool_],
    error_px: float,
) -> WindowOutput[WindowNote]:
    cloudy = 0
    if making.clouds is not None:
        covered = making.clouds.at(window) & valid
        cloudy = int(np.count_nonzero(covered))
        if making.cloud_fate is CloudHandling.NODATA:
            valid = valid & ~covered
    values = fused * np.float32(1 / SCALE)
    if not valid.all():
        values[:, ~valid] = 1
    clipped = [_outside(band) for band in values]
    stored = to_dtype(values, valid, _DTYPE, NODATA) if valid.any() else None
    note = WindowNote(
        valid=int(np.count_nonzero(valid)),
        cloudy=cloudy,
        clipped=tuple(clipped),
        error_px=error_px,
    )
    return WindowOutput(stored, note)


def _outside(band: NDArray[np.float32]) -> int:
    """Return how many of the numbers (height, width) cannot be stored as they are."""
    if band.min() >= _LEAST and band.max() <= _LARGEST:
        return 0
    return int(np.count_nonzero((band < _LEAST) | (band > _LARGEST)))
