import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.core.window import Window, tile_windows

SIDES = st.integers(1, 90)


@given(
    shape=st.tuples(SIDES, SIDES),
    tile=st.integers(1, 40),
    corner=st.tuples(st.integers(-99, 99), st.integers(-99, 99)),
)
def test_tiles_cover_each_pixel_once(
    shape: tuple[int, int], tile: int, corner: tuple[int, int]
) -> None:
    seen = np.zeros(shape, dtype=int)
    for window in tile_windows(shape, tile, corner):
        assert (window.row_off - corner[0]) % tile == (window.col_off - corner[1]) % tile == 0
        assert window.shape == (tile, tile)
        inside = window.clipped(shape)
        assert inside is not None, "a tile that holds no pixel of the scene"
        seen[inside.slices_in(Window(0, 0, shape[1], shape[0]))] += 1
    assert (seen == 1).all()


def test_tiles_go_row_by_row() -> None:
    corners = [(window.row_off, window.col_off) for window in tile_windows((5, 7), 4)]
    assert corners == [(0, 0), (0, 4), (4, 0), (4, 4)]


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        pytest.param(Window(-2, -3, 5, 5), Window(0, 0, 3, 2), id="over the upper left corner"),
        pytest.param(Window(8, 4, 5, 5), Window(8, 4, 2, 2), id="over the lower right corner"),
        pytest.param(Window(1, 2, 3, 4), Window(1, 2, 3, 4), id="inside"),
        pytest.param(Window(-5, 0, 5, 5), None, id="left of it, touching"),
        pytest.param(Window(0, 6, 5, 5), None, id="below it, touching"),
    ],
)
def test_clipped_to_6_rows_and_10_columns(window: Window, inside: Window | None) -> None:
    assert window.clipped((6, 10)) == inside


def test_slices_pick_the_window_out_of_the_outer_one() -> None:
    rows, cols = np.mgrid[10:20, 30:45]
    part = Window(33, 12, 4, 5).slices_in(Window(30, 10, 15, 10))
    assert rows[part][:, 0].tolist() == [12, 13, 14, 15, 16]
    assert cols[part][0].tolist() == [33, 34, 35, 36]


@pytest.mark.parametrize(("width", "height"), [(0, 4), (4, 0), (-1, 4)])
def test_an_empty_window_is_refused(width: int, height: int) -> None:
    with pytest.raises(InputError, match=f"at least 1 x 1 px; got {width} x {height}"):
        Window(0, 0, width, height)
