import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.inventory.morphometry.axis import along_and_across_m, box_azimuths_deg, extents_m
from landslip.inventory.morphometry.plane import MapPlane
from landslip.inventory.morphometry.sampling import Edges

PLANE = MapPlane(pyproj.CRS.from_epsg(32650))
ORIGIN = np.array([[500_000.0, 3_400_000.0]])


def array_of(polygon: shapely.Geometry | None) -> NDArray[np.object_]:
    array = np.full(1, None, dtype=object)
    array[0] = polygon
    return array


def turned(polygon: shapely.Geometry, azimuth_deg: float) -> shapely.Geometry:
    """Turn a shape clockwise about its corner at the origin and place it on the map."""
    angle = np.radians(azimuth_deg)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return shapely.transform(polygon, lambda points: points @ matrix.T + ORIGIN)


@settings(max_examples=30)
@given(
    azimuth_deg=st.floats(0, 179.9), length_m=st.floats(20, 2000), width_share=st.floats(0.01, 0.95)
)
def test_the_box_of_a_rectangle_is_itself(
    azimuth_deg: float, length_m: float, width_share: float
) -> None:
    width_m = width_share * length_m
    shapes = array_of(turned(shapely.box(0, 0, width_m, length_m), azimuth_deg))
    found = box_azimuths_deg(shapes, PLANE, ORIGIN)
    assert (found[0] - azimuth_deg + 90) % 180 - 90 == pytest.approx(0, abs=1e-5)
    assert 0 <= found[0] < 180
    length, width = extents_m(Edges.of(shapes), found, PLANE, ORIGIN)
    assert (length[0], width[0]) == pytest.approx((length_m, width_m), rel=1e-6)


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        pytest.param(shapely.box(0, 0, 10, 10), 0.0, id="of a square the side to north"),
        pytest.param(shapely.Polygon([(0, 0), (5, 5), (9, 9)]), 45.0, id="a line"),
        pytest.param(shapely.Polygon([(3, 3), (3, 3), (3, 3)]), np.nan, id="a point"),
        pytest.param(shapely.Polygon(), np.nan, id="nothing"),
        pytest.param(None, np.nan, id="none"),
    ],
)
def test_boxes_of_odd_shapes(polygon: shapely.Geometry | None, expected: float) -> None:
    placed = polygon if polygon is None else shapely.transform(polygon, lambda p: p + ORIGIN)
    found = box_azimuths_deg(array_of(placed), PLANE, ORIGIN)
    assert found[0] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_bend_is_measured_along_the_straight_axis() -> None:
    # 300 m to the north, then 200 m to the east, 20 m wide
    bend = shapely.box(0, 0, 20, 300).union(shapely.box(0, 280, 200, 300))
    edges = Edges.of(array_of(turned(bend, 0)))
    length, width = extents_m(edges, np.array([0.0]), PLANE, ORIGIN)
    assert (length[0], width[0]) == pytest.approx((300, 200))
    length, width = extents_m(edges, np.array([45.0]), PLANE, ORIGIN)
    assert length[0] == pytest.approx((200 + 300) / np.sqrt(2))
    assert np.isnan(extents_m(edges, np.array([np.nan]), PLANE, ORIGIN)[0][0])


def test_across_is_to_the_right_of_the_axis() -> None:
    points = ORIGIN + np.array([[0.0, 10.0], [7.0, 0.0]])
    owner = np.zeros(2, dtype=np.intp)
    north = along_and_across_m(points, owner, np.array([0.0]), PLANE, ORIGIN)
    np.testing.assert_allclose(north, [[10, 0], [0, 7]], atol=1e-9)
    east = along_and_across_m(points, owner, np.array([90.0]), PLANE, ORIGIN)
    np.testing.assert_allclose(east, [[0, -10], [7, 0]], atol=1e-9)
