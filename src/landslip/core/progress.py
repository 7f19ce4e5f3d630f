"""How long work tells of itself; the command line shows it, libraries stay silent."""

from typing import Protocol


class Progress(Protocol):
    """Called with the work done so far and all of it, in one unit."""

    def __call__(self, done: float, total: float) -> None:
        """Report."""


def no_progress(done: float, total: float) -> None:
    """Report to nobody."""


def sub_progress(progress: Progress, start: float, end: float, whole: float) -> Progress:
    """Return a progress whose all is the span from ``start`` to ``end`` of ``whole``."""

    def report(done: float, total: float) -> None:
        progress(start + (end - start) * (done / total if total else 1.0), whole)

    return report
