"""Reading, computing and storing at the same time, and what happens when one of them fails."""

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.inference.factories import terrain

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.inference.pipeline import WindowPipeline
from landslip.inference.plan import WindowPlan
from landslip.inference.store import WindowStore
from landslip.io.raster import Scene, SceneOptions
from landslip.models.engines.base import WindowRunner

PLAN = WindowPlan(shape=(90, 120), window=(32, 32), overlap=8, corner=(0, 0))
PLACES = list(PLAN)
Fault = Callable[[int], None]
Steps = NDArray[np.uint8]


def quiet(number: int) -> None:
    """Let all go well."""


@dataclass
class Counted:
    """Counts what goes through a pipeline; a fault is told each number, from 0, and may raise."""

    reading: Fault = quiet
    computing: Fault = quiet
    storing: Fault = quiet
    streams: int = 2
    reads: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    writes: int = 0
    closed: int = 0
    alive: int = 0
    most_alive: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def followed(self, pixels: NDArray[Any]) -> "Tracked":
        tracked = pixels.view(Tracked)
        with self.lock:
            self.alive += 1
            self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(tracked, self.forget)
        return tracked

    def forget(self) -> None:
        with self.lock:
            self.alive -= 1


class Tracked(np.ndarray[Any, Any]):
    """An array that can be found as long as something holds it."""


class CountedScene(Scene):
    """A scene whose reads are counted, and whose arrays are followed."""

    def __init__(self, path: Path, counted: Counted) -> None:
        super().__init__(path, SceneOptions(nodata=0))
        self._counted = counted

    def read(self, window: Window, bands: Bands | None = None) -> tuple[Any, NDArray[np.bool_]]:
        counted = self._counted
        with counted.lock:
            number = counted.reads.total()
            counted.reads[str(window)] += 1
        counted.reading(number)
        stored, valid = super().read(window, bands)
        return counted.followed(stored), valid

    def close(self) -> None:
        self._counted.closed += 1
        super().close()


@dataclass
class CountedRunner:
    """Says of each pixel what its red is, modulo 251."""

    counted: Counted
    streams: int = 2

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> Steps:
        with self.counted.lock:
            number = self.counted.runs
            self.counted.runs += 1
        self.counted.computing(number)
        return self.counted.followed(steps_of(stored[0]))


class CountedStore(WindowStore):
    """A store whose writes are counted."""

    def __init__(self, location: str, counted: Counted) -> None:
        super().__init__(location)
        self._counted = counted

    def write(self, place: tuple[int, int], steps: Steps) -> None:
        number = self._counted.writes
        self._counted.writes += 1
        self._counted.storing(number)
        super().write(place, steps)


def steps_of(red: NDArray[Any]) -> Steps:
    found: Steps = (np.asarray(red) % 251).astype(np.uint8)
    return found


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """Hold that no thread of a pipeline outlives the test."""
    yield
    left = [t.name for t in threading.enumerate() if t.name.startswith(("read", "comp", "store"))]
    assert left == []


@dataclass(frozen=True)
class Case:
    """A pipeline whose parts are counted."""

    pipeline: WindowPipeline
    store: WindowStore
    open_scene: Callable[[], Scene]


MakeCase = Callable[..., Case]


@pytest.fixture
def make_case(write_raster: Callable[..., Path], tmp_path: Path) -> MakeCase:
    """Return what sets a pipeline up."""
    pixels = terrain(PLAN.shape)
    pixels[:, :32, :32] = 0
    path = write_raster("scene.tif", pixels, names=("red", "nir"))

    def make(counted: Counted, open_runner: Callable[[], WindowRunner] | None = None) -> Case:
        store = CountedStore(str(tmp_path / "windows"), counted)

        def open_scene() -> Scene:
            return CountedScene(path, counted)

        pipeline = WindowPipeline(
            plan=PLAN,
            bands=Bands(("red", "nir")),
            store=store,
            open_scene=open_scene,
            open_runner=open_runner or (lambda: CountedRunner(counted)),
            prepare_store=lambda: store.create(PLAN, {}),
            streams=counted.streams,
            readers=2,
        )
        return Case(pipeline, store, open_scene)

    return make


@pytest.mark.parametrize("streams", [1, 2, 4])
def test_each_window_is_read_computed_and_stored_once(make_case: MakeCase, streams: int) -> None:
    counted = Counted(streams=streams)
    case = make_case(counted)
    done = list(case.pipeline.compute(PLACES))
    assert sorted(one.index for one in done) == PLACES
    assert set(counted.reads.values()) == {1}
    assert (len(counted.reads), counted.writes) == (20, 20)
    assert counted.runs == 19, "the window without data is not computed"
    assert [one.index for one in done if one.skipped] == [(0, 0)]
    assert counted.closed == min(2, counted.closed) > 0
    with case.open_scene() as scene:
        for place in PLACES:
            stored, valid = scene.read(PLAN.window_at(*place))
            expected = np.where(valid, steps_of(stored[0]), 255)
            np.testing.assert_array_equal(case.store.read(place), expected)


