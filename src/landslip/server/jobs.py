"""The server's jobs: one process runs at a time, the others wait."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from landslip.core.errors import LandslipError, OutputExistsError, excerpt
from landslip.core.files import Closeable
from landslip.server.job_process import GRACE_S
from landslip.server.job_work import JobWork
from landslip.server.problems import NotFoundError, UnavailableError

PROCESS_MODULE = "landslip.server.job_process"
MAX_WAITING = 20
MAX_KEPT = 100
MAX_LOG_LINES = 200
_MAX_LINE = 400
_MAX_MESSAGE = 2**20
_LOG = logging.getLogger("landslip.server")
_ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """A job as it is now; see `landslip.server.schemas.jobs.Job`."""

    id: str
    work: JobWork
    created: str
    state: str = "waiting"
    progress: float | None = None
    stage: str | None = None
    started: str | None = None
    ended: str | None = None
    log: tuple[str, ...] = ()
    error: str | None = None
    result: Mapping[str, tuple[str, ...]] | None = None
    summary: Mapping[str, Any] | None = None


FindResult = Callable[[JobWork], Mapping[str, tuple[str, ...]]]
"""Returns the ids of what a job made, in the workspace."""
Clean = Callable[[str], str]
"""Returns a text without the machine's folders."""


@dataclass(slots=True)
class _RunningJob:
    """The process of a job, and its result."""

    process: subprocess.Popen[bytes]
    is_cancelled: bool = False
    end: dict[str, Any] = field(default_factory=dict)

    def send(self, line: str) -> None:
        """Write a line to the process."""
        if self.process.stdin is not None:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def interrupt(self) -> None:
        """Let the process end as by Ctrl-C, and kill it where it does not end in time."""
        if self.is_cancelled:
            return
        self.is_cancelled = True
        self.close_input()  # it interrupts itself
        timer = threading.Timer(GRACE_S, self._kill)
        timer.daemon = True
        timer.start()

    def close_input(self) -> None:
        """Close what the process listens to; may be called again."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def _kill(self) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # it leads its own group


class JobQueue(Closeable):
    """Jobs in the order in which they were asked for."""

    def __init__(
        self, find_result: FindResult, clean: Clean = str, module: str = PROCESS_MODULE
    ) -> None:
        """Start a thread that waits for jobs.

        Args:
            find_result: called when a job is done.
            clean: applied to all that a job says.
            module: run as the process of a job.
        """
        self._find_result, self._clean, self._module = find_result, clean, module
        self._jobs: dict[str, JobStatus] = {}
        self._changed = threading.Condition()
        self._running: _RunningJob | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def submit(self, work: JobWork) -> JobStatus:
        """Let a job wait for its turn.

        Raises:
            OutputExistsError: its output exists, or another job makes it.
            UnavailableError: too many wait already.
        """
        with self._changed:
            active = [one for one in self._jobs.values() if one.state not in _ENDED]
            if self._is_closed:
                raise UnavailableError("the server is stopping; start the job when it is back")
            if len(active) > MAX_WAITING:
                raise UnavailableError(
                    f"{MAX_WAITING} jobs are waiting already; wait until some are done, or cancel "
                    "some"
                )
            if work.is_begun or any(one.work.out == work.out for one in active):
                raise OutputExistsError(
                    f"{work.out.name}: already exists, finished or not; choose another name"
                )
            status = JobStatus(id=secrets.token_hex(6), work=work, created=_now())
            self._jobs[status.id] = status
            self._forget_oldest()
            self._changed.notify_all()
            return status

    def all(self) -> tuple[JobStatus, ...]:
        """Return the jobs that are remembered, the newest first."""
        with self._changed:
            return tuple(reversed(self._jobs.values()))

    def get(self, number: str) -> JobStatus:
        """Return a job.

        Raises:
            NotFoundError: there is no such one.
        """
        with self._changed:
            if number not in self._jobs:
                raise NotFoundError("there is no such job")
            return self._jobs[number]

    def cancel(self, number: str) -> JobStatus:
        """Stop a job; one that has ended stays as it is.

        A running one is interrupted as by Ctrl-C, and killed where that does not end it in time.

        Raises:
            NotFoundError: there is no such one.
        """
        with self._changed:
            status = self.get(number)
            if status.state == "waiting":
                self._update(number, state="cancelled", ended=_now())
            elif status.state == "running" and self._running is not None:
                self._running.interrupt()
            return self._jobs[number]

    def wait(self, number: str, timeout_s: float) -> JobStatus:
        """Return a job when it has ended, or after a time."""
        with self._changed:
            self._changed.wait_for(lambda: self.get(number).state in _ENDED, timeout_s)
            return self.get(number)

    def close(self) -> None:
        """Stop all jobs and wait for the end of the one that runs."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            for number, status in self._jobs.items():
                if status.state not in _ENDED:
                    self.cancel(number)
            self._changed.notify_all()
        self._thread.join(GRACE_S + 5)

    def _update(self, number: str, **changes: Any) -> None:
        with self._changed:
            self._jobs[number] = replace(self._jobs[number], **changes)
            self._changed.notify_all()

    def _forget_oldest(self) -> None:
        ended = [number for number, one in self._jobs.items() if one.state in _ENDED]
        for number in ended[: max(len(self._jobs) - MAX_KEPT, 0)]:
            del self._jobs[number]

    def _next(self) -> JobStatus | None:
        """Wait for a job; None: the queue was closed."""
        with self._changed:
            while not self._is_closed:
                for status in self._jobs.values():
                    if status.state == "waiting":
                        self._update(status.id, state="running", started=_now(), stage="start")
                        return status
                self._changed.wait()
            return None

    def _work(self) -> None:
        while (status := self._next()) is not None:
            try:
                changes = self._run(status)
            except Exception as error:
                _LOG.exception("a job failed")
                changes = {"state": "failed", "error": excerpt(error, 300)}
            self._update(status.id, ended=_now(), **changes)

    def _run(self, status: JobStatus) -> dict[str, Any]:
        """Run a job in its process and return how it ended."""
        read, write = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module
                # -P: no module is imported from the served folder
                [sys.executable, "-P", "-m", self._module, str(write)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[write],
                start_new_session=True,  # Ctrl-C stops the server, which stops its job
            )
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        running = _RunningJob(process)
        threads = [
            threading.Thread(target=self._hear, args=(status.id, running, read), daemon=True),
            threading.Thread(target=self._read_output, args=(status.id, process), daemon=True),
        ]
        for thread in threads:
            thread.start()
        with suppress(OSError, ValueError):  # it has ended already
            running.send(json.dumps(status.work.as_json()))
        with self._changed:
            self._running = running
            if self._is_closed:
                running.interrupt()
        process.wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # processes that it started
        with self._changed:
            self._running = None
        for thread in threads:
            thread.join(5)
        running.close_input()
        return self._ending(status, running)

    def _ending(self, status: JobStatus, running: _RunningJob) -> dict[str, Any]:
        end, work = running.end, status.work
        # one that was cancelled may have been complete by then
        if end.get("done") or (running.is_cancelled and work.out.exists()):
            result: Mapping[str, tuple[str, ...]] | None = None
            try:
                result = self._find_result(work)
            except LandslipError as error:
                _LOG.warning("%s", error)
            summary = self._cleaned(end.get("summary"))
            return {"state": "done", "progress": 1.0, "result": result, "summary": summary}
        work.remove_unfinished(running.process.pid)
        if running.is_cancelled:
            return {"state": "cancelled"}
        if "error" in end:
            return {"state": "failed", "error": self._clean(str(end["error"]))}
        if running.process.returncode == -signal.SIGKILL:
            reason = "its process was killed, most likely as the machine has too little memory"
        else:
            reason = "its process ended without a reason; the server's terminal may show one"
        return {"state": "failed", "error": reason}

    def _cleaned(self, value: Any) -> Any:
        """Return a summary without the machine's folders in its texts."""
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, list):
            return [self._cleaned(one) for one in value]
        if isinstance(value, dict):
            return {name: self._cleaned(one) for name, one in value.items()}
        return value

    def _hear(self, number: str, running: _RunningJob, read: int) -> None:
        """Take what a job's process says until it has ended."""
        with os.fdopen(read, "rb") as pipe:
            while line := pipe.readline(_MAX_MESSAGE):
                try:
                    content = json.loads(line)
                except ValueError:
                    continue  # it was killed while it spoke
                if "note" in content:
                    self._add_line(number, str(content["note"]))
                elif "trace" in content:
                    _LOG.error("a job failed:\n%s", content["trace"])
                elif {"done", "error", "cancelled"} & {*content}:
                    running.end = content
                elif "stage" in content:
                    self._update(number, stage=str(content["stage"]), progress=None)
                elif "progress" in content:
                    self._update(number, progress=content["progress"])

    def _read_output(self, number: str, process: subprocess.Popen[bytes]) -> None:
        """Keep the lines that libraries print."""
        if process.stdout is None:
            return
        with process.stdout as pipe:
            while line := pipe.readline(_MAX_LINE * 4):
                self._add_line(number, line.decode("utf-8", "replace"))

    def _add_line(self, number: str, text: str) -> None:
        line = excerpt(self._clean(text), _MAX_LINE)
        if not line:
            return
        with self._changed:
            lines = deque(self._jobs[number].log, MAX_LOG_LINES)
            lines.append(line)
            self._update(number, log=tuple(lines))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
