"""The reflectance scene of a product: its clouds, its windows, its file."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Radiometry
from landslip.core.choices import CloudHandling, Units
from landslip.core.errors import InputError, argument
from landslip.core.grid import Grid
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.io.raster.output import OutputBand, output_bands, to_dtype
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.views import block_mean_patch
from landslip.preprocessing.pansharpening.fusion import Fusion
from landslip.preprocessing.pipeline.images import OpenImages
from landslip.preprocessing.pipeline.radiometric_correction import RadiometricCorrection
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS
from landslip.preprocessing.radiometry.clouds import (
    OMNICLOUD_BANDS,
    CloudThresholds,
    OmniCloudSettings,
    detect_bright_clouds,
    detect_clouds_omnicloud,
)
from landslip.preprocessing.resampling import Flags

SCALE = 0.0001
_NODATA = 0
_DTYPE = "uint16"
_MIN_STORED, _MAX_STORED = 0.5, 65_535
_CLOUD_RATIO = 2
_CLOUD_WINDOW_PX = 512
_STRIP_PX = 1 << 16


@dataclass(frozen=True, slots=True)
class CloudMask:
    """Clouds on a coarse grid whose pixels are ``ratio`` times as large as the scene's."""

    cloudy: NDArray[np.bool_]
    ratio: int

    def at(self, window: Window) -> Flags:
        """Return which pixels of a scene's window are cloudy."""
        rows = np.arange(window.row_off, window.row_end) // self.ratio
        cols = np.arange(window.col_off, window.col_end) // self.ratio
        height, width = self.cloudy.shape
        return self.cloudy[np.ix_(np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1))]


def detect_clouds(
    images: OpenImages,
    correction: RadiometricCorrection,
    ground: GroundGrid,
    ratio: int,
    weights: Path | None = None,
) -> CloudMask:
    """Detect clouds in an overview whose pixels are twice as large as the multispectral ones.

    ``ratio`` is that of multispectral pixels to the scene's; without weights of OmniCloudMask,
    thresholds are used.
    """
    grid = ground.grid.coarser(ratio * _CLOUD_RATIO, covering=True)
    # reflectance at the top of the atmosphere, and where it is known
    toa = np.zeros((len(MSS_BANDS), *grid.shape), dtype=np.float32)
    valid = np.zeros(grid.shape, dtype=np.bool_)
    fine = GroundGrid(grid.finer(_CLOUD_RATIO), ground.elevation)
    conversion = correction.toa.only(*MSS_BANDS)
    for tile in tile_windows(grid.shape, _CLOUD_WINDOW_PX):
        window = tile.clipped(grid.shape)
        if window is None:
            continue
        patch = fine.window(window.scaled(_CLOUD_RATIO))
        dn, known = images.ms.resample_cubic(patch.project(images.ms.rpc))
        rows, cols = window.slices_in(grid.window)
        size = window.width, window.height
        for band, target in zip(conversion.apply(dn), toa, strict=True):
            target[rows, cols] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        valid[rows, cols] = block_mean_patch(dn[0], known & patch.known, _CLOUD_RATIO).valid
    resolution_m = grid.resolution_m or 0.0
    if weights is None:
        cloudy = detect_bright_clouds(toa, valid, CloudThresholds(), resolution_m=resolution_m)
    else:
        bands = [MSS_BANDS.index(band) for band in OMNICLOUD_BANDS]
        settings = OmniCloudSettings(weights=weights)
        cloudy = detect_clouds_omnicloud(toa[bands], valid, settings, resolution_m=resolution_m)
    return CloudMask(cloudy, ratio * _CLOUD_RATIO)


