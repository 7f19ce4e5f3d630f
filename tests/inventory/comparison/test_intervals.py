import numpy as np
import pytest
import shapely
from scipy.stats import binom
from shapely import box
from tests.inventory.comparison.made import Polygons, array
from tests.inventory.comparison.test_landslides import sides

from landslip.inventory.comparison.intervals import GroupTable, estimates, group_table
from landslip.inventory.comparison.landslides import judge

NONE = np.zeros(0, dtype=np.int64)


def table(inventory: Polygons, reference: Polygons) -> GroupTable:
    return group_table(judge(sides(inventory, reference)), shapely.area(reference), NONE)


def squares(count: int, size: float = 10.0) -> Polygons:
    return array(*(box(100 * at, 0, 100 * at + size, 10) for at in range(count)))


def test_what_overlaps_is_one_group_and_what_does_not_is_its_own() -> None:
    inventory = array(box(0, 0, 6, 10), box(100, 0, 110, 10), box(500, 0, 510, 10))
    reference = array(box(0, 0, 5, 10), box(5, 0, 10, 10), box(300, 0, 330, 20))
    found = table(inventory, reference)
    # shared, of the inventory, of the reference: one group of three, three of one
    rows = sorted(tuple(row) for row in found.areas.round(6).tolist())
    assert rows == [(0, 0, 600), (0, 100, 0), (0, 100, 0), (60, 60, 100)]
    assert found.landslides.sum(axis=0).tolist() == [3, 2, 0, 3]
    assert found.known.sum(axis=0).tolist() == [2, 1, 0, 0, 0]
    assert found.detected.sum(axis=0).tolist() == [1, 0, 0, 0, 0]


def test_scores_are_ratios_of_sums() -> None:
    inventory = array(box(0, 0, 6, 10), box(100, 0, 110, 10))
    reference = array(box(0, 0, 5, 10), box(5, 0, 10, 10))
    found = estimates(table(inventory, reference), draws=0, seed=0)
    values = {name: found[name].value for name in ("precision", "recall", "f1", "iou")}
    assert values == pytest.approx(
        {"precision": 60 / 160, "recall": 0.6, "f1": 120 / 260, "iou": 60 / 200}
    )
    assert found["error_index"].value == pytest.approx(0.7)
    assert found["detection_rate"].value == 0.5
    assert found["detection_rate_0"].value == 0.5
    assert found["detection_rate_1"].value is None
    assert found["false_share"].value == 0.5
    assert found["iou"].low is None


def test_the_interval_of_detection_is_the_binomial_one() -> None:
    reference = squares(200)
    inventory = squares(120)  # the first 120 are detected
    found = estimates(table(inventory, reference), draws=4000, seed=1)["detection_rate"]
    assert found.value == 0.6
    low, high = binom.ppf([0.025, 0.975], 200, 0.6) / 200
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


def test_the_seed_decides_the_draws() -> None:
    both = table(squares(50, 8), squares(80))
    first = estimates(both, draws=100, seed=1)
    assert estimates(both, draws=100, seed=1) == first
    assert estimates(both, draws=100, seed=2) != first


def test_one_group_has_no_interval_and_nothing_no_score() -> None:
    one = estimates(table(squares(1), squares(1)), draws=100, seed=0)
    assert one["f1"].value == 1.0
    assert one["f1"].low is None
    nothing = estimates(table(array(), array()), draws=100, seed=0)
    assert all(found.value is None for found in nothing.values())
