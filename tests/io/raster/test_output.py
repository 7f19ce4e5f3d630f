import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from landslip.core.bands import Bands
from landslip.core.grid import Grid
from landslip.core.progress import no_progress
from landslip.core.window import Window
from landslip.io.raster import RasterOutput, Scene, write_scene
from landslip.io.raster.output import OutputBand, to_dtype
from landslip.io.raster.pyramid import (
    WINDOW_PX,
    PyramidOutput,
    WindowOutput,
    halve,
    map_windows,
    write_map,
)

UTM = CRS.from_epsg(32650)
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)
TURNED = Affine(1.6, 1.2, 500_000, 1.2, -1.6, 4_000_000)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        pytest.param("EPSG:32650", METRES, id="UTM"),
        pytest.param("EPSG:32650", TURNED, id="turned"),
        pytest.param("EPSG:4326", Affine(1e-5, 0, 100, 0, -1e-5, 30), id="degrees"),
        pytest.param("EPSG:3857", Affine(2, 0, 1e7, 0, -2, 3e6), id="web Mercator"),
        pytest.param("EPSG:2263", Affine(3, 0, 9e5, 0, -3, 2e5), id="feet"),
        pytest.param(None, Affine.identity(), id="no coordinate system"),
    ],
)
def test_a_scene_is_written_as_a_cog(tmp_path: Path, crs: str | None, transform: Affine) -> None:
    frame = Grid(
        crs=CRS.from_user_input(crs) if crs else None, transform=transform, shape=(600, 900)
    )
    values = np.random.default_rng(2).integers(0, 999, (2, 600, 900), dtype=np.uint16)
    names = ("red", "nir")
    layers = tuple(OutputBand(description=name, dtype="uint16", nodata=999) for name in names)
    path = tmp_path / "scene.tif"
    write_scene(path, values, frame, layers)
    assert [found.name for found in tmp_path.iterdir()] == ["scene.tif"]
    with Scene(path) as scene:
        assert scene.grid == frame
        assert scene.bands == Bands(("red", "nir"))
        assert scene.nodata == 999
        np.testing.assert_array_equal(scene.read(frame.window)[0], values)
    check_cog(path)


