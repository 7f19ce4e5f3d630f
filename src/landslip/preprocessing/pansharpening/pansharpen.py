"""Fuses two rasters into one: fitted on samples, then window by window."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.bands import Radiometry
from landslip.core.choices import PansharpeningMethod, Units
from landslip.core.errors import InputError
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.grid import Grid
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map
from landslip.core.window import Window, tile_windows
from landslip.io.raster import OutputBand, PyramidOutput, SceneOptions, Valid, bounded_cache
from landslip.preprocessing.pansharpening.assessment import assess_fusion
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import (
    ImagePair,
    RasterPair,
    join_samples,
    spread_windows,
)
from landslip.preprocessing.pansharpening.multiresolution import MTF_NYQUIST, Pixels

_WINDOW_PX = 1024
_SAMPLE_PX, _SAMPLES_PER_AXIS = 64, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PansharpenOptions:
    """How two rasters are read and fused.

    Attributes:
        ms: what is stated about the multispectral file; ``pan`` the same of the panchromatic one,
            of which only nodata is heeded.
        mtf_nyquist: response of the multispectral sensor at its Nyquist frequency, 0 to 1.
        report: where scores and fitted numbers are written as JSON; None measures none.
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
    """What was made, and how fast."""

    fusion: Fusion
    bands: tuple[str, ...]
    shape: tuple[int, int]
    valid_px: int
    seconds: float

    @property
    def mpix_per_s(self) -> float:
        """Pixels of PAN fused in a second, in millions."""
        return self.shape[0] * self.shape[1] / 1e6 / self.seconds


def pansharpen(
    ms: Path, pan: Path, out: Path, options: PansharpenOptions, *, progress: Progress = no_progress
) -> PansharpenSummary:
    """Fuse multispectral bands with PAN into a Cloud-Optimized GeoTIFF on PAN's pixels.

    It covers the common extent, and has the bands' names, data type, scale and offset. A pixel is
    nodata where PAN is or the multispectral pixel it lies in. Memory holds a few windows.

    Raises:
        InputError: the files cannot be read or do not lie on each other, or hold too few pixels.
        OutputExistsError: ``out`` or the report is there already.
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
            )
            if options.report is not None:
                _report(pair, summary, options)
    return summary


def fit_rasters(pair: RasterPair, options: PansharpenOptions) -> Fusion:
    """Fit a fusion on up to 12 x 12 windows of 64 x 64 multispectral pixels, evenly spread.

    Raises:
        InputError: too few pixels are valid in both, or one of the images does not vary.
    """
    settings = FusionSettings(
        method=options.method, ratio=pair.overlap.ratio, mtf_nyquist=options.mtf_nyquist
    )
    margin = math.ceil(4 * settings.sigma_px) + 1
    windows = spread_windows(pair.overlap.coarse_window, _SAMPLE_PX, _SAMPLES_PER_AXIS)
    samples = [pair.on_ms(window, margin).samples(settings.sigma_px) for window in windows]
    try:
        return fit_fusion(settings, join_samples(samples))
    except InputError as error:
        raise InputError(f"{pair.ms.path}, {pair.pan.path}: {error}") from error


def fuse_window(pair: ImagePair, fusion: Fusion) -> tuple[Pixels, Valid]:
    """Fuse a pair read with the fusion's margin; return values and mask without the margin."""
    margin = fusion.margin_px
    height, width = pair.pan.shape
    inner = np.s_[..., margin : height - margin, margin : width - margin]
    return pair.fused(fusion)[inner], pair.valid_on_pan[inner]


def to_stored(
    values: Pixels, valid: Valid, radiometry: Radiometry, nodata: float | None
) -> NDArray[Any]:
    """Turn values (bands, height, width) into numbers of a file's type, scale and offset.

    Integers are rounded and clipped. A valid pixel that would come out as nodata takes the next
    number; what is not valid becomes nodata, or 0 without one.
    """
    dtype = np.dtype(radiometry.dtype)
    # the largest 32-bit integer exists in float64 only
    working = np.float64 if dtype.kind in "iu" and dtype.itemsize > 2 else np.float32
    stored = np.subtract(values, radiometry.offset, dtype=working)
    stored /= working(radiometry.scale)
    if not valid.all():
        stored[:, ~valid] = 0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        np.rint(stored, out=stored)
        np.clip(stored, limits.min, limits.max, out=stored)
    numbers: NDArray[Any] = stored.astype(dtype)
    if nodata is not None:
        marked = dtype.type(nodata)
        equal = numbers == marked
        if equal.any():
            numbers[equal] = _beside(marked)
        numbers[:, ~valid] = marked
    return numbers


