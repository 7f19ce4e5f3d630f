"""Interrupted extractions go on, and come to the same bytes as one that was not interrupted."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import write_raster_file
from tests.inference.factories import (
    NAMES,
    RESULTS,
    SMALL,
    BrokenEngine,
    MeanEngine,
    RedEngine,
    Runner,
    model_of,
    terrain,
)

from landslip.core.errors import InputError, LandslipError, OutputExistsError
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.io.raster import SceneOptions

SHAPE, WINDOWS = (80, 60), 9
LARGE = ExtractionOptions(tile=256, overlap=8)
Pieces = dict[str, bytes]


def pieces(out: Path) -> Pieces:
    """Return the bytes of all results but the summary, which holds times."""
    assert sorted(path.name for path in out.iterdir()) == RESULTS
    return {name: (out / name).read_bytes() for name in RESULTS if name != "summary.json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scene and what an extraction of it in one go writes."""

    scene: Path
    out: Path
    expected: Pieces

    @property
    def work(self) -> Path:
        return self.out.with_name(".out.work")

    @property
    def chunks(self) -> list[Path]:
        files = self.work.glob("windows.zarr/c/**/*")
        # those that are being written have other names
        return sorted(file for file in files if file.is_file() and file.suffix != ".partial")

    def extract(
        self, engine: RedEngine | None = None, options: ExtractionOptions = SMALL
    ) -> dict[str, Any]:
        engine = engine or MeanEngine()
        extract(self.scene, model_of(), engine, self.out, options)
        assert not self.work.exists()
        found: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        return found

    def interrupt(self, after: int) -> None:
        with pytest.raises(MemoryError, match="no memory for another window"):
            extract(self.scene, model_of(), BrokenEngine(after), self.out, SMALL)
        assert not self.out.exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pieces]:
    """Give a scene, and what an extraction of it in one go writes."""
    folder = tmp_path_factory.mktemp("whole")
    scene = write_raster_file(folder / "scene.tif", terrain(SHAPE), names=NAMES)
    extract(scene, model_of(), MeanEngine(), folder / "out", SMALL)
    return scene, pieces(folder / "out")


@pytest.fixture
def case(whole: tuple[Path, Pieces], tmp_path: Path) -> Case:
    """Give a copy of that scene, which a test may change."""
    scene = Path(shutil.copy(whole[0], tmp_path))
    return Case(scene=scene, out=tmp_path / "out", expected=whole[1])


def test_one_go_gives_the_same_bytes_again(case: Case) -> None:
    summary = case.extract()
    assert summary["windows"] == WINDOWS
    assert pieces(case.out) == case.expected


def test_it_goes_on_after_any_window(case: Case) -> None:
    for after in range(WINDOWS):
        case.interrupt(after)
        kept, engine = len(case.chunks), MeanEngine()
        assert kept <= after
        summary = case.extract(engine)
        assert len(engine.shapes) == WINDOWS - kept
        assert summary["kept_windows_share"] == kept / WINDOWS
        assert pieces(case.out) == case.expected, f"interrupted after {after} windows"
        shutil.rmtree(case.out)


def test_it_goes_on_however_often_it_stops(case: Case) -> None:
    stops = 0
    while not case.out.exists():
        with suppress(MemoryError):
            extract(case.scene, model_of(), BrokenEngine(4), case.out, SMALL)
        stops += 1
        assert stops < 20
    assert stops > 1
    assert pieces(case.out) == case.expected


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_off, flip_a_bit, Path.unlink])
def test_a_damaged_window_is_computed_again(case: Case, damage: Callable[[Path], None]) -> None:
    case.interrupt(7)
    kept, engine = case.chunks, MeanEngine()
    damage(kept[1])
    summary = case.extract(engine)
    assert len(engine.shapes) == WINDOWS - len(kept) + 1
    assert summary["kept_windows_share"] == (len(kept) - 1) / WINDOWS
    assert pieces(case.out) == case.expected


def test_a_damaged_description_means_all_is_computed_again(case: Case) -> None:
    case.interrupt(7)
    cut_off(case.work / "windows.zarr" / "zarr.json")
    assert case.extract()["kept_windows_share"] == 0
    assert pieces(case.out) == case.expected


