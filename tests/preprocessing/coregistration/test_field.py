import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.preprocessing.coregistration.field import agreeing, local_field
from landslip.preprocessing.coregistration.fit import Fit, reject_outliers
from landslip.preprocessing.coregistration.models import ShiftModel
from landslip.preprocessing.coregistration.ties import TiePoints

Points = NDArray[np.float64]


def hills(points: Points) -> Points:
    """Displacements of up to a pixel that rise and fall over the image."""
    x, y = points.T / 2000
    return np.column_stack([np.sin(2 * np.pi * x) * np.cos(np.pi * y), 0.5 * np.sin(4 * y)])


def fit_of_hills(size: float, noise: float = 0.05, wrong: int = 0) -> Fit:
    generator = np.random.default_rng(0)
    grid = np.linspace(128, 1872, 14)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    shifts = np.array([4.0, -2.0]) + size * hills(points) + generator.normal(0, noise, (196, 2))
    at = generator.choice(196, wrong, replace=False)
    shifts[at] += generator.choice([-6.0, 6.0], (wrong, 2))
    ties = TiePoints(points=points, shifts=shifts, scores=np.ones(196))
    return reject_outliers(ties, ShiftModel.AFFINE)


def test_the_field_follows_the_ground_where_a_plane_cannot() -> None:
    fit = fit_of_hills(1.0, wrong=30)
    field = local_field(fit)
    assert field is not None
    generator = np.random.default_rng(1)
    points = generator.uniform(150, 1850, (400, 2))
    true = np.array([4.0, -2.0]) + hills(points)
    errors = np.hypot(*(field.displacement(points) - true).T)
    plane = np.hypot(*(fit.displacement(points) - true).T)
    assert np.sqrt(np.mean(errors**2)) < 0.1
    assert np.sqrt(np.mean(plane**2)) > 0.4
    assert field.predicted_px[0] < 0.5 * field.predicted_px[1]
    assert field.base.after.kept == np.count_nonzero(field.kept) >= 196 - 30 - 6


def test_noise_alone_makes_no_field() -> None:
    assert local_field(fit_of_hills(0.0)) is None


def test_beyond_the_ties_the_field_is_bounded() -> None:
    fit = fit_of_hills(1.0)
    field = local_field(fit)
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
    assert local_field(reject_outliers(few, ShiftModel.AFFINE)) is None


def test_neighbours_tell_a_false_match_from_terrain() -> None:
    fit = fit_of_hills(3.0)
    errors = fit.ties.shifts - fit.displacement(fit.ties.points)
    errors[77] += (2.5, 0)
    kept = agreeing(fit.ties.points, errors)
    assert not kept[77]
    assert np.count_nonzero(kept) > 175
    assert np.hypot(*errors.T).max() > 2  # terrain as large as the false match is kept
