import numpy as np
import shapely

from landslip.core.clipping import clipped

GROUND = shapely.box(0, 0, 10, 10)


def test_what_lies_inside_across_and_beside() -> None:
    inside, across = shapely.box(1, 1, 2, 2), shapely.box(8, 8, 12, 9)
    touching, beside = shapely.box(10, 0, 11, 1), shapely.box(20, 20, 21, 21)
    given = np.array([inside, across, touching, beside], dtype=object)
    found = clipped(given, GROUND)
    assert found[0] is inside
    assert shapely.equals(found[1], shapely.box(8, 8, 10, 9))
    assert shapely.area(found).tolist() == [1, 2, 0, 0]
    assert given[3] is beside


def test_lines_and_points_that_arise_are_left_out() -> None:
    # a bracket around the corner: one arm lies on the ground, the other along its edge
    bracket = shapely.union(shapely.box(10, 2, 11, 9), shapely.box(9, 2, 10, 3))
    found = clipped(np.array([bracket], dtype=object), GROUND)
    assert found[0].geom_type == "Polygon"
    assert shapely.equals(found[0], shapely.box(9, 2, 10, 3))
    assert clipped(np.array([], dtype=object), GROUND).tolist() == []