def test_only_what_is_asked_for_is_computed(make_case: MakeCase) -> None:
    counted = Counted()
    case = make_case(counted)
    asked = [(3, 4), (1, 1), (2, 0)]
    done = list(case.pipeline.compute(asked))
    assert sorted(one.index for one in done) == sorted(asked)
    assert case.store.finished().sum() == counted.runs == 3


@pytest.mark.parametrize("slow", ["computing", "storing"])
def test_few_windows_are_in_memory_however_slow_a_part_is(make_case: MakeCase, slow: str) -> None:
    counted = Counted()
    setattr(counted, slow, lambda _: time.sleep(0.01))
    case = make_case(counted)
    list(case.pipeline.compute(PLACES))
    # a window is what was read or what came out; both, in as many as are computed; and one more
    # that is stored and just being let go
    assert 2 <= counted.most_alive <= 2 * counted.streams + 2 + 1
    assert counted.alive == 0


def test_a_reader_that_is_late_stops_nobody_for_good(make_case: MakeCase) -> None:
    # the others read on as far as there is room, and room is kept for the late one
    counted = Counted(reading=lambda number: time.sleep(0.2 if number == 1 else 0), streams=1)
    case = make_case(counted)
    assert len(list(case.pipeline.compute(PLACES))) == 20


def test_windows_that_end_in_another_order_are_stored_all_the_same(make_case: MakeCase) -> None:
    counted = Counted(computing=lambda number: time.sleep(0.03 if number % 3 == 0 else 0))
    case = make_case(counted)
    places = [one.index for one in case.pipeline.compute(PLACES)]
    assert sorted(places) == PLACES != places
    assert case.store.finished().all()


def failing_at(at: int, error: Exception) -> Fault:
    def fail(number: int) -> None:
        if number == at:
            raise error

    return fail


@pytest.mark.parametrize("at", [0, 7, 19])
@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("reading", InputError("the file may be damaged")),
        ("computing", MemoryError("no memory")),
        ("storing", OSError(28, "No space left on device")),
    ],
)
def test_what_goes_wrong_reaches_the_caller(
    make_case: MakeCase, part: str, at: int, error: Exception
) -> None:
    at = min(at, 18 if part == "computing" else 19)
    counted = Counted()
    setattr(counted, part, failing_at(at, error))
    case = make_case(counted)
    done = []
    with pytest.raises(type(error)) as raised:
        done += [one.index for one in case.pipeline.compute(PLACES)]
    assert raised.value is error
    there = case.store.finished() if at else np.zeros(PLAN.count, dtype=bool)
    assert there.sum() <= counted.writes


def test_an_engine_that_cannot_be_set_up_is_told_of(make_case: MakeCase) -> None:
    def open_runner() -> WindowRunner:
        raise InputError("no such device")

    counted = Counted()
    case = make_case(counted, open_runner)
    with pytest.raises(InputError, match="no such device"):
        list(case.pipeline.compute(PLACES))
    assert counted.writes <= 1, "at most the window without data"


def test_closing_it_early_ends_its_threads(make_case: MakeCase) -> None:
    counted = Counted()
    case = make_case(counted)
    results = case.pipeline.compute(PLACES)
    first = next(results)
    results.close()
    assert first.index in PLACES
    assert counted.writes < 20
    assert counted.closed in (1, 2)


def test_closing_it_before_the_first_result_ends_its_threads(make_case: MakeCase) -> None:
    case = make_case(Counted())
    case.pipeline.compute(PLACES).close()


def test_nothing_to_do_is_done_at_once(make_case: MakeCase) -> None:
    counted = Counted()
    case = make_case(counted)
    assert list(case.pipeline.compute([])) == []
    assert counted.reads.total() == 0


def test_times_are_the_networks_own(make_case: MakeCase) -> None:
    counted = Counted(computing=lambda _: time.sleep(0.01), streams=1)
    case = make_case(counted)
    before = time.monotonic()
    done = [one for one in case.pipeline.compute(PLACES) if not one.skipped]
    whole = time.monotonic() - before
    assert all(one.seconds >= 0.01 for one in done)
    assert sum(one.seconds for one in done) <= whole
    assert all(before <= one.started_s <= before + whole for one in done)
