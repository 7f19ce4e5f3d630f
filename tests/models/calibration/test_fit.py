"""Fitted curves against the ones that labels were drawn by, and against scikit-learn."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from tests.models.calibration.made import counted, drawn

from landslip.core.errors import InputError
from landslip.models.calibration.counts import MIDDLES, LogitCounts, count_logits
from landslip.models.calibration.curve import Calibration, logit, sigmoid
from landslip.models.calibration.figures import scored
from landslip.models.calibration.fit import KNOTS, LEAST_RISE, fit
from landslip.models.calibration.method import FITTED, Method

STEPPED = Calibration(
    knots=((-4.0, -7.0), (-1.0, -2.0), (1.5, -1.5), (2.5, 2.0)), slope_below=1.0, slope_above=1.0
)


def test_a_temperature_is_recovered() -> None:
    found = fit(counted(0, truth=Calibration.line(1 / 2.5)), Method.TEMPERATURE)
    assert found.knots == ((0.0, 0.0),)
    assert found.slope_below == found.slope_above == pytest.approx(0.4, rel=0.02)


def test_platts_line_is_that_of_a_logistic_regression() -> None:
    raw, labels = drawn(3)
    found = fit(counted(3), Method.PLATT)
    oracle = LogisticRegression(C=np.inf).fit(logit(raw[0])[:, None], labels[0])
    assert found.slope_above == pytest.approx(oracle.coef_[0, 0], abs=2e-3)
    assert found.knots[0][1] == pytest.approx(oracle.intercept_[0], abs=2e-3)
    assert found.slope_above == pytest.approx(0.5, rel=0.02)


def test_isotonic_follows_what_no_line_can() -> None:
    counts, fresh = counted(4, truth=STEPPED), counted(5, truth=STEPPED)
    found = fit(counts, Method.ISOTONIC)
    best = scored(fresh, STEPPED).log_loss
    lost = {method: scored(fresh, fit(counts, method)).log_loss - best for method in FITTED}
    assert 0 < lost[Method.ISOTONIC] < 0.002 < lost[Method.PLATT] < lost[Method.TEMPERATURE]
    assert (
        scored(fresh, found).calibration_error < 0.008 < scored(fresh, None).calibration_error / 10
    )


def test_isotonic_is_near_to_isotonic_regression_of_the_pixels() -> None:
    raw, labels = drawn(4, truth=STEPPED)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(raw[0], labels[0])
    ours = fit(counted(4, truth=STEPPED), Method.ISOTONIC).probabilities(raw[0])
    assert np.mean(np.abs(ours - oracle.predict(raw[0]))) < 0.01


def test_isotonic_has_few_knots_and_rises_everywhere() -> None:
    found = fit(counted(4, truth=STEPPED), Method.ISOTONIC)
    x, y = np.array(found.knots).T
    assert 8 <= len(x) <= KNOTS
    assert (np.diff(y) >= 0.999 * LEAST_RISE * np.diff(x)).all()
    assert (np.diff(found.logits(MIDDLES)) > 0).all()


def test_what_a_network_has_the_wrong_way_round_still_rises() -> None:
    counts = counted(6)
    turned = LogitCounts(landslide=counts.landslide[::-1], other=counts.other)
    for method in FITTED:
        found = fit(turned, method).logits(MIDDLES)
        assert (np.diff(found) > 0).all()
        share = sigmoid(found)[len(MIDDLES) // 2]
        if method is not Method.TEMPERATURE:
            assert share == pytest.approx(turned.landslides / turned.pixels, abs=0.15)


@pytest.mark.parametrize("method", FITTED, ids=str)
def test_pixels_told_apart_wholly_give_a_finite_curve(method: Method) -> None:
    raw = np.array([[0.1, 0.2, 0.9, 0.95]])
    found = fit(count_logits(raw, raw > 0.5, np.ones(raw.shape, dtype=np.bool_)), method)
    ends = found.probabilities(raw)
    assert ends[0, 1] < 0.3
    assert ends[0, 2] > 0.7
    assert np.isfinite(found.logits(MIDDLES)).all()


@pytest.mark.parametrize("method", FITTED, ids=str)
def test_one_value_for_all_pixels_gets_their_share(method: Method) -> None:
    raw = np.full((1, 100), 0.9)
    labels = np.arange(100)[None] < 30
    found = fit(count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_)), method)
    expected = 0.5 if method is Method.TEMPERATURE else 0.3
    assert found.probability(0.9) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("is_landslide", "missing"), [(True, "other"), (False, "landslide")])
def test_both_kinds_of_pixels_are_needed(is_landslide: bool, missing: str) -> None:
    raw = np.full((1, 4), 0.5)
    labels = np.full((1, 4), is_landslide)
    counts = count_logits(raw, labels, np.ones((1, 4), dtype=np.bool_))
    with pytest.raises(InputError, match=f"there is no {missing} pixel"):
        fit(counts, Method.PLATT)


def test_auto_is_not_fitted() -> None:
    with pytest.raises(ValueError, match="auto is a choice"):
        fit(counted(0, 1000), Method.AUTO)


def test_a_group_without_landslides_is_one_patch_from_having_some() -> None:
    raw = np.repeat([0.001, 0.9], [2_900_000, 100_000])[None]
    labels = np.repeat([False, True, False], [2_900_000, 60_000, 40_000])[None]
    found = fit(count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_)), Method.ISOTONIC)
    assert found.probability(0.001) == pytest.approx(128 / 2_900_256, rel=0.05)
    assert found.probability(0.9) == pytest.approx(60_128 / 100_256, rel=1e-3)
    assert found.slope_below == found.slope_above <= 1
