from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import erode_valid
from landslip.preprocessing import resampling
from landslip.preprocessing.resampling import (
    SPLINE_MARGIN_PX,
    NodeLattice,
    bilinear,
    bilinear_at,
    cubic,
    nearest,
    spline,
)

Pixels = NDArray[np.float32]


def between(count: int = 40, low: float = 12.0, high: float = 50.0) -> tuple[Pixels, Pixels]:
    places = np.random.default_rng(0).uniform(low, high, (2, count, 1)).astype(np.float32)
    return places[0], places[1]


def ramp() -> Pixels:
    row, col = np.indices((64, 64), dtype=np.float32) + np.float32(0.5)
    return np.stack([col, row], axis=-1)


def test_bilinear_reads_a_ramp_where_it_is() -> None:
    """Coordinates are rounded to a 32nd of a pixel."""
    col, row = between(4000)
    away = bilinear(ramp(), col, row) - np.stack([col, row], axis=-1)
    assert np.abs(away).max() < 1 / 64 + 1e-4
    assert np.abs(away.mean(axis=(0, 1))).max() < 1e-3


def test_cubic_reads_a_ramp_where_it_is() -> None:
    """The kernel leaves up to 0.05 px of a ramp, as much to one side as to the other."""
    col, row = between(4000)
    away = cubic(ramp(), col, row) - np.stack([col, row], axis=-1)
    assert np.abs(away).max() < 0.06
    assert np.abs(away.mean(axis=(0, 1))).max() < 0.003


def test_single_places_are_interpolated_without_rounding() -> None:
    values = np.random.default_rng(3).normal(size=(20, 30, 2))
    places = np.random.default_rng(4).uniform(0, (29, 19), (500, 2))
    corner = np.minimum(places.astype(np.intp), (28, 18))
    found = bilinear_at(values, corner, places - corner)
    for layer in range(2):
        expected = ndimage.map_coordinates(values[..., layer], places[:, ::-1].T, order=1)
        np.testing.assert_allclose(found[:, layer], expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_a_single_row_or_column_has_no_neighbour(shape: tuple[int, int]) -> None:
    values = np.arange(float(shape[0] * shape[1])).reshape(*shape, 1)
    last = np.array(shape[::-1]) - 1
    found = bilinear_at(values, np.zeros((1, 2), np.intp), np.minimum(last, 0.25)[np.newaxis])
    assert found[0, 0] == (0.25 if max(shape) > 1 else 0.0)


@pytest.mark.parametrize("read", [bilinear, cubic])
def test_pixel_centres_keep_their_values(
    read: Callable[[Pixels, Pixels, Pixels], Pixels],
) -> None:
    values = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)
    row, col = np.indices(values.shape, dtype=np.float32) + np.float32(0.5)
    np.testing.assert_allclose(read(values, col, row), values, atol=1e-6)


def test_beyond_the_edge_the_edge_holds_and_no_flag_is_set() -> None:
    values = np.arange(4, dtype=np.float32).reshape(2, 2)
    col, row = np.array([[-5.0, 9.0]], np.float32), np.array([[0.5, 1.5]], np.float32)
    assert bilinear(values, col, row).tolist() == [[0.0, 3.0]]
    assert nearest(np.ones((2, 2), np.bool_), col, row).tolist() == [[False, False]]


def test_nearest_takes_the_pixel_that_holds_the_place() -> None:
    flags = np.array([[True, False], [False, True]])
    col = np.array([[0.1, 0.9, 1.1, 1.9]], np.float32)
    row = np.full((1, 4), 0.4, np.float32)
    assert nearest(flags, col, row).tolist() == [[True, True, False, False]]


def test_eroded_needs_all_around() -> None:
    flags = np.ones((9, 9), np.bool_)
    assert erode_valid(flags, 2).all(), "the edge of an array is no edge of the data"
    flags[4, 4] = False
    kept = erode_valid(flags, 2)
    assert (~kept).sum() == 25
    assert not kept[2:7, 2:7].any()


def test_spline_is_scipys_cubic_spline() -> None:
    values = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(64, 64)), 1.2)
    values = (values * 100 / values.std()).astype(np.float32)
    col, row = between(500, SPLINE_MARGIN_PX + 2, 64 - SPLINE_MARGIN_PX - 2)
    expected = ndimage.map_coordinates(values, [row - 0.5, col - 0.5], order=3, mode="mirror")
    found = spline(values, col, row)
    assert found.shape == col.shape
    # of a deviation of 100; it is linear between samples a quarter of a pixel apart
    assert np.abs(found - expected).max() < 2
    assert np.abs(found - expected).mean() < 0.6
    bands = spline(np.stack([values, 2 * values], axis=-1), col, row)
    np.testing.assert_allclose(bands[..., 1], 2 * bands[..., 0], rtol=1e-4, atol=1e-3)


def test_splines_of_large_maps_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beside a block's edge is as far away in the image as anywhere else."""
    values = np.random.default_rng(3).normal(0, 100, (120, 110, 2)).astype(np.float32)
    turn = np.deg2rad(20)
    down, across = np.indices((530, 270), dtype=np.float32) / np.float32(6)
    col = (across * np.cos(turn) - down * np.sin(turn) + 45).astype(np.float32)
    row = (across * np.sin(turn) + down * np.cos(turn) + 14).astype(np.float32)
    found = spline(values, col, row)
    monkeypatch.setattr(resampling, "_SPLINE_BLOCK_PX", 1000)
    np.testing.assert_allclose(found, spline(values, col, row), rtol=0, atol=2e-3)


def test_spline_reads_a_ramp_where_it_is() -> None:
    """Coordinates are rounded to a 128th of a pixel."""
    col, row = between(4000, 20, 44)
    away = spline(ramp(), col, row) - np.stack([col, row], axis=-1)
    assert np.abs(away).max() < 1 / 256 + 2e-4
    assert np.abs(away.mean(axis=(0, 1))).max() < 3e-4


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 80))
def test_nodes_reach_from_edge_to_edge(height: int, width: int, step: int) -> None:
    lattice = NodeLattice.over((height, width), step)
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
    lattice = NodeLattice.over(shape, step)
    col, row = lattice.points.T
    row_at, col_at = np.indices(shape) + 0.5
    expected = 3 + 0.25 * col_at - 0.5 * row_at + 0.01 * col_at * row_at
    found = lattice.interpolate(3 + 0.25 * col - 0.5 * row + 0.01 * col * row)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert found.dtype == np.float32
    exact = lattice.interpolate(3 + 0.25 * col - 0.5 * row + 0.01 * col * row, np.float64)
    np.testing.assert_allclose(exact, expected, atol=1e-12)
