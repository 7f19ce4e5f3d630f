import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.metrics.bootstrap import interval_estimate


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
