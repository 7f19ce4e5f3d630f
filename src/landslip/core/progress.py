"""How long work reports on itself: a callable, and bars for terminals and notebooks."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Protocol

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_UPDATES = 0.2
PROGRESS_VARIABLE = "LANDSLIP_PROGRESS"
"""Environment variable; ``json``: a program reads the progress, see `progress_bar`."""


class Progress(Protocol):
    """Called with the work done so far and all of it, in one unit."""

    def __call__(self, done: float, total: float) -> None:
        """Report."""


def no_progress(done: float, total: float) -> None:
    """Ignore the progress."""


def sub_progress(progress: Progress, start: float, end: float, whole: float) -> Progress:
    """Return a progress whose all is the span from ``start`` to ``end`` of ``whole``."""

    def report(done: float, total: float) -> None:
        progress(start + (end - start) * (done / total if total else 1.0), whole)

    return report


@contextmanager
def progress_bar(
    what: str, unit: str, divisor: float = 1.0, show: "bool | Progress | None" = True
) -> Iterator[Progress]:
    """Show progress of ``what``, in ``unit`` of ``divisor`` steps, with speed and time left.

    In a notebook a bar, on a terminal a bar on standard error, elsewhere a line now and then.
    ``show``: False shows nothing; None a bar in notebooks only; a callable is called itself.
    Where the environment has ``LANDSLIP_PROGRESS=json``, lines such as
    ``{"stage": "extract", "progress": 0.25}`` are written to standard error instead of a bar.
    """
    if callable(show):
        yield show
        return
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    # a terminal's IPython is no notebook
    in_notebook = shell is not None and type(shell).__name__ != "TerminalInteractiveShell"
    if show is False or (show is None and not in_notebook):
        yield no_progress
    elif in_notebook:
        yield _NotebookBar(what, unit, divisor)
    elif os.environ.get(PROGRESS_VARIABLE) == "json":
        yield _ProgressMessages(what)
    elif sys.stderr.isatty():
        with _terminal_bar(what, unit, divisor) as bar:
            yield bar
    else:
        yield _ProgressLines(what, unit, divisor)


class _Rate:
    """Units a second since the first report; what a resumed run has done before does not count."""

    def __init__(self, unit: str, divisor: float) -> None:
        self._unit, self._divisor = unit, divisor
        self._first: tuple[float, float] | None = None

    def __call__(self, done: float) -> float | None:
        """Return the rate at a report; None where it is not known yet."""
        now = time.monotonic()
        if self._first is None or done < self._first[0]:
            self._first = done, now
        before, started = self._first
        if done == before or now == started:
            return None
        return (done - before) / self._divisor / (now - started)

    def text(self, rate: float | None) -> str:
        return "" if rate is None else f"{rate:.2f} {self._unit}/s"


class _ProgressLines:
    def __init__(self, what: str, unit: str, divisor: float) -> None:
        self._what, self._divisor, self._rate = what, divisor, _Rate(unit, divisor)
        self._last = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        now, rate = time.monotonic(), self._rate(done)
        if now - self._last < _SECONDS_BETWEEN_LINES and done < total:
            return
        self._last = now
        line = f"{self._what}: {100 * done / total:.0f} %"
        if rate is not None:
            minutes, seconds = divmod(round((total - done) / self._divisor / rate), 60)
            line = f"{line}, {self._rate.text(rate)}, {minutes}:{seconds:02d} left"
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is what the class is for


class _ProgressMessages:
    """JSON objects, one a line, for a program that shows the progress itself."""

    def __init__(self, what: str) -> None:
        self._what, self._last = what, 0.0

    def __call__(self, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_UPDATES and done < total:
            return
        self._last = now
        share = min(max(done / total, 0.0), 1.0) if total else 1.0
        message = json.dumps({"stage": self._what, "progress": round(share, 4)})
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - this is what the class is for


class _NotebookBar:
    """An HTML progress element that is updated in place; needs no widgets."""

    def __init__(self, what: str, unit: str, divisor: float) -> None:
        from IPython.display import display

        self._what, self._rate, self._last = what, _Rate(unit, divisor), 0.0
        self._text, self._fraction = f"{what} ...", 0.0
        self._handle: Any = display(self, display_id=True)

    def __call__(self, done: float, total: float) -> None:
        now, rate = time.monotonic(), self._rate(done)
        if now - self._last < _SECONDS_BETWEEN_UPDATES and done < total:
            return
        self._last = now
        share = f"{100 * done / total:.0f} %"
        self._text = f"{self._what}: {', '.join(filter(None, (share, self._rate.text(rate))))}"
        self._fraction = done / total if total else 1.0
        self._handle.update(self)

    def _repr_html_(self) -> str:
        return f'<progress max="1" value="{self._fraction:.4f}"></progress> {escape(self._text)}'

    def __repr__(self) -> str:
        return self._text


@contextmanager
def _terminal_bar(what: str, unit: str, divisor: float) -> Iterator[Progress]:
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
    rate = _Rate(unit, divisor)
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def report(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total, rate=rate.text(rate(done)))

        yield report
