"""A small extraction made by code, its scene, and the ground under it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from tests.inference.factories import RedEngine, model_of

from landslip.core.bands import Bands
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.io.raster import SceneOptions
from landslip.models.card import ProbabilityCalibrationCard

UTM = "EPSG:32648"
PIXEL_M, SIDE_PX = 2.0, 160
LEFT, TOP = 400_000.0, 3_460_000.0
SLOPE_EAST = 0.5  # metres down for a metre east
BLOCKS = ((20, 20, 60, 40), (100, 30, 50, 20), (20, 100, 8, 8))  # row, col, rows, cols
LANDSLIDE, OTHER = 900, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMap:
    """Where the files are."""

    scene: Path
    extraction: Path
    dem: Path


def make_map(
    folder: Path,
    name: str = "PL_20240812.tif",
    pixels: NDArray[np.uint16] | None = None,
    calibration: ProbabilityCalibrationCard | None = None,
) -> MadeMap:
    """Extract a scene with three rectangles of landslide, on a plane that falls to the east."""
    scene, extraction, dem = folder / name, folder / "map", folder / "dem.tif"
    write_scene(scene, scene_pixels() if pixels is None else pixels)
    options = ExtractionOptions(tile=64, overlap=8, scene=SceneOptions(bands=Bands(("red", "nir"))))
    model = model_of(resolution_m=PIXEL_M)
    card = model.card.model_copy(update={"calibration": calibration})
    extract(scene, replace(model, card=card), RedEngine(), extraction, options)
    write_plane(dem)
    return MadeMap(scene=scene, extraction=extraction, dem=dem)


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


def write_plane(path: Path, left: float = LEFT, *, known: bool = True) -> None:
    """Write heights that fall to the east, of pixels of 10 m, with a margin; or gaps alone."""
    side, count = 10.0, 60
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
