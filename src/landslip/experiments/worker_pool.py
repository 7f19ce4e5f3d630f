"""Runs jobs in processes of their own, a few at a time."""

import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from landslip.core.errors import LandslipError
from landslip.core.files import Closeable
from landslip.experiments.run import execute_run
from landslip.experiments.run_folder import ERRORS, RunJob

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# OpenVINO is not among them: importing it starts a thread, and one must not fork beside threads
_SLOW_IMPORTS = ["landslip.experiments.worker_pool", "landslip.models.training.run"]
_SECONDS_TO_END = 10.0


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of a job; ``problem`` is None where it was finished."""

    problem: str | None = None


@dataclass(slots=True)
class _Worker:
    """A process at work, and the share of its job that it has done."""

    job: RunJob
    process: BaseProcess
    share: float = 0.0


class WorkerPool(Closeable):
    """Processes at work; on leaving, those still running are ended.

    They are forked from one that has torch imported, which takes longer than many a cell.
    """

    def __init__(self, size: int, on_share: Callable[[float], None]) -> None:
        """Run up to ``size`` jobs at a time, the cores shared evenly among them.

        ``on_share`` is told the sum of what the running jobs have done, as shares of a job.
        """
        self._size = size
        self._threads = max(1, len(os.sched_getaffinity(0)) // size)
        self._on_share = on_share
        self._running: list[_Worker] = []
        self._said: queue.Queue[tuple[_Worker, float | None]] = queue.Queue()
        self._context = multiprocessing.get_context("forkserver")

    def run(self, jobs: Iterable[RunJob]) -> Iterator[tuple[RunJob, RunOutcome]]:
        """Yield each job as it ends.

        A job that begins from another's model waits for it, and fails with it.
        """
        waiting, failed = list(jobs), set[Path]()
        while waiting or self._running:
            for job in self._ready(waiting, failed):
                waiting.remove(job)
                self._start(job)
            lost = next((job for job in waiting if _start_folder(job) in failed), None)
            if lost is not None:
                waiting.remove(lost)
                failed.add(lost.out)
                yield lost, RunOutcome("the cell that it begins from failed")
                continue
            worker = self._next_end()
            outcome = _outcome(worker)
            if outcome.problem is not None:
                failed.add(worker.job.out)
            yield worker.job, outcome

    def _ready(self, waiting: list[RunJob], failed: set[Path]) -> list[RunJob]:
        pending = {job.out for job in waiting} | {worker.job.out for worker in self._running}
        ready = [job for job in waiting if _start_folder(job) not in pending | failed]
        return ready[: self._size - len(self._running)]

    def _start(self, job: RunJob) -> None:
        job = job.model_copy(update={"threads": self._threads})
        job.unfinished.mkdir(parents=True, exist_ok=True)
        shares, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=run_worker, args=(job.model_dump_json(), sender))
        with _few_threads(self._threads):
            self._context.set_forkserver_preload(_SLOW_IMPORTS)
            forkserver.ensure_running()
        process.start()
        sender.close()
        worker = _Worker(job, process)
        self._running.append(worker)
        threading.Thread(target=self._listen, args=(worker, shares), daemon=True).start()

    def _listen(self, worker: _Worker, shares: Connection) -> None:
        try:
            while True:
                self._said.put((worker, shares.recv()))
        except EOFError:
            worker.process.join()
            self._said.put((worker, None))

    def _next_end(self) -> _Worker:
        """Wait for a worker to end, passing on what others say of their progress."""
        while True:
            worker, share = self._said.get()
            if share is None:
                self._running.remove(worker)
                return worker
            worker.share = share
            self._on_share(sum(one.share for one in self._running))

    def close(self) -> None:
        """End what is still running."""
        for worker in self._running:
            worker.process.terminate()
        for worker in self._running:
            worker.process.join(_SECONDS_TO_END)
            if worker.process.is_alive():
                worker.process.kill()


@contextmanager
def _few_threads(number: int) -> Iterator[None]:
    """Set what libraries read when they are loaded, for processes begun meanwhile."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(number)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_folder(job: RunJob) -> Path | None:
    """Return the folder of the cell that a job begins from."""
    return None if job.start is None else job.start.parent


def _outcome(worker: _Worker) -> RunOutcome:
    code = worker.process.exitcode
    if code == 0:
        return RunOutcome()
    file = worker.job.unfinished / ERRORS
    said = file.read_text(errors="replace").splitlines() if file.is_file() else []
    lines = [line.strip() for line in said if line.strip()]
    ended = f"ended by signal {-code}: " if code is not None and code < 0 else ""
    return RunOutcome(f"{ended}{lines[-1] if lines else 'it said nothing'}")


CANNOT, INTERRUPTED = 2, 130
_SECONDS_BETWEEN_LOOKS = 0.5


def run_worker(described: str, shares: Connection) -> None:
    """Run a job in this process, and end it.

    What goes wrong is written to ``errors.txt`` in the cell's folder; the process ends with 2 and a
    sentence there where the cell cannot be run, and at once when the one that began it is gone.

    Args:
        described: a `RunJob` as JSON.
        shares: is sent the share that is done, now and then.
    """
    _end_with_parent()
    job = RunJob.model_validate_json(described)
    _errors_into(job.unfinished / ERRORS)
    try:
        execute_run(job, lambda done, total: shares.send(done / total))
    except LandslipError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the pool
        sys.exit(CANNOT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _errors_into(file: Path) -> None:
    """Send to a file what this process, and libraries in it, write as errors."""
    with file.open("w") as opened:
        os.dup2(opened.fileno(), sys.stderr.fileno())


def _end_with_parent() -> None:
    """A process whose parent was killed would write into the same cell as the next run's."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
