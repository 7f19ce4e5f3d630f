"""Work in the background: one piece at a time, in a process that ends with the server."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from queue import Queue

from landslip.core.errors import LandslipError

_NICE = 5
Work = Callable[[], None]


class BackgroundWork:
    """A queue of work and what became of each piece."""

    def __init__(self) -> None:
        self._queue: Queue[tuple[Hashable, Work] | None] = Queue()
        self._progress: dict[Hashable, float] = {}
        self._failures: dict[Hashable, str] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False

    def request(self, key: Hashable, work: Work) -> None:
        """Queue a piece of work, unless it was queued before."""
        with self._lock:
            if self._is_closed or key in self._progress:
                return
            self._progress[key] = 0.0
            if self._thread is None:
                self._thread = threading.Thread(target=self._do, name="background", daemon=True)
                self._thread.start()
        self._queue.put((key, work))

    def forget(self, key: Hashable) -> None:
        """Forget a piece of work, so that it can be queued again."""
        with self._lock:
            self._progress.pop(key, None)

    def progress(self, key: Hashable) -> float | None:
        """Return the part that is done, from 0 to 1; None of what was never queued."""
        return self._progress.get(key)

    def failure(self, key: Hashable) -> str | None:
        """Return why a piece of work could not be done."""
        return self._failures.get(key)

    def run_module(self, key: Hashable, module: str, *files: Path) -> None:
        """Run a module of the package as a process; it prints its progress as lines of numbers.

        Raises:
            RuntimeError: it fails; the last line that it wrote to its standard error says why.
        """
        command = [sys.executable, "-m", module, *map(str, files)]
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            with self._lock:
                if self._is_closed:
                    raise RuntimeError("the server stops")
                self._process = process = subprocess.Popen(  # noqa: S603 - our own module and files
                    command,
                    stdin=subprocess.PIPE,  # see `end_with_server`
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    start_new_session=True,  # Ctrl-C reaches the server alone
                )
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
            with process:
                for line in process.stdout or ():
                    with suppress(ValueError):
                        self._progress[key] = min(float(line), 0.99)
            self._process = None
            if process.returncode != 0:
                errors.seek(0)
                lines = errors.read().strip().splitlines()
                raise RuntimeError(lines[-1] if lines else f"exit code {process.returncode}")

    def close(self) -> None:
        """Stop the running process, and start no other."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _do(self) -> None:
        while True:
            item = self._queue.get()
            if item is None or self._is_closed:
                return
            key, work = item
            try:
                work()
            except Exception as error:
                is_known = isinstance(error, LandslipError)
                self._failures[key] = str(error) if is_known else f"cannot be made ({error})"
            else:
                self._progress[key] = 1.0


def end_with_server() -> None:
    """End this process, which `BackgroundWork` has started, when its server does, killed or not."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="server", daemon=True).start()
