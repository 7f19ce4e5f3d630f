import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling

from landslip.core.grid import Grid
from landslip.io.map_output import map_windows
from landslip.io.raster.output import Layer
from landslip.io.raster.pyramid import PyramidOutput, averaged


def test_means_are_of_what_is_not_nodata() -> None:
    stored = np.array([[[0, 0, 4, 6, 9], [0, 0, 0, 5, 0], [1, 2, 3, 4, 7]]], dtype=np.uint16)
    # by hand: nothing; (4 + 6 + 5) / 3; 9; (1 + 2) / 2 to even; (3 + 4) / 2 to even; 7
    np.testing.assert_array_equal(averaged(stored, 0), [[[0, 5, 9], [2, 4, 7]]])


def test_a_mean_that_would_be_nodata_is_moved_beside_it() -> None:
    stored = np.array([[[-1, 1], [-1, 1]]], dtype=np.int16)
    np.testing.assert_array_equal(averaged(stored, 0), [[[1]]])


def test_without_nodata_all_counts() -> None:
    stored = np.array([[[0, 0, 8], [0, 4, 8]]], dtype=np.uint8)
    np.testing.assert_array_equal(averaged(stored, None), [[[1, 8]]])


def test_floats_with_nan_as_nodata() -> None:
    stored = np.array([[[np.nan, 0.5], [np.nan, 1.0]]], dtype=np.float32)
    np.testing.assert_array_equal(averaged(stored, np.nan), [[[0.75]]])


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
        Layer(description=name, dtype="uint16", nodata=0, scale=0.0001, units="reflectance")
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
