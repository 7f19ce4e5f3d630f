import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.preprocessing.orthorectification.lattice import Lattice


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 80))
def test_nodes_reach_from_edge_to_edge(height: int, width: int, step: int) -> None:
    lattice = Lattice.over((height, width), step)
    points = lattice.points
    assert points.min(axis=0).tolist() == [0, 0]
    assert points.max(axis=0).tolist() == [width, height]
    assert len(points) == lattice.nodes[0] * lattice.nodes[1]
    assert np.diff(np.unique(points[:, 0])).max() <= step + 1e-9


@pytest.mark.parametrize(("shape", "step"), [((64, 64), 64), ((37, 91), 16), ((1, 5), 4)])
def test_what_is_linear_between_nodes_is_exact_at_pixel_centres(
    shape: tuple[int, int], step: int
) -> None:
    """``col row`` is bilinear, so that no half pixel may go missing."""
    lattice = Lattice.over(shape, step)
    col, row = lattice.points.T
    row_at, col_at = np.indices(shape) + 0.5
    expected = 3 + 0.25 * col_at - 0.5 * row_at + 0.01 * col_at * row_at
    found = lattice.spread(3 + 0.25 * col - 0.5 * row + 0.01 * col * row)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert found.dtype == np.float32
