"""A command's standard streams and the signals that stop it."""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from landslip.core.errors import LandslipError
from landslip.core.interruption import interrupt, use_safe_interrupts

STOP_VARIABLE = "LANDSLIP_STOP"
"""Environment variable; ``stdin``: see `stop_with_input`."""
_NAMES = ("stdin", "stdout", "stderr")


def open_closed_streams() -> None:
    """Open the null device for standard streams that the caller has closed.

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
    """Standard output or error that becomes the null device once it fails."""

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
            self._discard(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._discard(error)

    def _discard(self, error: OSError) -> None:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, self._number)
        os.close(null_device)
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
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != command:  # a process that was forked from it
            os.kill(os.getpid(), number)
            return
        stopped.append(number)
        interrupt(number, frame)

    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        use_safe_interrupts()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)
    try:
        yield
    except SystemExit as end:
        if stopped and end.code not in (0, None):
            raise SystemExit(128 + stopped[0]) from end
        raise


def stop_with_input() -> None:
    """Let a command stop as by Ctrl-C at the end of its standard input, if its caller wants that.

    It does with ``LANDSLIP_STOP=stdin`` in the environment and a pipe as standard input: the
    command then stops where the caller closes the pipe, and where the caller is killed.
    """
    if os.environ.pop(STOP_VARIABLE, None) != "stdin":
        return
    use_safe_interrupts()
    threading.Thread(target=_watch_input, name="input", daemon=True).start()


def _watch_input() -> None:
    while os.read(0, 1):
        pass
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)