def write_cloud_mask(clouds: CloudMask, grid: Grid, path: Path) -> None:
    """Write a mask of clouds on a scene's grid: 1 cloud, 0 clear."""

    def make(window: Window) -> WindowOutput[None]:
        return WindowOutput(clouds.at(window)[np.newaxis].astype(np.uint8), None)

    write_map(path, grid, (OutputBand(description="cloud", dtype="uint8"),), make, no_progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneInputs:
    """All that a window of the scene is made from; several threads share it."""

    ground: GroundGrid
    images: OpenImages
    correction: RadiometricCorrection
    fusion: Fusion
    clouds: CloudMask | None = None
    cloud_handling: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """Pixels of a window, and the largest interpolation error of the camera models."""

    valid: int = 0
    cloudy: int = 0
    clipped: tuple[int, ...] = (0,) * len(MSS_BANDS)
    error_px: float = 0.0


def write_reflectance_scene(inputs: SceneInputs, path: Path, progress: Progress) -> dict[str, Any]:
    """Write the scene as a Cloud-Optimized GeoTIFF: reflectance / 0.0001, 0 without data.

    Returns, for a JSON file: pixels, fractions of valid and cloudy ones, fractions of the valid
    ones that were clipped by band, and the largest interpolation error of the camera models.

    Raises:
        InputError: no pixel has data.
    """
    radiometry = Radiometry(dtype=_DTYPE, scale=SCALE, units=Units.REFLECTANCE)
    bands = output_bands(MSS_BANDS, radiometry, _NODATA)
    grid = inputs.ground.grid
    counts = write_map(path, grid, bands, window_function(inputs), progress, inputs.correction.tags)
    pixels, valid = math.prod(grid.shape), sum(one.valid for one in counts)
    cloudy = sum(one.cloudy for one in counts)
    if valid == 0:
        raise InputError(
            f"{path.stem}: no pixel of the scene has data, and nothing is written: {cloudy} of "
            f"{pixels} are cloud ({argument('clouds_become')}), and the others have no data in one "
            "of the images or no height"
        )
    clipped = np.sum([one.clipped for one in counts], axis=0).tolist()
    return {
        "pixels": pixels,
        "valid_share": valid / pixels,
        "cloud_share": cloudy / max(valid + cloudy, 1),
        "clipped_share": {
            band: count / max(valid, 1) for band, count in zip(MSS_BANDS, clipped, strict=True)
        },
        "interpolation_error_px": max(one.error_px for one in counts),
    }


def window_function(inputs: SceneInputs) -> Callable[[Window], WindowOutput[WindowCounts]]:
    """Return the function that makes one window: in one pass, each image resampled once."""
    margin = inputs.fusion.margin_px
    images, correction = inputs.images, inputs.correction

    def make(window: Window) -> WindowOutput[WindowCounts]:
        wide = Window(
            window.col_off - margin,
            window.row_off - margin,
            window.width + 2 * margin,
            window.height + 2 * margin,
        )
        if not images.pan.may_see(inputs.ground, wide):
            return WindowOutput(None, WindowCounts())
        patch = inputs.ground.window(wide)
        inside = window.slices_in(wide)
        pan_places = patch.project(images.pan.rpc)
        pan, pan_valid = images.pan.resample_cubic(pan_places)
        if not pan_valid[inside].any():
            return WindowOutput(None, WindowCounts(error_px=pan_places.error_px))
        ms_places = patch.project(images.ms.rpc)
        ms, ms_valid = images.ms.resample_spline(ms_places)
        valid = (pan_valid & ms_valid & patch.known)[inside]
        cloudy = 0
        if inputs.clouds is not None:
            covered = inputs.clouds.at(window) & valid
            cloudy = int(np.count_nonzero(covered))
            if inputs.cloud_handling is CloudHandling.NODATA:
                valid = valid & ~covered
        stored = np.empty((len(MSS_BANDS), *window.shape), dtype=_DTYPE)
        clipped = np.zeros(len(MSS_BANDS), dtype=np.int64)
        # all steps on some rows, before the next ones drive them out of the processor's cache
        rows = window.height if margin else max(_STRIP_PX // window.width, 1)
        for start in range(0, window.height, rows):
            strip = slice(start, start + rows)
            known = valid[strip]
            source = np.s_[:, start : start + rows + 2 * margin]
            bands = correction.reflectance(ms[source], MSS_BANDS)
            detail = correction.reflectance(pan[source], PAN_BANDS)[0]
            fused = inputs.fusion.fuse(bands, detail, pan_valid[source[1]], out=bands)
            values = fused[:, margin : margin + len(known), margin : margin + window.width]
            values *= np.float32(1 / SCALE)
            if not known.all():
                np.copyto(values, 1, where=~known)
            clipped += [_count_clipped(band) for band in values]
            stored[:, strip] = to_dtype(values, known, _DTYPE, _NODATA)
        counts = WindowCounts(
            valid=int(np.count_nonzero(valid)),
            cloudy=cloudy,
            clipped=tuple(clipped.tolist()),
            error_px=max(pan_places.error_px, ms_places.error_px),
        )
        return WindowOutput(stored if valid.any() else None, counts)

    return make


def _count_clipped(band: NDArray[np.float32]) -> int:
    """Return how many numbers (height, width) are outside what can be stored."""
    if band.min() >= _MIN_STORED and band.max() <= _MAX_STORED:
        return 0
    return int(np.count_nonzero((band < _MIN_STORED) | (band > _MAX_STORED)))
