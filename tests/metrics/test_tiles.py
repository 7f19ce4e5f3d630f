import numpy as np
import pytest

from landslip.metrics.pixels import SCORES, Counts
from landslip.metrics.tiles import f1, on_common_tiles, pooled, ratios, tile_table


def counts(tp: int, fp: int, fn: int) -> Counts:
    return Counts(tp=tp, fp=fp, fn=fn, tn=9)


def test_a_table_has_seeds_tiles_and_counts() -> None:
    first = {"b": counts(1, 2, 3), "a": counts(4, 5, 6)}
    second = {"a": counts(7, 8, 9), "b": counts(10, 11, 12), "c": counts(0, 0, 0)}
    table = tile_table([first, second])
    assert table.tile_ids == ("a", "b")  # c was not tested under the first seed
    assert table.counts.tolist() == [[[4, 5, 6], [1, 2, 3]], [[7, 8, 9], [10, 11, 12]]]


def test_common_tiles_come_in_one_order() -> None:
    first = tile_table([{"a": counts(1, 0, 0), "b": counts(2, 0, 0), "c": counts(3, 0, 0)}])
    second = tile_table([{"d": counts(4, 0, 0), "c": counts(5, 0, 0), "a": counts(6, 0, 0)}])
    one, other = on_common_tiles([first, second])
    assert one[0, :, 0].tolist() == [1, 3]
    assert other[0, :, 0].tolist() == [6, 5]


def test_tables_without_a_common_tile_are_empty() -> None:
    one, other = on_common_tiles([tile_table([{"a": counts(1, 0, 0)}]), tile_table([{}])])
    assert one.shape == other.shape == (1, 0, 3)


def test_folds_are_pooled() -> None:
    folds = [{"a": counts(1, 0, 0)}, {"b": counts(2, 0, 0)}]
    assert pooled(folds) == {"a": counts(1, 0, 0), "b": counts(2, 0, 0)}


def test_a_tile_in_two_folds_is_refused() -> None:
    with pytest.raises(ValueError, match="tested in one fold; b is in two"):
        pooled([{"a": counts(1, 0, 0), "b": counts(1, 0, 0)}, {"b": counts(2, 0, 0)}])


def test_no_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        tile_table([])


def test_ratios_are_those_of_counts() -> None:
    table = np.array([[0, 0, 0], [3, 0, 0], [0, 2, 0], [0, 0, 5], [2, 2, 4]])
    found = ratios(table)
    for row, (tp, fp, fn) in enumerate(table.tolist()):
        for name in SCORES:
            expected = getattr(Counts(tp=tp, fp=fp, fn=fn), name)
            value = None if np.isnan(found[name][row]) else found[name][row]
            assert value == expected
    np.testing.assert_array_equal(found["f1"], f1(table))
