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
class Windows:
    """Windows of a scene, and where their probabilities go.

    Attributes:
        plan: of the scene.
        bands: those the network takes.
        open_scene: called once by each thread that reads.
        store: finished windows.
        begin: makes the store ready; what is first called of it.
        streams: how many windows are computed at once.
        readers: how many are read at once.
    """

    plan: WindowPlan
    bands: Bands
    open_scene: Callable[[], Scene]
    store: WindowStore
    begin: Callable[[], None]
    streams: int
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """A window that is in the store.

    Attributes:
        place: (row, col) in the plan.
        skipped: whether it held nothing to compute.
        began_s: when the network began with it, on the clock of `time.monotonic`.
        seconds: how long the network was at it.
    """

    place: WindowIndex
    skipped: bool
    began_s: float
    seconds: float


def compute_windows(
    windows: Windows, todo: Sequence[WindowIndex], set_up: Callable[[], WindowRunner]
) -> Generator[WindowResult]:
    """Compute windows in their order and store them; yield each once it is stored.

    Work begins at once, not when the first result is asked for.

    A thread for each stream computes, others read ahead, and one stores. No more windows are in
    memory than there are streams and readers. When the iterator is closed, or on the first error,
    what has not begun is dropped.

    Args:
        windows: of the scene.
        todo: (row, col) of those to be computed.
        set_up: makes the network ready, while the first windows are being read.
    """
    line = _Line(windows)
    results = line.results(len(todo))
    next(results)  # so that closing it stops the threads, whenever that is
    try:
        line.begin(todo, set_up)
    except BaseException:
        results.close()
        raise
    return results


_NOTHING = WindowResult(place=(-1, -1), skipped=True, began_s=0.0, seconds=0.0)


class _Line:
    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._most = windows.streams + windows.readers
        self._room = threading.Condition()
        self._stored = 0
        self._stopped = False
        self._own = threading.local()
        self._scenes: list[Scene] = []
        self._done: SimpleQueue[WindowResult | BaseException] = SimpleQueue()
        self._readers = ThreadPoolExecutor(windows.readers, "read")
        self._computers = ThreadPoolExecutor(windows.streams, "compute")
        self._writer = ThreadPoolExecutor(1, "store")

    def begin(self, todo: Sequence[WindowIndex], set_up: Callable[[], WindowRunner]) -> None:
        if not todo:
            return
        reads = [
            self._readers.submit(self._read, number, place) for number, place in enumerate(todo)
        ]
        # in this thread: what it would do meanwhile, imports, keeps others from running Python
        runner = set_up()
        self._begun = self._writer.submit(self._windows.begin)
        for place, read in zip(todo, reads, strict=True):
            self._computers.submit(self._reported, self._compute, runner, place, read)

    def results(self, count: int) -> Generator[WindowResult]:
        try:
            yield _NOTHING
            for _ in range(count):
                done = self._done.get()
                if isinstance(done, BaseException):
                    raise done
                yield done
        finally:
            self.stop()

    def stop(self) -> None:
        with self._room:
            self._stopped = True
            self._room.notify_all()
        for pool in (self._readers, self._computers, self._writer):
            pool.shutdown(wait=True, cancel_futures=True)
        for scene in self._scenes:
            scene.close()

    def _read(self, number: int, place: WindowIndex) -> tuple[Stored, Valid]:
        self._wait_for_room(number)
        if not hasattr(self._own, "scene"):
            self._own.scene = self._windows.open_scene()
            self._scenes.append(self._own.scene)
        scene: Scene = self._own.scene
        return scene.read(self._windows.plan.window_at(*place), self._windows.bands)

    def _wait_for_room(self, number: int) -> None:
        """Wait until few enough windows before this one are left; their order rules out deadlock.

        Raises:
            InterruptedError: no more are wanted.
        """
        with self._room:
            self._room.wait_for(lambda: self._stopped or number < self._stored + self._most)
            if self._stopped:
                raise InterruptedError

    def _compute(
        self, runner: WindowRunner, place: WindowIndex, read: "Future[tuple[Stored, Valid]]"
    ) -> None:
        stored, valid = read.result()
        began = time.monotonic()
        skipped = not valid.any()
        if skipped:
            steps: ProbabilityLevels = np.full(valid.shape, NODATA, dtype=np.uint8)
        else:
            steps = runner.run(stored, valid)
            steps[~valid] = NODATA
        seconds = time.monotonic() - began
        done = WindowResult(place=place, skipped=skipped, began_s=began, seconds=seconds)
        self._writer.submit(self._reported, self._store, done, steps)

    def _store(self, done: WindowResult, steps: ProbabilityLevels) -> None:
        self._begun.result()
        self._windows.store.write(done.place, steps)
        with self._room:
            self._stored += 1
            self._room.notify_all()
        self._done.put(done)

    def _reported(self, work: Callable[..., None], *args: object) -> None:
        """Do a piece of work; what goes wrong is raised where the results are taken."""
        try:
            work(*args)
        except BaseException as error:
            self._done.put(error)
