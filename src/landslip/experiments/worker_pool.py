"""Executes runs in worker processes, a few at a time."""

import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from landslip.core.errors import LandslipError
from landslip.core.files import Closeable
from landslip.experiments.run import execute_run
from landslip.experiments.run_folder import ERRORS, RunJob

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# OpenVINO is not among them: importing it starts a thread, and processes with threads must not fork
_SLOW_IMPORTS = ["landslip.experiments.worker_pool", "landslip.models.training.run"]
_TERMINATION_SECONDS = 10.0
_PARENT_CHECK_SECONDS = 0.5
_FAILED, _INTERRUPTED = 2, 130


@dataclass(slots=True)
class _RunWorker:
    """A process, and the fraction of its job that is done."""

    job: RunJob
    process: BaseProcess
    fraction: float = 0.0


class RunWorkerPool(Closeable):
    """Worker processes; on leaving, those still running are terminated.

    They are forked from a process that has imported torch, which takes longer than many a run.
    """

    def __init__(self, size: int, progress: Callable[[float], None]) -> None:
        """Execute up to ``size`` jobs at a time; the cores are shared evenly among them.

        ``progress`` is called with the sum of the fractions of the running jobs.
        """
        self._size = size
        self._threads = max(1, len(os.sched_getaffinity(0)) // size)
        self._progress = progress
        self._running: list[_RunWorker] = []
        self._events: queue.Queue[tuple[_RunWorker, float | None]] = queue.Queue()
        self._context = multiprocessing.get_context("forkserver")

    def execute(self, jobs: Iterable[RunJob]) -> Iterator[tuple[RunJob, str | None]]:
        """Yield each job as it ends, and why it failed; None where it is finished.

        A job that starts from another's model waits for it, and fails with it.
        """
        waiting, failed = list(jobs), set[Path]()
        while waiting or self._running:
            pending = {job.out for job in waiting} | {worker.job.out for worker in self._running}
            ready = [job for job in waiting if _start_folder(job) not in pending | failed]
            for job in ready[: self._size - len(self._running)]:
                waiting.remove(job)
                self._start(job)
            orphan = next((job for job in waiting if _start_folder(job) in failed), None)
            if orphan is not None:
                waiting.remove(orphan)
                failed.add(orphan.out)
                yield orphan, "the run that it starts from failed"
                continue
            worker = self._wait()
            problem = _problem(worker)
            if problem is not None:
                failed.add(worker.job.out)
            yield worker.job, problem

    def _start(self, job: RunJob) -> None:
        job = job.model_copy(update={"threads": self._threads})
        job.unfinished.mkdir(parents=True, exist_ok=True)
        fractions, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=run_worker, args=(job.model_dump_json(), sender))
        before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(self._threads)))
        try:  # libraries read the variables on import
            self._context.set_forkserver_preload(_SLOW_IMPORTS)
            forkserver.ensure_running()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        process.start()
        sender.close()
        worker = _RunWorker(job, process)
        self._running.append(worker)
        threading.Thread(target=self._listen, args=(worker, fractions), daemon=True).start()

    def _listen(self, worker: _RunWorker, fractions: Connection) -> None:
        try:
            while True:
                self._events.put((worker, fractions.recv()))
        except EOFError:
            worker.process.join()
            self._events.put((worker, None))

    def _wait(self) -> _RunWorker:
        """Wait for a worker to end, and report the progress of the others meanwhile."""
        while True:
            worker, fraction = self._events.get()
            if fraction is None:
                self._running.remove(worker)
                return worker
            worker.fraction = fraction
            self._progress(sum(one.fraction for one in self._running))

    def close(self) -> None:
        """Terminate the workers that are still running."""
        for worker in self._running:
            worker.process.terminate()
        for worker in self._running:
            worker.process.join(_TERMINATION_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()


def _start_folder(job: RunJob) -> Path | None:
    """Return the folder of the run that a job starts from."""
    return None if job.start is None else job.start.parent


def _problem(worker: _RunWorker) -> str | None:
    code = worker.process.exitcode
    if code == 0:
        return None
    file = worker.job.unfinished / ERRORS
    text = file.read_text(errors="replace") if file.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    signal = f"ended by signal {-code}: " if code is not None and code < 0 else ""
    return f"{signal}{lines[-1] if lines else 'without an error message'}"


def run_worker(job_json: str, fractions: Connection) -> None:
    """Execute a job in this process, and end it.

    Errors are written to ``errors.txt`` in the run's folder; the process ends with 2 and a sentence
    there where the run fails, and at once when its parent was killed: else it would write into a
    resumed run. ``fractions`` receives the fraction done, now and then.
    """
    parent = os.getppid()

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    job = RunJob.model_validate_json(job_json)
    with (job.unfinished / ERRORS).open("w") as file:  # errors of libraries too
        os.dup2(file.fileno(), sys.stderr.fileno())
    try:
        execute_run(job, lambda done, total: fractions.send(done / total))
    except LandslipError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the pool
        sys.exit(_FAILED)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
