"""Probabilities of a scene, or of a window of it, held in memory."""

from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.blending import RowBlender
from landslip.inference.job import ExtractionOptions, check_compatibility, plan_extraction
from landslip.inference.plan import WindowPlan
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
    check_compatibility(scene, model.card, 0.0)
    job = plan_extraction(scene, model, engine, ExtractionOptions(), Future())
    plan, bands = job.plan, model.card.bands
    needed = _needed(plan, window)
    runner = engine.runner(job.window_spec)
    blender = RowBlender(plan, first_row=needed[0][0])
    probability = np.full(window.shape, np.nan, dtype=np.float32)
    done, total = 0, sum(len(cols) for _, cols in needed)
    with bounded_cache():
        for row, cols in needed:
            for col in range(plan.count[1]):
                steps = np.full(plan.window, NODATA, dtype=np.uint8)
                if col in cols:
                    stored, valid = scene.read(plan.window_at(row, col), bands)
                    if valid.any():
                        steps = runner.run(stored, valid)
                        steps[~valid] = NODATA
                    done += 1
                    progress(done, total)
                blender.add(steps, col)
            _copy(blender.finish_row(), plan.finished_rows(row), window, probability)
    return probability


def _needed(plan: WindowPlan, window: Window) -> list[tuple[int, range]]:
    """Return rows of windows, and the columns of each, that a part of the scene is blended from."""
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
    return [(row, range(cols[0], cols[-1] + 1)) for row in rows]


def _copy(
    steps: NDArray[np.uint8],
    rows: tuple[int, int],
    window: Window,
    probability: NDArray[np.float32],
) -> None:
    """Copy the part of finished rows (first, end) that is in the window."""
    first, end = max(rows[0], window.row_off), min(rows[1], window.row_end)
    if first >= end:
        return
    part = steps[first - rows[0] : end - rows[0], window.col_off : window.col_end]
    values = part.astype(np.float32) / np.float32(PROBABILITY_LEVELS)
    probability[first - window.row_off : end - window.row_off] = np.where(
        part == NODATA, np.float32(np.nan), values
    )
