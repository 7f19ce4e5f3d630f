import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from shapely import box
from shapely.affinity import translate
from tests.inventory.comparison.made import Polygons, array, blobs

from landslip.inventory.comparison.matching import Matches, match
from landslip.inventory.comparison.overlaps import overlaps


def matched(one: Polygons, other: Polygons, min_iou: float) -> Matches:
    return match(overlaps(one, other), shapely.area(one), shapely.area(other), min_iou)


def test_iou_is_intersection_over_union() -> None:
    found = matched(array(box(0, 0, 4, 1)), array(box(9, 9, 10, 10), box(1, 0, 6, 1)), 0.3)
    assert found.inventory.tolist() == [0]
    assert found.reference.tolist() == [1]
    assert found.shared.tolist() == pytest.approx([3])
    assert found.iou.tolist() == pytest.approx([3 / 6])


def test_the_best_pair_comes_first_and_each_landslide_once() -> None:
    # both of the inventory overlap the first of the reference; the second one more
    ours = array(box(0, 0, 6, 1), box(0, 0, 9, 1))
    theirs = array(box(0, 0, 10, 1), box(0, 0, 3, 1))
    found = matched(ours, theirs, 0.1)
    pairs = list(zip(found.inventory.tolist(), found.reference.tolist(), strict=True))
    assert pairs == [(0, 1), (1, 0)]
    assert found.iou.tolist() == pytest.approx([0.5, 0.9])
    assert len(matched(ours, theirs, 0.6).iou) == 1


def test_equals_go_by_their_order() -> None:
    found = matched(array(box(0, 0, 1, 1), box(0, 0, 1, 1)), array(box(0, 0, 1, 1)), 0.5)
    assert found.inventory.tolist() == [0]


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_from_an_iou_of_a_half_on_pairs_are_the_best_there_are(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ours = array(*(box(x, y, x + 8, y + 8) for x in range(0, 50, 10) for y in range(0, 50, 10)))
    theirs = array(*(translate(one, *generator.uniform(-4, 4, 2)) for one in ours))
    found = matched(ours, theirs, 0.5001)
    table = overlaps(ours, theirs)
    iou = np.zeros((len(ours), len(theirs)))
    iou[table.one, table.other] = table.shared / (128 - table.shared)
    iou[iou < 0.5001] = 0
    # those of the reference may overlap each other here, and greed must cost nothing all the same
    rows, cols = linear_sum_assignment(-iou)
    if all((iou[:, col] > 0).sum() <= 1 for col in range(len(theirs))):
        assert found.iou.sum() == pytest.approx(iou[rows, cols].sum())
    assert (found.iou >= 0.5001).all()


def test_nothing_has_no_pairs() -> None:
    assert len(matched(array(), blobs(np.random.default_rng(0), 3), 0.5).iou) == 0
