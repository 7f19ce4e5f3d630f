"""Runs a command: progress, lines for the log, the sentence of an error, and cancelling."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

GRACE_S = 20.0
"""How long an interrupted command may take to clean up before it is killed."""
_SHORT_S = 120
_SECONDS_BETWEEN_LOOKS = 0.1
_IS_POSIX = os.name == "posix"
# of QGIS's own Python, Qt, GDAL and PROJ, which other programs must not get
_PRIVATE_VARIABLES = (
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "LD_LIBRARY_PATH",
    "PROJ_DATA",
    "PROJ_LIB",
    "PYTHONHOME",
    "PYTHONPATH",
    "QT_PLUGIN_PATH",
    "VIRTUAL_ENV",
)


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes:
        code: its exit code.
        error: the sentence that it printed; empty where there is none.
        is_cancelled: it was stopped because somebody asked for it.
    """

    code: int
    error: str
    is_cancelled: bool


class Listener:
    """Hears what a command says while it runs; this one ignores all of it."""

    def is_cancelled(self) -> bool:
        """Return whether the command is to stop."""
        return False

    def progress(self, stage: str, share: float) -> None:
        """Hear how much of a stage is done, from 0 to 1."""

    def line(self, text: str) -> None:
        """Hear a line of its output."""

    def warning(self, text: str) -> None:
        """Hear a warning."""


def run_command(
    words: list[str], listener: Listener, grace_s: float = GRACE_S, is_landslip: bool = True
) -> Ending:
    """Run a command until it ends; a cancelled one is interrupted as by Ctrl-C, then killed.

    Args:
        words: the command.
        listener: hears what it says.
        grace_s: until it is killed.
        is_landslip: it stops at the end of its input, which comes where QGIS is killed, too.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - a command of the user's own environment
        words,
        stdin=subprocess.PIPE if is_landslip else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=command_variables() | ({"LANDSLIP_STOP": "stdin"} if is_landslip else {}),
        start_new_session=_IS_POSIX,  # its group is killed with it
        creationflags=0 if _IS_POSIX else subprocess.CREATE_NO_WINDOW,
    )
    is_cancelled, error, errors = False, "", _UsageError()
    try:
        for text in _lines(process, listener, grace_s):
            if text is None:
                is_cancelled = True
            elif text.startswith("landslip: "):
                error = text.partition(": ")[2]
            elif not _hear(text, listener):
                errors.hear(text)
                listener.line(text)
    finally:
        _kill(process)
        if process.stdin is not None:
            process.stdin.close()
    return Ending(process.wait(), error or errors.sentence, is_cancelled)


def command_variables() -> dict[str, str]:
    """Return the environment of a command: QGIS's, without what would lead it to QGIS's Python."""
    variables = {
        name: value for name, value in os.environ.items() if name not in _PRIVATE_VARIABLES
    }
    variables.update(LANDSLIP_PROGRESS="json", PYTHONIOENCODING="utf-8", PYTHONNOUSERSITE="1")
    return variables


def short_command(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that ends soon, and return what it said.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it has not ended after two minutes.
    """
    return subprocess.run(  # noqa: S603 - an interpreter, or what the user named
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SHORT_S,
        check=False,
        env=command_variables(),
        encoding="utf-8",
        errors="replace",
    )


class _UsageError:
    """The sentence after ``Error:``, of words that the command does not take."""

    def __init__(self) -> None:
        self.sentence = ""

    def hear(self, text: str) -> None:
        if text.startswith("Error: "):
            self.sentence = text.partition(": ")[2]


def _hear(text: str, listener: Listener) -> bool:
    """Report a line that is progress or a warning; False: it is another."""
    if text.startswith('{"stage"'):
        with suppress(ValueError, KeyError):
            content = json.loads(text)
            listener.progress(str(content["stage"]), float(content["progress"]))
            return True
    if text.startswith("warning: "):
        listener.warning(text.partition(": ")[2])
        return True
    return False


def _lines(
    process: subprocess.Popen[bytes], listener: Listener, grace_s: float
) -> Iterator[str | None]:
    """Yield the lines of a process until it has ended, and None when it is cancelled."""
    waiting: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, waiting.put), daemon=True)
    reader.start()
    deadline: float | None = None
    while reader.is_alive() or not waiting.empty():
        if deadline is None and listener.is_cancelled():
            yield None
            deadline = time.monotonic() + grace_s
            _interrupt(process)
        if deadline is not None and time.monotonic() > deadline:
            _kill(process)
        if process.poll() is not None and waiting.empty():
            reader.join(1)  # processes that it started may hold its output open
            if waiting.empty():
                return
        with suppress(queue.Empty):
            yield waiting.get(timeout=_SECONDS_BETWEEN_LOOKS)


def _read(stream: IO[bytes] | None, put: Callable[[str], None]) -> None:
    if stream is not None:
        with suppress(OSError, ValueError), stream:
            for line in stream:
                put(line.decode("utf-8", "replace").rstrip())


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Stop a command as Ctrl-C does: landslip by the end of its input, others by the signal."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
        elif _IS_POSIX:
            process.send_signal(signal.SIGINT)
        else:
            process.terminate()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    with suppress(OSError):
        if _IS_POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
