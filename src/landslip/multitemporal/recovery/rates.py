"""How far plants have returned: relative vegetation, recovery rates, and their classes."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from landslip.multitemporal.vegetation_index import BARE_NDVI

LEAST_LOSS = 0.2
"""Vegetation lost, in that of the neighbours, from which its return can be measured."""
LEAST_NEIGHBOURS = 0.15
"""NDVI of the neighbours over bare ground; below, as in snow, the date is not used."""

BEYOND_RATE = 1.5
"""Recovery rate of a landslide so much greener than before that its dates want a look."""

Values = NDArray[np.float64]


class RecoveryClass(IntEnum):
    """What a pixel of a landslide is on the last date that saw it, by its recovery rate.

    ``DECLINING``: under -0.1, it lost more; ``BARE``: under 0.2; ``RECOVERING``: under 0.8;
    ``RECOVERED``: from 0.8 on; ``UNKNOWN``: it lost no vegetation, or was seen once.
    """

    UNKNOWN = 0
    DECLINING = 1
    BARE = 2
    RECOVERING = 3
    RECOVERED = 4


_LIMITS = (-0.1, 0.2, 0.8)
RECOVERED_RATE = _LIMITS[-1]


def relative_vegetation(ndvi: NDArray[np.floating], neighbours: Values) -> Values:
    """Return NDVI (n, dates) in that of the undisturbed neighbours (dates,) or (n, dates).

    0 is bare ground and 1 as green as the neighbours on the same day, which removes the season. NaN
    where the neighbours were not seen, or have hardly more than bare ground.
    """
    green = neighbours - BARE_NDVI
    green = np.where(green >= LEAST_NEIGHBOURS, green, np.nan)
    relative: Values = (ndvi - BARE_NDVI) / green
    return relative


def recovery_rates(relative: Values, before: NDArray[np.bool_], start: NDArray[np.int64]) -> Values:
    """Return (V_t - V_after) / (V_before - V_after) of each date (n, dates).

    V_after is that of the first date from ``start`` on that saw it, V_before the mean of the dates
    before the landslide. Where none saw it, the neighbours' level 1 stands in. NaN on dates before
    V_after, on those that did not see it, and everywhere where less than 0.2 was lost.

    Args:
        relative: (n, dates) from `relative_vegetation`, dates in order of time.
        before: (n, dates) or (dates,), on which the ground had not failed.
        start: (n,), the first date after it failed.
    """
    dates = np.arange(relative.shape[1])
    known = np.isfinite(relative)
    earlier = known & before
    count = earlier.sum(axis=1)
    total = np.where(earlier, relative, 0.0).sum(axis=1)
    level = np.where(count > 0, total / np.maximum(count, 1), 1.0)
    since = known & (dates >= start[:, np.newaxis])
    first = since.argmax(axis=1)
    after = np.where(since.any(axis=1), relative[np.arange(len(relative)), first], np.nan)
    loss = level - after
    loss = np.where(loss >= LEAST_LOSS, loss, np.nan)
    rates: Values = (relative - after[:, np.newaxis]) / loss[:, np.newaxis]
    rates[~since] = np.nan
    return rates


def latest(rates: Values) -> tuple[Values, NDArray[np.int64]]:
    """Return the last known rate (n,) after the first one, and its date; NaN and -1 without any."""
    known = np.isfinite(rates)
    last = rates.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    several = known.sum(axis=1) > 1
    values = np.where(several, rates[np.arange(len(rates)), last], np.nan)
    return values, np.where(several, last, -1)


def classes_of(rates: Values) -> NDArray[np.uint8]:
    """Return the `RecoveryClass` of rates of any shape."""
    classes = np.digitize(rates, _LIMITS) + RecoveryClass.DECLINING
    return np.where(np.isfinite(rates), classes, RecoveryClass.UNKNOWN).astype(np.uint8)
