"""Polygons as arrays."""

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize


def rasterized(polygon: shapely.Geometry, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixel centres (height, width) lie in a polygon of pixel coordinates."""
    burnt = rasterize([polygon], out_shape=shape, dtype="uint8")
    return np.asarray(burnt, dtype=np.bool_)
