"""Reads, computes and stores windows at the same time, so that the network need not wait."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from landslip.core.bands import Bands
from landslip.inference.plan import WindowPlan
from landslip.inference.store import NODATA, ProbabilityLevels, WindowStore
from landslip.io.raster import Scene, Stored, Valid
from landslip.models.engines.base import WindowRunner

WindowIndex = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """A window (row, col) that is in the store; skipped where it holds no data.

    ``started_s`` is when the network started with it, on the clock of `time.monotonic`.
    """

    index: WindowIndex
    skipped: bool
    started_s: float
    seconds: float


@dataclass(kw_only=True)
class WindowPipeline:
    """Computes windows of a scene: some threads read ahead, some compute, and one stores.

    No more windows are in memory than ``streams`` and ``readers`` together. Each thread that reads
    opens the scene once; the network is set up while the first windows are being read; the store
    is prepared before the first is written.
    """

    plan: WindowPlan
    bands: Bands
    store: WindowStore
    open_scene: Callable[[], Scene]
    open_runner: Callable[[], WindowRunner]
    prepare_store: Callable[[], None]
    streams: int
    readers: int

    def __post_init__(self) -> None:
        self._room = threading.Condition()
        self._written = 0
        self._stopped = False
        self._local = threading.local()
        self._scenes: list[Scene] = []
        self._results: SimpleQueue[WindowResult | BaseException] = SimpleQueue()
        self._readers = ThreadPoolExecutor(self.readers, "read")
        self._computers = ThreadPoolExecutor(self.streams, "compute")
        self._writer = ThreadPoolExecutor(1, "store")

    def compute(self, todo: Sequence[WindowIndex]) -> Generator[WindowResult]:
        """Compute windows in order; yield each once it is stored. May be called once.

        Work starts at once, not when the first result is asked for. When the iterator is closed,
        or on the first error, what has not started is dropped.
        """
        results = self._collect(len(todo))
        next(results)  # so that closing it stops the threads, whenever that is
        try:
            self._start(todo)
        except BaseException:
            results.close()
            raise
        return results

    def _start(self, todo: Sequence[WindowIndex]) -> None:
        if not todo:
            return
        reads = [self._readers.submit(self._read, n, index) for n, index in enumerate(todo)]
        # in this thread: its other work, imports, would keep the threads from running Python
        runner = self.open_runner()
        self._prepared = self._writer.submit(self.prepare_store)
        for index, read in zip(todo, reads, strict=True):
            self._computers.submit(self._report_errors, self._compute, runner, index, read)

    def _collect(self, count: int) -> Generator[WindowResult]:
        try:
            yield WindowResult(index=(-1, -1), skipped=True, started_s=0.0, seconds=0.0)
            for _ in range(count):
                result = self._results.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            with self._room:
                self._stopped = True
                self._room.notify_all()
            for pool in (self._readers, self._computers, self._writer):
                pool.shutdown(wait=True, cancel_futures=True)
            for scene in self._scenes:
                scene.close()

    def _read(self, number: int, index: WindowIndex) -> tuple[Stored, Valid]:
        """Read a window, once few enough before it are unwritten; their order avoids deadlock."""
        with self._room:
            self._room.wait_for(
                lambda: self._stopped or number < self._written + self.streams + self.readers
            )
            if self._stopped:
                raise InterruptedError
        if not hasattr(self._local, "scene"):
            self._local.scene = self.open_scene()
            self._scenes.append(self._local.scene)
        scene: Scene = self._local.scene
        return scene.read(self.plan.window_at(*index), self.bands)

    def _compute(
        self, runner: WindowRunner, index: WindowIndex, read: "Future[tuple[Stored, Valid]]"
    ) -> None:
        stored, valid = read.result()
        started = time.monotonic()
        skipped = not valid.any()
        if skipped:
            levels: ProbabilityLevels = np.full(valid.shape, NODATA, dtype=np.uint8)
        else:
            levels = runner.run(stored, valid)
            levels[~valid] = NODATA
        seconds = time.monotonic() - started
        result = WindowResult(index=index, skipped=skipped, started_s=started, seconds=seconds)
        self._writer.submit(self._report_errors, self._write, result, levels)

    def _write(self, result: WindowResult, levels: ProbabilityLevels) -> None:
        self._prepared.result()
        self.store.write(result.index, levels)
        with self._room:
            self._written += 1
            self._room.notify_all()
        self._results.put(result)

    def _report_errors(self, work: Callable[..., None], *args: object) -> None:
        """Do a piece of work; its error is raised where the results are taken."""
        try:
            work(*args)
        except BaseException as error:
            self._results.put(error)
