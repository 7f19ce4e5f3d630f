"""Registers one scene to another: matches them, fits how they differ, writes it displaced."""

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from landslip import __version__
from landslip.core.errors import InputError
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.io.raster import bounded_cache
from landslip.io.raster.output import output_bands, to_dtype
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.io.raster.validity import output_nodata
from landslip.preprocessing.coregistration.alignment import (
    UNNAMED_BAND,
    RegistrationOptions,
    align,
    open_scene,
    pair_scenes,
)
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    SceneDisplacement,
    output_grid,
)
from landslip.preprocessing.coregistration.shift_models import Residuals
from landslip.preprocessing.radiometry.atmosphere_tags import kept_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationReport:
    """How a scene was registered; lengths are in pixels of the grid that was matched on.

    ``before`` are the distances of the inlying tie points, ``after`` what the model leaves of them,
    and ``checked`` those when the displaced scene is matched once more, without tie points that
    disagree with their neighbours, but with those that disagree with the model.
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
    """Register the scene ``moving`` to the scene ``reference`` and write it.

    The output is in the reference's coordinate system, its pixels aligned with the reference's; it
    covers all of the moving scene and is resampled once.

    Raises:
        InputError: a scene is not georeferenced, or they overlap too little.
        RegistrationError: the tie points cannot be trusted; nothing is written then.
        OutputExistsError: ``out`` exists and may not be replaced.
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
        offset = SceneDisplacement(frame=pair.frame, displacement=aligned.displacement)
        grid = output_grid(scene.grid, fixed.grid, offset)
        view = DisplacedScene(scene, grid, offset)
        dtype = scene.radiometry.dtype
        nodata = output_nodata(dtype, scene.nodata)
        unnamed = scene.bands.names[0] == UNNAMED_BAND.format(1)
        names = ["" if unnamed else name for name in scene.bands]

        def make(window: Window) -> WindowOutput[None]:
            values, valid = view.read(window)
            stored = to_dtype(values, valid, dtype, nodata) if valid.any() else None
            return WindowOutput(stored, None)

        with atomic_file(out, overwrite=options.overwrite) as stage:
            layers = output_bands(names, scene.radiometry, nodata)
            write_map(stage, grid, layers, make, progress, kept_tags(scene.tags))
        place = np.array([shapely.Point(scene.grid.middle)], dtype=object)
        shift = datum_note(moving.name, scene.grid.crs, fixed.grid.crs, place)
    messages = (*filter(None, (shift,)), *scene.validity.notes, *fixed.validity.notes)
    notes = [*sentences(messages), *aligned.notes]
    if scene.nodata != nodata and not math.isnan(nodata):
        notes.append(
            f"the scene states no usable nodata value: {nodata:g} marks what it does not cover"
        )
    return RegistrationReport(
        moving=moving.name,
        reference=reference.name,
        model=aligned.model.value,
        bands=list(pair.moving_bands),
        reference_bands=list(pair.reference_bands),
        resolution_m=pair.resolution_m,
        coefficients=list(aligned.fit.coefficients),
        local_field=aligned.local_field,
        before=aligned.fit.before,
        after=aligned.after,
        checked=aligned.checked,
        seconds=round(time.monotonic() - started, 2),
        warnings=notes,
    )
