"""Folders in which the blocks of a page start: what is in each, made when it is asked for."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from shapely import Polygon, box
from tests.preprocessing.pipeline.conftest import ProductLibrary, make_ground
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app

NAMES = ("blue", "green", "red", "nir")
PLANTS, BARE = (0.04, 0.07, 0.05, 0.40), (0.12, 0.15, 0.18, 0.25)
CRS = "EPSG:32648"
TRANSFORM = Affine(2.0, 0.0, 400_000.0, 0.0, -2.0, 3_400_000.0)
SHAPE = (320, 448)
TRAINING = ("--encoder", "test_resnet", "--encoder-weights", "none", "--epochs", "30")


class Folders:
    """Makes each folder once and gives copies of it."""

    def __init__(self, kept: Path) -> None:
        self.kept = kept

    def copy(self, name: str, place: Path) -> None:
        """Write the folder of that name to a place that does not exist."""
        made = self.kept / name
        if not made.exists():
            unfinished = self.kept / f"{name}.unfinished"
            FOLDERS[name](unfinished, self)
            unfinished.rename(made)
        shutil.copytree(made, place)


def empty(folder: Path, others: Folders) -> None:
    """Nothing."""
    del others
    folder.mkdir()


def small(folder: Path, others: Folders) -> None:
    """scene.tif and earlier.tif with landslides.gpkg, mapped.gpkg, dem.tif; what comes of them.

    That is TILES, a calibrated MODEL, MAP and INVENTORY. The scene has 4 bands of reflectance of
    320 x 448 px of 2 m; earlier.tif shows the same ground with a quarter of the landslides.
    MS.tif and PAN.tif are the scene as a satellite takes it.
    """
    del others
    folder.mkdir()
    landslides = forty_landslides()
    scene = write_scene(folder / "scene.tif", landslides)
    write_scene(folder / "earlier.tif", landslides[:10], seed=1)
    _write_polygons(folder / "landslides.gpkg", landslides)
    west, north = TRANSFORM @ (20, 0)
    east, south = TRANSFORM @ (SHAPE[1], SHAPE[0])
    _write_polygons(folder / "mapped.gpkg", [box(west, south, east, north)])
    heights = np.add.outer(np.arange(120.0), np.arange(140.0)).astype(np.float32)[np.newaxis] + 800
    around = Affine(10, 0, TRANSFORM.c - 100, 0, -10, TRANSFORM.f + 100)
    _write_raster(folder / "dem.tif", heights, around, nodata=-9999)
    with rasterio.open(scene) as file:
        values = file.read().astype(np.float32)
    coarse = values.reshape(4, SHAPE[0] // 4, 4, SHAPE[1] // 4, 4).mean(axis=(2, 4))
    _write_raster(folder / "MS.tif", coarse, TRANSFORM @ Affine.scale(4), names=NAMES)
    _write_raster(folder / "PAN.tif", values.mean(axis=0)[np.newaxis], TRANSFORM)
    tiles, model = folder / "TILES", folder / "MODEL"
    done("dataset", "scene", scene, folder / "landslides.gpkg", "--tile", 64, "--out", tiles)
    done("train", tiles, "--out", model, *TRAINING, "--batch-size", 4, "--precision", "fp32")
    done("calibrate", model, tiles)
    done("extract", scene, "--model", model, "--out", folder / "MAP")
    done("inventory", folder / "MAP", "--dem", folder / "dem.tif", "--out", folder / "INVENTORY")


def judged(folder: Path, others: Folders) -> None:
    """What `small` has, and sample.gpkg with points that are judged."""
    others.copy("small", folder)
    sample = landslip.sample(folder / "MAP", out=folder / "sample.gpkg", size=160)
    truth = geopandas.read_file(folder / "landslides.gpkg").to_crs(CRS).union_all()
    points = sample.points.to_crs(CRS)
    for number, point in zip(points["id"], points.geometry, strict=True):
        is_landslide = truth.contains(point)
        sample.judge(int(number), "landslide" if is_landslide else "background", author="Ann")


def reviewed(folder: Path, others: Folders) -> None:
    """What `small` has, and a review of the inventory in reviews/INVENTORY, half of it judged."""
    others.copy("small", folder)
    place = folder / "reviews" / "INVENTORY"
    review = landslip.start_review(folder / "INVENTORY", place, author="Ann")
    truth = geopandas.read_file(folder / "landslides.gpkg").to_crs(CRS).union_all()
    items = review.landslides.to_crs(CRS)
    for number, polygon in list(zip(items["id"], items.geometry, strict=True))[::2]:
        if polygon.intersects(truth):
            review.accept(int(number), author="Ann", type="slide")
        else:
            review.reject(int(number), author="Ann", reason="field")


def dates(folder: Path, others: Folders) -> None:
    """2014-10-02.tif and 2015-08-05.tif with INVENTORY_2014 and INVENTORY_2015, and MODEL."""
    others.copy("small", folder)
    landslides = forty_landslides()
    for day, count in (("2014-10-02", 25), ("2015-08-05", 40)):
        scene = write_scene(folder / f"{day}.tif", landslides[:count], seed=count)
        year = day[:4]
        done("extract", scene, "--model", folder / "MODEL", "--out", folder / f"MAP_{year}")
        inventory = folder / f"INVENTORY_{year}"
        done("inventory", folder / f"MAP_{year}", "--date", day, "--out", inventory)


def pairs(folder: Path, others: Folders) -> None:
    """Folders of pictures and of masks of the same names: images and masks."""
    del others
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(8):
        picture = generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
        mask = np.where(picture[..., 0] > 128, 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


def raw(folder: Path, others: Folders) -> None:
    """MSS.tiff and PAN.tiff with RPC files, dem.tif over the ellipsoid, and orthophoto.tif."""
    del others
    (folder / "library").mkdir(parents=True)
    library = ProductLibrary(folder / "library", make_ground())
    shutil.copy(library.dem, folder / "dem.tif")
    with tarfile.open(library.summer) as archive:
        archive.extractall(folder / "archive", filter="data")
    for name, called in (("MSS1", "MSS"), ("PAN1", "PAN")):
        for ending in (".tiff", ".rpb"):
            (found,) = (folder / "archive").rglob(f"*-{name}{ending}")
            found.rename(folder / f"{called}{ending if ending == '.tiff' else '.RPB'}")
        heights = ("--dem", folder / "dem.tif", "--dem-heights", "ellipsoid")
        done("orthorectify", folder / f"{called}.tiff", *heights, "--out", folder / f"{called}.tif")
    bands = ("--bands", ",".join(NAMES))
    fused = folder / "orthophoto.tif"
    done("pansharpen", folder / "MSS.tif", folder / "PAN.tif", *bands, "--out", fused)
    for name in ("MSS.tif", "PAN.tif"):
        (folder / name).unlink()
    for name in ("library", "archive"):
        shutil.rmtree(folder / name)


def valley(folder: Path, others: Folders) -> None:
    """Raw products of three dates of a synthetic valley of 2 x 3 km, dem.tif, and the truth."""
    del others
    done("synthetic", "--preset", "valley", "--out", folder)


FOLDERS: dict[str, Callable[[Path, Folders], None]] = {
    made.__name__: made for made in (empty, small, judged, reviewed, dates, pairs, raw, valley)
}


def done(*words: object) -> None:
    """Run a command.

    Raises:
        RuntimeError: it failed.
    """
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exit_code != 0:
        raise RuntimeError(f"landslip {' '.join(map(str, words))}: {result.output}")


def forty_landslides() -> list[Polygon]:
    """Rectangles with sides of 24 to 60 m on the grid of the scenes."""
    generator = np.random.default_rng(0)
    polygons = []
    for _ in range(40):
        row, col = (int(generator.integers(0, side - 30)) for side in SHAPE)
        height, width = (int(side) for side in generator.integers(12, 30, 2))
        left, top = TRANSFORM @ (col, row)
        polygons.append(box(left, top - 2 * height, left + 2 * width, top))
    return polygons


def write_scene(path: Path, landslides: list[Polygon], seed: int = 0) -> Path:
    """Write plants with bare landslides, in reflectance; the left edge is nodata."""
    generator = np.random.default_rng(seed)
    values = np.reshape(PLANTS, (4, 1, 1)) + generator.normal(0, 0.01, (4, *SHAPE))
    for polygon in landslides:
        left, bottom, right, top = polygon.bounds
        (col, row), (end_col, end_row) = ~TRANSFORM @ (left, top), ~TRANSFORM @ (right, bottom)
        inside = np.s_[:, round(row) : round(end_row), round(col) : round(end_col)]
        values[inside] += np.reshape(np.subtract(BARE, PLANTS), (4, 1, 1))
    stored = np.clip(values * 10_000, 1, 9999).astype(np.uint16)
    stored[:, :, :20] = 0
    _write_raster(path, stored, TRANSFORM, names=NAMES, scale=0.0001)
    return path


def _write_raster(
    path: Path,
    values: NDArray[np.uint16] | NDArray[np.float32],
    transform: Affine,
    *,
    names: tuple[str, ...] = (),
    scale: float | None = None,
    nodata: float = 0,
) -> None:
    count, height, width = values.shape
    profile = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", crs=CRS, transform=transform, nodata=nodata, **profile) as file:
        file.write(values)
        if names:
            file.descriptions = names
        if scale is not None:
            file.scales = (scale,) * count


def _write_polygons(path: Path, polygons: list[Polygon]) -> None:
    geopandas.GeoDataFrame(geometry=polygons, crs=CRS).to_file(path)
