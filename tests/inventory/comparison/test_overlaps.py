import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box
from tests.inventory.comparison.made import array, blobs, shared_by_pairs

import landslip.inventory.comparison.overlaps
from landslip.inventory.comparison.overlaps import (
    Overlaps,
    by_patch,
    covered_ground,
    groups,
    overlaps,
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
    assert len(covered_ground(none).patches) == 0


def test_ground_joins_what_overlaps_in_chains_and_not_what_touches() -> None:
    chain = [box(0, 0, 3, 1), box(2, 0, 5, 1), box(4, 0, 7, 1)]
    apart, touching = box(20, 0, 21, 1), box(7, 0, 8, 1)
    ground = covered_ground(array(apart, *chain, touching))
    first, second, third, fourth, fifth = ground.patch_of.tolist()
    assert second == third == fourth
    assert len({first, second, fifth}) == 3
    assert ground.areas[second] == pytest.approx(7)
    assert ground.areas[[first, fifth]].tolist() == [1, 1]


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_ground_covers_what_all_cover_once(seed: int) -> None:
    polygons = blobs(np.random.default_rng(seed), 25)
    ground = covered_ground(polygons)
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
    ground = covered_ground(one)
    found = by_patch(overlaps(one, other), ground, other)
    assert_same(found, shared_by_pairs(ground.patches, other))
    order = list(zip(found.one.tolist(), found.other.tolist(), strict=True))
    assert order == sorted(order)


def test_portions_give_what_one_go_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    one, other = blobs(generator, 40), blobs(generator, 40)
    whole = as_dict(overlaps(one, other))
    monkeypatch.setattr(landslip.inventory.comparison.overlaps, "_PAIRS_AT_ONCE", 3)
    assert as_dict(overlaps(one, other)) == whole


def test_parts_of_one_polygon_count_together() -> None:
    two = MultiPolygon([box(0, 0, 2, 2), box(5, 0, 7, 2)])
    found = overlaps(array(two), array(box(1, 0, 6, 1)))
    assert as_dict(found) == {(0, 0): pytest.approx(2.0)}


def test_groups_follow_pairs() -> None:
    found = groups(6, np.array([0, 4]), np.array([3, 3])).tolist()
    assert found[0] == found[3] == found[4]
    assert len(set(found)) == 4