def test_files_of_a_killed_run_are_in_nobodys_way(case: Case) -> None:
    case.interrupt(5)
    stage = case.work / "result"
    (stage / ".landslides-x").mkdir(parents=True, exist_ok=True)
    (stage / ".probability.tif").write_bytes(b"half")
    (stage / "landslides.gpkg").write_bytes(b"half")
    (case.work / "lock").write_bytes(b"")
    case.extract()
    assert pieces(case.out) == case.expected


# what changed meanwhile


CHANGES = [
    pytest.param({"threshold": 0.7}, "threshold changed since", id="threshold"),
    pytest.param({"min_area_m2": 9.0}, "min_area changed since", id="min area"),
    pytest.param({"tile": 40}, "the windows (tile, overlap, memory, workers)", id="tile"),
    pytest.param({"overlap": 16}, "the windows (tile, overlap, memory", id="overlap"),
    pytest.param(
        {"scene": SceneOptions(nodata=1.0)}, "how the scene is read (bands, un", id="nodata"
    ),
    pytest.param(
        {"threshold": 0.7, "overlap": 16},
        "threshold, the windows (tile, overlap, memory, workers) changed since",
        id="two",
    ),
]


@pytest.mark.parametrize(("changed", "named"), CHANGES)
def test_another_option_is_refused_by_name(case: Case, changed: dict[str, Any], named: str) -> None:
    case.interrupt(5)
    kept = case.chunks
    options = replace(SMALL, **changed)
    with pytest.raises(InputError, match="holds an unfinished extraction") as told:
        case.extract(options=options)
    assert named in str(told.value)
    assert "or overwrite=True to drop it" in str(told.value)
    assert case.chunks == kept
    engine = MeanEngine()
    case.extract(engine, replace(options, overwrite=True))
    assert len(engine.shapes) >= WINDOWS - 5
    assert json.loads((case.out / "summary.json").read_text())["kept_windows_share"] == 0


def test_another_scene_is_refused(case: Case, run: Runner) -> None:
    case.interrupt(5)
    run.scene(terrain(SHAPE, seed=1))
    with pytest.raises(
        InputError, match="extraction, and the scene changed since; use the same options"
    ):
        case.extract()
    case.extract(options=replace(SMALL, overwrite=True))
    assert pieces(case.out) != case.expected


def test_another_model_or_engine_is_refused(case: Case) -> None:
    case.interrupt(5)
    other = model_of(mean=(501.0, 500.0))
    with pytest.raises(InputError, match="extraction, and the model changed since"):
        extract(case.scene, other, MeanEngine(), case.out, SMALL)
    engine = MeanEngine()
    engine.name, engine.precision = "other", "bf16"
    with pytest.raises(InputError, match="and engine, precision changed since"):
        case.extract(engine)


def test_the_same_scene_elsewhere_is_the_same(case: Case, tmp_path: Path) -> None:
    case.interrupt(7)
    kept = len(case.chunks)
    moved = replace(case, scene=case.scene.rename(tmp_path / "moved.tif"))
    assert moved.extract()["kept_windows_share"] == kept / WINDOWS > 0
    assert pieces(case.out) == case.expected


# each step on the disk


class Stopped(BaseException):
    """Stands for the end of a process."""


@dataclass
class Steps:
    """Lets the steps on a disk go through until one of them, at which the process ends."""

    last: int
    taken: int = 0
    names: list[str] = field(default_factory=list)

    def guard(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*args: Any, **kwargs: Any) -> Any:
            if self.taken >= self.last:
                raise Stopped
            self.taken += 1
            self.names.append(name)
            return step(*args, **kwargs)

        return taken


@contextmanager
def stopping_at(last: int) -> Iterator[Steps]:
    """Let the process end at a step that renames or removes something, and at all after it."""
    steps = Steps(last)
    names = ("rename", "replace", "unlink", "rmdir", "mkdir")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(os, name, steps.guard(name, getattr(os, name)))
        yield steps


