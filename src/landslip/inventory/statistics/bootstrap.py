"""Intervals from bootstrap draws."""

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.statistics.result import Estimate
from landslip.metrics.intervals import percentile_interval

_FEWEST = 20


def percentile_estimate(value: float, drawn: NDArray[np.float64], level: float) -> Estimate:
    """Return a value and its percentile interval; without one under 20 defined draws."""
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(value):
        return Estimate(value=None)
    if len(defined) < _FEWEST:
        return Estimate(value=value)
    low, high = percentile_interval(defined, level)
    return Estimate(value=value, low=low, high=high)
