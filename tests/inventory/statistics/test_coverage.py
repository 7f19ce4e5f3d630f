import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from landslip.inventory.statistics.coverage import covered_shares

SHAPE, CORNER, SIDE = (4, 5), (100.0, 240.0), 10.0


def shares(*polygons: shapely.Geometry) -> NDArray[np.float64]:
    return covered_shares(np.array(polygons, dtype=object), CORNER, SIDE, SHAPE)


def by_cutting(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    row, col = np.indices(SHAPE)
    left, top = CORNER[0] + col * SIDE, CORNER[1] - row * SIDE
    cells = shapely.box(left, top - SIDE, left + SIDE, top)
    area: NDArray[np.float64] = shapely.area(
        shapely.intersection(cells, shapely.union_all(polygons))
    )
    return area / SIDE**2


def test_shares_worked_by_hand() -> None:
    hole = [(112, 222), (118, 222), (118, 228), (112, 228)]
    found = shares(shapely.Polygon(shapely.box(105, 215, 125, 235).exterior.coords, [hole]))
    expected = np.zeros(SHAPE)
    expected[0, :3] = 0.25, 0.5, 0.25
    expected[1, :3] = 0.5, 1 - 0.36, 0.5
    expected[2, :3] = 0.25, 0.5, 0.25
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_those_of_cutting_every_cell(seed: int) -> None:
    generator = np.random.default_rng(seed)
    centres = generator.uniform((85, 185), (165, 255), (40, 2))  # some beyond the cells
    polygons = np.asarray(
        shapely.buffer(shapely.points(centres), generator.uniform(0.5, 8, 40)), dtype=object
    )
    polygons[:20] = shapely.difference(polygons[:20], shapely.buffer(polygons[:20], -1.0))
    found = covered_shares(polygons, CORNER, SIDE, SHAPE)
    np.testing.assert_allclose(found, by_cutting(polygons), atol=1e-10)


def test_edges_on_the_lines_between_cells() -> None:
    found = shares(shapely.box(110, 210, 130, 230), shapely.box(130, 230, 150, 240))
    expected = np.zeros(SHAPE)
    expected[1:3, 1:3] = 1
    expected[0, 3:5] = 1
    np.testing.assert_array_equal(found, expected)


def test_one_polygon_over_everything_is_one_everywhere() -> None:
    np.testing.assert_allclose(shares(shapely.box(-1e6, -1e6, 1e6, 1e6)), np.ones(SHAPE))


def test_nothing_covers_nothing() -> None:
    assert not shares().any()


def test_ten_thousand_copies_count_once() -> None:
    copies = [shapely.box(102, 232, 107, 238)] * 10_000
    assert shares(*copies)[0, 0] == pytest.approx(0.3)
