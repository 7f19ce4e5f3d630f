"""Fitted curves against the ones that labels were drawn by, and against scikit-learn."""

from collections import Counter

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from tests.models.calibration.factories import TRUTH, counted, drawn

from landslip.core.choices import CalibrationMethod
from landslip.core.errors import InputError
from landslip.models.calibration.curve import CalibrationCurve, logit, sigmoid
from landslip.models.calibration.fit import (
    FITTED_METHODS,
    KNOTS,
    MIN_SLOPE,
    calibration_folds,
    fit,
    select_method,
)
from landslip.models.calibration.metrics import (
    BIN_CENTRES,
    LogitCounts,
    calibration_metrics,
    count_logits,
    no_logits,
    sum_counts,
)

STEPPED = CalibrationCurve(
    knots=((-4.0, -7.0), (-1.0, -2.0), (1.5, -1.5), (2.5, 2.0)), slope_below=1.0, slope_above=1.0
)


def test_a_temperature_is_recovered() -> None:
    found = fit(counted(0, truth=CalibrationCurve.line(1 / 2.5)), CalibrationMethod.TEMPERATURE)
    assert found.knots == ((0.0, 0.0),)
    assert found.slope_below == found.slope_above == pytest.approx(0.4, rel=0.02)


def test_platts_line_is_that_of_a_logistic_regression() -> None:
    raw, labels = drawn(3)
    found = fit(counted(3), CalibrationMethod.PLATT)
    oracle = LogisticRegression(C=np.inf).fit(logit(raw[0])[:, None], labels[0])
    assert found.slope_above == pytest.approx(oracle.coef_[0, 0], abs=2e-3)
    assert found.knots[0][1] == pytest.approx(oracle.intercept_[0], abs=2e-3)
    assert found.slope_above == pytest.approx(0.5, rel=0.02)


def test_isotonic_follows_what_no_line_can() -> None:
    counts, fresh = counted(4, truth=STEPPED), counted(5, truth=STEPPED)
    found = fit(counts, CalibrationMethod.ISOTONIC)
    best = calibration_metrics(fresh, STEPPED).log_loss
    lost = {
        method: calibration_metrics(fresh, fit(counts, method)).log_loss - best
        for method in FITTED_METHODS
    }
    assert (
        0
        < lost[CalibrationMethod.ISOTONIC]
        < 0.002
        < lost[CalibrationMethod.PLATT]
        < lost[CalibrationMethod.TEMPERATURE]
    )
    assert (
        calibration_metrics(fresh, found).calibration_error
        < 0.008
        < calibration_metrics(fresh, None).calibration_error / 10
    )


def test_isotonic_is_near_to_isotonic_regression_of_the_pixels() -> None:
    raw, labels = drawn(4, truth=STEPPED)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(raw[0], labels[0])
    ours = fit(counted(4, truth=STEPPED), CalibrationMethod.ISOTONIC).probabilities(raw[0])
    assert np.mean(np.abs(ours - oracle.predict(raw[0]))) < 0.01


def test_isotonic_has_few_knots_and_rises_everywhere() -> None:
    found = fit(counted(4, truth=STEPPED), CalibrationMethod.ISOTONIC)
    x, y = np.array(found.knots).T
    assert 8 <= len(x) <= KNOTS
    assert (np.diff(y) >= 0.999 * MIN_SLOPE * np.diff(x)).all()
    assert (np.diff(found.logits(BIN_CENTRES)) > 0).all()


def test_what_a_network_has_the_wrong_way_round_still_rises() -> None:
    counts = counted(6)
    turned = LogitCounts(landslide=counts.landslide[::-1], other=counts.other)
    for method in FITTED_METHODS:
        found = fit(turned, method).logits(BIN_CENTRES)
        assert (np.diff(found) > 0).all()
        share = sigmoid(found)[len(BIN_CENTRES) // 2]
        if method is not CalibrationMethod.TEMPERATURE:
            assert share == pytest.approx(turned.landslides / turned.pixels, abs=0.15)


@pytest.mark.parametrize("method", FITTED_METHODS, ids=str)
def test_pixels_told_apart_wholly_give_a_finite_curve(method: CalibrationMethod) -> None:
    raw = np.array([[0.1, 0.2, 0.9, 0.95]])
    found = fit(count_logits(raw, raw > 0.5, np.ones(raw.shape, dtype=np.bool_)), method)
    ends = found.probabilities(raw)
    assert ends[0, 1] < 0.3
    assert ends[0, 2] > 0.7
    assert np.isfinite(found.logits(BIN_CENTRES)).all()


@pytest.mark.parametrize("method", FITTED_METHODS, ids=str)
def test_one_value_for_all_pixels_gets_their_share(method: CalibrationMethod) -> None:
    raw = np.full((1, 100), 0.9)
    labels = np.arange(100)[None] < 30
    found = fit(count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_)), method)
    expected = 0.5 if method is CalibrationMethod.TEMPERATURE else 0.3
    assert found.probability(0.9) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("is_landslide", "missing"), [(True, "other"), (False, "landslide")])
