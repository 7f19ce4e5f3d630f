import numpy as np
from tests.inventory.polygons.pixel_shapes import box, outlines_of, winding

from landslip.inference.outlines import concatenate_outlines
from landslip.inventory.polygons.boundary import (
    boundary_vertices,
    exterior_vertices,
    ring_neighbours,
    shared_boundary,
)


def test_a_lattice_has_every_point_of_every_ring_once() -> None:
    mask = winding()
    mask[30:33, 40:43] = False
    mask[70:72, 70:75] = True
    outlines = outlines_of(mask)

    points = boundary_vertices(outlines)

    padded = np.pad(mask, 1).astype(int)
    sides = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    assert len(points.cols) == sides
    following = points.after()
    steps = np.hypot(*(line[following] - line for line in (points.cols, points.rows)))
    np.testing.assert_array_equal(steps, 1)
    assert len(points) == len(outlines)
    assert len(points.rings) == len(outlines.rings)


def test_the_lattice_of_a_rectangle() -> None:
    points = boundary_vertices(outlines_of(box(2, 4, 5, 6)))

    assert points.cols.tolist() == [2, 3, 4, 4, 3, 2]
    assert points.rows.tolist() == [5, 5, 5, 6, 6, 6]


def test_parts_of_one_region_share_sides_and_meet_where_these_end() -> None:
    left, right = outlines_of(box(2, 5, 2, 6)), outlines_of(box(5, 8, 3, 9))
    points = boundary_vertices(concatenate_outlines([left, right]))

    shared_vertices, fixed_vertices = shared_boundary(points, np.array([4, 4]))

    places = np.column_stack([points.cols, points.rows])
    shared = {tuple(place) for place in places[shared_vertices].tolist()}
    assert shared == {(5, 3), (5, 4), (5, 5), (5, 6)}
    fixed = {tuple(place) for place in places[fixed_vertices].tolist()}
    assert fixed == {(5, 3), (5, 6)}


def test_polygons_of_other_regions_share_nothing() -> None:
    points = boundary_vertices(
        concatenate_outlines([outlines_of(box(2, 5, 2, 6)), outlines_of(box(5, 8, 2, 6))])
    )

    shared_vertices, fixed_vertices = shared_boundary(points, np.array([0, 1]))

    assert not shared_vertices.any()
    assert not fixed_vertices.any()


def test_what_fills_a_hole_of_its_own_region_is_fixed_all_around() -> None:
    frame, core = outlines_of(box(2, 9, 2, 9) & ~box(4, 6, 4, 6)), outlines_of(box(4, 6, 4, 6))
    points = boundary_vertices(concatenate_outlines([frame, core]))

    shared_vertices, fixed_vertices = shared_boundary(points, np.array([0, 0]))

    assert np.count_nonzero(fixed_vertices) == 16
    assert np.array_equal(fixed_vertices, shared_vertices)


def test_neighbours_on_rings() -> None:
    values, rings = np.array([1, 2, 3, 10, 20]), np.array([0, 3, 5])

    assert ring_neighbours(values, rings, 1).tolist() == [2, 3, 1, 20, 10]
    assert ring_neighbours(values, rings, -1).tolist() == [3, 1, 2, 20, 10]


def test_the_outside_of_one_polygon() -> None:
    outlines = outlines_of(box(2, 9, 2, 9) & ~box(4, 6, 4, 6) | box(20, 22, 30, 31))

    ring = exterior_vertices(outlines, 0)

    assert len(ring) == 28
    assert ring.min(axis=0).tolist() == [2, 2]
    assert ring.max(axis=0).tolist() == [9, 9]
