"""The table from level to level against the curve, and the masks on both sides of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.calibration.factories import counted

from landslip.core.choices import CalibrationMethod
from landslip.models.calibration.curve import CalibrationCurve, sigmoid
from landslip.models.calibration.fit import FITTED_METHODS, fit
from landslip.models.calibration.levels import end_probabilities, level_table, middle_of_ends
from landslip.models.calibration.metrics import BIN_CENTRES, count_logits, no_logits
from landslip.models.engines.base import threshold_level

STEEP = CalibrationCurve(
    knots=((-6.0, -9.0), (-3.0, -3.5), (0.0, -3.4), (1.0, 0.5), (1.5, 8.0)),
    slope_below=1.5,
    slope_above=1.2,
)


def test_levels_are_the_curve_rounded() -> None:
    curve = CalibrationCurve.line(0.5, -1.0)
    table = level_table(curve, (0.0, 1.0), ())
    assert table.dtype == np.uint8
    # by hand: sigmoid(0.5 log(p / (1 - p)) - 1) of p = 50 / 250 and 125 / 250
    assert table[50] == round(250 / (1 + 2 * np.e))
    assert table[125] == round(250 / (1 + np.e))
    assert table[[0, 250, 251, 255]].tolist() == [0, 250, 251, 255]


@given(
    slope=st.floats(0.02, 50),
    intercept=st.floats(-50, 50),
    thresholds=st.lists(st.floats(0.001, 1), max_size=3),
)
def test_no_threshold_moves(slope: float, intercept: float, thresholds: list[float]) -> None:
    curve = CalibrationCurve.line(slope, intercept)
    table = level_table(curve, middle_of_ends(curve), thresholds)
    levels = np.arange(251)
    assert (np.diff(table[levels].astype(int)) >= 0).all()
    assert table[250] <= 250
    for threshold in thresholds:
        cut = threshold_level(threshold)
        np.testing.assert_array_equal(table[levels] >= table[cut], levels >= cut)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.494, 0.6, 0.98])
def test_levels_move_by_one_at_most_for_a_threshold(threshold: float) -> None:
    plain = level_table(STEEP, middle_of_ends(STEEP), ()).astype(int)
    cut = threshold_level(threshold)
    table = level_table(STEEP, middle_of_ends(STEEP), (threshold,)).astype(int)
    assert np.abs(table - plain).max() <= 1
    assert table[cut - 1] < table[cut]


@pytest.mark.parametrize("method", FITTED_METHODS, ids=str)
def test_the_end_levels_have_the_mean_of_their_pixels(method: CalibrationMethod) -> None:
    counts = counted(0)
    curve = fit(counts, method)
    low, high = end_probabilities(counts, curve)
    pixels, raw = counts.landslide + counts.other, sigmoid(BIN_CENTRES)
    for end, inside in ((low, raw < 0.002), (high, raw >= 0.998)):
        expected = curve.calibrated(BIN_CENTRES[inside])
        assert end == pytest.approx(np.average(expected, weights=pixels[inside]), rel=1e-6)


def test_without_pixels_the_end_levels_have_their_middle() -> None:
    curve = CalibrationCurve.line(0.5)
    assert end_probabilities(no_logits(), curve) == middle_of_ends(curve)
    inner = count_logits(np.full((1, 4), 0.5), np.ones((1, 4), bool), np.ones((1, 4), bool))
    assert end_probabilities(inner, curve) == middle_of_ends(curve)
    low, high = middle_of_ends(curve)
    assert 0 < low < 0.1
    assert 0.9 < high < 1
