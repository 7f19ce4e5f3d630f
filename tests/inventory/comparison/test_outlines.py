import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, box
from shapely.affinity import translate
from tests.inventory.comparison.factories import Polygons, array, blobs

import landslip.inventory.comparison.outlines
from landslip.inventory.comparison.outlines import outline_distances


def slowly(one: shapely.Polygon, other: shapely.Polygon) -> tuple[float, float]:
    """Return the largest and the mean distance of outlines, by very many points."""
    distances, lengths = [], []
    for ours, theirs in ((one.boundary, other.boundary), (other.boundary, one.boundary)):
        points = shapely.line_interpolate_point(ours, np.linspace(0, ours.length, 2001)[:-1])
        distances.append(shapely.distance(points, theirs))
        lengths.append(np.full(2000, ours.length))
    whole = np.concatenate(distances)
    return whole.max(), float(np.average(whole, weights=np.concatenate(lengths)))


@settings(max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_distances_are_those_of_very_many_points(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one = blobs(generator, 4)
    other = array(*(translate(each, *generator.normal(0, 3, 2)) for each in one[::-1]))[::-1]
    found = outline_distances(one, other, step=0.1)
    for at in range(len(one)):
        hausdorff, mean = slowly(one[at], other[at])
        assert found.hausdorff[at] == pytest.approx(hausdorff, abs=0.05)
        assert found.mean[at] == pytest.approx(mean, rel=0.01, abs=0.01)


def test_the_same_outlines_lie_nowhere_apart() -> None:
    polygons = blobs(np.random.default_rng(0), 20)
    turned = array(*(shapely.reverse(one) for one in polygons))
    found = outline_distances(polygons, turned, step=1.0)
    assert found.hausdorff.max() < 1e-9
    assert found.mean.max() < 1e-9


def test_circles_about_one_middle_lie_their_radii_apart() -> None:
    far = 4_000_000  # as coordinates are
    one = array(Point(far, far).buffer(30, quad_segs=200))
    other = array(Point(far, far).buffer(20, quad_segs=200))
    found = outline_distances(one, other, step=1.0)
    assert found.hausdorff[0] == pytest.approx(10, abs=1e-3)
    assert found.mean[0] == pytest.approx(10, abs=1e-3)


def test_holes_and_parts_have_outlines_too() -> None:
    ring = box(0, 0, 30, 30).difference(box(14, 14, 16, 16))
    found = outline_distances(array(ring), array(box(0, 0, 30, 30)), step=0.5)
    assert found.hausdorff[0] == pytest.approx(14)
    two = MultiPolygon([box(0, 0, 30, 30), box(100, 0, 101, 1)])
    found = outline_distances(array(two), array(box(0, 0, 30, 30)), step=0.5)
    assert found.hausdorff[0] == pytest.approx(71)


def pairs(count: int) -> tuple[Polygons, Polygons]:
    generator = np.random.default_rng(4)
    one = blobs(generator, count)
    return one, array(*(translate(each, 2, 1) for each in one))


def test_pairs_do_not_see_each_other_and_portions_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = pairs(30)
    whole = outline_distances(one, other, step=1.0)
    alone = [outline_distances(one[[at]], other[[at]], step=1.0) for at in range(len(one))]
    assert whole.hausdorff.tolist() == pytest.approx([each.hausdorff[0] for each in alone])
    assert whole.mean.tolist() == pytest.approx([each.mean[0] for each in alone])
    monkeypatch.setattr(landslip.inventory.comparison.outlines, "_CHUNK", 100)
    parts = outline_distances(one, other, step=1.0)
    assert parts.hausdorff.tolist() == pytest.approx(whole.hausdorff.tolist())


def test_no_pairs_have_no_distances() -> None:
    assert len(outline_distances(array(), array(), step=1.0).mean) == 0
