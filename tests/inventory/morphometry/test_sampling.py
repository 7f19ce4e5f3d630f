import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.inventory.morphometry.sampling import PolygonEdges, inner_points, outline_points

HOLED = shapely.Polygon(shapely.box(0, 0, 90, 60).exterior, [shapely.box(20, 10, 50, 50).exterior])
PARTS = shapely.MultiPolygon([shapely.box(100, 0, 110, 30), shapely.box(140, 10, 160, 20)])
TRIANGLE = shapely.Polygon([(0, 0), (30, 0), (10, 40)])


def of(*polygons: shapely.Geometry | None) -> NDArray[np.object_]:
    array = np.full(len(polygons), None, dtype=object)
    array[:] = polygons
    return array


def steps(count: int, x: float, y: float) -> NDArray[np.float64]:
    return np.tile([x, y], (count, 1))


def test_edges_are_all_lines_of_all_rings() -> None:
    edges = PolygonEdges.of(of(HOLED, None, PARTS, shapely.Polygon(), TRIANGLE))
    assert np.bincount(edges.owner, minlength=5).tolist() == [8, 0, 8, 0, 3]
    lengths = np.bincount(edges.owner, np.hypot(*(edges.ends - edges.starts).T), minlength=5)
    expected = [shape.length for shape in (HOLED, PARTS)]
    assert lengths[[0, 2]] == pytest.approx(expected)
    of_parts = edges.starts[edges.owner == 2]
    assert of_parts.min(axis=0).tolist() == [100, 0]
    assert of_parts.max(axis=0).tolist() == [160, 30]
    assert edges.polygons == 5


def test_points_on_the_outline_have_vertices_and_middles() -> None:
    edges = PolygonEdges.of(of(shapely.box(0, 0, 10, 4), TRIANGLE))
    owner, points = outline_points(edges, np.array([[3.0, 3.0], [1e6, 1e6]]))
    box = {tuple(point) for point in points[owner == 0].tolist()}
    # 10 in four pieces of 2.5, 4 in two of 2
    assert len(box) == 2 * 4 + 2 * 2
    assert {(0.0, 0.0), (10.0, 4.0), (5.0, 0.0), (2.5, 4.0), (10.0, 2.0)} <= box
    triangle = {tuple(point) for point in points[owner == 1].tolist()}
    assert triangle == {(0, 0), (30, 0), (10, 40), (15, 0), (20, 20), (5, 20)}


def test_steps_are_counted_along_x_and_y() -> None:
    edges = PolygonEdges.of(of(shapely.box(0, 0, 10, 10)))
    _, points = outline_points(edges, np.array([[1.0, 5.0]]))
    assert len(points) == 2 * 10 + 2 * 2


def test_a_rectangle_is_spread_evenly() -> None:
    sample = inner_points(PolygonEdges.of(of(shapely.box(0, 0, 12, 120))), steps(1, 3, 4))
    x, y = np.meshgrid([1.5, 4.5, 7.5, 10.5], np.arange(2, 120, 4))
    expected = np.column_stack([x.ravel(), y.ravel()])
    np.testing.assert_allclose(sample.points, expected)
    np.testing.assert_allclose(sample.weight, 12)


def test_holes_and_parts_are_minded() -> None:
    shapes = of(HOLED, None, PARTS)
    sample = inner_points(PolygonEdges.of(shapes), steps(3, 1, 1))
    assert shapely.contains_xy(shapes[sample.owner], *sample.points.T).all()
    areas = np.bincount(sample.owner, sample.weight, 3)
    # rows of 1 m meet the sides of these shapes: the weights are exact
    assert areas == pytest.approx([HOLED.area, 0, PARTS.area])
    middle = np.bincount(sample.owner, sample.weight * sample.points[:, 0], 3)[[0, 2]]
    assert middle / areas[[0, 2]] == pytest.approx([HOLED.centroid.x, PARTS.centroid.x])


@pytest.mark.parametrize(
    ("shape", "fewest"),
    [
        pytest.param(shapely.Polygon([(0, 0), (9, 9), (9, 9 + 1e-6), (0, 1e-6)]), 24, id="aslant"),
        pytest.param(shapely.box(0, 0, 100, 1e-6), 400, id="lying"),
        pytest.param(shapely.box(0, 0, 1e-6, 100), 100, id="standing"),
        pytest.param(shapely.box(0, 0, 1e-3, 1e-3), 24, id="tiny"),
    ],
)
def test_slivers_have_points(shape: shapely.Polygon, fewest: int) -> None:
    sample = inner_points(PolygonEdges.of(of(shape)), steps(1, 1, 1))
    assert len(sample.owner) >= fewest
    assert sample.weight.sum() == pytest.approx(shape.area, rel=1e-6)


def test_rows_and_points_are_bounded() -> None:
    sample = inner_points(PolygonEdges.of(of(shapely.box(0, 0, 1e6, 1e6))), steps(1, 1e-3, 1e-3))
    assert len(sample.owner) == 400 * 400


def test_nothing_has_no_points() -> None:
    flat = shapely.Polygon([(0, 0), (5, 0), (9, 0)])
    for shapes in (of(), of(None), of(flat), of(shapely.Polygon())):
        assert len(inner_points(PolygonEdges.of(shapes), steps(len(shapes), 1, 1)).owner) == 0


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), count=st.integers(3, 40))
def test_any_ring_is_met_inside_with_its_area(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, count))
    radius = rng.uniform(5, 30, count)
    shape = shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    sample = inner_points(PolygonEdges.of(of(shape)), steps(1, 0.3, 0.3))
    # within the rounding of an edge
    assert (shapely.distance(shape, shapely.points(sample.points)) < 1e-9).all()
    assert sample.weight.sum() == pytest.approx(shape.area, rel=0.02, abs=0.3 * shape.length / 10)
