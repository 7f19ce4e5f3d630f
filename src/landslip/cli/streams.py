"""A command's standard streams and the signals that stop it."""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from landslip.core.errors import LandslipError

_NAMES = ("stdin", "stdout", "stderr")


def open_closed_streams() -> None:
    """Let standard streams that the caller has closed lead nowhere.

    Otherwise the next files to be opened take their numbers, and messages are written into them.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def outlive_readers() -> None:
    """Let a command go on where nobody reads its standard output or error any more.

    What it writes to files is complete all the same, and so the exit code is that of its work.
    """
    for number in (1, 2):
        old = getattr(sys, _NAMES[number])
        setattr(sys, _NAMES[number], _Output(number, old))


class _Output(io.TextIOWrapper):
    """Standard output or error that leads nowhere once it fails."""

    def __init__(self, number: int, old: io.TextIOWrapper) -> None:
        # what the encoding lacks is escaped: a name that is printed ends no command
        super().__init__(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
            encoding=old.encoding,
            errors="backslashreplace" if old.errors == "strict" else old.errors,
            line_buffering=old.line_buffering or number == 2,
        )
        self._number = number

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._lead_nowhere(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lead_nowhere(error)

    def _lead_nowhere(self, error: OSError) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._number)
        os.close(nowhere)
        if self._number == 1 and error.errno != errno.EPIPE:
            raise LandslipError(
                f"standard output: cannot be written to its end ({error.strerror}); give it "
                "another place"
            ) from error


@contextmanager
def stopping_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP stop a command as Ctrl-C does, so that nothing half-written is left.

    The exit code is 128 and the signal's number. The next signal ends the process at once; one that
    the caller ignores, as ``nohup`` does, stays ignored.
    """
    command = os.getpid()
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != command:  # a process that was forked from it
            os.kill(os.getpid(), number)
            return
        stopped.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)
    try:
        yield
    except SystemExit as end:
        if stopped and end.code not in (0, None):
            raise SystemExit(128 + stopped[0]) from end
        raise
