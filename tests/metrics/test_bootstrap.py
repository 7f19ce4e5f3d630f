import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

from landslip.metrics.bootstrap import (
    bootstrap_p_value,
    effective_units,
    interval_estimate,
    percentile_interval,
    tail_percentage,
)


def test_the_interval_is_that_of_the_defined_draws() -> None:
    drawn = np.r_[np.arange(101.0), np.nan, np.inf]
    found = interval_estimate(40.0, drawn, 0.9)
    assert found.value == 40.0
    assert found.low == pytest.approx(5.0)
    assert found.high == pytest.approx(95.0)


@pytest.mark.parametrize("drawn", [np.zeros(0), np.full(50, np.nan), np.arange(19.0)])
def test_few_draws_give_no_interval(drawn: NDArray[np.float64]) -> None:
    found = interval_estimate(1.0, drawn, 0.95)
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_what_is_not_defined_has_no_value() -> None:
    found = interval_estimate(np.nan, np.arange(100.0), 0.95)
    assert (found.value, found.low, found.high) == (None, None, None)


def test_effective_units() -> None:
    assert effective_units([3, 3, 3, 3]) == pytest.approx(4)
    assert effective_units([4, 1, 1]) == pytest.approx(36 / 18)
    assert effective_units([5, 0]) == 1
    assert effective_units([0, 0]) == 0


def test_few_units_have_ends_further_out() -> None:
    """5 units: t 2.776 times sqrt(5 / 4) is 3.104 standard deviations, beyond which are 0.095 %."""
    assert tail_percentage(0.95) == pytest.approx(2.5)
    assert tail_percentage(0.95, 1e9) == pytest.approx(2.5)
    assert tail_percentage(0.95, 5) == pytest.approx(0.0955, abs=0.0005)
    assert tail_percentage(0.95, 1) == 0
    values = np.arange(10_001.0)
    low, high = percentile_interval(values, 0.95, 5)
    assert (low, high) == pytest.approx((9.55, 9990.45), abs=0.05)


@pytest.mark.parametrize("units", [np.inf, 30.0, 5.0])
def test_p_is_5_percent_where_the_95_percent_interval_ends(units: float) -> None:
    spread = np.random.default_rng(0).standard_normal(400_000)
    low, _ = percentile_interval(spread, 0.95, units)
    assert low is not None
    assert bootstrap_p_value(spread - low, units) == pytest.approx(0.05, rel=0.05)


def test_p_of_draws_by_hand() -> None:
    drawn = np.r_[-1.0, np.ones(9), np.nan]
    assert bootstrap_p_value(drawn) == pytest.approx(0.2)
    # a tenth is 1.2816 standard deviations out, times sqrt(3 / 4) is t 1.1098 of 3 degrees
    assert bootstrap_p_value(drawn, 4) == pytest.approx(2 * t.sf(1.1098, 3), rel=1e-4)
    assert bootstrap_p_value(drawn, 1) == 1
    assert bootstrap_p_value(np.ones(9), 1) == 0
    assert bootstrap_p_value(np.zeros(9), 5) == 1
    with pytest.raises(ValueError, match="needs draws that are finite"):
        bootstrap_p_value(np.array([np.nan]))
