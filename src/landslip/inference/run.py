"""Extracts landslides from a scene: windows in, rasters, polygons and a summary out."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError, LandslipError
from landslip.core.files import refuse_existing
from landslip.core.messages import Message
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import peak_memory_mb
from landslip.inference.cluster.session import AUTO, check_address
from landslip.inference.job import (
    Extraction,
    ExtractionOptions,
    check_compatibility,
    check_same_job,
    digest_of,
    plan_extraction,
)
from landslip.inference.pipeline import WindowIndex, WindowResult, Windows, compute_windows
from landslip.inference.plan import WindowPlan
from landslip.inference.result import SUMMARY, ExtractionSummary, finished_job_digest
from landslip.inference.store import WindowStore, WorkFolder
from landslip.io.raster import Scene, SceneOptions, bounded_cache, decoding_threads
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.io.raster.location import Location, place_of
from landslip.io.stac import read_item, write_stac_vrt
from landslip.models.engines.base import Engine, WindowRunner
from landslip.models.folder import CARD, WEIGHTS, ModelFolder

if TYPE_CHECKING:
    from landslip.inference.cluster.scene import SceneJob
    from landslip.inference.postprocessing import MapStatistics, Postprocessor


def _computed(
    extraction: Extraction,
    store: WindowStore,
    todo: Sequence[WindowIndex],
    begin: Callable[[], None],
) -> Generator[WindowResult]:
    """Compute windows, in this process or on a cluster."""
    if extraction.options.ray is not None:
        return _computed_on_cluster(extraction, store, todo, begin)
    costs = extraction.request.costs

    def set_up() -> WindowRunner:
        return extraction.engine.runner(extraction.form, costs.streams)

    def open_scene() -> Scene:
        with decoding_threads(costs.streams):
            return Scene(extraction.scene.path, extraction.options.scene)

    windows = Windows(
        plan=extraction.plan,
        bands=extraction.model.card.bands,
        open_scene=open_scene,
        store=store,
        begin=begin,
        streams=costs.streams,
        readers=costs.readers,
    )
    return compute_windows(windows, todo, set_up)


def _computed_on_cluster(
    extraction: Extraction,
    store: WindowStore,
    todo: Sequence[WindowIndex],
    begin: Callable[[], None],
) -> Generator[WindowResult]:
    from landslip.inference.cluster.engine import on_cluster
    from landslip.inference.cluster.session import AUTO

    if not todo:
        return
    address, workers = extraction.options.ray or AUTO, extraction.options.workers
    with on_cluster(extraction.model, extraction.engine, address, workers) as cluster:
        begin()
        yield from cluster.pool.computed(_scene_job(extraction, store), todo)


def _scene_job(extraction: Extraction, store: WindowStore) -> "SceneJob":
    from landslip.inference.cluster.scene import SceneJob

    request, place = extraction.request, extraction.scene.path
    return SceneJob(
        place=place if place.path is None else Location.of(place.path.absolute()),
        options=extraction.options.scene,
        grid=extraction.scene.grid,
        bands=extraction.model.card.bands,
        form=extraction.form,
        plan=extraction.plan,
        store=store.location,
        digest=digest_of(extraction.job),
        cache_mib=request.storage.cache_bytes(extraction.plan) // 2**20,
        streams=request.costs.streams,
        readers=request.costs.readers,
    )


def extract(
    place: Location | Path | str,
    model: ModelFolder,
    engine: Engine,
    out: Path,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> ExtractionSummary:
    """Map the landslides of a scene into the folder ``out``.

    Memory is bounded, whatever the scene's size. Finished windows lie in a folder beside ``out``
    until all is done: after a crash or an interruption the same call goes on from there, and what
    comes out is what an uninterrupted run gives, byte for byte.

    Raises:
        InputError: the scene cannot be read, an option does not fit it, or what lies unfinished is
            another extraction.
        ModelError: the scene's bands or values are not the model's.
        OutputExistsError: ``out`` is there already.
    """
    started = time.monotonic()
    work = WorkFolder(out)
    with (
        bounded_cache(),
        Scene(place, options.scene) as scene,
        ThreadPoolExecutor(1, "digest") as side,
    ):
        facts = side.submit(scene_fingerprint, scene.path)
        notes = check_compatibility(scene, model.card, options.min_area_m2)
        extraction = plan_extraction(scene, model, engine, options, facts)
        with work.alone():
            written = _written(work, extraction)
            if written is not None:
                return written
            refuse_existing(out, overwrite=options.overwrite)
            notes += _unlike(scene, model)
            stage = work.fresh_stage()
            finished, tally = _run(extraction, work, stage, progress)
            summary = _summary(extraction, finished, tally, notes, time.monotonic() - started)
            summary.write(stage / SUMMARY)
            (stage / CARD).write_text(model.card.model_dump_json(indent=2) + "\n")
            work.finish(stage)
            _store(work, options).clear()
    return summary


def _unlike(scene: Scene, model: ModelFolder) -> list[Message]:
    """Return what tells that the scene is unlike the training data, of models that know theirs."""
    if model.card.training_statistics is None:
        return []
    from landslip.models.ood.score import score_scene

    found = score_scene(scene, model)
    return [] if found is None else found.notes()


@dataclass(slots=True)
class _WindowStatistics:
    """What the windows of this run took; on a cluster the streams are not counted."""

    streams: int
    kept: int
    done: int = 0
    skipped: int = 0
    computing_s: float = 0.0
    first_s: float | None = None
    last_s: float = 0.0

    def add(self, done: WindowResult) -> None:
        self.done += 1
        if done.skipped:
            self.skipped += 1
            return
        self.computing_s += done.seconds
        self.first_s = done.began_s if self.first_s is None else min(self.first_s, done.began_s)
        self.last_s = max(self.last_s, done.began_s + done.seconds)

    @property
    def busy_share(self) -> float | None:
        if self.first_s is None or not self.streams:
            return None
        return self.computing_s / self.streams / max(self.last_s - self.first_s, 1e-9)


def _run(
    extraction: Extraction, work: WorkFolder, stage: Path, progress: Progress
) -> "tuple[MapStatistics, _WindowStatistics]":
    """Compute the windows that are not there yet, and finish behind them."""
    plan = extraction.plan
    store = _store(work, extraction.options)
    there = _continued(extraction, store)
    is_new = there is None
    if there is None:
        there = np.zeros(plan.count, dtype=np.bool_)

    def begin() -> None:
        if is_new:
            store.begin(plan, extraction.job)

    todo = [place for place in plan if not there[place]]
    is_here = extraction.options.ray is None
    tally = _WindowStatistics(extraction.request.costs.streams if is_here else 0, int(there.sum()))
    cache_mib = extraction.request.storage.cache_bytes(plan) // 2**20
    with (
        bounded_cache(cache_mib),
        closing(_computed(extraction, store, todo, begin)) as results,
        closing(_finisher(extraction, store, stage)) as finisher,
    ):
        _take_rows(finisher, there)
        for done in results:
            tally.add(done)
            there[done.place] = True
            progress(*_pixels_done(plan, int(there.sum())))
            _take_rows(finisher, there)
        return finisher.finish(), tally


def _store(work: WorkFolder, options: ExtractionOptions) -> WindowStore:
    return WindowStore(options.store_for(work.out) or str(work.windows))


def _finisher(extraction: Extraction, store: WindowStore, stage: Path) -> "Postprocessor":
    # what it imports takes a while, in which the network is at work already
    from landslip.inference.postprocessing import PolygonCriteria, Postprocessor

    kept = PolygonCriteria(
        grid=extraction.scene.grid,
        threshold=extraction.threshold,
        min_area_m2=extraction.options.min_area_m2,
    )
    return Postprocessor(extraction.plan, store, stage, kept)


def _continued(extraction: Extraction, store: WindowStore) -> NDArray[np.bool_] | None:
    """Return which windows are there from an earlier run; None where the store is to be begun.

    Raises:
        InputError: those that are there belong to another extraction.
    """
    found = store.job()
    if found is None:
        return None
    if not extraction.options.overwrite:
        check_same_job(found, extraction.job, store.location)
    return store.finished() if found == extraction.job else None


def _take_rows(finisher: "Postprocessor", there: NDArray[np.bool_]) -> None:
    while finisher.next_row < len(there) and there[finisher.next_row].all():
        finisher.take_row()


def _pixels_done(plan: WindowPlan, windows: int) -> tuple[float, float]:
    """Return (done, all) in pixels of the scene, as if windows had equal shares of them."""
    area, (rows, cols) = plan.shape[0] * plan.shape[1], plan.count
    return area * windows / (rows * cols), area


def _written(work: WorkFolder, extraction: Extraction) -> ExtractionSummary | None:
    """Return the summary of a finished run that was killed while it cleaned up, or is to stay."""
    digest = finished_job_digest(work.out)
    if digest is None or digest != digest_of(extraction.job):
        return None
    store = _store(work, extraction.options)
    is_left = work.windows.exists() or (extraction.options.store and store.job() is not None)
    if not (is_left or extraction.options.skip_finished):
        return None
    store.clear()
    work.clear()
    return ExtractionSummary.read(work.out / SUMMARY)


def _summary(
    extraction: Extraction,
    finished: "MapStatistics",
    tally: _WindowStatistics,
    notes: list[Message],
    seconds: float,
) -> ExtractionSummary:
    grid, plan, card = extraction.scene.grid, extraction.plan, extraction.model.card
    (height, width), windows = grid.shape, plan.count[0] * plan.count[1]
    measure = AreaMeasure(grid.crs)
    return ExtractionSummary(
        scene=extraction.scene.path.name,
        scene_place=place_of(extraction.scene.path),
        read_as=extraction.options.scene.as_dict(),
        model=card.name,
        model_weights_sha256=card.files[WEIGHTS],
        calibration=None if card.calibration is None else card.calibration.method,
        bands=list(card.bands),
        crs=None if grid.crs is None else grid.crs.to_string(),
        width=width,
        height=height,
        resolution_m=grid.resolution_m,
        threshold=extraction.threshold,
        min_area_m2=extraction.options.min_area_m2,
        area_method=measure.method,
        landslides=finished.landslides.landslides,
        landslide_area_m2=finished.landslides.area_m2,
        landslide_px=finished.landslide_px,
        valid_px=finished.valid_px,
        engine=extraction.engine.name,
        precision=extraction.engine.precision,
        window_px=list(plan.window),
        overlap_px=plan.overlap,
        windows=windows,
        skipped_windows_share=tally.skipped / max(tally.done, 1),
        kept_windows_share=tally.kept / windows,
        engine_busy_share=tally.busy_share,
        seconds=round(seconds, 2),
        mpix_per_s=round(height * width * tally.done / windows / 1e6 / seconds, 4),
        memory_peak_mb=peak_memory_mb(),
        job_sha256=digest_of(extraction.job),
        warnings=[note.text() for note in notes],
        messages=notes,
        code_version=__version__,
    )


_AT_ONCE = 3  # on a cluster: while one is finished, workers are at the next

ExtractionOutcome = ExtractionSummary | LandslipError


@dataclass(frozen=True, slots=True)
class SceneTask:
    """A scene (or a STAC item that describes one), and the folder its result goes to."""

    place: Location
    out: Path
    is_item: bool = False


def scene_tasks(scenes: list[str], items: list[str], out: Path) -> list[SceneTask]:
    """Return what is to be extracted, and whereto: one scene into ``out``, several into folders.

    Folders are named after the scenes' files.

    Raises:
        InputError: there is no scene, or two would go to one folder.
    """
    places = [(Location.of(scene), False) for scene in scenes]
    places += [(Location.of(item), True) for item in items]
    if not places:
        raise InputError("give at least one scene, or a STAC item with --stac")
    if len(places) == 1:
        return [SceneTask(places[0][0], out, places[0][1])]
    for name, times in Counter(place.stem for place, _ in places).items():
        if times > 1:
            raise InputError(
                f"{times} scenes are called {name} and their results would go to one folder; "
                "map them with a --out each"
            )
    return [SceneTask(place, out / place.stem, is_item) for place, is_item in places]


def extract_all(
    orders: list[SceneTask],
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> Generator[tuple[SceneTask, ExtractionOutcome]]:
    """Extract scenes and yield what became of each, on a cluster in the order they are done.

    Of several scenes, one that cannot be mapped does not stop the others, and those that are
    finished already are not done again.

    Raises:
        LandslipError: there is only one scene and it cannot be mapped.
    """
    if len(orders) > 1:
        options = replace(options, skip_finished=True)
    if options.ray is not None:
        check_address(options.ray)
    if len(orders) > 1 and options.ray is not None:
        yield from _at_once(orders, model, engine, options, progress)
        return
    for order in orders:
        try:
            yield order, extract_task(order, model, engine, options, progress=progress)
        except LandslipError as error:
            if len(orders) == 1:
                raise
            yield order, error


def _at_once(
    orders: list[SceneTask],
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    shown: Progress,
) -> Generator[tuple[SceneTask, ExtractionOutcome]]:
    from landslip.inference.cluster.engine import on_cluster

    together = _CombinedProgress(shown)

    def outcome(order: SceneTask) -> ExtractionOutcome:
        try:
            return extract_task(order, model, cluster, options, progress=together.part())
        except LandslipError as error:
            return error

    with (
        ThreadPoolExecutor(_AT_ONCE, "scene") as threads,
        on_cluster(model, engine, options.ray or AUTO, options.workers) as cluster,
    ):
        begun = {threads.submit(outcome, order): order for order in orders}
        try:
            for future in as_completed(begun):
                found = future.result()
                if cluster.pool.failure is not None:
                    raise cluster.pool.failure
                yield begun[future], found
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


class _CombinedProgress:
    """Progress of several scenes as one; of those that have been begun."""

    def __init__(self, shown: Progress) -> None:
        self._shown, self._lock = shown, threading.Lock()
        self._parts: list[tuple[float, float]] = []

    def part(self) -> Progress:
        """Return the progress of one scene."""
        with self._lock:
            at = len(self._parts)
            self._parts.append((0.0, 0.0))

        def report(done: float, total: float) -> None:
            with self._lock:
                self._parts[at] = done, total
                self._shown(*(sum(column) for column in zip(*self._parts, strict=True)))

        return report


def extract_task(
    order: SceneTask,
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> ExtractionSummary:
    """Extract a scene, or what a STAC item describes.

    Raises:
        LandslipError: it cannot be mapped.
    """
    if not order.is_item:
        return extract(order.place, model, engine, order.out, options, progress=progress)
    if options.scene != SceneOptions():
        raise InputError(
            f"{order.place}: a STAC item tells its bands, units and nodata; leave --bands, --units "
            "and --nodata out, or name the scene's file instead of the item"
        )
    work = WorkFolder(order.out)
    item = read_item(order.place)
    place, told = write_stac_vrt(item, model.card.bands, work.folder_for_scene())
    try:
        told_options = replace(options, scene=told)
        return extract(place, model, engine, order.out, told_options, progress=progress)
    finally:
        work.tidy()