def check_cog(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert set(file.block_shapes) == {(512, 512)}
            assert file.overviews(1) == [2]


def test_layers_keep_scale_and_unit(tmp_path: Path) -> None:
    frame = Grid(crs=UTM, transform=METRES, shape=(8, 8))
    layer = OutputBand(description="p", nodata=255, scale=0.004, units="1")
    write_scene(tmp_path / "p.tif", np.zeros((1, 8, 8), np.uint8), frame, (layer,))
    with rasterio.open(tmp_path / "p.tif") as file:
        assert (file.scales, file.units, file.nodata) == ((0.004,), ("1",), 255)


def test_overviews_leave_nodata_out(tmp_path: Path) -> None:
    frame = Grid(crs=UTM, transform=METRES, shape=(1024, 1024))
    values = np.full((1024, 1024), 100, dtype=np.uint8)
    values[::2] = 255
    layer = OutputBand(description="p", nodata=255)
    output = RasterOutput(tmp_path / "part.tif", frame, (layer,))
    output.write(values[:512], Window(0, 0, 1024, 512))
    output.write(values[512:], Window(0, 512, 1024, 512))
    output.finish(tmp_path / "p.tif", overviews="average")
    with rasterio.open(tmp_path / "p.tif", overview_level=0) as file:
        assert np.unique(file.read()).tolist() == [100]


def test_means_are_of_what_is_not_nodata() -> None:
    stored = np.array([[[0, 0, 4, 6, 9], [0, 0, 0, 5, 0], [1, 2, 3, 4, 7]]], dtype=np.uint16)
    # by hand: nothing; (4 + 6 + 5) / 3; 9; (1 + 2) / 2 to even; (3 + 4) / 2 to even; 7
    np.testing.assert_array_equal(halve(stored, 0), [[[0, 5, 9], [2, 4, 7]]])


def test_a_mean_that_would_be_nodata_is_moved_beside_it() -> None:
    stored = np.array([[[-1, 1], [-1, 1]]], dtype=np.int16)
    np.testing.assert_array_equal(halve(stored, 0), [[[1]]])


def test_without_nodata_all_counts() -> None:
    stored = np.array([[[0, 0, 8], [0, 4, 8]]], dtype=np.uint8)
    np.testing.assert_array_equal(halve(stored, None), [[[1, 8]]])


def test_floats_with_nan_as_nodata() -> None:
    stored = np.array([[[np.nan, 0.5], [np.nan, 1.0]]], dtype=np.float32)
    np.testing.assert_array_equal(halve(stored, np.nan), [[[0.75]]])


@pytest.mark.parametrize("shape", [(1300, 2500), (2048, 1026)])
def test_the_file_is_a_cog_with_the_overviews_that_gdal_would_make(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("pyramid")
    generator = np.random.default_rng(0)
    values = generator.integers(1, 4000, (2, *shape)).astype(np.uint16)
    values[:, :300, :700] = 0
    grid = Grid(crs=CRS.from_epsg(32648), transform=Affine(2, 0, 10, 0, -2, 20), shape=shape)
    layers = tuple(
        OutputBand(description=name, dtype="uint16", nodata=0, scale=0.0001, units="reflectance")
        for name in ("red", "nir")
    )
    output = PyramidOutput(folder / "work", grid, layers, 1024)
    for window in map_windows(shape):
        rows, cols = window.slices_in(grid.window)
        output.write(output.levels_of(values[:, rows, cols]), window)
    output.finish(folder / "out.tif")
    assert [path.name for path in folder.iterdir()] == ["out.tif"]
    with rasterio.open(folder / "out.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.overviews(1)[0] == 2
        assert file.descriptions == ("red", "nir")
        assert file.scales == (0.0001, 0.0001)
        assert file.units == ("reflectance", "reflectance")
        assert (file.nodata, file.crs, file.transform) == (0, grid.crs, grid.transform)
        np.testing.assert_array_equal(file.read(), values)
    plain = folder / "plain.tif"
    profile = {"driver": "GTiff", "height": shape[0], "width": shape[1], "count": 2}
    with rasterio.open(
        plain, "w", **profile, dtype="uint16", nodata=0, crs=grid.crs, transform=grid.transform
    ) as file:
        file.write(values)
        file.build_overviews([2], Resampling.average)
    with (
        rasterio.open(folder / "out.tif", overview_level=0) as ours,
        rasterio.open(plain, overview_level=0) as theirs,
    ):
        difference = ours.read().astype(int) - theirs.read()
        assert np.abs(difference).max() <= 1


GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(WINDOW_PX + 40, 2 * WINDOW_PX + 7),
)
LAYERS = (OutputBand(description="red", dtype="uint16", nodata=0),)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_windows_cover_each_pixel_once(height: int, width: int) -> None:
    seen = np.zeros((height, width), np.uint8)
    for window in map_windows((height, width)):
        assert max(window.shape) <= WINDOW_PX
        seen[window.row_off : window.row_end, window.col_off : window.col_end] += 1
    assert (seen == 1).all()


def made(window: Window) -> WindowOutput[tuple[int, int]]:
    """Tell a window by its place; the second one of the first row is empty."""
    if window.col_off == WINDOW_PX and window.row_off == 0:
        return WindowOutput(None, (window.row_off, window.col_off))
    row, col = np.indices(window.shape)
    stored = 1 + (row + window.row_off) % 251 + 256 * ((col + window.col_off) % 199)
    return WindowOutput(stored.astype(np.uint16)[np.newaxis], (window.row_off, window.col_off))


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
    def fails(window: Window) -> WindowOutput[tuple[int, int]]:
        if window.row_off and window.col_off:
            raise ArithmeticError(f"at {window}")
        return made(window)

    with pytest.raises(ArithmeticError, match="at column 1024, row 1024"):
        write_map(tmp_path / "map.tif", GRID, LAYERS, fails, no_progress)
    assert not (tmp_path / "map.tif").exists()


def test_windows_are_made_by_several_threads(tmp_path: Path) -> None:
    """The first two meet at a barrier, which one thread alone would never pass."""
    barrier, names = threading.Barrier(2, timeout=20), set()

    def meets(window: Window) -> WindowOutput[tuple[int, int]]:
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
    stored = to_dtype(values, valid, dtype, nodata)
    assert stored.dtype == dtype
    assert stored[0, 0].tolist() == expected


def test_the_upper_end_is_no_nodata_either() -> None:
    values = np.full((1, 1, 2), 99_999, np.float32)
    stored = to_dtype(values, np.array([[True, False]]), "uint16", 65535)
    assert stored.ravel().tolist() == [65534, 65535]


def test_a_float_that_would_be_nodata_is_kept() -> None:
    values = np.array([[[0.0, -9999.0, 3.0]]], dtype=np.float32)
    valid = np.array([[True, True, False]])
    for nodata in (0.0, -9999.0):
        stored = to_dtype(values, valid, "float32", nodata)
        np.testing.assert_allclose(stored[valid[None]], values[valid[None]], rtol=1e-6, atol=1e-40)
        np.testing.assert_array_equal(stored == nodata, ~valid[None])


def test_without_nodata_what_is_missing_is_0() -> None:
    stored = to_dtype(np.full((1, 1, 2), 7.0), np.array([[True, False]]), "int32", None)
    assert stored.ravel().tolist() == [7, 0]


def test_the_largest_32_bit_integer_is_stored() -> None:
    values = np.array([[[4294967295.0, 1.0]]])
    stored = to_dtype(values, np.ones((1, 2), np.bool_), "uint32", 0)
    assert stored.ravel().tolist() == [4294967295, 1]


def test_floats_stay_as_they_are() -> None:
    values = np.array([[[0.25, -7.5]], [[1.0, 2.0]]], dtype=np.float32)
    stored = to_dtype(values, np.array([[True, False]]), "float32", float("nan"))
    np.testing.assert_array_equal(stored, [[[0.25, np.nan]], [[1.0, np.nan]]])
