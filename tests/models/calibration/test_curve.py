"""The curve against lines and bends worked by hand."""

import numpy as np
import pytest

from landslip.models.calibration.curve import LIMIT, CalibrationCurve, logit, sigmoid

BENT = CalibrationCurve(
    knots=((-2.0, -5.0), (0.0, -1.0), (1.0, -0.75), (3.0, 4.0)), slope_below=1.5, slope_above=0.5
)


def test_a_line_is_slope_and_intercept() -> None:
    logits = np.linspace(-11, 11, 45)
    np.testing.assert_allclose(
        CalibrationCurve.line(0.4, -1.5).logits(logits), 0.4 * logits - 1.5, atol=1e-12
    )


def test_knots_are_joined_by_straight_lines_and_go_on_beyond_the_ends() -> None:
    logits = np.array([[-4.0, -2.0, -1.0, 0.0], [0.5, 1.0, 2.0, 5.0]])
    expected = [[-8.0, -5.0, -3.0, -1.0], [-0.875, -0.75, 1.625, 5.0]]
    np.testing.assert_allclose(BENT.logits(logits), expected)


def test_probabilities_go_through_their_logits() -> None:
    # by hand: logit(0.8) = log 4, half of it log 2, and sigmoid(log 2) = 2 / 3
    assert CalibrationCurve.line(0.5).probability(0.8) == pytest.approx(2 / 3)
    found = CalibrationCurve.line(0.5).probabilities(np.array([[0.8, 0.2]], dtype=np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3]], rtol=1e-6)


def test_certainty_is_cut_and_stays_finite() -> None:
    found = CalibrationCurve.line(0.25).probabilities(np.array([0.0, 1.0], dtype=np.float32))
    np.testing.assert_allclose(found, [1 / (1 + np.e**3), 1 / (1 + np.e**-3)], rtol=1e-6)
    assert logit(np.array([0.0, 1.0, np.nextafter(np.float32(1), 0)])).tolist() == pytest.approx(
        [-LIMIT, LIMIT, LIMIT]
    )
    assert np.isfinite(sigmoid(np.array([-800.0, 800.0]))).all()


def test_thresholds_of_0_and_1_stay() -> None:
    assert [BENT.probability(end) for end in (0.0, 1.0)] == [0.0, 1.0]


def test_order_is_kept() -> None:
    probability = np.linspace(0.001, 0.999, 5000)
    assert (np.diff(BENT.logits(logit(probability))) > 0).all()


@pytest.mark.parametrize(
    ("knots", "below", "above", "message"),
    [
        ((), 1.0, 1.0, "at least one knot"),
        (((0.0, 1.0), (1.0, 1.0)), 1.0, 1.0, "rises everywhere"),
        (((1.0, 0.0), (0.0, 1.0)), 1.0, 1.0, "rises everywhere"),
        (((0.0, 0.0),), 0.0, 1.0, "rises everywhere"),
        (((0.0, 0.0),), 1.0, -1.0, "rises everywhere"),
        (((0.0, float("nan")),), 1.0, 1.0, "is finite"),
        (((0.0, 0.0),), 1.0, float("inf"), "is finite"),
    ],
)
def test_what_does_not_rise_is_no_curve(
    knots: tuple[tuple[float, float], ...], below: float, above: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        CalibrationCurve(knots=knots, slope_below=below, slope_above=above)
