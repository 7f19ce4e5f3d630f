from pathlib import Path

import pytest
from tests.inference.cluster.factories import scene_job

from landslip.core.errors import LandslipError
from landslip.inference.cluster.scene import SceneWork
from landslip.inference.pipeline import WindowResult

PLACES = [(row, col) for row in range(2) for col in range(3)]


@pytest.fixture
def work() -> SceneWork:
    return SceneWork(scene_job(Path("scene.tif")), PLACES)


def done(place: tuple[int, int]) -> WindowResult:
    return WindowResult(place=place, skipped=False, began_s=0.0, seconds=1.0)


def test_windows_are_given_out_in_their_order(work: SceneWork) -> None:
    assert work.take(4) == PLACES[:4]
    assert work.waiting == 2
    assert work.take(4) == PLACES[4:]
    assert work.take(4) == []


def test_windows_that_were_not_begun_are_given_out_next(work: SceneWork) -> None:
    first = work.take(2)
    work.take(2)
    work.give_back(first)
    assert work.take(9) == first + PLACES[4:]


def test_a_window_comes_out_once(work: SceneWork) -> None:
    for place in (PLACES[1], PLACES[0], PLACES[1]):
        work.done(done(place))
    assert [work.results.get().place for _ in range(work.results.qsize())] == PLACES[1::-1]  # type: ignore[union-attr]


def test_windows_that_a_worker_died_of_go_alone_and_first(work: SceneWork) -> None:
    work.give_back_suspects(work.take(2))
    assert work.waiting == 6
    assert [work.take(4) for _ in range(3)] == [PLACES[:1], PLACES[1:2], PLACES[2:]]


def test_a_window_that_workers_die_of_is_named(work: SceneWork) -> None:
    work.give_back_suspects(work.take(2))
    assert [work.take(1), work.take(1)] == [PLACES[:1], PLACES[1:2]]
    work.give_back_suspects([PLACES[1]])
    with pytest.raises(
        LandslipError,
        match=r"scene\.tif: 3 workers died while they computed the window at row 0, column 1 "
        r"\(column 48, row 0, 64 x 64 px\); .* smaller --tile",
    ):
        work.give_back_suspects([PLACES[1]])
