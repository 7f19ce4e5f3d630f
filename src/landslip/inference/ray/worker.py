"""Computes blocks of windows in a process of a cluster; nothing of Ray is used here."""

import fcntl
import os
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from landslip import __version__
from landslip.core.bands import Bands
from landslip.core.choices import EngineName, Precision, Tta
from landslip.core.errors import InputError, LandslipError, ModelError, argument
from landslip.core.grid import Grid
from landslip.inference.job import ExtractionJob, json_digest
from landslip.inference.pipeline import WindowIndex, WindowPipeline, WindowResult
from landslip.inference.plan import WindowPlan
from landslip.inference.store import WindowStore
from landslip.io.raster import Scene, SceneOptions, bounded_cache
from landslip.io.raster.location import Location
from landslip.models.engines.base import Engine, WindowRunner, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.folder import ModelFolder, open_model
from landslip.preprocessing.stack.scene import StackSources, open_stack


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """What all workers have in common; ``model`` and its digest are checked on each machine."""

    model: Path
    model_sha256: str
    engine: EngineName
    precision: Precision
    tta: Tta
    code_version: str
    cores: int = 1

    @classmethod
    def of(cls, model: ModelFolder, engine: Engine) -> "WorkerSpec":
        """Return the specification of workers like an engine that is open here."""
        return cls(
            model=model.path.absolute(),
            model_sha256=_card_digest(model, engine.tta),
            engine=EngineName(engine.name),
            precision=Precision(engine.precision),
            tta=engine.tta,
            code_version=__version__,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneJob:
    """What a worker needs to know of a scene; location and store are absolute."""

    location: Location
    options: SceneOptions
    sources: StackSources
    grid: Grid
    bands: Bands
    window_spec: WindowSpec
    plan: WindowPlan
    store: str
    digest: str
    cache_mib: int
    streams: int
    readers: int

    @classmethod
    def of(cls, job: ExtractionJob, store: WindowStore) -> "SceneJob":
        """Return what workers need to know of an extraction."""
        location, costs = job.scene.path, job.request.costs
        return cls(
            location=location if location.path is None else Location.of(location.path.absolute()),
            options=job.options.scene,
            sources=job.options.sources.absolute(),
            grid=job.scene.grid,
            bands=job.model.card.bands,
            window_spec=job.window_spec,
            plan=job.plan,
            store=store.location,
            digest=job.digest,
            cache_mib=job.cache_mib,
            streams=costs.streams,
            readers=costs.readers,
        )


def open_worker(spec: WorkerSpec) -> int:
    """Open the model in this process; return the windows that are computed at once.

    Raises:
        LandslipError: this machine has another version of landslip, or another model.
    """
    return _worker_of_process(spec).costs.streams


def compute_block(
    spec: WorkerSpec, job: SceneJob, windows: Sequence[WindowIndex]
) -> list[WindowResult]:
    """Compute windows and store them. Doing it twice does no harm.

    Raises:
        LandslipError: the model, the scene or the store are not those of the command.
    """
    return _worker_of_process(spec).compute(job, windows)


_worker: "_Worker | None" = None  # a process of a cluster computes one block after another


def _worker_of_process(spec: WorkerSpec) -> "_Worker":
    global _worker  # noqa: PLW0603
    if _worker is None or _worker.spec != spec:
        if _worker is not None:
            for lock in _worker.core_locks:
                lock.close()
            os.sched_setaffinity(0, _worker.all_cores)
        _worker = None  # never two models in memory
        _worker = _Worker(spec)
    return _worker


class _Worker:
    """An open model, and the network set up for the windows of the last scene."""

    def __init__(self, spec: WorkerSpec) -> None:
        if __version__ != spec.code_version:
            raise LandslipError(
                f"{argument('ray')}: a node of the cluster has landslip {__version__} and this "
                f"command is version {spec.code_version}; install the same version on all nodes"
            )
        self.spec = spec
        self.all_cores = os.sched_getaffinity(0)
        self.core_locks = reserve_cores(spec.cores)
        model = open_model(spec.model)
        if _card_digest(model, spec.tta) != spec.model_sha256:
            raise ModelError(
                f"{spec.model}: a node of the cluster has another model there; pass "
                f"{argument('model')} a folder that all nodes share"
            )
        self._engine = open_engine(model, spec.engine, spec.precision, spec.tta)
        self.costs = self._engine.costs()
        self._runner: tuple[WindowSpec, WindowRunner] | None = None

    def compute(self, job: SceneJob, windows: Sequence[WindowIndex]) -> list[WindowResult]:
        store = WindowStore(job.store)
        identity = store.identity()
        if identity is None or json_digest(identity) != job.digest:
            raise InputError(
                f"{job.store}: a node of the cluster does not find the windows of this extraction "
                f"there; pass {argument('store')} a folder that all nodes share, or an address "
                "(s3://...)"
            )

        def open_scene() -> Scene:
            scene = open_stack(job.location, job.options, job.sources)
            if scene.grid == job.grid:
                return scene
            scene.close()
            raise InputError(
                f"{job.location}: a node of the cluster has another scene there; move it into a "
                "folder that all nodes share, or pass its address"
            )

        streams = min(job.streams, self.costs.streams)

        def open_runner() -> WindowRunner:
            if self._runner is None or self._runner[0] != job.window_spec:
                self._runner = None  # never two in memory
                self._runner = job.window_spec, self._engine.runner(job.window_spec, streams)
            return self._runner[1]

        pipeline = WindowPipeline(
            plan=job.plan,
            bands=job.bands,
            store=store,
            open_scene=open_scene,
            open_runner=open_runner,
            prepare_store=lambda: None,
            streams=streams,
            readers=min(job.readers, self.costs.readers),
        )
        with bounded_cache(job.cache_mib), closing(pipeline.compute(windows)) as results:
            return list(results)


def _card_digest(model: ModelFolder, tta: Tta) -> str:
    """Return the sha256 of a model's card as it is applied with a test-time augmentation."""
    return json_digest(model.card.with_tta(tta).model_dump(mode="json"))


def reserve_cores(count: int, folder: Path | None = None) -> list[TextIOWrapper]:
    """Bind this thread, and those it starts, to cores that no other worker is bound to.

    Engines take every core they see, and Ray does not bind its workers. Where too few cores are
    free, those of others fill up the count. The folder holds a lock file for each core.

    Returns:
        The locks; cores are reserved while they are open, and freed when the process dies.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if count >= len(allowed):
        return []
    folder = folder or Path(tempfile.gettempdir()) / f"landslip-cores-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    locks: dict[int, TextIOWrapper] = {}
    for core in allowed:
        if len(locks) == count:
            break
        lock = (folder / str(core)).open("w")
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locks[core] = lock
            continue
        lock.close()
    others = [core for core in allowed if core not in locks]
    os.sched_setaffinity(0, [*locks, *others[: count - len(locks)]])
    return list(locks.values())
