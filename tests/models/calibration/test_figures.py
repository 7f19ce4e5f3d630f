"""Figures from counts against figures from the pixels themselves."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss
from tests.models.calibration.made import TRUTH, counted, drawn

from landslip.metrics.curves import bin_pixels, calibration_error
from landslip.models.calibration.counts import count_logits, no_logits
from landslip.models.calibration.curve import Calibration
from landslip.models.calibration.figures import scored


@pytest.mark.parametrize("curve", [None, Calibration.line(0.5, -1.0)], ids=["raw", "line"])
def test_figures_are_those_of_the_pixels(curve: Calibration | None) -> None:
    raw, labels = drawn(0)
    found = scored(counted(0), curve)
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
    found = scored(count_logits(probability, landslide, np.ones((1, 4), dtype=np.bool_)), None)
    # |1/2 - 0.8| of half the pixels and |0 - 0.2| of the others
    assert found.calibration_error == pytest.approx(0.25, abs=2e-3)
    assert found.brier == pytest.approx((0.04 + 0.64 + 0.04 + 0.04) / 4, abs=2e-3)
    assert found.log_loss == pytest.approx((-3 * np.log(0.8) - np.log(0.2)) / 4, abs=2e-3)


def test_folds_add_up_to_all() -> None:
    parts = scored(counted(1), TRUTH) + scored(counted(2), TRUTH)
    whole = scored(counted(1) + counted(2), TRUTH)
    assert parts.log_loss == pytest.approx(whole.log_loss)
    assert parts.brier == pytest.approx(whole.brier)
    assert parts.calibration_error == pytest.approx(whole.calibration_error)


def test_no_pixels_have_no_figures() -> None:
    found = scored(no_logits(), None)
    assert np.isnan([found.calibration_error, found.brier, found.log_loss]).all()