def test_both_kinds_of_pixels_are_needed(is_landslide: bool, missing: str) -> None:
    raw = np.full((1, 4), 0.5)
    labels = np.full((1, 4), is_landslide)
    counts = count_logits(raw, labels, np.ones((1, 4), dtype=np.bool_))
    with pytest.raises(InputError, match=f"there is no {missing} pixel"):
        fit(counts, CalibrationMethod.PLATT)


def test_auto_is_not_fitted() -> None:
    with pytest.raises(ValueError, match="auto selects among methods"):
        fit(counted(0, 1000), CalibrationMethod.AUTO)


def test_a_group_without_landslides_is_one_patch_from_having_some() -> None:
    raw = np.repeat([0.001, 0.9], [2_900_000, 100_000])[None]
    labels = np.repeat([False, True, False], [2_900_000, 60_000, 40_000])[None]
    found = fit(
        count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_)), CalibrationMethod.ISOTONIC
    )
    assert found.probability(0.001) == pytest.approx(128 / 2_900_256, rel=0.05)
    assert found.probability(0.9) == pytest.approx(60_128 / 100_256, rel=1e-3)
    assert found.slope_below == found.slope_above <= 1


def test_groups_are_dealt_whole_and_evenly() -> None:
    groups = [f"g{number % 12}" for number in range(60)] + ["large"] * 12
    folds = calibration_folds(groups, seed=1)
    assert sorted(Counter(folds)) == [0, 1, 2, 3, 4]
    assert max(Counter(folds).values()) - min(Counter(folds).values()) <= 5
    for group in set(groups):
        assert len({fold for fold, name in zip(folds, groups, strict=True) if name == group}) == 1
    assert calibration_folds(groups, seed=1) == folds != calibration_folds(groups, seed=2)


def test_one_group_is_divided_by_tile_and_few_make_few_folds() -> None:
    assert Counter(calibration_folds(["one"] * 20, seed=0)) == dict.fromkeys(range(5), 4)
    assert sorted(calibration_folds(["a", "b", "c"], seed=0)) == [0, 1, 2]
    assert calibration_folds([], seed=0) == []
    two = calibration_folds(["a"] * 3 + ["b"] * 3, seed=0)
    assert sorted([two[:3], two[3:]]) == [[0] * 3, [1] * 3]


def test_each_fold_is_scored_by_a_curve_of_the_others() -> None:
    folds = [counted(seed, 3000, truth=STEPPED) for seed in range(5)]
    found = select_method(folds, CalibrationMethod.ISOTONIC)
    expected = [
        calibration_metrics(
            fold, fit(sum_counts(folds[:at] + folds[at + 1 :]), CalibrationMethod.ISOTONIC)
        )
        for at, fold in enumerate(folds)
    ]
    loss = sum(part.log_loss_sum for part in expected) / (5 * 3000)
    assert found.after[CalibrationMethod.ISOTONIC].log_loss == pytest.approx(loss, rel=1e-12)
    # what a curve says of the pixels that it was fitted on is too good
    assert calibration_metrics(sum_counts(folds), found.curve).log_loss < loss
    assert found.before.pixels == found.after[CalibrationMethod.ISOTONIC].pixels == 15_000
    assert found.curve == fit(sum_counts(folds), CalibrationMethod.ISOTONIC)


@pytest.mark.parametrize(
    ("truth", "pixels", "best"),
    [
        (STEPPED, 50_000, CalibrationMethod.ISOTONIC),
        (TRUTH, 2000, CalibrationMethod.PLATT),
        (CalibrationCurve.line(0.6), 200, CalibrationMethod.TEMPERATURE),
    ],
    ids=["bent", "line", "through 0"],
)
def test_auto_takes_what_does_best_on_other_tiles(
    truth: CalibrationCurve, pixels: int, best: CalibrationMethod
) -> None:
    found = select_method(
        [counted(seed, pixels, truth) for seed in range(5)], CalibrationMethod.AUTO
    )
    assert set(found.after) == set(FITTED_METHODS)
    assert found.method is best
    assert found.folds == 5
    assert found.after[best].log_loss < found.before.log_loss


def test_without_folds_nothing_is_told_of_the_effect() -> None:
    only = counted(0)
    found = select_method([only], CalibrationMethod.AUTO)
    assert (found.method, found.folds, found.after) == (CalibrationMethod.TEMPERATURE, 0, {})
    others = LogitCounts(landslide=np.zeros_like(only.other), other=only.other)
    found = select_method([only, others, others], CalibrationMethod.PLATT)
    assert (found.method, found.folds, found.after) == (CalibrationMethod.PLATT, 0, {})


def test_no_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="no landslide pixel"):
        select_method([no_logits()], CalibrationMethod.AUTO)


@pytest.mark.parametrize("method", FITTED_METHODS, ids=str)
def test_ranks_are_kept_where_isotonic_regression_is_flat(method: CalibrationMethod) -> None:
    """Labels that do not rise with the logit pool into plateaus; no two values become one."""
    generator = np.random.default_rng(0)
    raw = sigmoid(generator.uniform(-6, 4, (1, 50_000)))
    labels = generator.random(raw.shape) < np.where(np.abs(logit(raw)) < 2, 0.3, raw)
    found = fit(count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_)), method)
    ordered = np.sort(np.unique(raw.astype(np.float32)))
    assert (np.diff(found.calibrated(logit(ordered))) > 0).all()