def _beside(nodata: Any) -> Any:
    """Return the number of the same type that is nearest to nodata, towards 0 or 1."""
    if isinstance(nodata, np.floating):
        return np.nextafter(nodata, type(nodata)(1 if nodata <= 0 else 0))
    return nodata - 1 if nodata > 0 else nodata + 1


def _write(pair: RasterPair, fusion: Fusion, path: Path, progress: Progress) -> int:
    """Fuse all windows into a file; return the number of valid pixels."""
    frame, nodata = pair.overlap.window, _nodata(pair)
    grid = pair.pan.grid.at(frame)
    layers = _layers(pair, nodata)
    output = PyramidOutput(path.with_name(f".{path.name}"), grid, layers, _WINDOW_PX)
    valid_px, done = 0, 0

    def work(item: tuple[Window, ImagePair]) -> tuple[list[NDArray[Any]] | None, int]:
        if not item[1].valid_on_pan.any():
            return None, 0
        values, valid = fuse_window(item[1], fusion)
        stored = to_stored(values, valid, pair.ms.radiometry, nodata)
        return output.levels_of(stored), int(np.count_nonzero(valid))

    try:
        for (window, _), (levels, number) in parallel_map(work, _pairs(pair, fusion, grid)):
            if levels is not None:
                output.write(levels, window)
            valid_px += number
            done += window.width * window.height
            progress(done, frame.width * frame.height)
        output.finish(path)
    finally:
        output.close()
    return valid_px


def _pairs(pair: RasterPair, fusion: Fusion, grid: Grid) -> Iterator[tuple[Window, ImagePair]]:
    frame = pair.overlap.window
    for tile in tile_windows(grid.shape, _WINDOW_PX):
        window = tile.clipped(grid.shape)
        if window is None:
            continue
        col, row = window.col_off + frame.col_off, window.row_off + frame.row_off
        on_pan = Window(col, row, window.width, window.height)
        yield window, pair.on_pan(on_pan, fusion.margin_px)


def _layers(pair: RasterPair, nodata: float | None) -> tuple[OutputBand, ...]:
    radiometry = pair.ms.radiometry
    units = "reflectance" if radiometry.units is Units.REFLECTANCE else None
    return tuple(
        OutputBand(
            description=name,
            dtype=radiometry.dtype,
            nodata=nodata,
            scale=radiometry.scale,
            offset=radiometry.offset,
            units=units,
        )
        for name in pair.ms.bands
    )


def _nodata(pair: RasterPair) -> float | None:
    """Return the bands' nodata value, else PAN's where their type can hold it, else none."""
    if pair.ms.nodata is not None:
        return pair.ms.nodata
    dtype = np.dtype(pair.ms.radiometry.dtype)
    if pair.pan.nodata is None or np.issubdtype(dtype, np.floating):
        return pair.pan.nodata
    limits = np.iinfo(dtype)
    fits = limits.min <= pair.pan.nodata <= limits.max and pair.pan.nodata % 1 == 0
    return pair.pan.nodata if fits else None


def _report(pair: RasterPair, summary: PansharpenSummary, options: PansharpenOptions) -> None:
    if options.report is None:
        return
    height, width = summary.shape
    report = {
        "ms": pair.ms.path.name,
        "pan": pair.pan.path.name,
        "bands": list(summary.bands),
        "width": width,
        "height": height,
        "valid_px": summary.valid_px,
        "fusion": summary.fusion.as_dict(),
        "quality": assess_fusion(pair, summary.fusion),
        "seconds": round(summary.seconds, 2),
        "code_version": __version__,
    }
    with atomic_file(options.report, overwrite=options.overwrite) as path:
        path.write_text(json.dumps(report, indent=2) + "\n")
