"""The ground of an extraction that has data."""

from pathlib import Path

import numpy as np
import shapely
from affine import Affine

from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import concatenate_landslides
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.io.raster import SensorImage

_LONGEST_PX = 512


def footprint(probability: Path) -> shapely.Geometry:
    """Return the outline of the valid pixels, in map coordinates; empty where there are none.

    It follows pixels of a 512th of the raster's longer side, where that has more: good for what is
    told of cells and not of landslides.
    """
    with SensorImage(probability) as image:
        valid = image.read_small(_LONGEST_PX)[0] != NODATA
        grid = image.grid
    collector = Polygonizer()
    collector.add(valid, np.where(valid, np.uint8(1), np.uint8(0)))
    parts = concatenate_landslides(list(collector.finish()))
    rows, cols = (whole / small for whole, small in zip(grid.shape, valid.shape, strict=True))
    outlines = to_map_polygons(parts.outlines, grid.transform @ Affine.scale(cols, rows))
    return shapely.union_all(outlines)
