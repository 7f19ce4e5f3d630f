"""Land cover of the synthetic valley: plants, rock, water, fields, roads, houses, and debris."""

from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity
from numpy.random import Generator
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage, special

from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.noise import Field, blurred, fractal_noise, ramp, streaks, top_fraction
from landslip.synthetic.phenology import BARE_SOIL, SUMMER, Colour, Palette
from landslip.synthetic.terrain import SyntheticTerrain, sun_direction

DEBRIS: Colour = (0.124, 0.156, 0.190, 0.226)
ROCK: Colour = (0.092, 0.105, 0.115, 0.140)
GRAVEL: Colour = (0.155, 0.180, 0.195, 0.220)
WATER: Colour = (0.075, 0.098, 0.078, 0.035)
CONCRETE: Colour = (0.170, 0.190, 0.205, 0.230)
ROOFS: tuple[Colour, ...] = (
    (0.130, 0.135, 0.145, 0.17),
    (0.100, 0.110, 0.170, 0.23),
    (0.190, 0.175, 0.150, 0.19),
    (0.270, 0.280, 0.290, 0.31),
)
_CROWN_M, _BOULDER_M, _SCAR_M = 0.9, 0.6, 4.0
_PATCH_SOFTNESS = 0.12
_STREAM_HALF_WIDTH_PX = 1.4
_PARCEL_M = (70.0, 34.0)
_ROAD_M, _TRACK_M = 8.0, 5.0
_HOUSES = 90


@dataclass(slots=True)
class SurfaceCanvas:
    """Reflectance (4: blue, green, red, nir, height, width) and relief (m), painted in place."""

    reflectance: NDArray[np.float32]
    relief_m: Field

    def paint(self, weight: Field, colour: Colour, texture: Field | float = 0.0) -> None:
        """Cover by weight, 0 to 1, and level the relief; a texture of 0.1 is 10 % brighter."""
        brightness = np.maximum(1 + np.asarray(texture, dtype=np.float32), 0.2)
        for at, value in enumerate(colour):
            band = self.reflectance[at]
            band += weight * (np.float32(value) * brightness - band)
        self.relief_m *= 1 - weight


def paint_land_cover(
    terrain: SyntheticTerrain, sun: SunPosition, generator: Generator, palette: Palette = SUMMER
) -> SurfaceCanvas:
    """Return reflectance and relief of the ground without landslides, and the shadows of houses.

    The same generator gives the same land in other colours.
    """
    plants, rocks, soil, fields, water, roads, houses = generator.spawn(7)
    forest = np.full((4, *terrain.shape), np.reshape(palette.forest, (4, 1, 1)), dtype=np.float32)
    canvas = SurfaceCanvas(forest, np.zeros(terrain.shape, dtype=np.float32))
    paint_vegetation(canvas, terrain, plants, palette)
    paint_outcrops(canvas, terrain, rocks)
    paint_clearings(canvas, terrain, soil)
    paint_fields(canvas, terrain, fields, palette)
    paint_water(canvas, terrain, water, palette)
    paint_roads(canvas, terrain, roads)
    paint_houses(canvas, terrain, houses, sun)
    return canvas


def paint_vegetation(
    canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator, palette: Palette
) -> None:
    """Cover everything: forest, darker on shady slopes, shrubs, and dry grass high up."""
    shape = terrain.shape
    stand_noise = fractal_noise(shape, generator, largest_px=350, exponent=1.2)
    meadows = fractal_noise(shape, generator, largest_px=250, exponent=1.3)
    crowns = fractal_noise(shape, generator, largest_px=9, smallest_px=2.5, exponent=0.3)
    mottle = fractal_noise(shape, generator, largest_px=60, exponent=1.0)
    sunny = blurred(terrain.downslope[1], 6)
    canvas.paint(np.ones(shape, np.float32), palette.forest, 0.22 * crowns + 0.12 * mottle)
    canvas.paint(0.8 * top_fraction(stand_noise - sunny, 0.35), palette.dark_forest, 0.25 * crowns)
    canvas.relief_m += _CROWN_M * crowns
    shrubs = top_fraction(sunny + stand_noise, 0.34, 0.35)
    canvas.paint(0.85 * shrubs, palette.shrub, 0.10 * crowns + 0.14 * mottle)
    height = terrain.height_m / terrain.height_m.max()
    grass = top_fraction(meadows + 0.6 * sunny + 1.5 * height, 0.13, 0.25)
    canvas.paint(0.9 * grass, palette.grass, 0.04 * crowns + 0.16 * mottle)


