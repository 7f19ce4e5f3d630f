from itertools import chain

import numpy as np
import pytest

from landslip.core.window import Window
from landslip.models.ood.pieces import pieces, spread_pieces


@pytest.mark.parametrize("shape", [(64, 64), (65, 200), (640, 100), (10, 300), (30, 40)])
def test_squares_cover_everything(shape: tuple[int, int]) -> None:
    seen = np.zeros(shape, dtype=np.int64)
    for window in chain.from_iterable(pieces(shape, 64)):
        assert window.shape == (64, 64)
        assert window.row_off >= 0 <= window.col_off
        seen[window.row_off : window.row_end, window.col_off : window.col_end] += 1
    assert seen.min() >= 1
    assert seen.max() <= 4


def test_squares_stay_inside_where_there_is_room() -> None:
    assert pieces((64, 100), 64) == [[Window(0, 0, 64, 64), Window(36, 0, 64, 64)]]
    assert pieces((10, 64), 64) == [[Window(0, 0, 64, 64)]]


def test_the_first_of_many_are_spread_over_the_scene() -> None:
    chosen = list(spread_pieces((20_000, 30_000), 100, 16))
    assert len(set(chosen)) == 16
    places = np.array([(window.row_off / 20_000, window.col_off / 30_000) for window in chosen])
    quarters = (places * 2).astype(int) @ [2, 1]
    assert np.bincount(quarters).min() >= 3
    nearest = [np.sort(np.hypot(*(places - place).T))[1] for place in places]
    assert min(nearest) > 0.1
    assert chosen == list(spread_pieces((20_000, 30_000), 100, 16))
    assert chosen[:5] == list(spread_pieces((20_000, 30_000), 100, 5))


@pytest.mark.parametrize("shape", [(64, 64), (128, 192), (64, 3000), (450, 450)])
def test_all_of_few_come_once(shape: tuple[int, int]) -> None:
    chosen = list(spread_pieces(shape, 64, 1000))
    assert len(chosen) == len(set(chosen))
    assert set(chosen) == set(chain.from_iterable(pieces(shape, 64)))
