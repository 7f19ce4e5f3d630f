"""The made-up scene: four bands of a satellite 2 m fine, as stored numbers on a map."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize

from landslip.bands import Bands
from landslip.choices import Units
from landslip.demo.canvas import FOREST, Canvas
from landslip.demo.landslides import Landslide, draw_landslides, landslide_mask, on_map
from landslip.demo.light import Sun, illumination
from landslip.demo.nature import (
    paint_clearings,
    paint_debris,
    paint_outcrops,
    paint_vegetation,
    paint_water,
)
from landslip.demo.noise import Field, blurred, fractal_noise
from landslip.demo.settlement import paint_fields, paint_houses, paint_roads
from landslip.demo.terrain import Terrain, make_terrain
from landslip.grid import Grid
from landslip.raster import Layer, write_scene
from landslip.window import Window

BANDS = Bands(("blue", "green", "red", "nir"))
SCALE = 0.0001
NODATA = 0
_SIDE_TURN = 0.055
_PSF_PX = 0.65
_HAZE = (0.030, 0.019, 0.011, 0.005)
_NOISE = 0.0025
_TRAIN_SHARE, _GAP_PX = 7 / 12, 128
_EAST_M, _NORTH_M = 354_000.0, 3_468_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpScene:
    """A scene with all that is known of it.

    Attributes:
        stored: (4: blue, green, red, nir, height, width) uint16, reflectance x 10000, 0 nodata.
        valid: (height, width) bool.
        landslides: with outlines in map coordinates.
        landslide: (height, width) bool, where a pixel's centre lies in a landslide.
        terrain: the ground.
        grid: where it lies.
    """

    stored: NDArray[np.uint16]
    valid: NDArray[np.bool_]
    landslides: tuple[Landslide, ...]
    landslide: NDArray[np.bool_]
    terrain: Terrain
    grid: Grid


def make_scene(
    seed: int, shape: tuple[int, int] = (1536, 1024), resolution_m: float = 2.0
) -> MadeUpScene:
    """Make a scene of a shape that is a multiple of 16, north of Wenchuan on the map."""
    ground, slides, cover, sensor = np.random.default_rng(seed).spawn(4)
    grid = scene_grid(shape, resolution_m)
    terrain = make_terrain(shape, resolution_m, ground)
    frame = swath(shape)
    drawn = draw_landslides(terrain, frame, slides)
    sun = Sun()
    canvas = paint_ground(terrain, _freshness(drawn, shape), sun, cover)
    light = illumination(terrain.height_m + canvas.relief_m, resolution_m, sun)
    valid = rasterize([frame], out_shape=shape, dtype="uint8").astype(np.bool_)
    landslides = on_map(drawn, grid)
    return MadeUpScene(
        stored=stored_numbers(canvas.reflectance * light, valid, sensor),
        valid=valid,
        landslides=tuple(landslides),
        landslide=landslide_mask(landslides, grid),
        terrain=terrain,
        grid=grid,
    )


def scene_grid(shape: tuple[int, int], resolution_m: float) -> Grid:
    """Return a grid in UTM zone 48 north."""
    transform = Affine(resolution_m, 0, _EAST_M, 0, -resolution_m, _NORTH_M)
    return Grid(crs=CRS.from_epsg(32648), transform=transform, shape=shape)


def paint_ground(
    terrain: Terrain, freshness: Field, sun: Sun, generator: np.random.Generator
) -> Canvas:
    """Return the ground's reflectance and relief, landslides over what grew there before."""
    plants, rocks, soil, fields, water, roads, houses, debris = generator.spawn(8)
    canvas = Canvas.of(terrain.shape, FOREST)
    paint_vegetation(canvas, terrain, plants)
    paint_outcrops(canvas, terrain, rocks)
    paint_clearings(canvas, terrain, soil)
    paint_fields(canvas, terrain, fields)
    paint_water(canvas, terrain, water)
    paint_roads(canvas, terrain, roads)
    paint_houses(canvas, terrain, houses, sun)
    paint_debris(canvas, terrain, freshness, debris)
    return canvas


def stored_numbers(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], generator: np.random.Generator
) -> NDArray[np.uint16]:
    """Return what the sensor stores of a scene (4, height, width): haze, blur, noise, nodata."""
    thickness = 1 + 0.3 * fractal_noise(valid.shape, generator, largest_px=900, exponent=2.0)
    stored = np.zeros(reflectance.shape, dtype=np.uint16)
    for at, (band, haze) in enumerate(zip(reflectance, _HAZE, strict=True)):
        noise = generator.standard_normal(band.shape, dtype=np.float32) * _NOISE
        seen = blurred(band, _PSF_PX) + haze * thickness + noise
        stored[at] = np.where(valid, np.clip(np.rint(seen / SCALE), 1, 10_000), NODATA)
    return stored


def swath(shape: tuple[int, int]) -> shapely.Polygon:
    """Return where a scene (height, width) holds data, in pixels: two of its edges are slanted.

    The strip that the satellite flew over is turned against the map's grid.
    """
    height, width = shape
    strip = (
        (_SIDE_TURN * height, 0),
        (width, 0),
        (width, height - 0.6 * _SIDE_TURN * width),
        (0, height),
    )
    return shapely.Polygon(strip)


def split_ground(shape: tuple[int, int]) -> tuple[Window, Window]:
    """Return the windows of a scene (height, width) to train on and to test on, and none between.

    The gap is a tile wide, so that no landslide lies in both.
    """
    height, width = shape
    train_end = round(height * _TRAIN_SHARE)
    test_start = train_end + _GAP_PX
    return Window(0, 0, width, train_end), Window(0, test_start, width, height - test_start)


def write_made_up_scene(scene: MadeUpScene, path: Path) -> None:
    """Write the scene's bands as a Cloud-Optimized GeoTIFF."""
    layers = tuple(
        Layer(
            description=name,
            dtype="uint16",
            nodata=NODATA,
            scale=SCALE,
            units=Units.REFLECTANCE.value,
        )
        for name in BANDS
    )
    write_scene(path, scene.stored, scene.grid, layers)


def _freshness(landslides: list[Landslide], shape: tuple[int, int]) -> Field:
    """Return the freshness (height, width) of the landslide at each pixel, 0 outside."""
    shapes = [(one.outline, one.freshness) for one in landslides]
    burnt: Field = rasterize(shapes, out_shape=shape, dtype="float32")
    return burnt
