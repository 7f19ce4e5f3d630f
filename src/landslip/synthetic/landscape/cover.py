"""What covers the ground: plants, fields, water, roads, houses, and debris over them."""

import numpy as np

from landslip.synthetic.landscape.canvas import FOREST, Canvas
from landslip.synthetic.landscape.light import Sun
from landslip.synthetic.landscape.nature import (
    paint_clearings,
    paint_debris,
    paint_outcrops,
    paint_vegetation,
    paint_water,
)
from landslip.synthetic.landscape.noise import Field
from landslip.synthetic.landscape.settlement import paint_fields, paint_houses, paint_roads
from landslip.synthetic.landscape.terrain import Terrain


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
