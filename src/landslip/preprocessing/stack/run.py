"""Writes a scene with the bands of its other sources as one file."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.bands import BandRadiometry, Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.io.raster import SceneOptions, bounded_cache
from landslip.io.raster.output import OutputBand, to_dtype
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.io.raster.validity import Stored, Valid, output_nodata
from landslip.preprocessing.radiometry.atmosphere_tags import kept_tags
from landslip.preprocessing.stack.before import BeforeAlignment
from landslip.preprocessing.stack.scene import StackedScene, StackSources


@dataclass(frozen=True, slots=True, kw_only=True)
class StackReport:
    """What a stack holds, and how an image before was brought onto the scene (None: none was)."""

    path: Path
    bands: Bands
    alignment: BeforeAlignment | None
    seconds: float
    warnings: tuple[str, ...]


def write_stack(
    scene: Path,
    out: Path,
    sources: StackSources,
    options: SceneOptions,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> StackReport:
    """Write a scene's own bands, and those of its other sources after them, in its data type.

    The file has one nodata value, as GeoTIFF has: a pixel is missing where the scene's own bands
    have it, a value of another source where its band alone does.

    Raises:
        InputError: a file cannot be read, or there is no other source.
        OutputExistsError: ``out`` exists and may not be replaced.
    """
    started = time.monotonic()
    if not sources.files:
        raise InputError(f"a stack needs {argument('dem')}, {argument('before')}, or both")
    refuse_existing_file(out, overwrite=overwrite)
    if out.resolve() in {path.resolve() for path in (scene, *sources.files.values())}:
        raise InputError(f"{out}: the output may not replace a file that is read; choose another")
    with bounded_cache(), StackedScene(scene, options, sources) as stack:
        bands, dtype = stack.bands, stack.radiometry.dtype
        nodata = output_nodata(dtype, stack.nodata)
        own, reading = list(bands.own), threading.Lock()

        def make(window: Window) -> WindowOutput[None]:
            with reading:  # files are read by one thread at a time
                values, valid = stack.read(window)
            if not valid.any():
                return WindowOutput(None, None)
            values[own] = _marked(values[own], valid, dtype, nodata)
            values[:, ~valid] = nodata
            return WindowOutput(values, None)

        layers = tuple(
            _layer(name, band, dtype, nodata)
            for name, band in zip(bands, stack.radiometry.each(len(bands)), strict=True)
        )
        alignment = stack.sources.alignment
        tags = kept_tags(stack.tags) | ({} if alignment is None else alignment.tags)
        with atomic_file(out, overwrite=overwrite) as stage:
            write_map(stage, stack.grid, layers, make, progress, tags)
        return StackReport(
            path=out,
            bands=bands,
            alignment=alignment,
            seconds=round(time.monotonic() - started, 2),
            warnings=sentences(stack.validity.notes),
        )


def _marked(stored: Stored, valid: Valid, dtype: str, nodata: float) -> Stored:
    """Return numbers of which no valid pixel looks missing: in any band, or for 0 in all bands."""
    marked = to_dtype(stored, valid, dtype, nodata)
    if nodata != 0:
        return marked
    is_dark = valid & np.all(stored == 0, axis=0)
    return np.where(is_dark, marked, stored)


def _layer(name: str, band: BandRadiometry, dtype: str, nodata: float) -> OutputBand:
    return OutputBand(
        description=name,
        dtype=dtype,
        nodata=nodata,
        scale=band.scale,
        offset=band.offset,
        units=None if band.units is Units.DN else band.units.value,
    )
