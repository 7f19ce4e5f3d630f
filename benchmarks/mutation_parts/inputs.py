"""Small inputs of every command, made of the result of `landslip demo`."""

import json
import shutil
import tarfile
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.windows import Window, bounds
from rasterio.windows import transform as window_transform

import landslip
from landslip.datasets.format import TileDataset

SIDE = 256
NAMES = ("blue", "green", "red", "nir")
CONFIG = """epochs: 1
batch_size: 2
crop: 64
encoder: resnet10t
encoder_weights: none
steps_per_epoch: 1
"""
EXPERIMENT = """name: small
datasets:
  tiles: {tiles: dataset}
splits:
  random: {method: random}
methods:
  svm: {arch: svm}
seeds: [0]
training: {epochs: 1}
"""
COEFFICIENTS = """satellite: GF1
sensor: PMS2
year: 2014
source: a test
gains: {pan: 0.1788, blue: 0.21, green: 0.1802, red: 0.175, nir: 0.187}
offsets: {pan: 0, blue: 0, green: 0, red: 0, nir: 0}
esun: {pan: 1364, blue: 1945, green: 1854, red: 1543, nir: 1081}
"""


def make_inputs(demo: Path, base: Path) -> None:
    """Make inputs in the folder ``base``."""
    base.mkdir(parents=True)
    scene_file = next((demo / "scenes").glob("*/*.tif"))
    with rasterio.open(scene_file) as file:
        window = Window(file.width // 2 - SIDE // 2, file.height // 2 - SIDE // 2, SIDE, SIDE)
        left, bottom, right, top = bounds(window, file.transform)
    frame = shapely.box(left, bottom, right, top)
    _crop(scene_file, base / "scene.tif", window)
    _crop_to(demo / "reference.tif", base / "reference.tif", frame.buffer(20))
    shutil.copy2(demo / "dem.tif", base / "dem.tif")
    _crop_to(base / "scene.tif", base / "ms.tif", frame, factor=4)
    with rasterio.open(base / "scene.tif") as file:
        profile, values = file.profile, file.read()
    profile |= {"count": 1}
    with rasterio.open(base / "pan.tif", "w", **profile) as file:
        file.write(values.mean(axis=0).astype(values.dtype)[np.newaxis])
    truth = geopandas.read_file(demo / "landslides_truth.gpkg")
    truth = truth[truth.intersects(frame)][["geometry"]].reset_index(drop=True)
    truth.to_file(base / "labels.gpkg", layer="landslides")
    truth.to_crs(4326).to_file(base / "labels.geojson")
    truth.to_file(base / "labels.shp")
    area = geopandas.GeoDataFrame(geometry=[frame], crs=truth.crs)
    area.to_file(base / "area.gpkg", layer="area")
    lines = geopandas.GeoDataFrame(geometry=[frame.boundary], crs=truth.crs)
    lines.to_file(base / "roads.gpkg", layer="roads")
    points = truth.geometry.representative_point()[:20].to_crs(4326)
    outside = frame.difference(truth.union_all()).representative_point()
    others = geopandas.GeoSeries([outside, outside.buffer(1).centroid], crs=truth.crs).to_crs(4326)
    rows = [f"{point.x},{point.y},1\n" for point in points]
    rows += [f"{point.x},{point.y},0\n" for point in others]
    (base / "sample.csv").write_text(f"lon,lat,reference\n{''.join(rows)}")
    shutil.copytree(demo / "model", base / "model", ignore=shutil.ignore_patterns("logs"))
    shutil.copytree(demo / "dataset_train", base / "many_tiles")
    landslip.datasets.from_scene(
        base / "scene.tif", base / "labels.gpkg", out=base / "dataset", tile=64, log=lambda _: None
    )
    evaluation = landslip.evaluate(base / "model", base / "dataset").as_dict()
    (base / "errors.json").write_text(json.dumps(evaluation | {"resolution_m": 2.0}))
    landslip.extract(base / "scene.tif", base / "model", out=base / "extraction", tile=256)
    landslip.make_inventory(
        base / "extraction", dem=base / "dem.tif", out=base / "inventory", draws=5
    )
    drawn = landslip.sample(
        base / "extraction", out=base / "sample.gpkg", size=60, min_per_stratum=5
    )
    drawn.points.assign(reference="background").to_file(drawn.path, layer="points")
    (base / "train.yaml").write_text(CONFIG)
    (base / "experiment.yaml").write_text(EXPERIMENT)
    (base / "coefficients.yaml").write_text(COEFFICIENTS)
    (base / "item.json").write_text(json.dumps(_item()))
    archive = next(demo.glob("GF1*.tar.gz"))
    shutil.copy2(archive, base / archive.name)
    (base / "product").mkdir()
    with tarfile.open(archive) as packed:
        packed.extractall(base / "product", filter="data")
    _pairs(TileDataset(base / "dataset"), base)


def _crop(source: Path, target: Path, window: Window) -> None:
    with rasterio.open(source) as file:
        profile = file.profile | {
            "width": window.width,
            "height": window.height,
            "transform": window_transform(window, file.transform),
        }
        profile |= {"driver": "GTiff", "blockxsize": 128, "blockysize": 128, "tiled": True}
        with rasterio.open(target, "w", **profile) as new:
            new.write(file.read(window=window))
            new.scales, new.offsets = file.scales, file.offsets
            new.descriptions = file.descriptions


def _crop_to(source: Path, target: Path, frame: shapely.Polygon, factor: int = 1) -> None:
    with rasterio.open(source) as file:
        own = file.window(*frame.bounds).round_offsets().round_lengths()
        own = own.intersection(Window(0, 0, file.width, file.height))
        values = file.read(window=own)[:, ::factor, ::factor]
        transform = window_transform(own, file.transform) @ rasterio.Affine.scale(factor)
        profile = file.profile | {
            "width": values.shape[2],
            "height": values.shape[1],
            "transform": transform,
            "driver": "GTiff",
            "tiled": False,
        }
        for key in ("blockxsize", "blockysize"):
            profile.pop(key, None)
        with rasterio.open(target, "w", **profile) as new:
            new.write(values)
            new.scales, new.offsets = file.scales, file.offsets
            new.descriptions = file.descriptions


def _item() -> dict[str, object]:
    bands = [{"name": name, "common_name": name, "scale": 0.0001, "offset": 0} for name in NAMES]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "scene",
        "properties": {"datetime": "2014-10-02T03:58:00Z"},
        "geometry": None,
        "links": [],
        "assets": {
            "data": {
                "href": "./scene.tif",
                "type": "image/tiff; application=geotiff",
                "raster:bands": bands,
                "eo:bands": bands,
            }
        },
        "stac_extensions": [],
    }


def _pairs(tiles: TileDataset, base: Path) -> None:
    for name in ("images", "masks"):
        (base / name).mkdir()
    lines = ["name,group\n"]
    for at in range(min(8, len(tiles))):
        tile = tiles.tile(at)
        for folder, values in (("images", tile.stored), ("masks", tile.label[np.newaxis])):
            profile = {
                "driver": "GTiff",
                "count": len(values),
                "height": values.shape[1],
                "width": values.shape[2],
                "dtype": values.dtype,
            }
            with rasterio.open(base / folder / f"t{at}.tif", "w", **profile) as file:
                file.write(np.where(values == 255, 0, values) if folder == "masks" else values)
        lines.append(f"t{at},g{at % 4}\n")
    (base / "groups.csv").write_text("".join(lines))
