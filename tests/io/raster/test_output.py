import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from landslip.core.bands import Bands
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Layer, RasterOutput, Scene, write_scene

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
    layers = tuple(Layer(description=name, dtype="uint16", nodata=999) for name in ("red", "nir"))
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
    layer = Layer(description="p", nodata=255, scale=0.004, units="1")
    write_scene(tmp_path / "p.tif", np.zeros((1, 8, 8), np.uint8), frame, (layer,))
    with rasterio.open(tmp_path / "p.tif") as file:
        assert (file.scales, file.units, file.nodata) == ((0.004,), ("1",), 255)


def test_overviews_leave_nodata_out(tmp_path: Path) -> None:
    frame = Grid(crs=UTM, transform=METRES, shape=(1024, 1024))
    values = np.full((1024, 1024), 100, dtype=np.uint8)
    values[::2] = 255
    layer = Layer(description="p", nodata=255)
    output = RasterOutput(tmp_path / "part.tif", frame, (layer,))
    output.write(values[:512], Window(0, 0, 1024, 512))
    output.write(values[512:], Window(0, 512, 1024, 512))
    output.finish(tmp_path / "p.tif", overviews="average")
    with rasterio.open(tmp_path / "p.tif", overview_level=0) as file:
        assert np.unique(file.read()).tolist() == [100]
