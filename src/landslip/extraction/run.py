"""Extracts landslides from a scene: windows in, rasters, polygons and a summary out."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.engines.base import Engine
from landslip.errors import InputError
from landslip.extraction.blend import RowBlender
from landslip.extraction.plan import Plan, plan_windows
from landslip.extraction.polygons import Landslide, PolygonCollector
from landslip.extraction.result import (
    LANDSLIDES,
    SUMMARY,
    ResultRasters,
    Summary,
    landslide_frame,
    write_landslides,
)
from landslip.grid import AreaMeasure
from landslip.model.card import ModelCard
from landslip.model.folder import WEIGHTS, Model, check_fit, check_values
from landslip.output import refuse_existing, staged_folder
from landslip.progress import Progress, silent
from landslip.raster import Scene, SceneOptions, bounded_cache
from landslip.window import Window

_RESOLUTION_RATIO = 1.5
_SAMPLES_PER_AXIS, _SAMPLE_PX = 8, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionOptions:
    """How a scene is read and what is kept.

    Attributes:
        threshold: probability from which a pixel is landslide; None takes the model's.
        min_area_m2: landslides smaller than this are left out of the polygons (not of the mask).
    """

    scene: SceneOptions = field(default_factory=SceneOptions)
    tile: int = 512
    overlap: int = 128
    threshold: float | None = None
    min_area_m2: float = 0.0
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(f"--threshold is over 0 and at most 1; got {self.threshold}")
        if not self.min_area_m2 >= 0:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")


@dataclass(slots=True)
class _Sums:
    landslide_px: int = 0
    valid_px: int = 0
    windows: int = 0
    skipped: int = 0


def extract(
    scene_path: Path,
    model: Model,
    engine: Engine,
    out: Path,
    options: ExtractionOptions,
    *,
    progress: Progress = silent,
) -> Summary:
    """Map the landslides of a scene into the folder ``out``.

    Memory holds one row of windows, whatever the scene's height.

    Raises:
        InputError: the scene cannot be read, or an option does not fit it.
        ModelError: the scene's bands or values are not the model's.
        OutputExistsError: ``out`` is there already.
    """
    started = time.monotonic()
    refuse_existing(out, overwrite=options.overwrite)
    with bounded_cache(), Scene(scene_path, options.scene) as scene:
        notes = check_scene(scene, model.card, options)
        plan = plan_windows(
            scene.grid.shape,
            tile=options.tile,
            overlap=options.overlap,
            multiple=model.card.input.multiple,
        )
        job = _Job(scene, model, engine, plan, options)
        with staged_folder(out, overwrite=options.overwrite) as stage:
            landslides, sums = _run(job, stage, progress)
            frame = landslide_frame(landslides, scene.grid, options.min_area_m2)
            write_landslides(frame, stage / LANDSLIDES)
            summary = _summary(job, frame, sums, notes, time.monotonic() - started)
            summary.write(stage / SUMMARY)
    return summary


def check_scene(scene: Scene, card: ModelCard, options: ExtractionOptions) -> list[str]:
    """Refuse a scene that does not fit a model; return what is merely worth a warning.

    Raises:
        ModelError: bands, units or values are not the model's.
        InputError: areas are asked for and the scene has no coordinate system.
    """
    name = str(scene.path)
    check_fit(card, scene.bands, scene.radiometry, name)
    check_values(card, sample_values(scene, card), name)
    if scene.grid.crs is None and options.min_area_m2 > 0:
        raise InputError(
            f"{name}: --min-area is in square metres and the scene has no coordinate system; "
            "leave the option out, or georeference the scene"
        )
    notes = []
    if scene.grid.crs is None:
        notes.append("the scene has no coordinate system: areas are in pixels only")
    trained, found = card.input.resolution_m, scene.grid.resolution_m
    if trained and found and not 1 / _RESOLUTION_RATIO < found / trained < _RESOLUTION_RATIO:
        notes.append(
            f"the scene has {found:.3g} m pixels and the model was trained on {trained:.3g} m: "
            "landslides of another size in pixels are found less well"
        )
    return notes


def sample_values(scene: Scene, card: ModelCard) -> NDArray[np.float32]:
    """Return valid values (bands, n) of small windows spread over the scene, in its units."""
    height, width = scene.grid.shape
    spread = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    found = []
    for row in spread * height:
        for col in spread * width:
            window = Window(int(col), int(row), _SAMPLE_PX, _SAMPLE_PX)
            stored, valid = scene.read(window, card.bands)
            found.append(scene.radiometry.values(stored[:, valid]))
    return np.concatenate(found, axis=1)


class _Job:
    """One scene with all that is needed to predict a window of it."""

    def __init__(
        self, scene: Scene, model: Model, engine: Engine, plan: Plan, options: ExtractionOptions
    ) -> None:
        card = model.card
        self.scene = scene
        self.model = model
        self.engine = engine
        self.plan = plan
        self.min_area_m2 = options.min_area_m2
        self.threshold = card.threshold if options.threshold is None else options.threshold
        self._normalisation = card.normalisation_of(scene.radiometry)

    def predict(self, window: Window) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_]]:
        """Return a window's probability, None where no pixel is valid, and its valid mask."""
        stored, valid = self.scene.read(window, self.model.card.bands)
        if not valid.any():
            return None, valid
        batch = self._normalisation.apply(stored, valid)[np.newaxis]
        return self.engine.predict(batch)[0], valid


