"""The steps of a long piece of work, told and timed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Steps:
    """Tells of each step as it begins, and keeps how long it took."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Start with no step."""
        self._tell = tell
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a step; steps inside others count in both."""
        started = time.monotonic()
        self._tell(f"{name} ...")
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)
