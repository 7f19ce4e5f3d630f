from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.choices import ShiftModel
from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.shift_models import (
    RegistrationLimits,
    Residuals,
    ShiftFit,
    consistent_with_neighbours,
    fit_displacement_field,
    fit_shifts,
    require_reliable,
)
from landslip.preprocessing.coregistration.tie_points import TiePoints

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
    fit = fit_shifts(ties, model)
    corners = np.array([[0, 0], [4000, 0], [0, 3000], [4000, 3000]], dtype=np.float64)
    expected = corners @ TRUE[model][:, :2].T + TRUE[model][:, 2]
    assert fit.displacement(corners) == pytest.approx(expected, abs=0.06)
    assert not fit.inliers[:54].any()
    assert fit.inliers[54:].mean() > 0.93
    assert fit.after.rms_px == pytest.approx(0.05 * np.sqrt(2), rel=0.2)


@MODELS
def test_without_noise_or_outliers_the_model_is_exact(model: ShiftModel) -> None:
    fit = fit_shifts(ties_of(TRUE[model], noise=0.0), model)
    assert np.reshape(fit.coefficients, (2, 3)) == pytest.approx(TRUE[model], abs=1e-9)
    assert fit.inliers.all()
    assert fit.after.rms_px == pytest.approx(0, abs=1e-9)


def test_the_same_ties_give_the_same_fit() -> None:
    ties = ties_of(TRUE[ShiftModel.AFFINE], wrong=0.4)
    one, other = (fit_shifts(ties, ShiftModel.AFFINE) for _ in range(2))
    drawn = fit_shifts(ties, ShiftModel.AFFINE, np.random.default_rng(7))
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


def test_residuals_before_and_after_the_fit() -> None:
    fit = fit_shifts(ties_of(TRUE[ShiftModel.SHIFT]), ShiftModel.SHIFT)
    assert fit.before.mean_dx_px == pytest.approx(5.25, abs=0.02)
    assert fit.before.rms_px == pytest.approx(np.hypot(5.25, 7.5), abs=0.03)
    after = asdict(fit.after)
    assert after["mean_dy_px"] == pytest.approx(0, abs=1e-9)
    assert after["kept"] <= after["count"] == 120


def test_too_few_ties_for_a_model_are_refused() -> None:
    with pytest.raises(InputError, match="kind affine needs at least 3 tie points; 2 were found"):
        fit_shifts(ties_of(TRUE[ShiftModel.SHIFT], count=2), ShiftModel.AFFINE)


def test_ties_in_one_spot_give_a_finite_model() -> None:
    ties = ties_of(TRUE[ShiftModel.SHIFT], count=12)
    there = TiePoints(points=np.full((12, 2), 64.0), shifts=ties.shifts, scores=ties.scores)
    fit = fit_shifts(there, ShiftModel.AFFINE)
    expected = np.array([[5.25, -7.5]])
    assert fit.displacement(np.array([[64.0, 64.0]])) == pytest.approx(expected, abs=0.1)


def fitted(model: ShiftModel = ShiftModel.AFFINE, **changes: Any) -> ShiftFit:
    return fit_shifts(ties_of(TRUE[model], **changes), model)


def squeezed(fit: ShiftFit, model: ShiftModel) -> ShiftFit:
    ties = fit.ties
    points = ties.points * [1.0, 0.1]
    return fit_shifts(TiePoints(points=points, shifts=ties.shifts, scores=ties.scores), model)


@pytest.mark.parametrize(
    ("fit", "limits", "message"),
    [
        (
            fitted(count=7),
            RegistrationLimits(),
            "at least 8 tie points are needed and 7 were found",
        ),
        (
            fitted(ShiftModel.SHIFT, count=40, wrong=0.5, seed=3),
            RegistrationLimits(least_kept=0.8),
            r"at least 32 of the 40 tie points must agree on one shift; 20 do",
        ),
        (
            fitted(count=8, wrong=0.45, seed=2),
            RegistrationLimits(least_kept=0.0),
            "at least 6 of the 8 tie points must agree on one affine; 3 do",
        ),
        (
            fitted(noise=1.5),
            RegistrationLimits(),
            r"stray by 1 px \(rms\) from the fitted affine; they do by",
        ),
        (
            fitted(ShiftModel.SHIFT),
            RegistrationLimits(most_shift_px=6.0),
            r"at most 6.0 px apart along an axis; the fitted shift says 7.5 px",
        ),
        (
            squeezed(fitted(ShiftModel.SHIFT), ShiftModel.AFFINE),
            RegistrationLimits(),
            r"at least 25% of the image; the good ones span \d+% of its width and 10% of its",
        ),
    ],
    ids=["few", "disagreeing", "chance", "noisy", "far", "corner"],
)
def test_poor_fits_are_refused_with_figures(
    fit: ShiftFit, limits: RegistrationLimits, message: str
) -> None:
    with pytest.raises(InputError, match=rf"^a\.tif and b\.tif: .*{message}"):
        require_reliable(fit, limits, SHAPE, "a.tif and b.tif")


