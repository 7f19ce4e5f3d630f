import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.inference.cluster.shares import Node, Share, block_size, shares


def node(name: str, cores: int, gpus: int = 0) -> Node:
    return Node(node_id=name, cores=cores, gpus=gpus)


def share(name: str, workers: int, cores: int, gpus: int = 0) -> Share:
    return Share(node_id=name, workers=workers, cores=cores, gpus=gpus)


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        pytest.param([node("a", 8), node("b", 2)], None, [("a", 1, 8), ("b", 1, 2)], id="one each"),
        pytest.param([node("head", 0), node("b", 2)], None, [("b", 1, 2)], id="a head without"),
        pytest.param([node("a", 8), node("b", 2)], 1, [("a", 1, 8)], id="one in all"),
        pytest.param([node("a", 8), node("b", 2)], 3, [("a", 3, 2)], id="to where most is"),
        pytest.param([node("a", 8), node("b", 3)], 4, [("a", 3, 2), ("b", 1, 3)], id="four"),
        pytest.param([node("a", 2), node("b", 1)], 9, [("a", 2, 1), ("b", 1, 1)], id="too many"),
        pytest.param([], 3, [], id="no nodes"),
    ],
)
def test_cores_are_shared_out(
    nodes: list[Node], workers: int | None, expected: list[tuple[str, int, int]]
) -> None:
    assert shares(nodes, workers) == [share(*one) for one in expected]


def test_each_gpu_has_a_worker() -> None:
    nodes = [node("a", 8, 2), node("b", 16)]
    assert shares(nodes, None, by_gpu=True) == [share("a", 2, 4, 1)]
    assert shares(nodes, 1, by_gpu=True) == [share("a", 1, 8, 1)]


@given(cores=st.lists(st.integers(0, 40), max_size=6), workers=st.none() | st.integers(1, 60))
def test_no_core_is_shared_out_twice(cores: list[int], workers: int | None) -> None:
    nodes = [node(str(at), count) for at, count in enumerate(cores)]
    found = shares(nodes, workers)
    for one in found:
        assert one.workers * one.cores <= cores[int(one.node_id)]
    in_all = sum(one.workers for one in found)
    usable = [count for count in cores if count]
    assert in_all == (len(usable) if workers is None else min(workers, sum(usable)))


@given(
    left=st.integers(1, 5000), workers=st.integers(1, 40), streams=st.sampled_from([1, 2, 4, 16])
)
def test_blocks_are_never_empty_and_leave_work_for_others(
    left: int, workers: int, streams: int
) -> None:
    size = block_size(left, workers, streams)
    assert 1 <= size <= min(left, 8 * streams)
    if left >= 2 * workers * streams:
        assert size * workers <= left


def test_blocks_get_smaller() -> None:
    left, sizes = 200, []
    while left:
        sizes.append(block_size(left, 2, 2))
        left -= sizes[-1]
    assert sizes[0] == 16
    assert sizes[-1] <= 2
    assert all(first >= later for first, later in itertools.pairwise(sizes))
