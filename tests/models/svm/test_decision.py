from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.svm import SVC

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import ModelError
from landslip.datasets.normalisation import Normalisation
from landslip.models.svm.decision import Float, bounded_decisions, decide, sklearn_classifier
from landslip.models.svm.model import SvmModel, SvmSettings

FLOATS: list[Float] = [np.float32, np.float64]


def model_of(
    support: NDArray[Any], coefficients: NDArray[Any], gamma: float, intercept: float
) -> SvmModel:
    """Return a model of given parts."""
    bands = support.shape[1]
    return SvmModel(
        bands=Bands(tuple(f"b{at}" for at in range(bands))),
        normalisation=Normalisation(
            radiometry=Radiometry(units=Units.DN, dtype="uint16"),
            mean=(0.0,) * bands,
            std=(1.0,) * bands,
        ),
        gamma=gamma,
        intercept=intercept,
        support=np.asarray(support, dtype=np.float64),
        coefficients=np.asarray(coefficients, dtype=np.float64),
        per_class=len(support),
        settings=SvmSettings(gamma=gamma),
        library="1.9",
    )


def fitted(bands: int, c: float, gamma: float, number: int = 400) -> tuple[SVC, SvmModel]:
    """Fit scikit-learn's SVM on overlapping clouds of float32 spectra."""
    generator = np.random.default_rng(bands)
    label = np.arange(number) % 2
    spectra = generator.normal(0.7 * label[:, None] - 0.3, 1, (number, bands)).astype(np.float32)
    svc = SVC(C=c, gamma=gamma).fit(spectra.astype(np.float64), label)
    model = model_of(svc.support_vectors_, svc.dual_coef_[0], gamma, float(svc.intercept_[0]))
    return svc, model


def on_the_boundary(svc: SVC, bands: int, lines: int) -> NDArray[np.float32]:
    """Find float32 spectra next to the boundary: the last two of bisections between its sides."""
    generator = np.random.default_rng(0)
    ends = generator.normal(0, 1.5, (40 * lines, bands)).astype(np.float32)
    sides = svc.decision_function(ends) >= 0
    low, high = ends[~sides][:lines], ends[sides][:lines]
    number = min(len(low), len(high))
    low, high = low[:number].copy(), high[:number].copy()
    for _ in range(45):
        middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
        side = svc.decision_function(middle) >= 0
        low[~side], high[side] = middle[~side], middle[side]
    return np.concatenate((low, high))


CASES = [
    pytest.param(1, 1.0, 1.0, id="one-band"),
    pytest.param(3, 1.0, 0.33, id="three-bands"),
    pytest.param(4, 1.0, 0.25, id="four-bands"),
    pytest.param(4, 1.0, 20.0, id="narrow-kernel"),
    pytest.param(4, 1.0, 1e-4, id="wide-kernel"),
    pytest.param(4, 1e4, 0.25, id="large-c"),
    pytest.param(4, 1e-6, 0.25, id="small-c"),
]


@pytest.mark.parametrize(("bands", "c", "gamma"), CASES)
def test_sides_are_those_of_the_library(bands: int, c: float, gamma: float) -> None:
    svc, model = fitted(bands, c, gamma, number=300 if c > 1 else 400)
    generator = np.random.default_rng(7)
    spectra = generator.normal(0, 2, (2000, bands)).astype(np.float32)
    found = decide(model, spectra).values
    np.testing.assert_array_equal(found >= 0, svc.predict(spectra) == 1)
    scale = np.abs(model.coefficients).sum()
    np.testing.assert_allclose(found, svc.decision_function(spectra), rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize(("bands", "c", "gamma"), CASES)
def test_sides_are_those_of_the_library_next_to_the_boundary(
    bands: int, c: float, gamma: float
) -> None:
    svc, model = fitted(bands, c, gamma, number=300 if c > 1 else 400)
    spectra = on_the_boundary(svc, bands, lines=300)
    assert len(spectra) >= 100
    found = decide(model, spectra)
    assert found.in_float64 > 0.9 * len(spectra)
    np.testing.assert_array_equal(found.values >= 0, svc.predict(spectra) == 1)
    np.testing.assert_array_equal(found.values >= 0, svc.decision_function(spectra) >= 0)


def test_zero_is_landslide_as_with_the_library() -> None:
    """Two support vectors and no intercept: the plane between them has decision 0 exactly."""
    svc = SVC(gamma=0.5).fit([[-1.0, 0.0], [1.0, 0.0]], [0, 1])
    model = model_of(svc.support_vectors_, svc.dual_coef_[0], 0.5, float(svc.intercept_[0]))
    heights = np.random.default_rng(0).normal(size=200).astype(np.float32)
    spectra = np.stack((np.zeros_like(heights), heights), axis=1)
    assert (svc.decision_function(spectra) == 0).all()
    assert (svc.predict(spectra) == 1).all()
    found = decide(model, spectra)
    assert (found.values == 0).all()
    assert found.by_library == 200


def test_one_step_off_the_plane_has_a_side() -> None:
    model = model_of(np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0]), 0.5, 0.0)
    tiny = np.float32(2.0**-60)
    found = decide(model, np.array([[-tiny], [tiny], [-0.5], [0.5]], dtype=np.float32))
    library = sklearn_classifier(model).predict(np.array([[-tiny], [tiny], [-0.5], [0.5]]))
    np.testing.assert_array_equal(found.values >= 0, library == 1)
    np.testing.assert_array_equal(library[2:], [0, 1])
    assert found.by_library == 2


