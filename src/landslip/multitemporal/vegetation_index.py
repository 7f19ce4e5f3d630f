"""NDVI of a series, and what vegetation has of it on each date."""

import math

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands, normalised_difference
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.multitemporal.series.folder import Series, Validity

BARE_NDVI = 0.1
"""NDVI of bare debris."""
_SAMPLES_PER_AXIS, _SAMPLE_PX = 8, 64
_LEVEL_QUANTILE, _LEAST_SAMPLE_PX = 0.7, 1000
_LEAST_LEVEL = 0.15  # over bare ground: below, as in snow, NDVI says nothing


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


def vegetation_levels(series: Series) -> tuple[NDArray[np.float64], list[Message]]:
    """Return the NDVI of vegetation on each date (dates,), NaN where there is none, and notes.

    It is the 70 % quantile of the same sampled pixels, those seen on all dates, or, where these are
    few, of those seen on the date.
    """
    if not has_ndvi(series):
        return np.full(len(series.days), np.nan), [message("warning.states_no_ndvi")]
    sampled = [
        np.stack([read_ndvi(series, at, window)[0] for at in range(len(series.days))])
        for window in _sample_windows(series.grid.shape)
    ]
    ndvi = np.concatenate([one.reshape(len(one), -1) for one in sampled], axis=1)
    everywhere = np.isfinite(ndvi).all(axis=0)
    if everywhere.sum() >= _LEAST_SAMPLE_PX:
        ndvi = ndvi[:, everywhere]
    levels = np.full(len(ndvi), np.nan)
    notes = []
    for at, (day, values) in enumerate(zip(series.days, ndvi, strict=True)):
        seen = values[np.isfinite(values)]
        level = float(np.quantile(seen, _LEVEL_QUANTILE)) if len(seen) else math.nan
        if level - BARE_NDVI >= _LEAST_LEVEL:
            levels[at] = level
        elif len(seen):
            notes.append(message("warning.states_no_vegetation", date=str(day), level=level))
    return levels, notes


def _sample_windows(shape: tuple[int, int]) -> list[Window]:
    """Return small windows spread over the grid, or one of all where it is small."""
    if max(shape) <= _SAMPLES_PER_AXIS * _SAMPLE_PX:
        return [Window(0, 0, shape[1], shape[0])]
    places = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    corners = [(int(row * shape[0]), int(col * shape[1])) for row in places for col in places]
    windows = (Window(col, row, _SAMPLE_PX, _SAMPLE_PX).clipped(shape) for row, col in corners)
    return [window for window in windows if window is not None]
