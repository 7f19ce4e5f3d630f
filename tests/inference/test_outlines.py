import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rasterio.features import shapes

from landslip.inference.outlines import (
    Outlines,
    concatenate_outlines,
    find_corners,
    run_indices,
    trace_outlines,
)

MASKS = hnp.arrays(
    np.bool_, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.booleans(), fill=None
)


def outlined(found: NDArray[np.bool_]) -> Outlines:
    """Trace a whole mask at once."""
    padded = np.pad(found.astype(np.uint8), ((0, 1), (1, 1)))
    count, labels = cv2.connectedComponents(padded, connectivity=4)
    corners, owners = find_corners(np.pad(labels, ((1, 0), (0, 0))).astype(np.int32), 0)
    return trace_outlines(corners, owners - 1, count - 1)


def polygonised(found: NDArray[np.bool_]) -> list[str]:
    """Trace a mask with GDAL; rings start anywhere, so they are brought into one form."""
    values = found.astype(np.uint8)
    made = [shapely.geometry.shape(one) for one, _ in shapes(values, mask=found, connectivity=4)]
    return sorted(shapely.to_wkt(shapely.normalize(np.array(made, dtype=object))))


def picture(*rows: str) -> NDArray[np.bool_]:
    return np.array([[character == "#" for character in row] for row in rows])


def spiral(turns: int) -> NDArray[np.bool_]:
    """Return one line that winds inwards."""
    found = np.zeros((4 * turns + 1, 4 * turns + 1), dtype=np.bool_)
    for turn in range(turns):
        low, high = 2 * turn, 4 * turns - 2 * turn
        found[low, max(low - 2, 0) : high + 1] = True
        found[low : high + 1, high] = True
        found[high, low : high + 1] = True
        found[low + 2 : high + 1, low] = True
    return found


@given(found=MASKS.filter(np.any))
def test_polygons_are_those_of_gdal(found: NDArray[np.bool_]) -> None:
    polygons = outlined(found).geometries()
    assert shapely.is_valid(polygons).all()
    assert sorted(shapely.to_wkt(shapely.normalize(polygons))) == polygonised(found)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(spiral(8), id="spiral"),
        pytest.param(np.indices((31, 40))[1] % 2 + np.indices((31, 40))[0] % 31 < 1, id="lines"),
        pytest.param(np.indices((32, 33)).sum(axis=0) % 2 == 0, id="checkerboard"),
        pytest.param(np.indices((32, 33)).prod(axis=0) % 2 == 0, id="many holes"),
        pytest.param(np.ones((40, 50), dtype=np.bool_), id="all"),
        pytest.param((np.indices((20, 41))[1] % 2 == 0) | (np.indices((20, 41))[0] < 2), id="comb"),
        pytest.param(np.random.default_rng(0).random((200, 300)) < 0.6, id="noise"),
    ],
)
def test_hard_masks_are_those_of_gdal(found: NDArray[np.bool_]) -> None:
    polygons = outlined(found).geometries()
    assert shapely.is_valid(polygons).all()
    assert sorted(shapely.to_wkt(shapely.normalize(polygons))) == polygonised(found)


def test_a_spiral_is_one_polygon() -> None:
    (polygon,) = outlined(spiral(8)).geometries()
    assert polygon.area == spiral(8).sum()
    assert not polygon.interiors


def test_a_ring_starts_at_its_first_corner_and_turns_from_columns_to_rows() -> None:
    outlines = outlined(picture(".....", ".####", ".#..#", ".####"))
    assert outlines.points.tolist() == [
        *([1, 1], [5, 1], [5, 4], [1, 4], [1, 1]),
        *([2, 2], [2, 3], [4, 3], [4, 2], [2, 2]),
    ]
    assert outlines.rings.tolist() == [0, 5, 10]
    assert outlines.polygons.tolist() == [0, 2]


def test_a_hole_that_touches_the_outside_is_a_ring_of_its_own() -> None:
    (polygon,) = outlined(picture(".##", "#.#", "###")).geometries()
    assert polygon.is_valid
    (hole,) = polygon.interiors
    assert shapely.Polygon(hole).equals(shapely.box(1, 1, 2, 2))
    assert shapely.get_num_points(polygon.exterior) == 7


def test_pixels_that_touch_at_a_corner_alone_are_two_polygons() -> None:
    first, second = outlined(picture("#.", ".#")).geometries()
    assert first.equals(shapely.box(0, 0, 1, 1))
    assert second.equals(shapely.box(1, 1, 2, 2))


def test_reversed_rings_keep_their_starts() -> None:
    outlines = outlined(picture("###", "#.#", "###", "...", "##."))
    backwards = outlines.reversed()
    for one, other in zip(outlines.geometries(), backwards.geometries(), strict=True):
        assert one.equals(other)
        assert one.exterior.is_ccw != other.exterior.is_ccw
    np.testing.assert_array_equal(
        backwards.points[backwards.rings[:-1]], outlines.points[outlines.rings[:-1]]
    )


@given(found=MASKS.filter(np.any), seed=st.integers(0, 99))
def test_polygons_taken_are_those_asked_for(found: NDArray[np.bool_], seed: int) -> None:
    outlines = outlined(found)
    order = np.random.default_rng(seed).integers(0, len(outlines), 5)
    taken = outlines.take(order).geometries()
    assert [one.wkt for one in taken] == [one.wkt for one in outlines.geometries()[order]]


def test_parts_are_joined_in_their_order() -> None:
    parts = [outlined(picture("#.#", "###")), outlined(picture("###", "#.#", "###", "...", ".#."))]
    expected = [one.wkt for part in parts for one in part.geometries()]
    assert [one.wkt for one in concatenate_outlines(parts).geometries()] == expected
    assert len(concatenate_outlines([])) == 0


def test_runs_are_the_indices_of_slices() -> None:
    assert run_indices(np.array([7, 2, 5]), np.array([2, 0, 3])).tolist() == [7, 8, 5, 6, 7]
    assert run_indices(np.array([], dtype=int), np.array([], dtype=int)).tolist() == []
