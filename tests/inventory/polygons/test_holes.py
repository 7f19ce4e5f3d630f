import numpy as np
import pytest
import shapely
from tests.inventory.polygons.pixel_shapes import box, outlines_of

from landslip.inventory.polygons.holes import ring_areas, without_narrow_holes


def test_areas_of_outsides_and_holes() -> None:
    outlines = outlines_of(box(10, 40, 10, 30) & ~box(20, 23, 15, 16))

    assert ring_areas(outlines).tolist() == [600, 3]


@pytest.mark.parametrize(
    ("hole", "filled"),
    [
        pytest.param(box(20, 22, 15, 25), 20, id="narrow and small"),
        pytest.param(box(20, 23, 15, 18), 0, id="a point 1.5 px from the outline"),
        pytest.param(box(20, 21, 12, 37), 0, id="as large as the limit"),
        pytest.param(box(20, 21, 12, 36), 24, id="just smaller than the limit"),
    ],
)
def test_which_holes_are_filled(hole: np.ndarray, filled: int) -> None:
    mask = box(10, 40, 10, 40) & ~hole

    outlines, filled_px = without_narrow_holes(outlines_of(mask), max_px=25, reach_px=1.0)

    assert filled_px.tolist() == [filled]
    assert shapely.area(outlines.geometries()).tolist() == [np.count_nonzero(mask) + filled]


def test_other_holes_and_polygons_stay_as_they_are() -> None:
    mask = box(10, 40, 10, 40) & ~box(20, 22, 15, 17) & ~box(30, 36, 30, 36)
    mask |= box(32, 34, 32, 34) | box(50, 60, 10, 20) & ~box(54, 55, 14, 15)
    before = outlines_of(mask)

    outlines, filled_px = without_narrow_holes(before, max_px=25, reach_px=1.0)

    assert filled_px.tolist() == [1, 0, 4] or sorted(filled_px.tolist()) == [0, 1, 4]
    filled = mask | box(20, 22, 15, 17) | box(54, 55, 14, 15)
    expected = shapely.union_all(outlines_of(filled).geometries())
    assert shapely.equals(shapely.union_all(outlines.geometries()), expected)


def test_no_reach_fills_nothing() -> None:
    outlines = outlines_of(box(10, 40, 10, 40) & ~box(20, 21, 20, 21))

    same, filled_px = without_narrow_holes(outlines, max_px=25, reach_px=0.0)

    assert filled_px.tolist() == [0]
    assert shapely.equals(same.geometries(), outlines.geometries()).all()
