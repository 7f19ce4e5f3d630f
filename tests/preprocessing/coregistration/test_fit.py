from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.fit import Fit, Residuals, reject_outliers
from landslip.preprocessing.coregistration.limits import Limits, require
from landslip.preprocessing.coregistration.models import ShiftModel
from landslip.preprocessing.coregistration.ties import TiePoints

SHAPE = (3000, 4000)
TRUE = {
    ShiftModel.SHIFT: np.array([[0, 0, 5.25], [0, 0, -7.5]]),
    ShiftModel.DRIFT: np.array([[0, 2e-3, 5.25], [0, -1e-3, -7.5]]),
    ShiftModel.AFFINE: np.array([[1e-3, 2e-3, 5.25], [-3e-3, -1e-3, -7.5]]),
}
MODELS = pytest.mark.parametrize("model", list(ShiftModel))


def ties_of(
    matrix: NDArray[Any],
    *,
    count: int = 120,
    wrong: float = 0.0,
    noise: float = 0.05,
    together: bool = False,
    seed: int = 0,
) -> TiePoints:
    """Tie points of a model with noise; the first ones are wrong, all alike or each differently."""
    generator = np.random.default_rng(seed)
    points = generator.uniform((0, 0), SHAPE[::-1], (count, 2))
    shifts = points @ matrix[:, :2].T + matrix[:, 2] + generator.normal(0, noise, (count, 2))
    many = round(wrong * count)
    spoilt = (9.0, 4.0) if together else generator.uniform(-30, 30, (many, 2))
    shifts[:many] = shifts[:many] + spoilt
    return TiePoints(points=points, shifts=shifts, scores=np.ones(count))


@MODELS
@pytest.mark.parametrize("together", [False, True], ids=["scattered", "together"])
def test_models_are_found_among_45_percent_of_wrong_ties(model: ShiftModel, together: bool) -> None:
    ties = ties_of(TRUE[model], wrong=0.45, together=together)
    fit = reject_outliers(ties, model)
    corners = np.array([[0, 0], [4000, 0], [0, 3000], [4000, 3000]], dtype=np.float64)
    expected = corners @ TRUE[model][:, :2].T + TRUE[model][:, 2]
    assert fit.displacement(corners) == pytest.approx(expected, abs=0.06)
    assert not fit.kept[:54].any()
    assert fit.kept[54:].mean() > 0.93
    assert fit.after.rms_px == pytest.approx(0.05 * np.sqrt(2), rel=0.2)


@MODELS
def test_without_noise_or_outliers_the_model_is_exact(model: ShiftModel) -> None:
    fit = reject_outliers(ties_of(TRUE[model], noise=0.0), model)
    assert np.reshape(fit.coefficients, (2, 3)) == pytest.approx(TRUE[model], abs=1e-9)
    assert fit.kept.all()
    assert fit.after.rms_px == pytest.approx(0, abs=1e-9)


def test_the_same_ties_give_the_same_fit() -> None:
    ties = ties_of(TRUE[ShiftModel.AFFINE], wrong=0.4)
    one, other = (reject_outliers(ties, ShiftModel.AFFINE) for _ in range(2))
    drawn = reject_outliers(ties, ShiftModel.AFFINE, np.random.default_rng(7))
    assert one.coefficients == other.coefficients
    assert drawn.coefficients == pytest.approx(one.coefficients, abs=1e-3)


def test_residuals_are_those_worked_by_hand() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, -1.0], [6.0, 8.0], [100.0, 0.0]])
    kept = np.array([True, True, True, False])
    residuals = Residuals.of(vectors, kept)
    assert (residuals.count, residuals.kept) == (4, 3)
    assert residuals.median_px == 5
    assert residuals.rms_px == pytest.approx(np.sqrt((25 + 1 + 100) / 3))
    assert residuals.p95_px == pytest.approx(5 + 0.9 * 5)
    assert (residuals.mean_dx_px, residuals.mean_dy_px) == pytest.approx((3, 11 / 3))


