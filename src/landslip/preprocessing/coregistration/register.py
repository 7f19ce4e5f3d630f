"""Brings one scene onto another: matches them, fits how they differ, and writes it moved."""

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from landslip import __version__
from landslip.core.errors import InputError
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.io.raster import OutputBand, Scene, bounded_cache
from landslip.io.raster.output import WindowOutput, to_dtype, write_map
from landslip.preprocessing.coregistration.alignment import (
    UNNAMED_BAND,
    RegistrationOptions,
    ScenePair,
    align,
    open_scene,
    pair_scenes,
)
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    Displacement,
    SceneDisplacement,
    output_grid,
)
from landslip.preprocessing.coregistration.shift_models import Residuals


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationReport:
    """What was found and done; lengths in pixels of the grid that was matched on.

    Attributes:
        bands: those that were compared.
        resolution_m: side of a pixel that was matched.
        before: how far the kept tie points lay apart.
        after: what the model leaves of that.
        checked: how far tie points lie apart when the moved scene is matched once more; left out
            are those that disagree with their neighbours, not those that disagree with the model.
    """

    moving: str
    reference: str
    model: str
    bands: list[str]
    reference_bands: list[str]
    resolution_m: float
    coefficients: list[float]
    local_field: dict[str, float] | None
    before: Residuals
    after: Residuals
    checked: Residuals
    seconds: float
    warnings: list[str]
    code_version: str = __version__

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name, and the main figures in metres besides."""
        lengths = {
            f"{name}_rms_m": getattr(self, name).rms_px * self.resolution_m
            for name in ("before", "after", "checked")
        }
        return asdict(self) | lengths

    def write(self, path: Path) -> None:
        """Write a JSON file."""
        path.write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")


def register(
    moving: Path,
    reference: Path,
    out: Path,
    options: RegistrationOptions,
    *,
    progress: Progress = no_progress,
) -> RegistrationReport:
    """Write the scene ``moving`` so that it lies upon the scene ``reference``.

    The output is on the reference's coordinate system and lattice of pixels, covers all of the
    moving scene, and is resampled once.

    Raises:
        InputError: a scene is not georeferenced, they do not overlap, or too little was found in
            common for a result to be trusted; nothing is written then.
        OutputExistsError: ``out`` is there already.
    """
    started = time.monotonic()
    refuse_existing_file(out, overwrite=options.overwrite)
    if out.resolve() in (moving.resolve(), reference.resolve()):
        raise InputError(f"{out}: the output may not replace a scene that is read; choose another")
    with (
        bounded_cache(),
        open_scene(moving, options.nodata) as scene,
        open_scene(reference, options.reference_nodata) as fixed,
    ):
        pair = pair_scenes(scene, fixed, options.band)
        aligned = align(pair, options)
        notes = write_registered(pair, aligned.displacement, out, options, progress)
    return RegistrationReport(
        moving=moving.name,
        reference=reference.name,
        model=aligned.model.value,
        bands=list(pair.moving_bands),
        reference_bands=list(pair.reference_bands),
        resolution_m=pair.resolution_m,
        coefficients=list(aligned.fit.coefficients),
        local_field=aligned.local,
        before=aligned.fit.before,
        after=aligned.after,
        checked=aligned.checked,
        seconds=round(time.monotonic() - started, 2),
        warnings=[*aligned.notes, *notes],
    )


def write_registered(
    pair: ScenePair,
    displacement: Displacement,
    out: Path,
    options: RegistrationOptions,
    progress: Progress,
) -> list[str]:
    """Write the moving scene displaced, all bands, and return what the user should know."""
    scene = pair.moving
    moved = SceneDisplacement(frame=pair.frame, displacement=displacement)
    grid = output_grid(scene.grid, pair.reference.grid, moved)
    view = DisplacedScene(scene, grid, moved)
    nodata = _nodata_of(scene)

    def make(window: Window) -> WindowOutput[None]:
        values, valid = view.read(window)
        if not valid.any():
            return WindowOutput(None, None)
        return WindowOutput(to_dtype(values, valid, scene.radiometry.dtype, nodata), None)

    with atomic_file(out, overwrite=options.overwrite) as stage:
        write_map(stage, grid, _layers(scene, nodata), make, progress)
    if scene.nodata == nodata or math.isnan(nodata):
        return []
    return [f"the scene states no usable nodata value: {nodata:g} marks what it does not cover"]


def _layers(scene: Scene, nodata: float) -> tuple[OutputBand, ...]:
    radiometry = scene.radiometry
    unnamed = scene.bands.names[0] == UNNAMED_BAND.format(1)
    return tuple(
        OutputBand(
            description="" if unnamed else name,
            dtype=radiometry.dtype,
            nodata=nodata,
            scale=radiometry.scale,
            offset=radiometry.offset,
            units=None if radiometry.units.value == "dn" else radiometry.units.value,
        )
        for name in scene.bands
    )


def _nodata_of(scene: Scene) -> float:
    """Return the scene's nodata value where its type can hold it, else 0, or NaN for floats."""
    dtype = np.dtype(scene.radiometry.dtype)
    if not np.issubdtype(dtype, np.integer):
        return math.nan if scene.nodata is None else scene.nodata
    info = np.iinfo(dtype)
    stated = math.nan if scene.nodata is None else float(scene.nodata)
    return stated if stated.is_integer() and info.min <= stated <= info.max else 0.0