def paint_outcrops(canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator) -> None:
    """Bare rock where it is steepest, in bands across the slope."""
    patches = fractal_noise(terrain.shape, generator, largest_px=90, smallest_px=4, exponent=1.1)
    bare = top_fraction(patches + 0.11 * (terrain.slope_deg - 35), 0.020, 0.12)
    bedding = np.sin(terrain.height_m * 0.9 + patches)
    canvas.paint(bare, ROCK, 0.16 * bedding.astype(np.float32) + 0.08 * patches)
    canvas.relief_m += 0.5 * bare * patches


def paint_clearings(canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator) -> None:
    """Round patches of bare soil on hillsides: clearings, burnt ground, diggings."""
    patches = fractal_noise(terrain.shape, generator, largest_px=130, smallest_px=12, exponent=2.0)
    mottle = fractal_noise(terrain.shape, generator, largest_px=30, exponent=1.0)
    on_hills = ramp(terrain.river_m, terrain.plain_m + 20, terrain.plain_m + 60)
    bare = top_fraction(patches, 0.020, 0.12) * on_hills
    canvas.paint(0.93 * bare, BARE_SOIL, 0.07 * mottle)


def paint_water(
    canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator, palette: Palette
) -> None:
    """The river in its gravel flats, and gravelly beds of side streams."""
    shape = terrain.shape
    wander = fractal_noise(shape, generator, largest_px=300, smallest_px=20, exponent=1.6)
    grain = fractal_noise(shape, generator, largest_px=40, exponent=0.8)
    lines = [shapely.LineString(course) for course in terrain.streams]
    middle = rasterize(lines, out_shape=shape, dtype="uint8") if lines else 0
    away: Field = ndimage.distance_transform_edt(np.broadcast_to(middle, shape) == 0)
    beds = ramp(away - _STREAM_HALF_WIDTH_PX * (1 + 0.4 * wander), 0.7, -0.7)
    canvas.paint(0.75 * beds, GRAVEL, 0.12 * grain)
    flats = ramp(terrain.river_m - 0.55 * terrain.plain_m - 14 * wander, 3, -3)
    canvas.paint(flats, GRAVEL, 0.08 * grain)
    canvas.paint(flats * top_fraction(wander + 0.3 * grain, 0.25), palette.shrub, 0.10 * grain)
    side_arms = 90 * np.abs(wander - 0.1 + 0.04 * grain)
    channel = np.minimum(side_arms, terrain.river_m + 7 * wander)
    canvas.paint(flats * ramp(channel, 14, 11), WATER, 0.03 * grain)


def paint_debris(
    canvas: SurfaceCanvas,
    terrain: SyntheticTerrain,
    freshness: Field,
    generator: Generator,
) -> None:
    """Strip landslides bare, in streaks down the slope, by their freshness (0 outside of them)."""
    shape = terrain.shape
    white = generator.standard_normal(shape, dtype=np.float32)
    runs = streaks(white, terrain.downslope, 14)
    boulders = fractal_noise(shape, generator, largest_px=8, smallest_px=2, exponent=0.4)
    patches = fractal_noise(shape, generator, largest_px=30, smallest_px=3, exponent=1.1)
    inside = freshness > 0
    bare = inside * ramp(0.5 * patches + 0.5 * runs, -0.35, 0.25 - 2.2 * (freshness - 0.45))
    bare = blurred(np.maximum(bare, inside * 0.5).astype(np.float32), 0.5)
    canvas.paint(bare, DEBRIS, 0.15 * runs + 0.13 * boulders + 0.10 * (freshness - 0.8))
    canvas.relief_m += _BOULDER_M * bare * boulders
    depth = ndimage.distance_transform_edt(inside).astype(np.float32)
    canvas.relief_m -= np.minimum(0.6 * depth, _SCAR_M)


def paint_bare_share(
    canvas: SurfaceCanvas, terrain: SyntheticTerrain, bare_share: Field, generator: Generator
) -> None:
    """Strip a share of landslides bare, 0 outside of them, in patches and streaks."""
    shape = terrain.shape
    white = generator.standard_normal(shape, dtype=np.float32)
    runs = streaks(white, terrain.downslope, 14)
    boulders = fractal_noise(shape, generator, largest_px=8, smallest_px=2, exponent=0.4)
    patches = fractal_noise(shape, generator, largest_px=30, smallest_px=3, exponent=1.1)
    # uniform from 0 to 1, so that a share of it is under the share
    rank: Field = special.ndtr((patches + runs) / np.float32(np.sqrt(2)))
    nearest_end = np.minimum(bare_share, 1 - bare_share)
    softness = np.minimum(nearest_end, np.float32(_PATCH_SOFTNESS)) + np.float32(1e-3)
    bare = blurred(ramp(rank, bare_share + softness, bare_share - softness), 0.5)
    bare *= bare_share > 0
    canvas.paint(bare, DEBRIS, 0.15 * runs + 0.13 * boulders)
    canvas.relief_m += _BOULDER_M * bare * boulders
    depth = ndimage.distance_transform_edt(bare_share > 0).astype(np.float32)
    canvas.relief_m -= np.minimum(0.6 * depth, _SCAR_M) * np.sqrt(bare_share)


