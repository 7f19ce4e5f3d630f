"""Runs `landslip extract` until a random moment, kills it, and damages what it leaves behind."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

from extract_parts.processes import environment

STARTING = "before it stored a window"
COMPUTING = "while windows were computed"
FINISHING = "all windows stored, files being finished"
MOVING = "while the result was put into place"
ENDING = "result in its place, process ending"
PHASES = (STARTING, COMPUTING, FINISHING, MOVING, ENDING)

NOTHING = "nothing"
TORN = "newest window cut off at a random length"
FLIPPED = "a bit of the newest window flipped"
LEFTOVER = "unfinished temporary files left beside"
NO_DESCRIPTION = "the windows' description cut off"
DAMAGES = (NOTHING, TORN, FLIPPED, LEFTOVER, NO_DESCRIPTION)
_DAMAGE_SHARES = (0.55, 0.15, 0.1, 0.15, 0.05)

# shares of kills at any time, at any window, after the last one, and at the first file in place
_MOMENT_SHARES = (0.3, 0.4, 0.2, 0.1)
_POLL_S, _CLOSE_POLL_S, _LONGEST_MOVE_S = 0.02, 0.0002, 0.004
COMPARED = ("mask.tif", "landslides.gpkg", "pixels of probability.tif")
_RESULTS = ("mask.tif", "probability.tif", "landslides.gpkg", "summary.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionRun:
    """Where an extraction writes, and its command.

    Attributes:
        out: the folder of the result.
        command: the whole command line.
    """

    out: Path
    command: list[str]

    @property
    def work(self) -> Path:
        """The folder of unfinished work."""
        return self.out.with_name(f".{self.out.name}.work")

    @property
    def windows(self) -> Path:
        """The Zarr array of finished windows."""
        return self.work / "windows.zarr"

    @property
    def is_done(self) -> bool:
        """Whether the result is complete, whatever became of the process."""
        there = all((self.out / name).exists() for name in _RESULTS)
        return there and not self.windows.exists()

    def stored(self) -> list[Path]:
        """Return the files of finished windows."""
        chunks = self.windows / "c"
        try:
            return [file for file in chunks.rglob("*") if file.is_file() and not file.suffix]
        except FileNotFoundError:  # removed while it was looked at
            return []

    def planned(self) -> int | None:
        """Return how many windows there will be, None before that is known."""
        try:
            rows, cols, *_ = json.loads((self.windows / "zarr.json").read_text())["shape"]
        except (OSError, ValueError, KeyError):
            return None
        return int(rows * cols)

    def has_all_windows(self) -> bool:
        """Tell whether every window is stored, or was, and the result is being moved."""
        return self.is_moving() or len(self.stored()) == self.planned()

    def is_moving(self) -> bool:
        """Tell whether part of the result is in its place."""
        return any((self.out / name).exists() for name in _RESULTS)

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.rmtree(self.work, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """An uninterrupted run: its windows, its seconds, and those after the last window."""

    windows: int
    whole_s: float
    finishing_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended.

    Attributes:
        phase: where it was when it was killed, None where it ended by itself.
        error: its last line where it failed.
    """

    phase: str | None = None
    error: str | None = None


def measure_times(place: ExtractionRun) -> RunTimes:
    """Run once without a kill.

    Raises:
        RuntimeError: it failed.
    """
    started = time.monotonic()
    with _Run(place) as run:
        run.wait_until(place.has_all_windows, _POLL_S)
        stored, windows = time.monotonic(), place.planned()
        end = run.result()
    if end.error is not None:
        raise RuntimeError(end.error)
    ended = time.monotonic()
    return RunTimes(windows=windows or 1, whole_s=ended - started, finishing_s=ended - stored)


def run_until_killed(
    place: ExtractionRun, rhythm: RunTimes, generator: np.random.Generator
) -> RunEnd:
    """Start the command and kill it at a random moment, unless it ends before.

    A run that only has to clean up, after a kill as the result was put into place, is let go on.
    """
    before, cleans_up = len(place.stored()), place.is_moving()
    with _Run(place) as run:
        if cleans_up:
            return run.result()
        _wait(run, place, rhythm, generator)
        if not run.kill():
            return run.result()
    return RunEnd(phase=_phase(place, before))