@pytest.mark.parametrize(
    ("overwrite", "every"),
    [
        pytest.param(False, 3, id="a new output, each third step"),
        pytest.param(False, 1, id="a new output", marks=pytest.mark.slow),
        pytest.param(True, 1, id="over an earlier one", marks=pytest.mark.slow),
    ],
)
def test_it_goes_on_from_any_step_on_the_disk(run: Runner, overwrite: bool, every: int) -> None:
    scene, out = run.scene(terrain((50, 30))), run.folder / "out"
    options = replace(SMALL, overwrite=overwrite)
    extract(scene, model_of(), MeanEngine(), run.folder / "whole", options)
    expected = pieces(run.folder / "whole")
    if overwrite:
        other = replace(options, threshold=0.9)
        extract(scene, model_of(), MeanEngine(), run.folder / "earlier", other)
    last, ended = 0, False
    while not ended:
        if overwrite:
            shutil.copytree(run.folder / "earlier", out)
        with stopping_at(last) as steps, suppress(Stopped):
            extract(scene, model_of(), MeanEngine(), out, options)
            ended = steps.taken < last
        with suppress(OutputExistsError):  # where all is in place but the work folder
            extract(scene, model_of(), MeanEngine(), out, options)
        assert pieces(out) == expected, f"stopped at step {last}"
        assert not (run.folder / ".out.work").exists()
        shutil.rmtree(out)
        last += every
    assert last > 15


# a full disk


class NoisyEngine(RedEngine):
    """Says something else of every pixel; under 0.98, so that a threshold of 1 finds nothing."""

    def predict(self, batch: Any) -> Any:
        return np.clip(batch[:, 0] % 0.9, 0, 0.98).astype(np.float32)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let writing fail where a file grows past a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[float, Pieces]]:
    """Give a scene of noise, and by threshold what an extraction of it writes."""
    folder = tmp_path_factory.mktemp("noisy")
    pixels = terrain((600, 300))
    pixels[0] = np.random.default_rng(0).integers(300, 700, pixels[0].shape)
    scene, expected = write_raster_file(folder / "scene.tif", pixels, names=NAMES), {}
    for threshold in (1.0, 0.5):
        out = folder / str(threshold)
        extract(scene, model_of(), NoisyEngine(), out, replace(LARGE, threshold=threshold))
        expected[threshold] = pieces(out)
    return scene, expected


@pytest.mark.parametrize(
    ("threshold", "size", "message"),
    [
        pytest.param(1.0, 100, "File too large", id="at the first file"),
        pytest.param(1.0, 2_000, "a finished window cannot be written .File too la", id="window"),
        pytest.param(1.0, 150_000, "probability.tif: (a part of )?the raster c", id="raster"),
        # three quarters are the full resolution; before it, Linux inserts the rest past any limit
        pytest.param(1.0, 0.7, "probability.tif: .*raster", id="a raster's last tiles"),
        pytest.param(0.5, 1_200_000, "gpkg: the table of landslides cannot be w", id="polygons"),
        pytest.param(0.5, None, "spatial index is not complete", id="the polygons' index"),
    ],
)
def test_a_full_disk_is_told_of_and_gone_on_from(
    noisy: tuple[Path, dict[float, Pieces]],
    tmp_path: Path,
    threshold: float,
    size: float | None,
    message: str,
) -> None:
    scene, expected, out = noisy[0], noisy[1][threshold], tmp_path / "out"
    options = replace(LARGE, threshold=threshold)
    if size is None:
        size = int(0.97 * len(expected["landslides.gpkg"]))
    elif isinstance(size, float):
        size = int(size * len(expected["probability.tif"]))
    with (
        largest_file(int(size)),
        pytest.raises((LandslipError, OSError), match=message),
    ):
        extract(scene, model_of(), NoisyEngine(), out, options)
    assert not out.exists()
    extract(scene, model_of(), NoisyEngine(), out, options)
    assert pieces(out) == expected
    assert not (tmp_path / ".out.work").exists()


# a killed process


SLOW = """
import sys, time
from pathlib import Path
from tests.inference.factories import MeanEngine, model_of, SMALL
from landslip.inference.run import extract

class Slow(MeanEngine):
    def predict(self, batch):
        time.sleep(0.05)
        return super().predict(batch)

extract(Path(sys.argv[1]), model_of(), Slow(), Path(sys.argv[2]), SMALL)
"""


def test_a_killed_process_leaves_what_the_next_goes_on_from(case: Case) -> None:
    command = [sys.executable, "-c", SLOW, str(case.scene), str(case.out)]
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    for windows in (4, WINDOWS):
        process = subprocess.Popen(command, env=environment)
        while len(case.chunks) < windows and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        # the last one may have come to its end meanwhile
        assert process.wait() in (-signal.SIGKILL, 0)[: 1 + windows // WINDOWS]
    engine = MeanEngine()
    if not case.out.exists():
        case.extract(engine)
    assert len(engine.shapes) == 0
    assert pieces(case.out) == case.expected
