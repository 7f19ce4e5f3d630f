"""A small extraction made by code, its scene, and the ground under it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from tests.inference.factories import RedEngine, model_of

from landslip.core.bands import Bands
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import InventoryRecord, ModelRecord, SceneRecord, SourceRecord
from landslip.io.raster import SceneOptions
from landslip.models.card import ProbabilityCalibrationCard

UTM = "EPSG:32648"
PIXEL_M, SIDE_PX = 2.0, 160
LEFT, TOP = 400_000.0, 3_460_000.0
SLOPE_EAST = 0.5  # metres down for a metre east
BLOCKS = ((20, 20, 60, 40), (100, 30, 50, 20), (20, 100, 8, 8))  # row, col, rows, cols
LANDSLIDE, OTHER = 900, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticExtraction:
    """Where the files are."""

    scene: Path
    extraction: Path
    dem: Path


def make_extraction(
    folder: Path,
    name: str = "PL_20240812.tif",
    pixels: NDArray[np.uint16] | None = None,
    calibration: ProbabilityCalibrationCard | None = None,
) -> SyntheticExtraction:
    """Extract a scene with three rectangles of landslide, on a plane that falls to the east."""
    scene, extraction, dem = folder / name, folder / "map", folder / "dem.tif"
    write_scene(scene, scene_pixels() if pixels is None else pixels)
    options = ExtractionOptions(tile=64, overlap=8, scene=SceneOptions(bands=Bands(("red", "nir"))))
    model = model_of(resolution_m=PIXEL_M)
    card = model.card.model_copy(update={"calibration": calibration})
    extract(scene, replace(model, card=card), RedEngine(), extraction, options)
    write_plane(dem)
    return SyntheticExtraction(scene=scene, extraction=extraction, dem=dem)


def scene_pixels() -> NDArray[np.uint16]:
    """Return red and nir; landslides are bright in red, and half as bright in nir."""
    pixels = np.full((2, SIDE_PX, SIDE_PX), OTHER, dtype=np.uint16)
    for row, col, rows, cols in BLOCKS:
        pixels[:, row : row + rows, col : col + cols] = LANDSLIDE
        pixels[1, row : row + rows, col : col + cols] = LANDSLIDE // 2
    return pixels


def write_scene(path: Path, pixels: NDArray[np.uint16]) -> None:
    transform = Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP)
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width}
    with rasterio.open(path, "w", dtype="uint16", crs=UTM, transform=transform, **profile) as file:
        file.write(pixels)


def write_plane(path: Path, left: float = LEFT, *, known: bool = True, side: float = 10.0) -> None:
    """Write heights that fall to the east, of pixels of 10 m, with a margin; or gaps alone."""
    count = round(600 / side)
    east = np.arange(count) * side + side / 2
    heights = np.broadcast_to(2000 - SLOPE_EAST * east, (count, count)).astype(np.float32)
    if not known:
        heights = np.full((count, count), np.nan, dtype=np.float32)
    transform = Affine(side, 0, left - 100, 0, -side, TOP + 100)
    profile = {"driver": "GTiff", "count": 1, "height": count, "width": count}
    with rasterio.open(path, "w", dtype="float32", crs=UTM, transform=transform, **profile) as file:
        file.write(heights, 1)


def change_json(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change what a JSON file says."""
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


NAME = 'Beichuan "A&B" <北川>\nsecond line'
ORIGIN = (470_000.0, 3_530_000.0)


def make_layers(
    count: int = 6, *, crs: str | None = UTM, seed: int = 0, with_confidence: bool = True
) -> InventoryLayers:
    """Return landslides, of which the third has a hole and the fourth two parts.

    The second has no height, hence no highest point; the fifth is flagged.
    """
    rng = np.random.default_rng(seed)
    outlines = _outlines(count, rng)
    columns: dict[str, object] = {}
    for field in FIELDS:
        if field.kind is FieldKind.ID:
            columns[field.name] = np.arange(1, count + 1)
        elif field.kind is FieldKind.NUMBER:
            columns[field.name] = rng.uniform(1, 1000, count)
        elif field.kind is FieldKind.TEXT:
            columns[field.name] = [f"{field.name} {n}" for n in range(count)]
        else:
            columns[field.name] = pd.array([False] * count, dtype="boolean")
    frame = geopandas.GeoDataFrame(columns, geometry=outlines, crs=crs)
    frame["confidence"] = rng.uniform(0.4, 1.0, count) if with_confidence else np.nan
    frame["area_m2"] = shapely.area(outlines)
    frame["axis"] = "downslope"
    frame["scene"] = pd.Series([NAME] * count, dtype=object)
    frame["date"] = pd.Series(["2008-05-15"] * count, dtype=object)
    if count > 4:
        frame.loc[1, ["slope_deg", "elevation_max_m", "confidence"]] = np.nan
        frame.loc[1, "model"] = None
        frame.loc[1, "flag_river_flat"] = pd.NA
        frame.loc[4, "flag_road"] = True
    with_heights = np.arange(count) != 1
    return InventoryLayers(
        landslides=frame,
        highest_points=_points(frame[with_heights], 1.0),
        lowest_points=_points(frame[with_heights], -1.0),
        density=_density(frame),
    )


