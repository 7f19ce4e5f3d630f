"""Pixels counted by logit."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss
from tests.models.calibration.factories import TRUTH, counted, drawn

from landslip.metrics.curves import bin_pixels, calibration_error
from landslip.models.calibration.curve import CalibrationCurve, sigmoid
from landslip.models.calibration.metrics import (
    BIN_CENTRES,
    LOGIT_BINS,
    calibration_metrics,
    count_logits,
    no_logits,
    sum_counts,
)


def test_pixels_are_counted_where_they_are_valid_and_labelled() -> None:
    logits = np.array([[-3.0049, 0.0051, 2.5], [2.5, 2.5, 99.0]])
    landslide = np.array([[False, True, True], [False, True, True]])
    valid = np.array([[True, True, True], [True, False, True]])
    found = count_logits(sigmoid(logits), landslide, valid)
    assert (found.landslides, found.others, found.pixels) == (3, 2, 5)
    at = np.flatnonzero(found.landslide + found.other)
    np.testing.assert_allclose(BIN_CENTRES[at], [-3.005, 0.005, 2.505, 11.995], atol=0.0051)
    assert found.landslide[at].tolist() == [0, 1, 1, 1]
    assert found.other[at].tolist() == [1, 0, 1, 0]


def test_certain_pixels_are_in_the_end_bins() -> None:
    ends = np.array([[0.0, 1.0]], dtype=np.float32)
    found = count_logits(ends, np.array([[False, True]]), np.ones((1, 2), dtype=np.bool_))
    assert (found.other[0], found.landslide[LOGIT_BINS - 1]) == (1, 1)


def test_counts_add_up() -> None:
    one = count_logits(np.array([[0.3]]), np.array([[True]]), np.array([[True]]))
    two = count_logits(np.array([[0.3]]), np.array([[False]]), np.array([[True]]))
    both = sum_counts([one, two, one])
    assert (both.landslides, both.others) == (2, 1)
    assert sum_counts([]).pixels == no_logits().pixels == 0


@pytest.mark.parametrize("curve", [None, CalibrationCurve.line(0.5, -1.0)], ids=["raw", "line"])
def test_figures_are_those_of_the_pixels(curve: CalibrationCurve | None) -> None:
    raw, labels = drawn(0)
    found = calibration_metrics(counted(0), curve)
    probability = raw if curve is None else curve.probabilities(raw)
    assert found.pixels == raw.size
    assert found.brier == pytest.approx(brier_score_loss(labels[0], probability[0]), abs=1e-5)
    assert found.log_loss == pytest.approx(
        log_loss(labels[0], probability[0].astype(np.float64)), abs=1e-5
    )
    binned = bin_pixels(probability, labels, np.ones(raw.shape, dtype=np.bool_))
    assert found.calibration_error == pytest.approx(calibration_error(binned), abs=2e-3)


def test_by_hand() -> None:
    probability = np.array([[0.8, 0.8, 0.2, 0.2]])
    landslide = np.array([[True, False, False, False]])
    found = calibration_metrics(
        count_logits(probability, landslide, np.ones((1, 4), dtype=np.bool_)), None
    )
    # |1/2 - 0.8| of half the pixels and |0 - 0.2| of the others
    assert found.calibration_error == pytest.approx(0.25, abs=2e-3)
    assert found.brier == pytest.approx((0.04 + 0.64 + 0.04 + 0.04) / 4, abs=2e-3)
    assert found.log_loss == pytest.approx((-3 * np.log(0.8) - np.log(0.2)) / 4, abs=2e-3)


def test_folds_add_up_to_all() -> None:
    parts = calibration_metrics(counted(1), TRUTH) + calibration_metrics(counted(2), TRUTH)
    whole = calibration_metrics(counted(1) + counted(2), TRUTH)
    assert parts.log_loss == pytest.approx(whole.log_loss)
    assert parts.brier == pytest.approx(whole.brier)
    assert parts.calibration_error == pytest.approx(whole.calibration_error)


def test_no_pixels_have_no_figures() -> None:
    found = calibration_metrics(no_logits(), None)
    assert np.isnan([found.calibration_error, found.brier, found.log_loss]).all()
