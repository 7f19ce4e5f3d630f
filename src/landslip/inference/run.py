"""Extracts landslides from scenes: windows in; rasters, polygons and a summary out."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from landslip import __version__
from landslip.core.errors import InputError, LandslipError, argument
from landslip.core.files import new_parents, refuse_existing
from landslip.core.geometries import AreaMeasure
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import peak_memory_mb
from landslip.inference.job import (
    ExtractionJob,
    ExtractionOptions,
    check_compatibility,
    plan_extraction,
)
from landslip.inference.pipeline import WindowIndex, WindowPipeline, WindowResult
from landslip.inference.plausibility import map_warnings
from landslip.inference.ray.session import AUTO, check_address
from landslip.inference.result import SUMMARY, ExtractionSummary, finished_job_digest
from landslip.inference.store import WindowStore, WorkFolder
from landslip.io.raster import Scene, SceneOptions, bounded_cache, decoding_threads
from landslip.io.raster.location import Location, place_of
from landslip.io.stac import read_item, write_stac_vrt
from landslip.models.engines.base import Engine
from landslip.models.folder import CARD, WEIGHTS, ModelFolder
from landslip.preprocessing.stack.scene import open_stack, sources_of, stack_fingerprint

if TYPE_CHECKING:
    from landslip.inference.postprocessing import MapStatistics
    from landslip.inference.ray.pool import RayWorkerPool

_SCENES_AT_ONCE = 3  # on a cluster: while one is completed, workers compute the next

ExtractionOutcome = ExtractionSummary | LandslipError


@dataclass(frozen=True, slots=True)
class SceneTask:
    """A scene (or a STAC item that describes one), and the folder of its result."""

    location: Location
    out: Path
    is_item: bool = False


def scene_tasks(scenes: list[str], items: list[str], out: Path) -> list[SceneTask]:
    """Return what is extracted: one scene into ``out``, several into subfolders named after them.

    Raises:
        InputError: there is no scene, or two scenes have one name.
    """
    locations = [(Location.of(scene), False) for scene in scenes]
    locations += [(Location.of(item), True) for item in items]
    if not locations:
        raise InputError(f"pass at least one scene, or a STAC item with {argument('stac')}")
    if len(locations) == 1:
        return [SceneTask(locations[0][0], out, locations[0][1])]
    for name, count in Counter(location.stem for location, _ in locations).items():
        if count > 1:
            raise InputError(
                f"{count} scenes are named {name} and their results would share a folder; "
                f"extract them one by one, each with its own {argument('out')}"
            )
    return [SceneTask(location, out / location.stem, is_item) for location, is_item in locations]


def extract_all(
    tasks: list[SceneTask],
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> Generator[tuple[SceneTask, ExtractionOutcome]]:
    """Extract scenes and yield the outcome of each; on a cluster as they are completed.

    Of several scenes, one that fails does not stop the others, and finished ones are skipped.

    Raises:
        LandslipError: there is only one scene and it fails.
    """
    if len(tasks) > 1:
        options = replace(options, skip_finished=True)
    if options.ray is not None:
        check_address(options.ray)
    if len(tasks) > 1 and options.ray is not None:
        yield from _extract_at_once(tasks, model, engine, options, progress)
        return
    for task in tasks:
        try:
            yield task, extract_task(task, model, engine, options, progress=progress)
        except LandslipError as error:
            if len(tasks) == 1:
                raise
            yield task, error


def _extract_at_once(
    tasks: list[SceneTask],
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    progress: Progress,
) -> Generator[tuple[SceneTask, ExtractionOutcome]]:
    from landslip.inference.ray.pool import ray_worker_pool

    lock = threading.Lock()
    started: dict[SceneTask, tuple[float, float]] = {}  # progress of the scenes that have started

    def outcome(task: SceneTask) -> ExtractionOutcome:
        def report(done: float, total: float) -> None:
            with lock:
                started[task] = done, total
                progress(*(sum(column) for column in zip(*started.values(), strict=True)))

        try:
            return extract_task(task, model, engine, options, progress=report, pool=pool)
        except LandslipError as error:
            return error

    with (
        ThreadPoolExecutor(_SCENES_AT_ONCE, "scene") as threads,
        ray_worker_pool(model, engine, options.ray or AUTO, options.workers) as pool,
    ):
        futures = {threads.submit(outcome, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                result = future.result()
                if pool.failure is not None:
                    raise pool.failure
                yield futures[future], result
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def extract_task(
    task: SceneTask,
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
    pool: "RayWorkerPool | None" = None,
) -> ExtractionSummary:
    """Extract a scene, or the one that a STAC item describes.

    Raises:
        LandslipError: see `extract`.
    """
    if not task.is_item:
        return extract(
            task.location, model, engine, task.out, options, progress=progress, pool=pool
        )
    if options.scene != SceneOptions():
        raise InputError(
            f"{task.location}: a STAC item states its bands, units and nodata; omit "
            f"{argument('bands')}, {argument('units')} and {argument('nodata')}, or pass the "
            "scene's file instead of the item"
        )
    work = WorkFolder(task.out)
    item = read_item(task.location)
    with new_parents(work.path):
        try:
            location, scene_options = write_stac_vrt(item, model.card.bands, work.scene_folder())
            options = replace(options, scene=scene_options)
            return extract(location, model, engine, task.out, options, progress=progress, pool=pool)
        except LandslipError as error:  # of a file that the user never sees
            hidden = rf"{re.escape(str(work.path))}/\S+\.vrt"
            error.args = (re.sub(hidden, lambda _: str(task.location), str(error)),)
            raise
        finally:
            work.remove_if_unused()


def extract(  # noqa: PLR0913 - a pool is shared by several scenes
    location: Location | Path | str,
    model: ModelFolder,
    engine: Engine,
    out: Path,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
    pool: "RayWorkerPool | None" = None,
) -> ExtractionSummary:
    """Extract the landslides of a scene into the folder ``out``.

    Memory is bounded, whatever the scene's size. Finished windows are stored in a folder beside
    ``out`` until the result is complete: after a crash or an interruption the same call continues
    from them, and its result is that of an uninterrupted run, byte for byte.

    Args:
        location: of the scene.
        model: to be applied.
        engine: that runs the model.
        out: folder of the result.
        options: how the scene is read and extracted.
        progress: called with pixels (done, total).
        pool: workers that several scenes share; None opens one where ``options.ray`` is set.

    Raises:
        InputError: the scene cannot be read, an option does not fit it, or there is unfinished
            work of another extraction.
        ModelError: the model cannot be used on the scene's bands or values.
        OutputExistsError: ``out`` exists.
    """
    started = time.monotonic()
    work = WorkFolder(out)
    store = WindowStore(options.store_for(work.out) or str(work.windows))
    before = options.sources.before
    sources = options.sources.for_bands(model.card.bands, bears_gaps=model.card.bears_gaps)
    with (
        bounded_cache(),
        open_stack(location, options.scene, sources) as scene,
        ThreadPoolExecutor(2, "side") as side,
    ):
        options = replace(options, sources=sources_of(scene))
        fingerprint = side.submit(stack_fingerprint, scene.path, sources)
        warnings = check_compatibility(scene, model.card, options.min_area_m2, force=options.force)
        job = plan_extraction(scene, model, engine, options, fingerprint)
        warnings += job.tta_warnings
        if before is not None and sources.before is None:
            warnings.append(message("stack.unused"))
        with work.locked():
            if _is_complete(job, work, store):
                store.clear()
                work.clear()
                return ExtractionSummary.read(work.out / SUMMARY)
            refuse_existing(out, overwrite=options.overwrite)
            # pyogrio imports pandas, which takes as long as the network needs for a megapixel
            side.submit(import_module, "landslip.inference.postprocessing")
            if model.card.training_statistics is not None and not options.sources.missing:
                from landslip.models.ood.score import score_scene

                score = score_scene(scene, model)
                warnings += [] if score is None else score.notes()
            stage = work.new_stage()
            statistics, timings = _map_scene(job, store, stage, pool, progress)
            seconds = time.monotonic() - started
            summary = _summary(job, statistics, timings, warnings, seconds)
            summary.write(stage / SUMMARY)
            (stage / CARD).write_text(job.model.card.model_dump_json(indent=2) + "\n")
            work.publish(stage)
            store.clear()
    return summary


def _is_complete(job: ExtractionJob, work: WorkFolder, store: WindowStore) -> bool:
    """Whether the result exists, from a run that was killed while cleaning up, or is kept."""
    digest = finished_job_digest(work.out)
    if digest is None or digest != job.digest:
        return False
    has_windows = work.windows.exists() or (
        job.options.store is not None and store.identity() is not None
    )
    return has_windows or job.options.skip_finished


def _map_scene(
    job: ExtractionJob,
    store: WindowStore,
    stage: Path,
    pool: "RayWorkerPool | None",
    progress: Progress,
) -> "tuple[MapStatistics, _WindowTimings]":
    """Compute the windows that are not finished, and postprocess behind them."""
    plan, options = job.plan, job.options
    identity = store.identity()
    if identity is not None and not options.overwrite:
        job.check_identity(identity, store.location)
    is_new = identity is None or identity != job.identity
    finished = np.zeros(plan.count, dtype=np.bool_) if is_new else store.finished()
    todo = [index for index in plan if not finished[index]]
    windows = _compute(job, store, todo, pool, is_new=is_new)
    timings = _WindowTimings(
        streams=0 if options.ray is not None else job.request.costs.streams,
        resumed=int(finished.sum()),
    )
    with bounded_cache(job.cache_mib), closing(windows):
        from landslip.inference.postprocessing import OutputScale, Postprocessor

        postprocessor = Postprocessor(
            plan,
            store,
            stage,
            grid=job.scene.grid,
            scale=OutputScale(threshold=job.threshold, calibration=job.model.card.level_table),
            min_area=job.min_area,
        )
        with closing(postprocessor):
            postprocessor.process(finished)
            for window in windows:
                timings.add(window)
                finished[window.index] = True
                pixels = plan.shape[0] * plan.shape[1]
                progress(pixels * int(finished.sum()) / finished.size, pixels)
                postprocessor.process(finished)
            return postprocessor.finish(), timings


def _compute(
    job: ExtractionJob,
    store: WindowStore,
    todo: Sequence[WindowIndex],
    pool: "RayWorkerPool | None",
    *,
    is_new: bool,
) -> Generator[WindowResult]:
    """Compute windows into the store, in this process or on a cluster."""

    def prepare_store() -> None:
        if is_new:
            store.create(job.plan, job.identity)

    if job.options.ray is not None:
        return _compute_on_cluster(job, store, todo, pool, prepare_store)
    costs = job.request.costs

    def open_scene() -> Scene:
        with decoding_threads(costs.streams):
            return open_stack(job.scene.path, job.options.scene, job.options.sources)

    pipeline = WindowPipeline(
        plan=job.plan,
        bands=job.model.card.bands,
        store=store,
        open_scene=open_scene,
        open_runner=lambda: job.engine.runner(job.window_spec, costs.streams),
        prepare_store=prepare_store,
        streams=costs.streams,
        readers=costs.readers,
    )
    return pipeline.compute(todo)


def _compute_on_cluster(
    job: ExtractionJob,
    store: WindowStore,
    todo: Sequence[WindowIndex],
    pool: "RayWorkerPool | None",
    prepare_store: Callable[[], None],
) -> Generator[WindowResult]:
    from landslip.inference.ray.pool import ray_worker_pool
    from landslip.inference.ray.worker import SceneJob

    if not todo:
        return
    options = job.options
    with (
        nullcontext(pool)
        if pool is not None
        else ray_worker_pool(job.model, job.engine, options.ray or AUTO, options.workers)
    ) as workers:
        prepare_store()
        yield from workers.compute(SceneJob.of(job, store), todo)


@dataclass(slots=True, kw_only=True)
class _WindowTimings:
    """What the windows of this run took; on a cluster the streams are not counted."""

    streams: int
    resumed: int
    computed: int = 0
    skipped: int = 0
    busy_s: float = 0.0
    first_s: float | None = None
    last_s: float = 0.0

    def add(self, window: WindowResult) -> None:
        self.computed += 1
        if window.skipped:
            self.skipped += 1
            return
        self.busy_s += window.seconds
        started = window.started_s
        self.first_s = started if self.first_s is None else min(self.first_s, started)
        self.last_s = max(self.last_s, started + window.seconds)

    @property
    def busy_fraction(self) -> float | None:
        if self.first_s is None or not self.streams:
            return None
        return self.busy_s / self.streams / max(self.last_s - self.first_s, 1e-9)


def _summary(
    job: ExtractionJob,
    statistics: "MapStatistics",
    timings: _WindowTimings,
    warnings: list[Message],
    seconds: float,
) -> ExtractionSummary:
    grid, plan, card = job.scene.grid, job.plan, job.model.card
    (height, width), windows = grid.shape, plan.count[0] * plan.count[1]
    measure, counts, least = AreaMeasure(grid.crs), statistics.counts, job.min_area
    totals = statistics.polygons
    warnings = warnings + map_warnings(
        counts,
        threshold=job.threshold,
        polygons=totals.landslides,
        polygon_px=totals.area_px,
        least=least,
    )
    return ExtractionSummary(
        scene=job.scene.path.name,
        scene_place=place_of(job.scene.path),
        read_as=job.read_as,
        model=card.name,
        model_weights_sha256=card.files[WEIGHTS],
        calibration=None if card.calibration is None else card.calibration.method,
        bands=list(card.bands),
        crs=None if grid.crs is None else grid.crs.to_string(),
        width=width,
        height=height,
        resolution_m=grid.resolution_m,
        threshold=job.threshold,
        min_area_m2=least.m2,
        min_area_px=None if grid.crs is not None and grid.pixel_area_m2 is None else least.px,
        min_area_is="default" if least.is_default else "stated",
        area_method=measure.method,
        landslides=totals.landslides,
        landslide_area_m2=totals.area_m2,
        landslide_px=counts.landslide_px,
        valid_px=counts.valid_px,
        regions=counts.regions,
        single_px_regions_share=round(counts.single_px_share, 6),
        near_threshold_share=round(counts.near_threshold_share, 6),
        highest_probability=counts.highest,
        engine=job.engine.name,
        precision=job.engine.precision,
        tta=job.engine.tta.value,
        window_px=list(plan.window),
        overlap_px=plan.overlap,
        windows=windows,
        skipped_windows_share=timings.skipped / max(timings.computed, 1),
        kept_windows_share=timings.resumed / windows,
        engine_busy_share=timings.busy_fraction,
        seconds=round(seconds, 2),
        mpix_per_s=round(height * width * timings.computed / windows / 1e6 / seconds, 4),
        memory_peak_mb=peak_memory_mb(),
        job_sha256=job.digest,
        warnings=list(sentences(warnings)),
        messages=warnings,
        code_version=__version__,
    )
