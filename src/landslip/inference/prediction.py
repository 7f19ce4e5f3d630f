"""Probabilities of a scene, or of a window of it, held in memory."""

import warnings
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.blending import RowBlender
from landslip.inference.job import ExtractionOptions, check_compatibility, plan_extraction
from landslip.inference.store import NODATA
from landslip.io.raster import Scene, bounded_cache
from landslip.models.engines.base import PROBABILITY_LEVELS, Engine
from landslip.models.folder import ModelFolder


def predict_window(
    scene: Scene,
    model: ModelFolder,
    engine: Engine,
    window: Window | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
) -> NDArray[np.float32]:
    """Return the probability of landslide (height, width) float32; NaN where there is no data.

    The windows that the network sees are those of an extraction of the whole scene, so that a part
    of a scene has the numbers that ``probability.tif`` has there.

    Raises:
        InputError: the window reaches outside the scene.
        ModelError: the scene's bands, units or values do not fit the model.
    """
    whole = scene.grid.window
    window = window or whole
    if window.clipped(scene.grid.shape) != window:
        raise InputError(
            f"{scene.path}: {argument('window')} is inside the scene of {whole.width} x "
            f"{whole.height} px; got {window}"
        )
    for note in check_compatibility(scene, model.card, 0.0, force=force):
        warnings.warn(note.text(), LandslipWarning, stacklevel=2)
    job = plan_extraction(scene, model, engine, ExtractionOptions(), Future())
    plan, bands = job.plan, model.card.bands
    height, width = plan.window
    rows = [
        row
        for row, start in enumerate(plan.row_offs)
        if start < window.row_end and start + height > window.row_off
    ]
    cols = [
        col
        for col, start in enumerate(plan.col_offs)
        if start < window.col_end and start + width > window.col_off
    ]
    runner, calibration = engine.runner(job.window_spec), job.model.card.level_table
    blender = RowBlender(plan, first_row=rows[0])
    probability = np.full(window.shape, np.nan, dtype=np.float32)
    done = 0
    with bounded_cache():
        for row in rows:
            for col in range(plan.count[1]):
                steps = np.full(plan.window, NODATA, dtype=np.uint8)
                if col in cols:
                    stored, valid = scene.read(plan.window_at(row, col), bands)
                    if valid.any():
                        steps = runner.run(stored, valid)
                        steps[~valid] = NODATA
                    done += 1
                    progress(done, len(rows) * len(cols))
                blender.add(steps, col)
            finished, (start, end) = blender.finish_row(), plan.finished_rows(row)
            first, end = max(start, window.row_off), min(end, window.row_end)
            part = finished[first - start : end - start, window.col_off : window.col_end]
            if calibration is not None:
                part = calibration[part]
            values = part.astype(np.float32) / np.float32(PROBABILITY_LEVELS)
            values[part == NODATA] = np.nan
            probability[first - window.row_off :][: len(values)] = values
    return probability
