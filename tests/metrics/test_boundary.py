import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from landslip.metrics.boundary import BoundaryCounts, boundary, count_boundary

FLAGS = hnp.arrays(np.bool_, (8, 9))


def square(
    shape: tuple[int, int], rows: tuple[int, int], cols: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return a mask that is True from the first to before the second row and column."""
    made = np.zeros(shape, dtype=np.bool_)
    made[slice(*rows), slice(*cols)] = True
    return made


def test_the_boundary_of_a_square_is_its_outer_pixels() -> None:
    made = square((9, 9), (2, 7), (2, 7))
    expected = made & ~square((9, 9), (3, 6), (3, 6))
    np.testing.assert_array_equal(boundary(made, np.ones_like(made)), expected)


def test_the_frame_of_a_tile_is_no_boundary() -> None:
    made = square((5, 6), (0, 5), (0, 3))
    expected = square((5, 6), (0, 5), (2, 3))
    np.testing.assert_array_equal(boundary(made, np.ones_like(made)), expected)
    assert not boundary(np.ones((5, 6), dtype=bool), np.ones((5, 6), dtype=bool)).any()


def test_what_is_not_counted_makes_no_boundary() -> None:
    made = square((1, 8), (0, 1), (0, 4))
    counted = ~square((1, 8), (0, 1), (4, 6))
    assert not boundary(made, counted).any()
    assert boundary(made, ~square((1, 8), (0, 1), (3, 4))).sum() == 0
    assert boundary(made, np.ones_like(made)).sum() == 1


@pytest.mark.parametrize(
    ("shift", "tolerance", "near"),
    [
        (0, 0, 12),
        (1, 0, 6),
        (1, 1, 12),
        (2, 1, 8),
        (2, 2, 12),
        (9, 7, 6),
        (9, 8, 8),
        (9, 9, 12),
        (9, 5, 0),
    ],
)
def test_a_shifted_square_is_near_within_the_tolerance(
    shift: int, tolerance: int, near: int
) -> None:
    # a square of 4 x 4 has 12 pixels on its boundary
    shape = (10, 24)
    label = square(shape, (3, 7), (2, 6))
    result = square(shape, (3, 7), (2 + shift, 6 + shift))
    counts = count_boundary(result, label, np.ones_like(label), tolerance_px=tolerance)
    assert counts == BoundaryCounts(found=12, found_near=near, known=12, known_near=near)


def test_distance_is_straight() -> None:
    label, result = square((6, 6), (0, 1), (0, 1)), square((6, 6), (3, 4), (4, 5))
    counted = np.ones_like(label)
    assert count_boundary(result, label, counted, tolerance_px=4).found_near == 0
    assert count_boundary(result, label, counted, tolerance_px=5).found_near == 1


@given(result=FLAGS, label=FLAGS, counted=FLAGS, tolerance=st.integers(0, 4))
def test_counts_are_those_of_brute_force(
    result: NDArray[np.bool_],
    label: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    tolerance: int,
) -> None:
    found, known = by_hand(result, counted), by_hand(label, counted)
    counts = count_boundary(result, label, counted, tolerance_px=tolerance)
    assert counts == BoundaryCounts(
        found=len(found),
        found_near=near_by_hand(found, known, tolerance),
        known=len(known),
        known_near=near_by_hand(known, found, tolerance),
    )


def by_hand(mask: NDArray[np.bool_], counted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the boundary pixels, looked for one by one."""
    height, width = mask.shape
    found = []
    for row, col in np.argwhere(mask & counted).tolist():
        around = ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1))
        inside = [(r, c) for r, c in around if 0 <= r < height and 0 <= c < width]
        if any(counted[place] and not mask[place] for place in inside):
            found.append((row, col))
    return found


def near_by_hand(these: list[tuple[int, int]], those: list[tuple[int, int]], tolerance: int) -> int:
    return sum(
        any(np.hypot(row - r, col - c) <= tolerance + 1e-9 for r, c in those) for row, col in these
    )


@pytest.mark.parametrize(
    ("counts", "scores"),
    [
        pytest.param(BoundaryCounts(), (None, None, None), id="no boundary"),
        pytest.param(BoundaryCounts(known=3), (None, 0, 0), id="none found"),
        pytest.param(BoundaryCounts(found=3), (0, None, 0), id="none known"),
        pytest.param(BoundaryCounts(found=3, known=2), (0, 0, 0), id="none near"),
        pytest.param(
            BoundaryCounts(found=8, found_near=6, known=4, known_near=2),
            (0.75, 0.5, 0.6),
            id="by hand",
        ),
    ],
)
def test_ratios(counts: BoundaryCounts, scores: tuple[float | None, ...]) -> None:
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx(scores)


def test_ratios_are_taken_once_from_sums() -> None:
    summed = BoundaryCounts(found=8, found_near=8, known=2, known_near=1) + BoundaryCounts(
        found=2, found_near=0, known=8, known_near=8
    )
    assert summed == BoundaryCounts(found=10, found_near=8, known=10, known_near=9)
    assert summed.f1 == pytest.approx(2 * 0.8 * 0.9 / 1.7)