def _run(job: _Job, stage: Path, progress: Progress) -> tuple[list[Landslide], _Sums]:
    """Go down the scene row by row; write the rasters and return the landslides."""
    blender, collector, sums = RowBlender(job.plan), PolygonCollector(), _Sums()
    rasters = ResultRasters(stage, job.scene.grid)
    try:
        for row_off in job.plan.row_offs:
            valid = _predict_row(job, row_off, blender, sums, progress)
            probability = blender.finish_row()
            first, end = job.plan.finished_rows(row_off)
            inside = valid[first - row_off : end - row_off]
            found = (probability >= job.threshold) & inside
            window = Window(0, first, job.plan.shape[1], end - first)
            rasters.write(probability, found, inside, window)
            collector.add(found, probability)
            sums.landslide_px += int(np.count_nonzero(found))
            sums.valid_px += int(np.count_nonzero(inside))
        rasters.finish()
    finally:
        rasters.close()
    return collector.finish(), sums


def _predict_row(
    job: _Job, row_off: int, blender: RowBlender, sums: _Sums, progress: Progress
) -> NDArray[np.bool_]:
    """Predict a row of windows into the blender; return the row's valid mask (tile, width)."""
    plan = job.plan
    row_valid = np.zeros((plan.tile, plan.shape[1]), dtype=np.bool_)
    whole = Window(0, row_off, plan.shape[1], plan.tile)
    area = plan.shape[0] * plan.shape[1]
    windows = len(plan.row_offs) * len(plan.col_offs)
    for window in plan.row_windows(row_off):
        probability, valid = job.predict(window)
        start, end = max(window.col_off, 0), min(window.col_end, whole.width)
        row_valid[:, start:end] = valid[:, start - window.col_off : end - window.col_off]
        if probability is None:
            sums.skipped += 1
        else:
            blender.add(probability, window)
        sums.windows += 1
        progress(area * sums.windows / windows, area)
    return row_valid


def _summary(
    job: _Job, frame: geopandas.GeoDataFrame, sums: _Sums, notes: list[str], seconds: float
) -> Summary:
    grid, plan = job.scene.grid, job.plan
    height, width = grid.shape
    return Summary(
        scene=job.scene.path.name,
        model=job.model.card.name,
        model_weights_sha256=job.model.card.files[WEIGHTS],
        bands=list(job.model.card.bands),
        crs=None if grid.crs is None else grid.crs.to_string(),
        width=width,
        height=height,
        resolution_m=grid.resolution_m,
        threshold=job.threshold,
        min_area_m2=job.min_area_m2,
        area_method=AreaMeasure(grid.crs).method,
        landslides=len(frame),
        landslide_area_m2=None if grid.crs is None else float(frame.area_m2.sum()),
        landslide_px=sums.landslide_px,
        valid_px=sums.valid_px,
        engine=job.engine.name,
        precision=job.engine.precision,
        tile=plan.tile,
        overlap=plan.overlap,
        skipped_windows_share=sums.skipped / sums.windows,
        seconds=round(seconds, 2),
        mpix_per_s=round(height * width / 1e6 / seconds, 4),
        warnings=notes,
        code_version=__version__,
    )