def paint_fields(
    canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator, palette: Palette
) -> None:
    """Parcels of crops, stubble and bare soil on the valley floor and on gentle slopes."""
    # the valley floor, and terraces above
    patches = fractal_noise(terrain.shape, generator, largest_px=200, exponent=1.5)
    beyond_m = terrain.river_m - terrain.plain_m
    gentle = blurred(terrain.slope_deg, 5) < 21 + 4 * patches
    where = ((beyond_m < 0) | (gentle & (beyond_m < 220 + 120 * patches))).astype(np.float32)
    parcel, rows, edge = _parcels(terrain, generator)
    use = generator.random(parcel.max() + 1).astype(np.float32)[parcel]
    tone = generator.normal(0, 0.10, parcel.max() + 1).astype(np.float32)[parcel]
    mottle = fractal_noise(terrain.shape, generator, largest_px=40, exponent=1.0)
    texture = tone + 0.05 * mottle + 0.06 * rows
    for colour, start, end in (
        (palette.summer_crop, 0.0, 0.35),
        (palette.winter_crop, 0.35, 0.5),
        (palette.fallow, 0.5, 1.0),
    ):
        chosen = (use >= start) & (use < end) & ~edge
        canvas.paint(where * chosen, colour, texture)


def paint_roads(canvas: SurfaceCanvas, terrain: SyntheticTerrain, generator: Generator) -> None:
    """A road along the valley, and unpaved tracks that keep their height on the hillsides."""
    grain = fractal_noise(terrain.shape, generator, largest_px=20, exponent=0.8)
    beside = np.abs(terrain.river_m - terrain.plain_m - 4)
    canvas.paint(ramp(beside, _ROAD_M / 2 + 1, _ROAD_M / 2 - 1), CONCRETE, 0.05 * grain)
    smooth = blurred(terrain.height_m, 6)
    gradient = np.hypot(*np.gradient(smooth, terrain.resolution_m))
    for height_m in generator.uniform(35, 0.7 * float(smooth.max()), size=3):
        reach = fractal_noise(terrain.shape, generator, largest_px=700, exponent=2.0)
        away_m = np.abs(smooth - height_m) / np.maximum(gradient, 0.1)
        track = ramp(away_m, _TRACK_M / 2 + 1, _TRACK_M / 2 - 1) * top_fraction(reach, 0.3, 0.01)
        canvas.paint(track, BARE_SOIL, 0.10 * grain)


def paint_houses(
    canvas: SurfaceCanvas,
    terrain: SyntheticTerrain,
    generator: Generator,
    sun: SunPosition,
) -> None:
    """Houses beside the road, each with its shadow."""
    near_road = np.abs(np.abs(terrain.river_m - terrain.plain_m - 4) - 18) < 9
    row, col = np.nonzero(near_road & (terrain.slope_deg < 12))
    chosen = generator.integers(len(row), size=_HOUSES)
    houses = []
    for x, y in zip(col[chosen], row[chosen], strict=True):
        length, width = generator.uniform(5, 11), generator.uniform(3.5, 6)
        angle_deg = float(generator.uniform(-30, 30) + 90 * generator.integers(2))
        box = shapely.box(x, y, x + length, y + width)
        houses.append(shapely.affinity.rotate(box, angle_deg))
    x, y = sun_direction(sun)
    shadows = [shapely.affinity.translate(house, -2.2 * x, -2.2 * y) for house in houses]
    canvas.reflectance *= 1 - 0.65 * _rasterize(shadows, terrain.shape)
    roof = generator.integers(len(ROOFS), size=len(houses))
    for kind, colour in enumerate(ROOFS):
        some = [house for house, kind_of in zip(houses, roof, strict=True) if kind_of == kind]
        canvas.paint(_rasterize(some, terrain.shape), colour)


def _parcels(
    terrain: SyntheticTerrain, generator: Generator
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


def _rasterize(shapes: list[shapely.Polygon], shape: tuple[int, int]) -> Field:
    if not shapes:
        return np.zeros(shape, dtype=np.float32)
    weight: Field = rasterize(shapes, out_shape=shape, dtype="float32")
    return weight
