import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely import box
from tests.inventory.comparison.made import Polygons, array, blobs, shared_area

from landslip.inventory.comparison.landslides import judge, size_class
from landslip.inventory.comparison.sides import Side, Sides


def side(polygons: Polygons) -> Side:
    return Side(
        place="made",
        polygons=polygons,
        ids=np.arange(len(polygons)) + 1,
        areas=shapely.area(polygons),
    )


def sides(inventory: Polygons, reference: Polygons) -> Sides:
    crs = CRS.from_epsg(32648)
    return Sides(
        inventory=side(inventory),
        reference=side(reference),
        crs=crs,
        written_crs=crs,
        area=None,
        scene_resolution_m=None,
        notes=(),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_shares_are_those_of_the_other_side_as_a_whole(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ours, theirs = blobs(generator, 25), blobs(generator, 20)
    found = judge(sides(ours, theirs))
    our_ground, their_ground = shapely.union_all(ours), shapely.union_all(theirs)
    for at, one in enumerate(ours):
        assert found.on_reference[at] == pytest.approx(shared_area(one, their_ground) / one.area)
    for at, other in enumerate(theirs):
        assert found.covered[at] == pytest.approx(shared_area(other, our_ground) / other.area)
    shared = shared_area(our_ground, their_ground)
    assert found.shared_ground.shared.sum() == pytest.approx(shared)


def test_half_of_the_area_decides() -> None:
    reference = array(box(0, 0, 10, 10), box(20, 0, 30, 10), box(40, 0, 50, 10))
    inventory = array(
        box(0, 0, 5, 10),  # half of the first
        box(20, 0, 24.9, 10),  # less than half of the second
        box(35, -5, 55, 15),  # the third within something four times as large
    )
    found = judge(sides(inventory, reference))
    assert found.detected.tolist() == [True, False, True]
    assert found.false.tolist() == [False, False, True]


def test_parts_detect_together_and_overlapping_ones_count_once() -> None:
    reference = array(box(0, 0, 10, 10))
    apart = array(box(0, 0, 3, 10), box(5, 0, 7.5, 10))
    assert judge(sides(apart, reference)).covered.tolist() == pytest.approx([0.55])
    twice = array(box(0, 0, 3, 10), box(0.5, 0, 3.5, 10))
    found = judge(sides(twice, reference))
    assert found.covered.tolist() == pytest.approx([0.35])
    assert found.detected.tolist() == [False]


def test_size_classes_begin_with_their_least_area() -> None:
    areas = np.array([0.1, 399.9, 400, 1599, 1600, 6400, 25_600, 1e9])
    assert size_class(areas).tolist() == [0, 0, 1, 1, 2, 3, 4, 4]
