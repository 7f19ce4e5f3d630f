"""A folder with the files that the page on the API names."""

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from tests.cli.test_chain import CRS, NAMES, SHAPE, TRANSFORM, write_scene
from tests.preprocessing.pipeline.conftest import ProductLibrary, make_ground


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a scene, labels, elevation models, a product, and pairs of images."""
    folder = tmp_path_factory.mktemp("api")
    scene = write_scene(folder / "scene.tif", described=False)
    scene.with_suffix(".gpkg").rename(folder / "landslides.gpkg")
    with rasterio.open(scene) as file:
        values = file.read()
    _write(folder / "2012.tif", values, TRANSFORM)
    _write(folder / "2013.tif", values, TRANSFORM @ Affine.translation(3, -2))
    _write(folder / "pan.tif", values.mean(axis=0, dtype=np.float32)[np.newaxis], TRANSFORM)
    coarse = values.reshape(4, SHAPE[0] // 4, 4, SHAPE[1] // 4, 4).mean(axis=(2, 4))
    _write(folder / "ms.tif", coarse.astype(np.float32), TRANSFORM @ Affine.scale(4))
    slope = np.add.outer(np.arange(120.0), np.arange(140.0)).astype(np.float32) + 800
    height_grid = Affine(10, 0, TRANSFORM.c - 100, 0, -10, TRANSFORM.f + 100)
    _write(folder / "dem.tif", slope[np.newaxis], height_grid, nodata=-9999)
    _write_product(folder)
    for name in ("IMAGES", "MASKS"):
        (folder / name).mkdir()
    generator = np.random.default_rng(0)
    for number in range(8):
        picture = generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / "IMAGES" / f"{number}.png")
        mask = np.where(picture[..., 0] > 128, 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(folder / "MASKS" / f"{number}.png")
    return folder


@pytest.fixture
def in_world(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run a test in that folder."""
    monkeypatch.chdir(world)
    yield world
    assert Path(os.getcwd()) == world  # noqa: PTH109 - what the process has


def _write(
    path: Path,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
    transform: Affine,
    nodata: float = 0,
) -> None:
    count, height, width = values.shape
    profile = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", crs=CRS, transform=transform, nodata=nodata, **profile) as file:
        file.write(values)
        if count == len(NAMES):
            file.descriptions = NAMES


def _write_product(folder: Path) -> None:
    library = ProductLibrary(folder / "library", make_ground())
    library.folder.mkdir()
    product = library.summer
    shutil.move(product, folder / product.name)
    shutil.move(library.dem, folder / "dem_of_product.tif")
    with tarfile.open(folder / product.name) as archive:
        archive.extractall(folder / "raw", filter="data")
    for image in (folder / "raw").glob("*-MSS1.tiff"):
        image.rename(folder / "raw" / "image.tiff")
    for rpb in (folder / "raw").glob("*-MSS1.rpb"):
        rpb.rename(folder / "raw" / "image.RPB")
