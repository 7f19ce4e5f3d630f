import numpy as np
import shapely

from landslip.inventory.polygons.crossings import crossing_places, failing

BOW = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])


def test_invalid_and_overlapping_ones_fail() -> None:
    polygons = np.array(
        [shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(3, 1, 9, 9), BOW],
        dtype=object,
    )
    apart = shapely.transform(polygons, lambda xy: xy)
    apart[3] = shapely.transform(BOW, lambda xy: xy + 50)

    assert failing(apart, np.arange(4)).tolist() == [1, 2, 3]
    assert failing(apart, np.array([0])).tolist() == []
    assert failing(apart, np.array([2])).tolist() == [1, 2]


def test_one_inside_another_fails() -> None:
    polygons = np.array([shapely.box(0, 0, 9, 9), shapely.box(3, 3, 4, 4)], dtype=object)

    assert failing(polygons, np.array([1])).tolist() == [0, 1]


def test_where_outlines_cross() -> None:
    places = crossing_places(np.array([BOW], dtype=object))

    assert {tuple(place) for place in places.tolist()} == {(0, 0), (4, 4), (4, 0), (0, 4)}
    touching = np.array([shapely.box(0, 0, 2, 2), shapely.box(2, 2, 4, 4)], dtype=object)
    assert len(crossing_places(touching)) == 0
