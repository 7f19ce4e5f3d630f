"""Reads, computes and stores windows at the same time, so that the network need not wait."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from landslip.bands import Bands
from landslip.engines.base import WindowRunner
from landslip.extraction.blend import NODATA, Steps
from landslip.extraction.plan import Plan
from landslip.extraction.store import WindowStore
from landslip.raster import Scene, Stored, Valid

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Windows of a scene, and where their probabilities go.

    Attributes:
        plan: of the scene.
        bands: those the network takes.
        open_scene: called once by each thread that reads.
        store: finished windows.
        streams: how many windows are computed at once.
        readers: how many are read at once.
    """

    plan: Plan
    bands: Bands
    open_scene: Callable[[], Scene]
    store: WindowStore
    streams: int
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A window that is in the store.

    Attributes:
        place: (row, col) in the plan.
        skipped: whether it held nothing to compute.
        began_s: when the network began with it, on the clock of `time.monotonic`.
        seconds: how long the network was at it.
    """

    place: Place
    skipped: bool
    began_s: float
    seconds: float


def compute_windows(
    windows: Windows, todo: Sequence[Place], set_up: Callable[[], WindowRunner]
) -> Generator[Done]:
    """Compute windows in their order and store them; yield each once it is stored.

    A thread for each stream computes, others read ahead, and one stores. No more windows are in
    memory than there are streams and readers. When the iterator is closed, or on the first error,
    what has not begun is dropped.

    Args:
        windows: of the scene.
        todo: (row, col) of those to be computed.
        set_up: makes the network ready, while the first windows are being read.
    """
    line = _Line(windows, set_up)
    try:
        yield from line.run(todo)
    finally:
        line.stop()


class _Line:
    def __init__(self, windows: Windows, set_up: Callable[[], WindowRunner]) -> None:
        self._windows = windows
        self._slots = threading.Semaphore(windows.streams + windows.readers)
        self._stopped = threading.Event()
        self._own = threading.local()
        self._scenes: list[Scene] = []
        self._done: SimpleQueue[Done | BaseException] = SimpleQueue()
        self._readers = ThreadPoolExecutor(windows.readers, "read")
        self._computers = ThreadPoolExecutor(windows.streams, "compute")
        self._writer = ThreadPoolExecutor(1, "store")
        self._runner: Future[WindowRunner] = self._writer.submit(set_up)

    def run(self, todo: Sequence[Place]) -> Generator[Done]:
        for place in todo:
            read = self._readers.submit(self._read, place)
            self._computers.submit(self._reported, self._compute, place, read)
        for _ in todo:
            done = self._done.get()
            if isinstance(done, BaseException):
                raise done
            yield done

    def stop(self) -> None:
        self._stopped.set()
        self._slots.release(1_000_000)  # nobody goes on waiting for one
        for pool in (self._readers, self._computers, self._writer):
            pool.shutdown(wait=True, cancel_futures=True)
        for scene in self._scenes:
            scene.close()

    def _read(self, place: Place) -> tuple[Stored, Valid]:
        self._slots.acquire()
        if self._stopped.is_set():
            raise InterruptedError
        if not hasattr(self._own, "scene"):
            self._own.scene = self._windows.open_scene()
            self._scenes.append(self._own.scene)
        scene: Scene = self._own.scene
        return scene.read(self._windows.plan.window_at(*place), self._windows.bands)

    def _compute(self, place: Place, read: "Future[tuple[Stored, Valid]]") -> None:
        stored, valid = read.result()
        runner = self._runner.result()
        began = time.monotonic()
        skipped = not valid.any()
        if skipped:
            steps: Steps = np.full(valid.shape, NODATA, dtype=np.uint8)
        else:
            steps = runner.run(stored, valid)
            steps[~valid] = NODATA
        seconds = time.monotonic() - began
        done = Done(place=place, skipped=skipped, began_s=began, seconds=seconds)
        self._writer.submit(self._reported, self._store, done, steps)

    def _store(self, done: Done, steps: Steps) -> None:
        self._windows.store.write(done.place, steps)
        self._slots.release()
        self._done.put(done)

    def _reported(self, work: Callable[..., None], *args: object) -> None:
        """Do a piece of work; what goes wrong is raised where the results are taken."""
        try:
            work(*args)
        except BaseException as error:
            self._done.put(error)
