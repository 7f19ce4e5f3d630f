import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom
from shapely import box
from tests.inventory.comparison.factories import Polygons, array, blobs
from tests.inventory.comparison.test_matching import side

from landslip.inventory.comparison.matching import SIZES_M2, detect_by_area
from landslip.inventory.comparison.scores import (
    GroupSums,
    blocks_of_groups,
    bootstrap_scores,
    count_inventory_pixels,
    resolution_for,
    sum_groups,
)
from landslip.metrics.pixels import PixelCounts


def burnt(polygons: Polygons, resolution: float, extent: float) -> NDArray[np.bool_]:
    centres = np.arange(-extent, 2 * extent, resolution) + resolution / 2
    x, y = np.meshgrid(centres, centres)
    return np.asarray(shapely.contains_xy(shapely.union_all(polygons), x, y))


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), resolution=st.sampled_from([0.5, 1.0, 2.0]))
def test_counts_are_those_of_rasters(seed: int, resolution: float) -> None:
    generator = np.random.default_rng(seed)
    ours, theirs = blobs(generator, 12, extent=60), blobs(generator, 9, extent=60)
    area = box(-30.1, -30.1, 100.1, 100.1)
    one, other = burnt(ours, resolution, 60), burnt(theirs, resolution, 60)
    searched = burnt(array(area), resolution, 60)
    expected = PixelCounts(
        tp=int((one & other).sum()),
        fp=int((one & ~other).sum()),
        fn=int((~one & other).sum()),
        tn=int((searched & ~one & ~other).sum()),
    )
    assert count_inventory_pixels(ours, theirs, area, resolution) == expected
    without = count_inventory_pixels(ours, theirs, None, resolution)
    assert (without.tp, without.fp, without.fn, without.tn) == (
        expected.tp,
        expected.fp,
        expected.fn,
        0,
    )


def test_rows_do_not_run_into_each_other() -> None:
    # one ends where the next row of the other begins
    counts = count_inventory_pixels(array(box(0, 1, 10, 2)), array(box(0, 0, 10, 1)), None, 1.0)
    assert (counts.tp, counts.fp, counts.fn) == (0, 10, 10)


def test_far_from_the_origin_and_of_metres_small_enough() -> None:
    ours = array(box(500_000.2, 4_000_000.2, 500_010.2, 4_000_010.2))
    counts = count_inventory_pixels(ours, ours, None, 0.1)
    assert (counts.tp, counts.fp, counts.fn) == (10_000, 0, 0)


def test_a_side_may_be_empty() -> None:
    ours = array(box(0, 0, 3, 2))
    assert count_inventory_pixels(ours, array(), None, 1.0) == PixelCounts(fp=6)
    assert count_inventory_pixels(array(), ours, None, 1.0) == PixelCounts(fn=6)
    assert count_inventory_pixels(array(), array(), box(0, 0, 2, 2), 1.0) == PixelCounts(tn=4)


@pytest.mark.parametrize(
    ("areas", "expected"),
    [([400.0], 2.0), ([399.0], 1.0), ([1e4, 2e4, 1e9], 10.0), ([0.04], 0.02), ([2499.0], 2.0)],
)
def test_the_resolution_goes_by_the_median_landslide(areas: list[float], expected: float) -> None:
    assert math.isclose(resolution_for(np.array(areas)), expected)


NONE = np.zeros(0, dtype=np.int64)


def table(inventory: Polygons, reference: Polygons) -> GroupSums:
    return sum_groups(
        detect_by_area(side(inventory), side(reference)), shapely.area(reference), NONE
    )


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
    found = bootstrap_scores(table(inventory, reference), draws=0, seed=0)
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
    found = bootstrap_scores(table(inventory, reference), draws=4000, seed=1)["detection_rate"]
    assert found.value == 0.6
    low, high = binom.ppf([0.025, 0.975], 200, 0.6) / 200
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


def test_the_seed_decides_the_draws() -> None:
    both = table(squares(50, 8), squares(80))
    first = bootstrap_scores(both, draws=100, seed=1)
    assert bootstrap_scores(both, draws=100, seed=1) == first
    assert bootstrap_scores(both, draws=100, seed=2) != first


def test_one_group_has_no_interval_and_nothing_no_score() -> None:
    one = bootstrap_scores(table(squares(1), squares(1)), draws=100, seed=0)
    assert one["f1"].value == 1.0
    assert one["f1"].low is None
    nothing = bootstrap_scores(table(array(), array()), draws=100, seed=0)
    assert all(found.value is None for found in nothing.values())


def points(count: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0, 1000, (count, 2))


def test_blocks_are_squares_from_the_lower_left_corner() -> None:
    centres = np.array([[10.0, 20.0], [59.9, 69.9], [60.1, 20.0], [10.0, 70.1], [115.0, 20.0]])
    found = blocks_of_groups(centres, 50.0)
    assert (found.number, found.side) == (4, 50.0)
    assert found.of_group.tolist() == [0, 0, 2, 1, 3]


@pytest.mark.parametrize(("groups", "least"), [(21, 20), (300, 20), (2500, 50)])
def test_blocks_are_as_large_as_their_number_allows(groups: int, least: int) -> None:
    centres = points(groups)
    found = blocks_of_groups(centres)
    assert found.number >= least
    assert blocks_of_groups(centres, math.sqrt(2) * found.side).number < least


@pytest.mark.parametrize(
    ("centres", "side"),
    [
        pytest.param(points(20), None, id="few"),
        pytest.param(points(50), 0.0, id="none wanted"),
    ],
)
def test_groups_may_be_drawn_one_by_one(centres: NDArray[np.float64], side: float | None) -> None:
    found = blocks_of_groups(centres, side)
    assert (found.number, found.side) == (len(centres), 0.0)


def test_landslides_at_one_place_do_not_go_on_for_ever() -> None:
    assert blocks_of_groups(np.repeat(points(3), 20, axis=0)).number == 3
    assert blocks_of_groups(np.zeros((0, 2)), 10.0).number == 0


def test_intervals_over_blocks_cover_where_whole_valleys_are_missed() -> None:
    """Landslides of a valley are found together: the detection rate of valleys is beta(4, 2)."""
    generator = np.random.default_rng(0)
    valleys, each, runs = 30, 12, 150
    inside = {"blocks": 0, "single": 0}
    for run in range(runs):
        corner = 1000.0 * np.column_stack([np.arange(valleys) % 6, np.arange(valleys) // 6])
        centres = np.repeat(corner, each, axis=0) + generator.uniform(0, 800, (360, 2))
        rate = np.repeat(generator.beta(4, 2, valleys), each)
        found = (generator.random(360) < rate).astype(np.float64)
        known = np.zeros((360, len(SIZES_M2)))
        known[:, 0] = 1
        ones = np.ones(360)
        sums = GroupSums(
            centres=centres,
            areas=np.column_stack([found, found, ones]),
            landslides=np.column_stack([found, 0 * found, found, ones]),
            known=known,
            detected=known * found[:, None],
        )
        ways = {"blocks": blocks_of_groups(centres, 1000.0), "single": None}
        for way, blocks in ways.items():
            score = bootstrap_scores(sums, draws=200, seed=run, blocks=blocks)["detection_rate"]
            assert score.low is not None
            assert score.high is not None
            inside[way] += score.low <= 4 / 6 <= score.high
    assert 0.88 <= inside["blocks"] / runs <= 0.99
    assert inside["single"] / runs < 0.85