def damage(place: ExtractionRun, generator: np.random.Generator) -> str:
    """Do to the files what a power cut may do; return what was done."""
    drawn = str(generator.choice(DAMAGES, p=_DAMAGE_SHARES))
    stored = sorted(place.stored(), key=lambda file: file.stat().st_mtime_ns)
    description = place.windows / "zarr.json"
    if drawn in (TORN, FLIPPED) and stored:
        content = bytearray(stored[-1].read_bytes())
        if drawn == TORN:
            del content[int(generator.integers(0, len(content))) :]
        else:
            content[int(generator.integers(0, len(content)))] ^= 1 << int(generator.integers(0, 8))
        stored[-1].write_bytes(content)
        return drawn
    if drawn == LEFTOVER and stored:
        stored[-1].with_suffix(".0123456789abcdef.partial").write_bytes(generator.bytes(1000))
        (place.work / "result").mkdir(exist_ok=True)
        (place.work / "result" / "mask.tif").write_bytes(generator.bytes(1000))
        return drawn
    if drawn == NO_DESCRIPTION and description.exists():
        text = description.read_bytes()
        description.write_bytes(text[: int(generator.integers(0, len(text)))])
        return drawn
    return NOTHING


def digests(out: Path) -> dict[str, str]:
    """Return the sha256 of mask and polygons as files, and of the probabilities' pixels."""
    mask, polygons = (
        hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in ("mask.tif", "landslides.gpkg")
    )
    with rasterio.open(out / "probability.tif") as file:
        probability = hashlib.sha256(file.read()).hexdigest()
    return dict(zip(COMPARED, (mask, polygons, probability), strict=True))


def _wait(
    run: "_Run", place: ExtractionRun, rhythm: RunTimes, generator: np.random.Generator
) -> None:
    """Wait until a moment of one of four kinds."""
    kind = generator.choice(4, p=_MOMENT_SHARES)
    if kind == 0:
        run.sleep(generator.uniform(0, rhythm.whole_s))
    elif kind == 1:
        window = int(generator.integers(len(place.stored()), rhythm.windows + 1))
        run.wait_until(lambda: len(place.stored()) > window or place.has_all_windows(), _POLL_S)
    elif kind == 2:
        run.wait_until(place.has_all_windows, _POLL_S)
        run.sleep(generator.uniform(0, rhythm.finishing_s))
    else:
        run.wait_until(place.is_moving, _CLOSE_POLL_S)
        run.sleep(generator.uniform(0, _LONGEST_MOVE_S))


def _phase(place: ExtractionRun, before: int) -> str:
    if place.is_done:
        return ENDING
    if place.is_moving():
        return MOVING
    stored = place.stored()
    if stored and len(stored) == place.planned():
        return FINISHING
    return COMPUTING if len(stored) > before else STARTING


class _Run:
    """A run of the command; a context manager that leaves no process behind."""

    def __init__(self, place: ExtractionRun) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the run
        self._child = subprocess.Popen(
            place.command,
            stdin=subprocess.DEVNULL,
            stdout=self._told,
            stderr=self._told,
            env=environment(),
            start_new_session=True,
        )

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._told.close()

    def wait_until(self, there: Callable[[], bool], poll_s: float) -> None:
        """Wait for something to be there, or for the end of the run."""
        while self._child.poll() is None and not there():
            time.sleep(poll_s)

    def sleep(self, seconds: float) -> None:
        """Wait for some time, or for the end of the run."""
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def kill(self) -> bool:
        """Kill the run with all its processes; tell whether it was still at work."""
        if self._child.poll() is not None:
            return False
        os.killpg(self._child.pid, signal.SIGKILL)
        return self._child.wait() == -signal.SIGKILL

    def result(self) -> RunEnd:
        """Wait for the end, and tell how it was."""
        if self._child.wait() == 0:
            return RunEnd()
        self._told.seek(0)
        lines = self._told.read().decode(errors="replace").split("\n")
        output = [line.strip() for line in lines if line.strip()]
        return RunEnd(error=output[-1] if output else f"ended with {self._child.returncode}")
