"""Intervals of calibration curves by the units that were drawn."""

import numpy as np
import pytest
from tests.models.calibration.factories import counted

from landslip.core.choices import CalibrationMethod
from landslip.metrics.bootstrap import bootstrap_weights, percentile_interval
from landslip.models.calibration.fit import fit
from landslip.models.calibration.metrics import LogitCounts
from landslip.models.calibration.support import DRAWS, LEVEL, ResampledCounts


def test_intervals_allow_for_the_number_of_units_with_landslides() -> None:
    units = [counted(at, 4000) for at in range(8)]
    bare = LogitCounts(landslide=np.zeros_like(units[0].landslide), other=units[0].other // 9)
    units[4:] = [bare] * 4
    samples, drawn = ResampledCounts(8, seed=0), []
    for at, one in enumerate(units):
        samples.add(one, at)
    landslide, other = (
        np.array([getattr(one, name) for one in units]) for name in ("landslide", "other")
    )
    for weights in bootstrap_weights(8, DRAWS, np.random.default_rng(0)).astype(np.int64):
        summed = LogitCounts(landslide=weights @ landslide, other=weights @ other)
        if summed.landslides:
            drawn.append(fit(summed, CalibrationMethod.PLATT).probability(0.7))
    low, high = percentile_interval(np.array(drawn), LEVEL, 4)
    plain_low, plain_high = percentile_interval(np.array(drawn), LEVEL)
    assert None not in (low, high, plain_low, plain_high)
    assert samples.intervals(CalibrationMethod.PLATT, [0.7]) == [
        pytest.approx((low, high), abs=1e-3)
    ]
    assert high - low > 1.2 * (plain_high - plain_low)  # type: ignore[operator]