def _outlines(count: int, rng: np.random.Generator) -> np.ndarray:
    side = int(np.ceil(np.sqrt(max(count, 1))))
    places = np.array([(n % side, n // side) for n in range(count)], dtype=float).reshape(-1, 2)
    angles = np.linspace(0, 2 * np.pi, 25)[:-1]
    made = []
    for number, (col, row) in enumerate(places):
        x, y = ORIGIN[0] + 400 * col, ORIGIN[1] - 400 * row
        radius = rng.uniform(30, 120) * (1 + 0.25 * rng.standard_normal(len(angles)).clip(-1, 1))
        lobe = np.column_stack([x + 0.6 * radius * np.cos(angles), y + radius * np.sin(angles)])
        polygon: Any = shapely.orient_polygons(shapely.Polygon(lobe))
        if number == 2:
            polygon = shapely.difference(polygon, shapely.Point(x, y).buffer(8))
        if number == 3:
            polygon = shapely.union(polygon, shapely.Point(x + 160, y).buffer(20))
        made.append(polygon)
    return np.array(made, dtype=object)


def _points(frame: geopandas.GeoDataFrame, end: float) -> geopandas.GeoDataFrame:
    bounds = shapely.bounds(np.asarray(frame.geometry.values)).reshape(-1, 4)
    middle = (bounds[:, 0] + bounds[:, 2]) / 2
    tip = bounds[:, 3] if end > 0 else bounds[:, 1]
    heights = np.linspace(900, 1500, len(frame)) + 100 * end
    return geopandas.GeoDataFrame(
        {"id": frame["id"].to_numpy(), "elevation_m": heights},
        geometry=shapely.points(middle, tip),
        crs=frame.crs,
    )


def _density(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    cells: list[shapely.Geometry] = []
    if frame.crs is not None and len(frame):
        west, south, east, north = frame.total_bounds
        for x in np.arange(west, east, 1000.0):
            cells += [shapely.box(x, y, x + 1000, y + 1000) for y in np.arange(south, north, 1000)]
    tree = shapely.STRtree(frame.geometry.to_numpy())
    counts = np.array([len(tree.query(cell, "intersects")) for cell in cells], dtype=np.int64)
    return geopandas.GeoDataFrame(
        {
            "cell": np.arange(1, len(cells) + 1, dtype=np.int64),
            "landslides": counts,
            "per_km2": counts.astype(np.float64),
            "area_share": counts * 0.01,
        },
        geometry=np.array(cells, dtype=object),
        crs=frame.crs,
    )


def make_record(layers: InventoryLayers, **changes: object) -> InventoryRecord:
    """Return what describes the inventory, with some of it changed."""
    crs = layers.landslides.crs
    known: dict[str, object] = {
        "code_version": "1.2.3",
        "name": NAME,
        "source": SourceRecord(kind="extraction", place="somewhere"),
        "scene": SceneRecord(name=NAME, date="2008-05-15", resolution_m=3.0),
        "model": ModelRecord(
            name="albunet",
            weights_sha256="ab" * 32,
            threshold=0.5,
            engine="openvino",
            precision="fp32",
        ),
        "model_card": None,
        "dem": None,
        "cleaning": None,
        "crs": None if crs is None else crs.to_string(),
        "area_method": "planimetric",
        "confidence_is": "mean of calibrated probability",
        "mapped_m2": 1e7,
        "landslides": len(layers.landslides),
        "notes": (),
        "files": (),
    }
    return InventoryRecord.model_validate(known | changes)
