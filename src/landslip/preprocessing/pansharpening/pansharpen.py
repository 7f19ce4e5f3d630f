"""Pansharpens two rasters: fitted on samples, then fused and written window by window."""

import json
import math
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.bands import Radiometry
from landslip.core.choices import PansharpeningMethod
from landslip.core.errors import InputError
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.io.raster import SceneOptions, bounded_cache
from landslip.io.raster.output import output_bands, to_dtype
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.io.raster.validity import output_nodata
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import (
    RasterPair,
    evenly_spaced_windows,
    join_samples,
)
from landslip.preprocessing.pansharpening.multiresolution import MTF_NYQUIST
from landslip.preprocessing.pansharpening.quality import assess_fusion
from landslip.preprocessing.radiometry.atmosphere_tags import kept_tags
from landslip.preprocessing.resampling import Flags, Pixels

_SAMPLE_PX, _SAMPLES_PER_AXIS = 64, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PansharpenOptions:
    """How two rasters are read (of PAN's options, only nodata counts) and fused.

    ``mtf_nyquist`` is the multispectral sensor's response at its Nyquist frequency, 0 to 1.
    ``report`` is a JSON file for scores and fitted numbers; None measures none.
    """

    method: PansharpeningMethod = PansharpeningMethod.BROVEY
    ms: SceneOptions = field(default_factory=SceneOptions)
    pan: SceneOptions = field(default_factory=SceneOptions)
    mtf_nyquist: float = MTF_NYQUIST
    report: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        FusionSettings(method=self.method, mtf_nyquist=self.mtf_nyquist)


@dataclass(frozen=True, slots=True, kw_only=True)
class PansharpenSummary:
    """What was written, and how fast."""

    fusion: Fusion
    bands: tuple[str, ...]
    shape: tuple[int, int]
    valid_px: int
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def mpix_per_s(self) -> float:
        """Pixels of PAN fused in a second, in millions."""
        return self.shape[0] * self.shape[1] / 1e6 / self.seconds


def pansharpen(
    ms: Path, pan: Path, out: Path, options: PansharpenOptions, *, progress: Progress = no_progress
) -> PansharpenSummary:
    """Fuse multispectral bands with PAN into a Cloud-Optimized GeoTIFF on PAN's pixels.

    It covers the common extent, and has the bands' names, data type, scale and offset. A pixel is
    nodata where PAN is or the multispectral pixel it is in. Memory holds a few windows.

    Raises:
        InputError: the files cannot be read or are not aligned, or hold too few pixels.
        OutputExistsError: ``out`` or the report exists and may not be replaced.
    """
    started = time.monotonic()
    for path in filter(None, (out, options.report)):
        refuse_existing_file(path, overwrite=options.overwrite)
    with bounded_cache(), RasterPair(ms, pan, options.ms, options.pan) as pair:
        fusion = fit_rasters(pair, options)
        with atomic_file(out, overwrite=options.overwrite) as stage:
            valid_px = _write(pair, fusion, stage, progress)
            summary = PansharpenSummary(
                fusion=fusion,
                bands=pair.ms.bands.names,
                shape=pair.overlap.window.shape,
                valid_px=valid_px,
                seconds=time.monotonic() - started,
                warnings=sentences((*pair.ms.validity.notes, *pair.pan.validity.notes)),
            )
            if options.report is not None:
                height, width = summary.shape
                report = {
                    "ms": ms.name,
                    "pan": pan.name,
                    "bands": list(summary.bands),
                    "width": width,
                    "height": height,
                    "valid_px": valid_px,
                    "fusion": fusion.as_dict(),
                    "quality": assess_fusion(pair, fusion),
                    "seconds": round(summary.seconds, 2),
                    "warnings": list(summary.warnings),
                    "code_version": __version__,
                }
                with atomic_file(options.report, overwrite=options.overwrite) as path:
                    path.write_text(json.dumps(report, indent=2) + "\n")
    return summary


def fit_rasters(pair: RasterPair, options: PansharpenOptions) -> Fusion:
    """Fit a fusion on up to 12 x 12 windows of 64 x 64 multispectral pixels, evenly spaced.

    Raises:
        InputError: too few pixels are valid in both, or one of the images does not vary.
    """
    settings = FusionSettings(
        method=options.method, ratio=pair.overlap.ratio, mtf_nyquist=options.mtf_nyquist
    )
    margin = math.ceil(4 * settings.sigma_px) + 1
    windows = evenly_spaced_windows(pair.overlap.coarse_window, _SAMPLE_PX, _SAMPLES_PER_AXIS)
    samples = [pair.on_ms(window, margin).samples(settings.sigma_px) for window in windows]
    try:
        return fit_fusion(settings, join_samples(samples))
    except InputError as error:
        raise InputError(f"{pair.ms.path}, {pair.pan.path}: {error}") from error


def to_stored(
    values: Pixels, valid: Flags, radiometry: Radiometry, nodata: float | None
) -> NDArray[Any]:
    """Turn values (bands, height, width) into numbers of a file's type, scale and offset.

    How they are rounded, and what is not valid: `landslip.io.raster.output.to_dtype`.
    """
    dtype = np.dtype(radiometry.dtype)
    # the largest 32-bit integer exists in float64 only
    working = np.float64 if dtype.kind in "iu" and dtype.itemsize > 2 else np.float32
    stored = np.subtract(values, radiometry.offset, dtype=working)
    stored /= working(radiometry.scale)
    return to_dtype(stored, valid, radiometry.dtype, nodata)


def _write(pair: RasterPair, fusion: Fusion, path: Path, progress: Progress) -> int:
    """Fuse all windows into a file; return the number of valid pixels."""
    frame, radiometry = pair.overlap.window, pair.ms.radiometry
    nodata = None
    if pair.may_have_gaps:
        nodata = output_nodata(radiometry.dtype, pair.ms.nodata, pair.pan.nodata)
    margin, reading = fusion.margin_px, threading.Lock()

    def make(window: Window) -> WindowOutput[int]:
        with reading:
            part = pair.on_pan(window.translated(frame.col_off, frame.row_off), margin)
        known = part.valid_on_pan
        if not known.any():
            return WindowOutput(None, 0)
        height, width = part.pan.shape
        inner = np.s_[..., margin : height - margin, margin : width - margin]
        values, valid = part.fuse(fusion)[inner], known[inner]
        stored = to_stored(values, valid, radiometry, nodata)
        return WindowOutput(stored, int(np.count_nonzero(valid)))

    layers = output_bands(pair.ms.bands, radiometry, nodata)
    tags = kept_tags(pair.ms.tags)
    return sum(write_map(path, pair.pan.grid.at(frame), layers, make, progress, tags))
