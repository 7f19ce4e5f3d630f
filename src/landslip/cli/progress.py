"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from landslip.core.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown(what: str, unit: str, divisor: float = 1.0) -> Iterator[Progress]:
    """Show progress of ``what``, in ``unit`` of ``divisor`` steps, with speed and time left."""
    if sys.stderr.isatty():
        with _bar(what, unit, divisor) as bar:
            yield bar
    else:
        yield _Lines(what, unit, divisor)


class _Lines:
    def __init__(self, what: str, unit: str, divisor: float) -> None:
        self._what, self._unit, self._divisor = what, unit, divisor
        self._started = self._last = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES and done < total:
            return
        self._last = now
        rate = done / self._divisor / max(now - self._started, 1e-9)
        left = (total - done) / self._divisor / rate if rate > 0 else float("nan")
        print(  # noqa: T201 - this is what the module is for
            f"{self._what}: {100 * done / total:.0f} %, {rate:.2f} {self._unit}/s, "
            f"{_clock(left)} left",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def _bar(what: str, unit: str, divisor: float) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def report(done: float, total: float) -> None:
            rate = done / divisor / max(time.monotonic() - started, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.2f} {unit}/s")

        yield report


def _clock(seconds: float) -> str:
    if math.isnan(seconds):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
