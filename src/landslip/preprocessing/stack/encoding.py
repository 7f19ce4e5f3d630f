"""How terrain bands are stored in a scene's data type."""

import numpy as np

from landslip.core.bands import TERRAIN_UNITS, BandRadiometry
from landslip.io.raster.scene import marking_nodata

_RANGES = {
    "slope": (0.0, 90.0, 0.01),
    "northness": (-1.0, 1.0, 1e-4),
    "eastness": (-1.0, 1.0, 1e-4),
    "curvature": (-0.3, 0.3, 1e-5),
    "elevation": (-500.0, 9000.0, 0.2),
}
"""Least and largest value, beyond which values are clipped, and the step of 16-bit numbers."""
_STEPS_OF_8_BITS = 250


def terrain_radiometry(name: str, dtype: str, nodata: float) -> BandRadiometry:
    """Return how a terrain band is stored: as it is in floats, in steps in integers.

    8-bit numbers have 250 steps over the range: 0.36 degrees of slope, 38 m of elevation.
    """
    units, kind = TERRAIN_UNITS[name], np.dtype(dtype)
    marks = marking_nodata(nodata, dtype)
    if kind.kind == "f":
        return BandRadiometry(units=units, nodata=marks)
    low, high, step = _RANGES[name]
    if kind.itemsize == 1:
        step = (high - low) / _STEPS_OF_8_BITS
    offset = low if kind.kind == "u" else (low + high) / 2
    return BandRadiometry(units=units, scale=step, offset=offset, nodata=marks)
