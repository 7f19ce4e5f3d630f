import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from shapely import MultiPolygon, Point, Polygon, box
from shapely.affinity import translate
from tests.inventory.comparison.factories import (
    Polygons,
    array,
    blobs,
    shared_area,
    shared_by_pairs,
)

import landslip.inventory.comparison.matching
from landslip.inventory.comparison.inventories import ComparedInventory
from landslip.inventory.comparison.matching import (
    LandslideMatches,
    Overlaps,
    connected_groups,
    covered_area,
    detect_by_area,
    match_landslides,
    overlaps,
    overlaps_by_patch,
    size_class,
)


def as_dict(found: Overlaps) -> dict[tuple[int, int], float]:
    pairs = zip(found.one.tolist(), found.other.tolist(), strict=True)
    return dict(zip(pairs, found.shared.tolist(), strict=True))


def assert_same(found: Overlaps, expected: dict[tuple[int, int], float]) -> None:
    # what is a rounding error of coordinates may be missing on either side
    found_areas, wanted = as_dict(found), {k: v for k, v in expected.items() if v > 1e-9}
    assert {k for k, v in found_areas.items() if v > 1e-9} == set(wanted)
    for pair, area in wanted.items():
        assert found_areas[pair] == pytest.approx(area, rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_overlaps_are_those_of_every_pair(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = blobs(generator, 15), blobs(generator, 12)
    assert_same(overlaps(one, other), shared_by_pairs(one, other))


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_polygons_of_many_points_are_divided_and_give_the_same(seed: int) -> None:
    generator = np.random.default_rng(seed)
    wide = Polygon(
        Point(100, 100).buffer(90, quad_segs=300).exterior,
        [Point(x, 100).buffer(7, quad_segs=100).exterior for x in (40, 80, 120)],
    )
    one, other = array(wide, box(0, 0, 30, 30)), blobs(generator, 10)
    assert_same(overlaps(one, other), shared_by_pairs(one, other))
    assert_same(overlaps(other, one), shared_by_pairs(other, one))


def test_what_only_touches_shares_nothing() -> None:
    found = overlaps(array(box(0, 0, 1, 1)), array(box(1, 0, 2, 1), box(1, 1, 2, 2)))
    assert len(found.shared) == 0


def test_what_lies_inside_is_shared_to_the_last_digit() -> None:
    polygons = blobs(np.random.default_rng(0), 30, corners=700)
    found = overlaps(polygons, polygons)
    same = found.one == found.other
    assert np.array_equal(found.shared[same], shapely.area(polygons))


def test_nothing_overlaps_nothing() -> None:
    none = array()
    assert len(overlaps(none, array(box(0, 0, 1, 1))).shared) == 0
    assert len(overlaps(array(box(0, 0, 1, 1)), none).shared) == 0
    assert len(covered_area(none).patches) == 0


def test_ground_joins_what_overlaps_in_chains_and_not_what_touches() -> None:
    chain = [box(0, 0, 3, 1), box(2, 0, 5, 1), box(4, 0, 7, 1)]
    apart, touching = box(20, 0, 21, 1), box(7, 0, 8, 1)
    ground = covered_area(array(apart, *chain, touching))
    first, second, third, fourth, fifth = ground.patch_of.tolist()
    assert second == third == fourth
    assert len({first, second, fifth}) == 3
    assert ground.areas[second] == pytest.approx(7)
    assert ground.areas[[first, fifth]].tolist() == [1, 1]


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_ground_covers_what_all_cover_once(seed: int) -> None:
    polygons = blobs(np.random.default_rng(seed), 25)
    ground = covered_area(polygons)
    assert ground.areas.sum() == pytest.approx(shapely.area(shapely.union_all(polygons)))
    assert not any(
        key[0] != key[1] and area > 1e-9
        for key, area in shared_by_pairs(ground.patches, ground.patches).items()
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_overlaps_by_patch_are_those_of_the_patches(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = blobs(generator, 20), blobs(generator, 15)
    ground = covered_area(one)
    found = overlaps_by_patch(overlaps(one, other), ground, other)
    assert_same(found, shared_by_pairs(ground.patches, other))
    order = list(zip(found.one.tolist(), found.other.tolist(), strict=True))
    assert order == sorted(order)


def test_portions_give_what_one_go_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    one, other = blobs(generator, 40), blobs(generator, 40)
    whole = as_dict(overlaps(one, other))
    monkeypatch.setattr(landslip.inventory.comparison.matching, "_CHUNK", 3)
    assert as_dict(overlaps(one, other)) == whole


def test_parts_of_one_polygon_count_together() -> None:
    two = MultiPolygon([box(0, 0, 2, 2), box(5, 0, 7, 2)])
    found = overlaps(array(two), array(box(1, 0, 6, 1)))
    assert as_dict(found) == {(0, 0): pytest.approx(2.0)}


def test_groups_follow_pairs() -> None:
    found = connected_groups(6, np.array([0, 4]), np.array([3, 3])).tolist()
    assert found[0] == found[3] == found[4]
    assert len(set(found)) == 4


def side(polygons: Polygons) -> ComparedInventory:
    return ComparedInventory(
        place="made",
        polygons=polygons,
        ids=np.arange(len(polygons)) + 1,
        areas=shapely.area(polygons),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_shares_are_those_of_the_other_side_as_a_whole(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ours, theirs = blobs(generator, 25), blobs(generator, 20)
    found = detect_by_area(side(ours), side(theirs))
    our_ground, their_ground = shapely.union_all(ours), shapely.union_all(theirs)
    for at, one in enumerate(ours):
        assert found.on_reference[at] == pytest.approx(shared_area(one, their_ground) / one.area)
    for at, other in enumerate(theirs):
        assert found.covered[at] == pytest.approx(shared_area(other, our_ground) / other.area)
    shared = shared_area(our_ground, their_ground)
    assert found.shared.shared.sum() == pytest.approx(shared)


def test_half_of_the_area_decides() -> None:
    reference = array(box(0, 0, 10, 10), box(20, 0, 30, 10), box(40, 0, 50, 10))
    inventory = array(
        box(0, 0, 5, 10),  # half of the first
        box(20, 0, 24.9, 10),  # less than half of the second
        box(35, -5, 55, 15),  # the third within something four times as large
    )
    found = detect_by_area(side(inventory), side(reference))
    assert found.detected.tolist() == [True, False, True]
    assert found.false.tolist() == [False, False, True]


def test_parts_detect_together_and_overlapping_ones_count_once() -> None:
    reference = array(box(0, 0, 10, 10))
    apart = array(box(0, 0, 3, 10), box(5, 0, 7.5, 10))
    assert detect_by_area(side(apart), side(reference)).covered.tolist() == pytest.approx([0.55])
    twice = array(box(0, 0, 3, 10), box(0.5, 0, 3.5, 10))
    found = detect_by_area(side(twice), side(reference))
    assert found.covered.tolist() == pytest.approx([0.35])
    assert found.detected.tolist() == [False]


def test_size_classes_begin_with_their_least_area() -> None:
    areas = np.array([0.1, 399.9, 400, 1599, 1600, 6400, 25_600, 1e9])
    assert size_class(areas).tolist() == [0, 0, 1, 1, 2, 3, 4, 4]


def matched(one: Polygons, other: Polygons, min_iou: float) -> LandslideMatches:
    return match_landslides(overlaps(one, other), shapely.area(one), shapely.area(other), min_iou)


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
