"""Ctrl-C that is not lost while an extension module is imported."""

import signal
from importlib.machinery import ExtensionFileLoader
from types import FrameType

_RETRY_S = 0.02


def use_safe_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, also where a background process would ignore it."""
    signal.signal(signal.SIGINT, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal by raising KeyboardInterrupt, later while an extension module is imported.

    The initialisation of a module made by Cython drops any error of the Python code it calls, a
    KeyboardInterrupt too, and the command would run on to its end.
    """
    del number
    if _imports_extension_module(frame):
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, _RETRY_S)
        return
    signal.setitimer(signal.ITIMER_REAL, 0)  # a later one would interrupt the cleanup
    raise KeyboardInterrupt


def _imports_extension_module(frame: FrameType | None) -> bool:
    while frame is not None:
        if isinstance(frame.f_locals.get("self"), ExtensionFileLoader):
            return True
        frame = frame.f_back
    return False
