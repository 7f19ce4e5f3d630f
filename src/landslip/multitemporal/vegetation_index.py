"""NDVI of a series."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands, normalised_difference
from landslip.core.window import Window
from landslip.multitemporal.series.folder import Series, Validity

BARE_NDVI = 0.1
"""NDVI of bare debris."""
_SAMPLES_PER_AXIS, _SAMPLE_PX = 8, 64


def read_ndvi(
    series: Series, position: int, window: Window
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return NDVI of a date's window, NaN where it was not seen or has none, and what was seen."""
    reflectance, validity = series.read(position, window)
    seen = validity == Validity.VALID
    if not has_ndvi(series):
        return np.full(window.shape, np.nan, dtype=np.float32), seen
    red, nir = reflectance[list(series.bands.positions_of(Bands(("red", "nir"))))]
    ndvi = normalised_difference(nir, red).astype(np.float32)
    ndvi[~seen] = np.nan
    return ndvi, seen


def has_ndvi(series: Series) -> bool:
    """Whether the series has the bands red and nir."""
    return {"red", "nir"} <= set(series.bands)


def sample_windows(shape: tuple[int, int]) -> list[Window]:
    """Return small windows spread over the grid, or one of all where it is small."""
    if max(shape) <= _SAMPLES_PER_AXIS * _SAMPLE_PX:
        return [Window(0, 0, shape[1], shape[0])]
    places = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    corners = [(int(row * shape[0]), int(col * shape[1])) for row in places for col in places]
    windows = (Window(col, row, _SAMPLE_PX, _SAMPLE_PX).clipped(shape) for row, col in corners)
    return [window for window in windows if window is not None]
