"""Extracts landslides from a scene: windows in, rasters, polygons and a summary out."""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.crs import AreaMeasure
from landslip.core.files import refuse_existing
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import peak_memory_mb
from landslip.inference.fit import check_scene
from landslip.inference.job import digest_of, refuse_other
from landslip.inference.options import ExtractionOptions
from landslip.inference.pipeline import Done, Place, Windows, compute_windows
from landslip.inference.plan import Plan
from landslip.inference.planned import Extraction, planned
from landslip.inference.result import SUMMARY, Summary, job_written
from landslip.inference.store import WindowStore
from landslip.inference.work import WorkFolder
from landslip.io.raster import Scene, bounded_cache, decoding_threads
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.io.raster.location import Location, place_of
from landslip.models.engines.base import Engine, WindowRunner
from landslip.models.folder import CARD, WEIGHTS, Model

if TYPE_CHECKING:
    from landslip.inference.cluster.scene import SceneJob
    from landslip.inference.finish import Finished, Finisher


def _computed(
    extraction: Extraction,
    store: WindowStore,
    todo: Sequence[Place],
    begin: Callable[[], None],
) -> Generator[Done]:
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
    todo: Sequence[Place],
    begin: Callable[[], None],
) -> Generator[Done]:
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
    model: Model,
    engine: Engine,
    out: Path,
    options: ExtractionOptions,
    *,
    progress: Progress = no_progress,
) -> Summary:
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
        notes = check_scene(scene, model.card, options.min_area_m2)
        extraction = planned(scene, model, engine, options, facts)
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


def _unlike(scene: Scene, model: Model) -> list[str]:
    """Return what tells that the scene is unlike the training data, of models that know theirs."""
    if model.card.look is None:
        return []
    from landslip.models.ood.judge import judge

    found = judge(scene, model)
    return [] if found is None else found.notes()


@dataclass(slots=True)
class _Tally:
    """What the windows of this run took; on a cluster the streams are not counted."""

    streams: int
    kept: int
    done: int = 0
    skipped: int = 0
    computing_s: float = 0.0
    first_s: float | None = None
    last_s: float = 0.0

    def add(self, done: Done) -> None:
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
) -> "tuple[Finished, _Tally]":
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
    tally = _Tally(extraction.request.costs.streams if is_here else 0, int(there.sum()))
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


def _finisher(extraction: Extraction, store: WindowStore, stage: Path) -> "Finisher":
    # what it imports takes a while, in which the network is at work already
    from landslip.inference.finish import Finisher, Kept

    kept = Kept(
        grid=extraction.scene.grid,
        threshold=extraction.threshold,
        min_area_m2=extraction.options.min_area_m2,
    )
    return Finisher(extraction.plan, store, stage, kept)


def _continued(extraction: Extraction, store: WindowStore) -> NDArray[np.bool_] | None:
    """Return which windows are there from an earlier run; None where the store is to be begun.

    Raises:
        InputError: those that are there belong to another extraction.
    """
    found = store.job()
    if found is None:
        return None
    if not extraction.options.overwrite:
        refuse_other(found, extraction.job, store.location)
    return store.finished() if found == extraction.job else None


def _take_rows(finisher: "Finisher", there: NDArray[np.bool_]) -> None:
    while finisher.next_row < len(there) and there[finisher.next_row].all():
        finisher.take_row()


def _pixels_done(plan: Plan, windows: int) -> tuple[float, float]:
    """Return (done, all) in pixels of the scene, as if windows had equal shares of them."""
    area, (rows, cols) = plan.shape[0] * plan.shape[1], plan.count
    return area * windows / (rows * cols), area


def _written(work: WorkFolder, extraction: Extraction) -> Summary | None:
    """Return the summary of a finished run that was killed while it cleaned up, or is to stay."""
    digest = job_written(work.out)
    if digest is None or digest != digest_of(extraction.job):
        return None
    store = _store(work, extraction.options)
    is_left = work.windows.exists() or (extraction.options.store and store.job() is not None)
    if not (is_left or extraction.options.skip_finished):
        return None
    store.clear()
    work.clear()
    return Summary.read(work.out / SUMMARY)


def _summary(
    extraction: Extraction, finished: "Finished", tally: _Tally, notes: list[str], seconds: float
) -> Summary:
    grid, plan, card = extraction.scene.grid, extraction.plan, extraction.model.card
    (height, width), windows = grid.shape, plan.count[0] * plan.count[1]
    measure = AreaMeasure(grid.crs)
    return Summary(
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
        warnings=notes,
        code_version=__version__,
    )
