"""The process of a job: `python -m landslip.server.job_process FD`.

The first line of its standard input is the job. The server closes it to cancel the job, and the
system does so where the server is killed: the job is then interrupted as by Ctrl-C. To the file
descriptor FD it writes what it says, one JSON object a line.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO

from landslip.core.errors import LandslipWarning
from landslip.core.failures import bug, explain
from landslip.core.interruption import use_safe_interrupts
from landslip.core.progress import Progress
from landslip.server.job_work import JobWork, do_job

GRACE_S = 20.0
"""How long an interrupted job may take to clean up before it is killed."""
_NICENESS = 10
_SECONDS_BETWEEN_UPDATES = 0.2


class JobMessages:
    """What a job says, written to a pipe."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, **content: Any) -> None:
        """Write one message; without effect when the server has ended."""
        with self._lock:
            try:
                self._pipe.write(json.dumps(content) + "\n")
                self._pipe.flush()
            except OSError:
                return

    def stage(self, name: str) -> Progress:
        """Begin a stage, and return its progress."""
        self.send(stage=name)
        last = 0.0

        def report(done: float, total: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _SECONDS_BETWEEN_UPDATES or done >= total:
                last = now
                self.send(progress=min(max(done / total, 0.0), 1.0) if total else None)

        return report

    def note(self, text: str) -> None:
        """Say a line."""
        self.send(note=text)


def main() -> None:
    """Do the job of standard input."""
    os.nice(_NICENESS)  # the server answers first
    use_safe_interrupts()
    with os.fdopen(0, "rb", buffering=0, closefd=False) as server:
        line = server.readline()
    if not line.endswith(b"\n"):
        return  # cancelled before it began
    work = JobWork.of_json(json.loads(line))
    threading.Thread(target=_watch_server, daemon=True).start()
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as pipe:
        messages = JobMessages(pipe)
        is_done = False
        try:
            with _warnings_as_notes(messages):
                summary = do_job(work, messages)
            is_done = True
            messages.send(done=True, summary=summary)
        except KeyboardInterrupt:
            messages.send(cancelled=True)
        except Exception as error:
            explained = explain(error, [work.source])
            if explained is None:
                messages.send(trace=traceback.format_exc())
            messages.send(error=str(bug(error) if explained is None else explained))
        finally:
            if not is_done:
                work.remove_unfinished(os.getpid())
    _exit()


def _exit() -> None:
    """End at once: Python would look at every object of a training first, which takes seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _watch_server() -> None:
    """Interrupt this process at the end of its input, and end all that it has started."""
    while os.read(0, 1):
        pass
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


@contextmanager
def _warnings_as_notes(messages: JobMessages) -> Iterator[None]:
    """Say the package's own warnings, and no others."""

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del filename, lineno, file, line
        if issubclass(category, LandslipWarning):
            messages.note(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", LandslipWarning)
        warnings.showwarning = say
        yield


if __name__ == "__main__":
    main()