@MODELS
def test_good_fits_pass(model: ShiftModel) -> None:
    require_reliable(
        fitted(model, wrong=0.4), RegistrationLimits(most_shift_px=30.0), SHAPE, "a.tif and b.tif"
    )


def test_a_shift_may_rest_on_a_corner() -> None:
    one = squeezed(fitted(ShiftModel.SHIFT), ShiftModel.SHIFT)
    require_reliable(one, RegistrationLimits(), SHAPE, "a.tif and b.tif")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"least_ties": 0}, "got 0, 0.3, 0.25"), ({"most_rms_px": 0.0}, "over 0 px; got 0.0")],
)
def test_limits_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegistrationLimits(**changes)


def test_ties_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="one place, shift and score each"):
        TiePoints(points=np.zeros((3, 2)), shifts=np.zeros((2, 2)), scores=np.zeros(3))


Points = NDArray[np.float64]


def hills(points: Points) -> Points:
    """Displacements of up to a pixel that rise and fall over the image."""
    x, y = points.T / 2000
    return np.column_stack([np.sin(2 * np.pi * x) * np.cos(np.pi * y), 0.5 * np.sin(4 * y)])


def fit_of_hills(size: float, noise: float = 0.05, wrong: int = 0) -> ShiftFit:
    generator = np.random.default_rng(0)
    grid = np.linspace(128, 1872, 14)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    shifts = np.array([4.0, -2.0]) + size * hills(points) + generator.normal(0, noise, (196, 2))
    at = generator.choice(196, wrong, replace=False)
    shifts[at] += generator.choice([-6.0, 6.0], (wrong, 2))
    ties = TiePoints(points=points, shifts=shifts, scores=np.ones(196))
    return fit_shifts(ties, ShiftModel.AFFINE)


def test_the_field_follows_the_ground_where_a_plane_cannot() -> None:
    fit = fit_of_hills(1.0, wrong=30)
    field = fit_displacement_field(fit)
    assert field is not None
    generator = np.random.default_rng(1)
    points = generator.uniform(150, 1850, (400, 2))
    true = np.array([4.0, -2.0]) + hills(points)
    errors = np.hypot(*(field.displacement(points) - true).T)
    plane = np.hypot(*(fit.displacement(points) - true).T)
    assert np.sqrt(np.mean(errors**2)) < 0.1
    assert np.sqrt(np.mean(plane**2)) > 0.4
    assert field.predicted_px[0] < 0.5 * field.predicted_px[1]
    assert field.base.after.kept == np.count_nonzero(field.base.inliers) >= 196 - 30 - 6


def test_noise_alone_makes_no_field() -> None:
    assert fit_displacement_field(fit_of_hills(0.0)) is None


def test_beyond_the_ties_the_field_is_bounded() -> None:
    fit = fit_of_hills(1.0)
    field = fit_displacement_field(fit)
    assert field is not None
    far = np.array([[-5000.0, 1000.0], [9000.0, -9000.0]])
    local = field.displacement(far) - fit.displacement(far)
    assert np.abs(local).max() < 1.5
    nearest = np.array([[128.0, 1000.0]])
    there = field.displacement(nearest) - fit.displacement(nearest)
    assert local[:1] == pytest.approx(there)


def test_too_few_ties_make_no_field() -> None:
    fit = fit_of_hills(1.0)
    few = TiePoints(
        points=fit.ties.points[::11], shifts=fit.ties.shifts[::11], scores=fit.ties.scores[::11]
    )
    assert fit_displacement_field(fit_shifts(few, ShiftModel.AFFINE)) is None


def test_a_false_match_differs_from_its_neighbours_and_terrain_does_not() -> None:
    fit = fit_of_hills(3.0)
    errors = fit.ties.shifts - fit.displacement(fit.ties.points)
    errors[77] += (2.5, 0)
    kept = consistent_with_neighbours(fit.ties.points, errors)
    assert not kept[77]
    assert np.count_nonzero(kept) > 175
    assert np.hypot(*errors.T).max() > 2  # terrain as large as the false match is kept
