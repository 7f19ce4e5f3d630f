import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.core.progress import no_progress
from landslip.core.window import Window
from landslip.io.map_output import WINDOW_PX, Made, map_windows, stored_as, write_map
from landslip.io.raster import Layer

GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(WINDOW_PX + 40, 2 * WINDOW_PX + 7),
)
LAYERS = (Layer(description="red", dtype="uint16", nodata=0),)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_windows_cover_each_pixel_once(height: int, width: int) -> None:
    seen = np.zeros((height, width), np.uint8)
    for window in map_windows((height, width)):
        assert max(window.shape) <= WINDOW_PX
        seen[window.row_off : window.row_end, window.col_off : window.col_end] += 1
    assert (seen == 1).all()


def made(window: Window) -> Made[tuple[int, int]]:
    """Tell a window by its place; the second one of the first row is empty."""
    if window.col_off == WINDOW_PX and window.row_off == 0:
        return Made(None, (window.row_off, window.col_off))
    row, col = np.indices(window.shape)
    stored = 1 + (row + window.row_off) % 251 + 256 * ((col + window.col_off) % 199)
    return Made(stored.astype(np.uint16)[np.newaxis], (window.row_off, window.col_off))


def test_each_window_comes_to_its_place(tmp_path: Path) -> None:
    notes = write_map(tmp_path / "map.tif", GRID, LAYERS, made, no_progress)
    assert notes == [(w.row_off, w.col_off) for w in map_windows(GRID.shape)]
    with rasterio.open(tmp_path / "map.tif") as file:
        stored = file.read(1)
        assert (file.crs, file.transform, file.nodata) == (GRID.crs, GRID.transform, 0)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    row, col = np.indices(GRID.shape)
    expected = (1 + row % 251 + 256 * (col % 199)).astype(np.uint16)
    expected[:WINDOW_PX, WINDOW_PX : 2 * WINDOW_PX] = 0
    np.testing.assert_array_equal(stored, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]


def test_a_failure_in_one_window_is_the_failure(tmp_path: Path) -> None:
    def fails(window: Window) -> Made[tuple[int, int]]:
        if window.row_off and window.col_off:
            raise ArithmeticError(f"at {window}")
        return made(window)

    with pytest.raises(ArithmeticError, match="at column 1024, row 1024"):
        write_map(tmp_path / "map.tif", GRID, LAYERS, fails, no_progress)
    assert not (tmp_path / "map.tif").exists()


def test_windows_are_made_by_several_threads(tmp_path: Path) -> None:
    """The first two meet at a barrier, which one thread alone would never pass."""
    barrier, names = threading.Barrier(2, timeout=20), set()

    def meets(window: Window) -> Made[tuple[int, int]]:
        if window.row_off == 0 and window.col_off <= WINDOW_PX:
            barrier.wait()
        names.add(threading.get_ident())
        return made(window)

    write_map(tmp_path / "map.tif", GRID, LAYERS, meets, no_progress)
    assert threading.get_ident() not in names


@pytest.mark.parametrize(
    ("dtype", "nodata", "expected"),
    [
        ("uint8", 0, [1, 1, 1, 2, 255, 0]),
        ("uint8", 255, [0, 0, 1, 2, 254, 255]),
        ("int16", -1, [-301, 0, 1, 2, 300, -1]),
        ("uint16", 65535, [0, 0, 1, 2, 300, 65535]),
    ],
)
def test_whole_numbers_are_rounded_held_and_kept_from_nodata(
    dtype: str, nodata: float, expected: list[int]
) -> None:
    values = np.array([[[-300.9, 0.2, 0.7, 1.5001, 300.2, 5.0]]], dtype=np.float32)
    valid = np.array([[True, True, True, True, True, False]])
    stored = stored_as(values, valid, dtype, nodata)
    assert stored.dtype == dtype
    assert stored[0, 0].tolist() == expected


def test_the_upper_end_is_no_nodata_either() -> None:
    values = np.full((1, 1, 2), 99_999, np.float32)
    stored = stored_as(values, np.array([[True, False]]), "uint16", 65535)
    assert stored.ravel().tolist() == [65534, 65535]


def test_floats_stay_as_they_are() -> None:
    values = np.array([[[0.25, -7.5]], [[1.0, 2.0]]], dtype=np.float32)
    stored = stored_as(values, np.array([[True, False]]), "float32", float("nan"))
    np.testing.assert_array_equal(stored, [[[0.25, np.nan]], [[1.0, np.nan]]])
