import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.errors import InputError
from landslip.extraction.plan import Plan, plan_windows
from landslip.window import Window

SIDES = st.integers(1, 150)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, int, int]:
    """Draw a plan, with the tile asked for and the multiple."""
    multiple = draw(st.sampled_from([1, 2, 4, 8, 32]))
    tile = multiple * draw(st.integers(1, 8))
    overlap = 2 * draw(st.integers(0, tile // 4))
    shape = draw(st.tuples(SIDES, SIDES))
    return plan_windows(shape, tile=tile, overlap=overlap, multiple=multiple), tile, multiple


@given(made=plans())
def test_windows_cover_every_pixel(made: tuple[Plan, int, int]) -> None:
    plan, _, _ = made
    seen = np.zeros(plan.shape, dtype=int)
    for row_off in plan.row_offs:
        for window in plan.row_windows(row_off):
            inside = window.clipped(plan.shape)
            assert inside is not None, "a window that holds no pixel of the scene"
            seen[inside.slices_in(Window(0, 0, plan.shape[1], plan.shape[0]))] += 1
    assert (seen >= 1).all()


@given(made=plans())
def test_windows_are_no_larger_than_asked_and_fit_the_model(made: tuple[Plan, int, int]) -> None:
    plan, tile, multiple = made
    assert plan.tile % multiple == 0
    assert plan.overlap <= plan.tile // 2
    assert plan.tile <= tile


@given(made=plans())
def test_finished_rows_follow_one_another(made: tuple[Plan, int, int]) -> None:
    plan, _, _ = made
    spans = [plan.finished_rows(row_off) for row_off in plan.row_offs]
    assert spans[0][0] == 0
    assert spans[-1][1] == plan.shape[0]
    assert all(first < end for first, end in spans)
    assert all(end == first for (_, end), (first, _) in itertools.pairwise(spans))
    for (_, end), later in zip(spans, plan.row_offs[1:], strict=False):
        assert end <= later, "a row that a later window still adds to"


def test_a_small_scene_is_one_small_window() -> None:
    plan = plan_windows((20, 30), tile=512, overlap=64, multiple=32)
    assert (plan.tile, plan.row_offs, plan.col_offs) == (128, (-32,), (-32,))


@pytest.mark.parametrize(
    ("tile", "overlap", "message"),
    [
        pytest.param(500, 0, "--tile is a multiple of 32 for this model; got 500", id="tile"),
        pytest.param(0, 0, "--tile is a multiple of 32 for this model; got 0", id="no tile"),
        pytest.param(-32, 0, "--tile is a multiple of 32", id="negative tile"),
        pytest.param(64, 34, "up to half of --tile; got 34 of 64", id="too much"),
        pytest.param(64, 3, "an even number of pixels.*; got 3 of 64", id="odd"),
        pytest.param(64, -2, "got -2 of 64", id="negative"),
    ],
)
def test_tiles_and_overlaps_that_cannot_be_used(tile: int, overlap: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_windows((100, 100), tile=tile, overlap=overlap, multiple=32)
