"""What people made in the valley: fields, roads, houses."""

import numpy as np
import shapely
import shapely.affinity
from numpy.typing import NDArray
from rasterio.features import rasterize

from landslip.synthetic.landscape.canvas import BARE_SOIL, CONCRETE, CROP, ROOFS, STUBBLE, Canvas
from landslip.synthetic.landscape.light import Sun
from landslip.synthetic.landscape.noise import Field, blurred, fractal_noise, ramp, top_share
from landslip.synthetic.landscape.terrain import Terrain

_PARCEL_M = (70.0, 34.0)
_ROAD_M, _TRACK_M = 8.0, 5.0
_HOUSES = 90


def paint_fields(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """Parcels of crops, stubble and bare soil on the valley floor and on gentle slopes."""
    where = _arable(terrain, generator)
    parcel, rows, edge = _parcels(terrain, generator)
    use = generator.random(parcel.max() + 1).astype(np.float32)[parcel]
    tone = generator.normal(0, 0.10, parcel.max() + 1).astype(np.float32)[parcel]
    mottle = fractal_noise(terrain.shape, generator, largest_px=40, exponent=1.0)
    texture = tone + 0.05 * mottle + 0.06 * rows
    for colour, start, end in ((CROP, 0.0, 0.35), (STUBBLE, 0.35, 0.5), (BARE_SOIL, 0.5, 1.0)):
        chosen = (use >= start) & (use < end) & ~edge
        canvas.paint(where * chosen, colour, texture)


def paint_roads(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """A road along the valley, and unpaved tracks that keep their height on the hillsides."""
    grain = fractal_noise(terrain.shape, generator, largest_px=20, exponent=0.8)
    beside = np.abs(terrain.river_m - terrain.plain_m - 4)
    canvas.paint(ramp(beside, _ROAD_M / 2 + 1, _ROAD_M / 2 - 1), CONCRETE, 0.05 * grain)
    smooth = blurred(terrain.height_m, 6)
    gradient = np.hypot(*np.gradient(smooth, terrain.resolution_m))
    for height_m in generator.uniform(35, 0.7 * float(smooth.max()), size=3):
        reach = fractal_noise(terrain.shape, generator, largest_px=700, exponent=2.0)
        away_m = np.abs(smooth - height_m) / np.maximum(gradient, 0.1)
        track = ramp(away_m, _TRACK_M / 2 + 1, _TRACK_M / 2 - 1) * top_share(reach, 0.3, 0.01)
        canvas.paint(track, BARE_SOIL, 0.10 * grain)


def paint_houses(
    canvas: Canvas, terrain: Terrain, generator: np.random.Generator, sun: Sun
) -> None:
    """Houses beside the road, each with its shadow."""
    near_road = np.abs(np.abs(terrain.river_m - terrain.plain_m - 4) - 18) < 9
    row, col = np.nonzero(near_road & (terrain.slope_deg < 12))
    chosen = generator.integers(len(row), size=_HOUSES)
    houses = [_house(col[at], row[at], generator) for at in chosen]
    x, y = sun.towards
    shadows = [shapely.affinity.translate(house, -2.2 * x, -2.2 * y) for house in houses]
    canvas.reflectance *= 1 - 0.65 * _burnt(shadows, terrain.shape)
    roof = generator.integers(len(ROOFS), size=len(houses))
    for kind, colour in enumerate(ROOFS):
        some = [house for house, kind_of in zip(houses, roof, strict=True) if kind_of == kind]
        canvas.paint(_burnt(some, terrain.shape), colour)


def _arable(terrain: Terrain, generator: np.random.Generator) -> Field:
    """Return where fields are (height, width, 0 or 1): the valley floor, and terraces above."""
    patches = fractal_noise(terrain.shape, generator, largest_px=200, exponent=1.5)
    beyond_m = terrain.river_m - terrain.plain_m
    gentle = blurred(terrain.slope_deg, 5) < 21 + 4 * patches
    return ((beyond_m < 0) | (gentle & (beyond_m < 220 + 120 * patches))).astype(np.float32)


def _parcels(
    terrain: Terrain, generator: np.random.Generator
) -> tuple[NDArray[np.intp], Field, NDArray[np.bool_]]:
    """Return each pixel's parcel number, its rows of crops (-1 to 1), and the parcels' edges."""
    height, width = terrain.shape
    row, col = np.indices(terrain.shape, dtype=np.float32) * np.float32(terrain.resolution_m)
    angle = np.radians(generator.uniform(-30, 30))
    warp = fractal_noise(terrain.shape, generator, largest_px=500, smallest_px=80, exponent=1.5)
    across = col * np.cos(angle) + row * np.sin(angle) + 12 * warp
    along = row * np.cos(angle) - col * np.sin(angle) + 12 * warp
    strip = np.floor(across / _PARCEL_M[0]).astype(np.intp)
    shift = generator.random(4096)[strip % 4096] * _PARCEL_M[1]
    piece = np.floor((along + shift) / _PARCEL_M[1]).astype(np.intp)
    parcel = (strip - strip.min()) * (height + width) + piece - piece.min()
    edge = (np.diff(parcel, axis=0, prepend=parcel[:1]) != 0) | (
        np.diff(parcel, axis=1, prepend=parcel[:, :1]) != 0
    )
    return parcel, np.sin(along * (2 * np.pi / 9)).astype(np.float32), edge


def _house(col: int, row: int, generator: np.random.Generator) -> shapely.Polygon:
    length, width = generator.uniform(5, 11), generator.uniform(3.5, 6)
    angle_deg = generator.uniform(-30, 30) + 90 * generator.integers(2)
    box = shapely.box(col, row, col + length, row + width)
    return shapely.affinity.rotate(box, float(angle_deg))


def _burnt(shapes: list[shapely.Polygon], shape: tuple[int, int]) -> Field:
    if not shapes:
        return np.zeros(shape, dtype=np.float32)
    burnt: Field = rasterize(shapes, out_shape=shape, dtype="float32")
    return burnt
