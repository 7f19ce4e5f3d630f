import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inference.ray.factories import scene_job

from landslip.core.errors import LandslipError
from landslip.inference.ray.pool import Allocation, ClusterNode, SceneQueue, allocate, block_size

WINDOWS = [(row, col) for row in range(2) for col in range(3)]


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        pytest.param([8, 8], None, (2, 8), id="one each"),
        pytest.param([8, 2], None, (5, 2), id="one for each node of the smallest size"),
        pytest.param([0, 2], None, (1, 2), id="a head without cores"),
        pytest.param([8, 2], 1, (1, 8), id="one in all"),
        pytest.param([8, 8], 2, (2, 8), id="two on two nodes"),
        pytest.param([8, 2], 3, (3, 2), id="three"),
        pytest.param([8, 3], 4, (4, 2), id="four"),
        pytest.param([2, 1], 9, (3, 1), id="too many"),
        pytest.param([], 3, (0, 1), id="no nodes"),
    ],
)
def test_cores_are_divided(
    nodes: list[int], workers: int | None, expected: tuple[int, int]
) -> None:
    found = allocate([ClusterNode(cores=cores) for cores in nodes], workers)
    assert found == Allocation(workers=expected[0], cores=expected[1])


def test_each_gpu_has_a_worker() -> None:
    nodes = [ClusterNode(cores=8, gpus=2), ClusterNode(cores=16)]
    assert allocate(nodes, None, by_gpu=True) == Allocation(workers=2, cores=4, gpus=1)
    assert allocate(nodes, 1, by_gpu=True) == Allocation(workers=1, cores=4, gpus=1)


@given(cores=st.lists(st.integers(0, 40), max_size=6), workers=st.none() | st.integers(1, 60))
def test_workers_fit_the_cores(cores: list[int], workers: int | None) -> None:
    found = allocate([ClusterNode(cores=count) for count in cores], workers)
    assert found.workers <= sum(count // found.cores for count in cores)
    usable = [count for count in cores if count]
    if workers is None:
        assert found.workers >= len(usable)
    else:
        assert found.workers == min(workers, sum(usable))


@given(
    waiting=st.integers(1, 5000), workers=st.integers(1, 40), streams=st.sampled_from([1, 2, 4, 16])
)
def test_blocks_are_never_empty_and_leave_work_for_others(
    waiting: int, workers: int, streams: int
) -> None:
    size = block_size(waiting, workers, streams)
    assert 1 <= size <= min(waiting, 8 * streams)
    if waiting >= 2 * workers * streams:
        assert size * workers <= waiting


def test_blocks_get_smaller() -> None:
    waiting, sizes = 200, []
    while waiting:
        sizes.append(block_size(waiting, 2, 2))
        waiting -= sizes[-1]
    assert sizes[0] == 16
    assert sizes[-1] <= 2
    assert all(first >= later for first, later in itertools.pairwise(sizes))


@pytest.fixture
def scene() -> SceneQueue:
    return SceneQueue(scene_job(Path("scene.tif")), WINDOWS)


def test_windows_are_taken_in_order(scene: SceneQueue) -> None:
    assert scene.take(4) == WINDOWS[:4]
    assert scene.waiting == 2
    assert scene.take(4) == WINDOWS[4:]
    assert scene.take(4) == []


def test_windows_of_a_block_that_killed_its_workers_are_taken_one_by_one(scene: SceneQueue) -> None:
    scene.return_failed(scene.take(2), "died")
    assert scene.waiting == 6
    assert [scene.take(4) for _ in range(3)] == [WINDOWS[:1], WINDOWS[1:2], WINDOWS[2:]]


def test_a_window_that_kills_its_workers_is_named(scene: SceneQueue) -> None:
    scene.return_failed(scene.take(2), "died")
    assert [scene.take(1), scene.take(1)] == [WINDOWS[:1], WINDOWS[1:2]]
    with pytest.raises(
        LandslipError,
        match=r"scene\.tif: 3 workers died while computing the window at row 0, column 1 "
        r"\(column 48, row 0, 64 x 64 px\): no memory; .* smaller tile",
    ):
        scene.return_failed([WINDOWS[1]], "no memory")
