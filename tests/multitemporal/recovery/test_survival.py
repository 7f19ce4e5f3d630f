"""The Kaplan-Meier estimate against a published worked example."""

import math

import numpy as np
import pytest

from landslip.multitemporal.recovery.survival import recovery_time, survival_curve

# weeks in remission with 6-MP (Freireich et al. 1963); the estimate and its standard errors are in
# Kleinbaum & Klein, Survival Analysis, chapter 2
RELAPSED = (6, 6, 6, 7, 10, 13, 16, 22, 23)
CENSORED = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
EXPECTED = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
ERRORS = {6: 0.0764, 7: 0.0869, 10: 0.0963, 13: 0.1068, 16: 0.1141, 22: 0.1282, 23: 0.1346}


def test_the_published_example() -> None:
    years = np.array([*RELAPSED, *CENSORED], dtype=np.float64)
    recovered = np.arange(21) < len(RELAPSED)
    curve = survival_curve(years, recovered)
    found = dict(zip(curve.years.tolist(), curve.share.tolist(), strict=True))
    for week, share in EXPECTED.items():
        assert found[week] == pytest.approx(share, abs=6e-5)
    assert curve.at_risk[:3].tolist() == [21, 17, 16]
    assert curve.recovered[:3].tolist() == [3, 1, 0]
    assert curve.median_years == 23
    for week, error in ERRORS.items():
        at = curve.years.tolist().index(week)
        share = EXPECTED[week]
        spread = 1.959964 * error / (share * -math.log(share))
        assert curve.low[at] == pytest.approx(share ** math.exp(spread), abs=1e-3)
        assert curve.high[at] == pytest.approx(share ** math.exp(-spread), abs=1e-3)


def test_where_nothing_recovered() -> None:
    curve = survival_curve(np.array([2.0, 3.0]), np.array([False, False]))
    assert curve.share.tolist() == [1, 1]
    assert math.isnan(curve.median_years)


def test_where_all_recovered_the_interval_ends_without_a_warning() -> None:
    curve = survival_curve(np.array([1.0, 2.0]), np.array([True, True]))
    assert curve.share.tolist() == [0.5, 0.0]
    assert np.isnan(curve.high[1])


def test_the_time_of_recovery_is_between_dates() -> None:
    years = np.array([0.5, 1.0, 3.0, 5.0])
    assert recovery_time(years, np.array([0.0, np.nan, 0.6, 1.0])) == (4.0, True)
    assert recovery_time(years, np.array([0.0, 0.2, 0.7, np.nan])) == (3.0, False)
    assert math.isnan(recovery_time(years, np.full(4, np.nan))[0])
