"""What grows, breaks out and flows in the valley."""

import numpy as np
import shapely
from rasterio.features import rasterize
from scipy import ndimage

from landslip.synthetic.landscape.canvas import (
    BARE_SOIL,
    DARK_FOREST,
    DEBRIS,
    DRY_GRASS,
    FOREST,
    GRAVEL,
    ROCK,
    SHRUB,
    WATER,
    Canvas,
)
from landslip.synthetic.landscape.noise import (
    Field,
    blurred,
    fractal_noise,
    ramp,
    streaks,
    top_share,
)
from landslip.synthetic.landscape.terrain import Terrain

_CROWN_M, _BOULDER_M, _SCAR_M = 0.9, 0.6, 4.0
_STREAM_HALF_WIDTH_PX = 1.4


def paint_vegetation(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """Cover everything: forest, darker on shady slopes, shrubs, and dry grass high up."""
    shape = terrain.shape
    stands = fractal_noise(shape, generator, largest_px=350, exponent=1.2)
    meadows = fractal_noise(shape, generator, largest_px=250, exponent=1.3)
    crowns = fractal_noise(shape, generator, largest_px=9, smallest_px=2.5, exponent=0.3)
    mottle = fractal_noise(shape, generator, largest_px=60, exponent=1.0)
    sunny = blurred(terrain.downslope[1], 6)
    canvas.paint(np.ones(shape, np.float32), FOREST, 0.22 * crowns + 0.12 * mottle)
    canvas.paint(0.8 * top_share(stands - sunny, 0.35), DARK_FOREST, 0.25 * crowns)
    canvas.relief_m += _CROWN_M * crowns
    shrubs = top_share(sunny + stands, 0.34, 0.35)
    canvas.paint(0.85 * shrubs, SHRUB, 0.10 * crowns + 0.14 * mottle)
    height = terrain.height_m / terrain.height_m.max()
    grass = top_share(meadows + 0.6 * sunny + 1.5 * height, 0.13, 0.25)
    canvas.paint(0.9 * grass, DRY_GRASS, 0.04 * crowns + 0.16 * mottle)


def paint_outcrops(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """Bare rock where it is steepest, in bands across the slope."""
    patches = fractal_noise(terrain.shape, generator, largest_px=90, smallest_px=4, exponent=1.1)
    bare = top_share(patches + 0.11 * (terrain.slope_deg - 35), 0.020, 0.12)
    bedding = np.sin(terrain.height_m * 0.9 + patches)
    canvas.paint(bare, ROCK, 0.16 * bedding.astype(np.float32) + 0.08 * patches)
    canvas.relief_m += 0.5 * bare * patches


def paint_clearings(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """Round patches of bare soil on hillsides: clearings, burnt ground, diggings."""
    patches = fractal_noise(terrain.shape, generator, largest_px=130, smallest_px=12, exponent=2.0)
    mottle = fractal_noise(terrain.shape, generator, largest_px=30, exponent=1.0)
    on_hills = ramp(terrain.river_m, terrain.plain_m + 20, terrain.plain_m + 60)
    bare = top_share(patches, 0.020, 0.12) * on_hills
    canvas.paint(0.93 * bare, BARE_SOIL, 0.07 * mottle)


def paint_water(canvas: Canvas, terrain: Terrain, generator: np.random.Generator) -> None:
    """The river in its gravel flats, and gravelly beds of side streams."""
    shape = terrain.shape
    wander = fractal_noise(shape, generator, largest_px=300, smallest_px=20, exponent=1.6)
    grain = fractal_noise(shape, generator, largest_px=40, exponent=0.8)
    canvas.paint(0.75 * _stream_beds(terrain, 1 + 0.4 * wander), GRAVEL, 0.12 * grain)
    flats = ramp(terrain.river_m - 0.55 * terrain.plain_m - 14 * wander, 3, -3)
    canvas.paint(flats, GRAVEL, 0.08 * grain)
    canvas.paint(flats * top_share(wander + 0.3 * grain, 0.25), SHRUB, 0.10 * grain)
    side_arms = 90 * np.abs(wander - 0.1 + 0.04 * grain)
    channel = np.minimum(side_arms, terrain.river_m + 7 * wander)
    canvas.paint(flats * ramp(channel, 14, 11), WATER, 0.03 * grain)


def _stream_beds(terrain: Terrain, width: Field) -> Field:
    """Return where side streams run (height, width, 0 to 1); ``width`` is around 1."""
    lines = [shapely.LineString(way) for way in terrain.streams]
    middle = rasterize(lines, out_shape=terrain.shape, dtype="uint8") if lines else 0
    away: Field = ndimage.distance_transform_edt(np.broadcast_to(middle, terrain.shape) == 0)
    half = _STREAM_HALF_WIDTH_PX * width
    return ramp(away - half, 0.7, -0.7)


def paint_debris(
    canvas: Canvas, terrain: Terrain, freshness: Field, generator: np.random.Generator
) -> None:
    """Strip landslides bare, in streaks down the slope; old ones are partly overgrown.

    Args:
        canvas: painted on.
        terrain: under it.
        freshness: (height, width) of the landslide that a pixel lies in, 0 outside.
        generator: of all draws.
    """
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
