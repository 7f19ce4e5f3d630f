"""What each date of a series shows of vegetated and of bare ground, by a sample of its pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landslip.multitemporal.series.folder import Series
from landslip.multitemporal.states.emissions import (
    LEAST_DEVIATIONS,
    DayVegetation,
    VegetationEmission,
    vegetation_index,
)
from landslip.multitemporal.states.maps import ProbabilityReader
from landslip.multitemporal.vegetation_index import BARE_NDVI, read_ndvi, sample_windows

Pixels = NDArray[np.float32]

_LEVEL_QUANTILE, _LEAST_LEVEL = 0.7, 0.15
_LEAST_COMMON_PX, _LEAST_PX = 1000, 200
_LANDSLIDE, _OTHER = 0.8, 0.2  # probabilities from which, and up to which, a map is sure
_IQR_OF_NORMAL = 1.349


def sampled_vegetation(
    series: Series, readers: Sequence[ProbabilityReader | None], emission: VegetationEmission
) -> tuple[DayVegetation, ...]:
    """Return what each date shows, by small windows spread over a series and its maps."""
    ndvi, probability = [], []
    for window in sample_windows(series.grid.shape):
        pixels = window.width * window.height
        unknown = np.full(pixels, np.nan, dtype=np.float32)
        ndvi.append([read_ndvi(series, at, window)[0].ravel() for at in range(len(series.days))])
        probability.append(
            [unknown if one is None else one.read(window).ravel() for one in readers]
        )
    return day_vegetation(
        np.concatenate(ndvi, axis=1), np.concatenate(probability, axis=1), emission
    )


def day_vegetation(
    ndvi: Pixels, probability: Pixels, emission: VegetationEmission
) -> tuple[DayVegetation, ...]:
    """Return what each date shows, by sampled pixels (dates, n) of NDVI and of its map.

    The level is the 70 % quantile of NDVI of pixels that all dates saw, or, where these are few, of
    those that the date saw. Of the pixels with a reference of their own, those with a probability
    from 0.8 on are bare, and those up to 0.2, or without one, are vegetated. Deviations are by the
    interquartile range, of 0.12 and 0.15 at least; the median of bare ground is between 0 and half
    of that of vegetated. Where 200 pixels are not found, it is 0.1.
    """
    everywhere = np.isfinite(ndvi).all(axis=0)
    common = ndvi[:, everywhere] if everywhere.sum() >= _LEAST_COMMON_PX else ndvi
    levels = np.full(len(ndvi), np.nan)
    for at, values in enumerate(common):
        seen = values[np.isfinite(values)]
        if len(seen) and (level := np.quantile(seen, _LEVEL_QUANTILE)) >= BARE_NDVI + _LEAST_LEVEL:
            levels[at] = level
    index, has_reference = vegetation_index(ndvi, levels, emission.least_reference)
    days = []
    for level, values, by_map in zip(levels, index, probability, strict=True):
        known = has_reference & np.isfinite(values)
        vegetated = _median_and_deviation(values[known & ~(by_map > _OTHER)], LEAST_DEVIATIONS[0])
        bare = _median_and_deviation(values[known & (by_map >= _LANDSLIDE)], LEAST_DEVIATIONS[1])
        one = DayVegetation(level=float(level))
        vegetated = vegetated or one.vegetated
        bare = bare or one.bare
        bare = (min(max(bare[0], 0.0), vegetated[0] / 2), bare[1])
        days.append(DayVegetation(level=float(level), vegetated=vegetated, bare=bare))
    return tuple(days)


def _median_and_deviation(values: Pixels, least: float) -> tuple[float, float] | None:
    if len(values) < _LEAST_PX:
        return None
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(middle), max(float(high - low) / _IQR_OF_NORMAL, least)