def test_before_and_after_are_told_apart() -> None:
    fit = reject_outliers(ties_of(TRUE[ShiftModel.SHIFT]), ShiftModel.SHIFT)
    told = fit.as_dict()
    assert told["model"] == "shift"
    assert told["before"]["mean_dx_px"] == pytest.approx(5.25, abs=0.02)
    assert told["before"]["rms_px"] == pytest.approx(np.hypot(5.25, 7.5), abs=0.03)
    assert told["after"]["mean_dy_px"] == pytest.approx(0, abs=1e-9)
    assert told["after"]["kept"] <= told["after"]["count"] == 120


def test_too_few_ties_for_a_model_are_refused() -> None:
    with pytest.raises(InputError, match="kind affine needs at least 3 tie points; 2 were found"):
        reject_outliers(ties_of(TRUE[ShiftModel.SHIFT], count=2), ShiftModel.AFFINE)


def test_ties_in_one_spot_give_a_finite_model() -> None:
    ties = ties_of(TRUE[ShiftModel.SHIFT], count=12)
    there = TiePoints(points=np.full((12, 2), 64.0), shifts=ties.shifts, scores=ties.scores)
    fit = reject_outliers(there, ShiftModel.AFFINE)
    expected = np.array([[5.25, -7.5]])
    assert fit.displacement(np.array([[64.0, 64.0]])) == pytest.approx(expected, abs=0.1)


def fitted(model: ShiftModel = ShiftModel.AFFINE, **changes: Any) -> Fit:
    return reject_outliers(ties_of(TRUE[model], **changes), model)


def squeezed(fit: Fit, model: ShiftModel) -> Fit:
    ties = fit.ties
    points = ties.points * [1.0, 0.1]
    return reject_outliers(TiePoints(points=points, shifts=ties.shifts, scores=ties.scores), model)


@pytest.mark.parametrize(
    ("fit", "limits", "message"),
    [
        (fitted(count=7), Limits(), "at least 8 tie points are needed and 7 were found"),
        (
            fitted(ShiftModel.SHIFT, count=40, wrong=0.5, seed=3),
            Limits(least_kept=0.8),
            r"at least 32 of the 40 tie points must agree on one shift; 20 do",
        ),
        (
            fitted(count=8, wrong=0.45, seed=2),
            Limits(least_kept=0.0),
            "at least 6 of the 8 tie points must agree on one affine; 3 do",
        ),
        (fitted(noise=1.5), Limits(), r"stray by 1 px \(rms\) from the fitted affine; they do by"),
        (
            fitted(ShiftModel.SHIFT),
            Limits(most_shift_px=6.0),
            r"at most 6.0 px apart along an axis; the fitted shift says 7.5 px",
        ),
        (
            squeezed(fitted(ShiftModel.SHIFT), ShiftModel.AFFINE),
            Limits(),
            r"at least 25% of the image; the good ones span \d+% of its width and 10% of its",
        ),
    ],
    ids=["few", "disagreeing", "chance", "noisy", "far", "corner"],
)
def test_poor_fits_are_refused_with_figures(fit: Fit, limits: Limits, message: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.tif and b\.tif: .*{message}"):
        require(fit, limits, SHAPE, "a.tif and b.tif")


@MODELS
def test_good_fits_pass(model: ShiftModel) -> None:
    require(fitted(model, wrong=0.4), Limits(most_shift_px=30.0), SHAPE, "a.tif and b.tif")


def test_a_shift_may_rest_on_a_corner() -> None:
    one = squeezed(fitted(ShiftModel.SHIFT), ShiftModel.SHIFT)
    require(one, Limits(), SHAPE, "a.tif and b.tif")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"least_ties": 0}, "got 0, 0.3, 0.25"), ({"most_rms_px": 0.0}, "over 0 px; got 0.0")],
)
def test_limits_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Limits(**changes)


def test_ties_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="one place, shift and score each"):
        TiePoints(points=np.zeros((3, 2)), shifts=np.zeros((2, 2)), scores=np.zeros(3))