def exact(model: SvmModel, spectra: NDArray[np.float32]) -> NDArray[np.longdouble]:
    """Return decisions computed pair by pair in extended precision."""
    found = np.full(len(spectra), model.intercept, dtype=np.longdouble)
    for vector, coefficient in zip(model.support, model.coefficients, strict=True):
        away = spectra.astype(np.longdouble) - vector
        found += coefficient * np.exp(-np.longdouble(model.gamma) * (away**2).sum(axis=1))
    return found


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weight", [1.0, 3e7])
@pytest.mark.parametrize("gamma", [0.02, 0.5, 40.0])
@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_the_bound_holds(dtype: Float, weight: float, gamma: float, spread: float) -> None:
    """Also where coefficients sum up to billions and cancel, and where spectra are far out."""
    generator = np.random.default_rng(1)
    support = generator.normal(0, spread, (400, 4)).astype(np.float32)
    coefficients = weight * generator.choice([-1, 1], 400) * (0.1 + generator.random(400))
    coefficients = np.sort(coefficients)
    model = model_of(support, coefficients, gamma, -0.3 * weight)
    spectra = generator.normal(0, spread, (300, 4)).astype(np.float32)
    spectra[:100] = support[:100]
    found, bound = bounded_decisions(model, spectra, dtype)
    truth = exact(model, spectra)
    assert np.isfinite(bound).mean() > 0.9
    assert (np.abs(found - truth) <= bound).all()
    assert (np.abs(found - sklearn_classifier(model).decision_function(spectra)) <= bound).all()
    unit = float(np.finfo(dtype).eps)
    near = unit * (100 + 200 * gamma * spread**2) * np.abs(coefficients).sum()
    assert np.median(bound) < near + 1e-10 * weight  # else all pixels would be the library's


def test_far_spectra_use_up_a_part_of_the_bound() -> None:
    """Far from 0 the exponent of near spectra is wrong by cancellation, as the bound foresees."""
    generator = np.random.default_rng(2)
    spectra = (50 + generator.random((2000, 4))).astype(np.float32)
    model = model_of(spectra[:1], np.ones(1), 1.0, 0.0)
    found, bound = bounded_decisions(model, spectra, np.float32)
    wrong = np.abs(found - exact(model, spectra))
    assert (wrong <= bound).all()
    assert (wrong / bound).max() > 0.05


@pytest.mark.parametrize("value", [1e15, 1e30, 3e38])
def test_spectra_that_overflow_are_decided_too(value: float) -> None:
    svc, model = fitted(3, 1.0, 0.3)
    spectra = np.full((5, 3), value, dtype=np.float32)
    spectra[1:3] *= -1
    spectra[3] = 0.5
    with np.errstate(over="ignore"):
        library = svc.predict(spectra)
    found = decide(model, spectra)
    np.testing.assert_array_equal(found.values >= 0, library == 1)
    assert found.by_library <= 4


def test_coefficients_too_large_for_float32_are_taken_in_float64() -> None:
    model = model_of(np.array([[-1.0], [1.0]]), np.array([-1e60, 1e60]), 0.5, 0.0)
    found = decide(model, np.array([[-2.0], [3.0]], dtype=np.float32))
    np.testing.assert_array_equal(found.values >= 0, [False, True])
    assert (found.in_float64, found.by_library) == (2, 0)


def test_no_spectrum_is_no_decision() -> None:
    found = decide(fitted(3, 1.0, 0.3)[1], np.empty((0, 3), dtype=np.float32))
    assert found.values.shape == (0,)


def test_a_library_that_decides_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0]), 0.5, 0.0)
    monkeypatch.setattr(SVC, "decision_function", lambda self, spectra: np.ones(len(spectra)))
    told = r"scikit-learn [\d.]+ gives other decisions than the SVM, which was fitted with 1.9; "
    with pytest.raises(ModelError, match=told):
        decide(model, np.zeros((1, 1), dtype=np.float32))
