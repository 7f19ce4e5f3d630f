"""The fitted return: exact curves are found again, and scipy agrees on noisy ones."""

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from landslip.multitemporal.recovery.curve import fit_return, return_curve

YEARS = np.array([0.0, 1.0, 3.0, 6.0, 10.0])


@pytest.mark.parametrize("time", [0.3, 2.0, 7.3, 40.0])
def test_an_exact_curve_is_found(time: float) -> None:
    amplitude, found = fit_return(YEARS, 0.8 * np.exp(-YEARS / time)[np.newaxis])
    assert found[0] == pytest.approx(time, rel=2e-3)
    assert amplitude[0] == pytest.approx(0.8, rel=2e-3)


def test_scipy_agrees_on_noisy_deficits_with_gaps() -> None:
    generator = np.random.default_rng(3)
    noisy = 0.7 * np.exp(-YEARS / 5) + 0.04 * generator.standard_normal((6, 5))
    noisy[::2, 2] = np.nan
    amplitudes, times = fit_return(YEARS, noisy)
    for row, amplitude, time in zip(noisy, amplitudes, times, strict=True):
        known = np.isfinite(row)
        expected, _ = curve_fit(
            lambda t, a, years: a * np.exp(-t / years), YEARS[known], row[known], p0=(0.7, 5)
        )
        assert (amplitude, time) == pytest.approx(tuple(expected), rel=5e-3)


def test_what_does_not_return_or_is_not_known() -> None:
    deficits = np.array(
        [[0.5, 0.5, 0.6, 0.6, 0.7], [0.5, *[np.nan] * 4], [-0.1, -0.1, -0.2, -0.1, -0.2]]
    )
    _, times = fit_return(YEARS, deficits)
    assert math.isinf(times[0])
    assert np.isnan(times[1:]).all()


def test_the_interval_covers_what_varies_between_blocks() -> None:
    generator = np.random.default_rng(0)
    covered, widths = 0, []
    for seed in range(40):
        blocks = np.repeat(np.arange(20), 10)
        level = 1 + 0.2 * generator.standard_normal(20)[blocks]
        deficits = level[:, np.newaxis] * 0.8 * np.exp(-YEARS / 4)
        deficits = deficits + (0.1 * generator.standard_normal((20, 5)))[blocks]
        curve = return_curve(YEARS, deficits, blocks, 200, seed)
        covered += curve.low <= 4 * math.log(2) <= curve.high
        widths.append(curve.high - curve.low)
    assert covered >= 33  # 38 are expected
    assert 0.2 < np.mean(widths) < 1.5


def test_one_block_has_no_interval_and_two_dates_no_rms() -> None:
    curve = return_curve(YEARS[:2], np.array([[0.8, 0.4]]), np.zeros(1, dtype=np.int64), 100, 0)
    assert curve.half_life == pytest.approx(1, rel=1e-2)
    assert math.isnan(curve.low)
    assert math.isnan(curve.rms)
