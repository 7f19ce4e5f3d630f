"""What runs on the machines of a cluster; nothing of Ray here."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from landslip import __version__
from landslip.core.choices import EngineName, Precision
from landslip.core.errors import InputError, LandslipError, ModelError
from landslip.inference.cluster.cores import keep_to_cores
from landslip.inference.cluster.scene import SceneJob
from landslip.inference.job import digest_of
from landslip.inference.pipeline import WindowIndex, WindowResult, Windows, compute_windows
from landslip.inference.store import WindowStore
from landslip.io.raster import Scene, bounded_cache
from landslip.models.engines.base import Engine, WindowRunner, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.folder import ModelFolder, open_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all workers have in common.

    Attributes:
        model: folder of the model, absolute.
        model_sha256: of the model's description, which holds the digests of its files.
        engine: that runs it.
        precision: that it runs in.
        code_version: of landslip.
    """

    model: Path
    model_sha256: str
    engine: EngineName
    precision: Precision
    code_version: str

    @classmethod
    def of(cls, model: ModelFolder, engine: Engine) -> "Tools":
        """Return those of an engine opened here."""
        return cls(
            model=model.path.absolute(),
            model_sha256=_digest(model),
            engine=EngineName(engine.name),
            precision=Precision(engine.precision),
            code_version=__version__,
        )


class Worker:
    """Holds a model and the scene it works on.

    What the user can mend is returned and not raised: Ray would wrap it.
    """

    def __init__(self, tools: Tools, cores: int) -> None:
        self._tools = tools
        self._marks = keep_to_cores(cores)
        self._scene: _OpenScene | None = None
        self._ready: tuple[WindowSpec, WindowRunner] | None = None

    def open(self) -> int | Exception:
        """Open the model; return how many windows are computed at once."""
        try:
            self._model = self._opened_model()
            self._engine = open_engine(self._model, self._tools.engine, self._tools.precision)
            self._costs = self._engine.costs()
        except (LandslipError, OSError) as error:
            return error
        return self._costs.streams

    def compute(
        self, job: SceneJob, places: Sequence[WindowIndex]
    ) -> Iterator[WindowResult | Exception]:
        """Compute windows and store them; `began_s` of each is counted from when it is yielded."""
        try:
            scene = self._at(job)
            windows = self._windows(scene)
            set_up = partial(self._runner, job.form, windows.streams)
            with (
                bounded_cache(job.cache_mib),
                closing(compute_windows(windows, places, set_up)) as results,
            ):
                for done in results:
                    yield replace(done, began_s=done.began_s - time.monotonic())
        except (LandslipError, OSError) as error:
            yield error

    def _opened_model(self) -> ModelFolder:
        tools = self._tools
        if __version__ != tools.code_version:
            raise LandslipError(
                f"--ray: a node of the cluster has landslip {__version__} and the command is of "
                f"{tools.code_version}; install the same version on all nodes"
            )
        model = open_model(tools.model)
        if _digest(model) != tools.model_sha256:
            raise ModelError(
                f"{tools.model}: a node of the cluster has another model there; give --model a "
                "folder that all nodes share"
            )
        return model

    def _at(self, job: SceneJob) -> "_OpenScene":
        """Return the scene of a job; the one before is closed."""
        if self._scene is None or self._scene.job != job:
            if self._scene is not None:
                self._scene.close()
            self._scene = None
            self._scene = _OpenScene(job)
        return self._scene

    def _windows(self, scene: "_OpenScene") -> Windows:
        job = scene.job
        return Windows(
            plan=job.plan,
            bands=job.bands,
            open_scene=scene.open,
            store=scene.store,
            begin=lambda: None,
            streams=min(job.streams, self._costs.streams),
            readers=min(job.readers, self._costs.readers),
        )

    def _runner(self, form: WindowSpec, streams: int) -> WindowRunner:
        """Return the network for windows of a form; it is kept for the next ones."""
        if self._ready is None or self._ready[0] != form:
            self._ready = None  # never two in memory
            self._ready = form, self._engine.runner(form, streams)
        return self._ready[1]


class _OpenScene:
    """A scene whose files stay open from one block of windows to the next."""

    def __init__(self, job: SceneJob) -> None:
        self.job = job
        self.store = WindowStore(job.store)
        found = self.store.job()
        if found is None or digest_of(found) != job.digest:
            raise InputError(
                f"{job.store}: a node of the cluster does not find there what the command has "
                "written; give --store a folder that all nodes share, or an address (s3://...)"
            )
        self._idle: list[Scene] = []
        scene = self.open()
        self._idle.append(scene)
        if scene.grid != job.grid:
            raise InputError(
                f"{job.place}: a node of the cluster has another scene there; put it into a folder "
                "that all nodes share, or give its address"
            )

    def open(self) -> Scene:
        """Return the scene opened; closing it keeps it for the next."""
        if self._idle:
            return self._idle.pop()
        return _KeptScene(self.job, self._idle.append)

    def close(self) -> None:
        """Close all."""
        while self._idle:
            Scene.close(self._idle.pop())


class _KeptScene(Scene):
    def __init__(self, job: SceneJob, keep: Callable[[Scene], None]) -> None:
        super().__init__(job.place, job.options)
        self._keep = keep

    def close(self) -> None:
        self._keep(self)


def _digest(model: ModelFolder) -> str:
    return digest_of(model.card.model_dump(mode="json"))
