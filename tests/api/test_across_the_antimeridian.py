"""Commands on both sides of 180 degrees: one place, however its longitudes are written."""

import csv
import json
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

import landslip

STEP, SIDE, LAT = 2e-5, 128, -17.0


def transform(middle: float) -> Affine:
    """Pixels around a longitude."""
    return Affine(STEP, 0, middle - SIDE / 2 * STEP, 0, -STEP, LAT + SIDE / 2 * STEP)


def write_image(path: Path, middle: float, pixels: NDArray[np.uint16]) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=len(pixels),
        dtype=pixels.dtype, crs="EPSG:4326", transform=transform(middle),
    ) as file:  # fmt: skip
        file.write(pixels)
        if len(pixels) == 4:
            file.descriptions = ("blue", "green", "red", "nir")
    return path


def circles() -> NDArray[np.object_]:
    """Polygons in degrees around 180, the first across it."""
    rng = np.random.default_rng(3)
    places = [(180.0, LAT), *(rng.uniform(-40, 40, (6, 2)) * STEP + (180.0, LAT)).tolist()]
    return np.array([shapely.Point(place).buffer(8 * STEP) for place in places], dtype=object)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("labels")
    degrees = geopandas.GeoDataFrame(geometry=circles(), crs=4326)
    to_zone = pyproj.Transformer.from_crs(4326, 32701, always_xy=True)
    zone = shapely.transform(circles(), lambda p: np.column_stack(to_zone.transform(*p.T)))
    frames = {
        "to 190": degrees,
        "from -190": degrees.set_geometry(degrees.translate(-360)),
        "UTM": geopandas.GeoDataFrame(geometry=zone, crs=32701),
    }
    frames["the long way"] = frames["UTM"].to_crs(4326)
    west = shapely.intersection(circles(), shapely.box(170, -90, 180, 90))
    east = shapely.intersection(degrees.geometry, shapely.box(180, -90, 190, 90)).translate(-360)
    halves = [
        shapely.MultiPolygon([part for part in pair if not part.is_empty])
        for pair in zip(west, east, strict=True)
    ]
    frames["RFC 7946"] = geopandas.GeoDataFrame(geometry=halves, crs=4326)
    paths = {}
    for name, frame in frames.items():
        paths[name] = folder / f"{name}.gpkg"
        frame.to_file(paths[name])
    return paths


NAMES = ["to 190", "from -190", "UTM", "the long way", "RFC 7946"]


@pytest.mark.parametrize(
    ("name", "middle"),
    [*((name, 180.0) for name in NAMES), ("to 190", -180.0), ("UTM", -180.0), ("mask", -180.0)],
)
@pytest.mark.filterwarnings("ignore::landslip.core.errors.LandslipWarning")
def test_labels(tmp_path: Path, labels: dict[str, Path], name: str, middle: float) -> None:
    truth = rasterize(circles(), out_shape=(SIDE, SIDE), transform=transform(180.0))
    scene = write_image(tmp_path / "scene.tif", middle, np.full((4, SIDE, SIDE), 500, np.uint16))
    mask = write_image(tmp_path / "mask.tif", 180.0, truth[np.newaxis].astype(np.uint8))
    tiles = landslip.datasets.from_scene(
        scene, labels.get(name, mask), out=tmp_path / "tiles", tile=64
    )
    assert tiles.card.landslide_share == pytest.approx(truth.mean(), abs=1e-4)


@pytest.mark.parametrize("name", ["UTM", "the long way", "RFC 7946"])
def test_inventory(tmp_path: Path, labels: dict[str, Path], name: str) -> None:
    south = 100 + np.add.outer(np.arange(SIDE), np.zeros(SIDE))
    dem = write_image(tmp_path / "dem.tif", -180.0, south[np.newaxis].astype(np.uint16))
    out = tmp_path / "inventory"
    landslip.make_inventory(labels[name], dem=dem, date="2020-01-01", out=out, draws=10)
    features = json.loads((out / "inventory.geojson").read_text())["features"]
    shapes = np.array([shapely.from_geojson(json.dumps(one["geometry"])) for one in features])
    assert shapely.is_valid(shapes).all()
    parts = shapely.bounds(shapely.get_parts(shapes))
    assert np.abs(parts[:, [0, 2]]).max() <= 180
    assert (parts[:, 2] - parts[:, 0]).max() < 20 * STEP
    item = json.loads((out / "item.json").read_text())
    west, _, east, _ = item["bbox"]
    assert 179.99 < west < 180
    assert -180 < east < -179.99
    with (out / "inventory.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    longitudes = np.array([float(row["centroid_lon"]) for row in rows])
    assert (np.abs(longitudes) <= 180).all()
    assert (np.abs(longitudes) > 179.99).all()
    assert all(float(row["dem_share"]) == 1 for row in rows)
    assert float(rows[0]["area_m2"]) == pytest.approx(np.pi * 64 * 2.21 * 2.13, rel=0.03)


@pytest.mark.parametrize("name", ["UTM", "RFC 7946"])
def test_comparison(labels: dict[str, Path], name: str) -> None:
    for pair in ((labels["to 190"], labels[name]), (labels[name], labels["to 190"])):
        assert landslip.compare(*pair, draws=0).areas.f1.value == pytest.approx(1, abs=1e-6)
