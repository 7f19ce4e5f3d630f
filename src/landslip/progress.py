"""How long work tells of itself; the command line shows it, libraries stay silent."""

from typing import Protocol


class Progress(Protocol):
    """Called with the work done so far and all of it, in one unit."""

    def __call__(self, done: float, total: float) -> None:
        """Report."""


def silent(done: float, total: float) -> None:
    """Report to nobody."""
