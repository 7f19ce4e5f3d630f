import numpy as np
import pytest
from scipy.optimize import nnls

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.regression import (
    Moments,
    Samples,
    intensity_gains,
    regress_intensity,
)


def samples(weights: tuple[float, ...], intercept: float, noise: float = 0.0) -> Samples:
    generator = np.random.default_rng(0)
    ms = generator.normal(300, 60, (len(weights), 40, 50))
    pan = np.tensordot(weights, ms, 1) + intercept + noise * generator.normal(size=(40, 50))
    return Samples(
        ms=ms.astype(np.float32), pan=pan.astype(np.float32), valid=np.ones((40, 50), np.bool_)
    )


def test_weights_that_made_pan_are_found_again() -> None:
    found = regress_intensity(Moments.of(samples((0.1, 0.5, 0.3), 20)), non_negative=False)
    assert found.weights == pytest.approx((0.1, 0.5, 0.3), abs=1e-4)
    assert found.intercept == pytest.approx(20, abs=0.05)
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_r2_is_the_share_of_the_variance_that_is_explained() -> None:
    given = samples((0.6, 0.3), 5, noise=20.0)
    found = regress_intensity(Moments.of(given), non_negative=False)
    predicted = np.tensordot(found.weights, given.ms.astype(float), 1) + found.intercept
    expected = 1 - np.var(given.pan - predicted) / np.var(given.pan)
    assert 0.7 < found.r2 < 0.95
    assert found.r2 == pytest.approx(expected, abs=1e-6)


def test_weights_can_be_kept_from_going_below_0() -> None:
    given = samples((0.7, -0.2, 0.4), 30, noise=3.0)
    free = regress_intensity(Moments.of(given), non_negative=False)
    kept = regress_intensity(Moments.of(given), non_negative=True)
    assert free.weights[1] < -0.15
    assert kept.weights[1] == 0
    ms = given.ms.reshape(3, -1).astype(float)
    centred = ms - ms.mean(axis=1, keepdims=True)
    expected, _ = nnls(centred.T, given.pan.ravel() - given.pan.mean(dtype=float))
    assert kept.weights == pytest.approx(expected, abs=1e-5)
    assert kept.r2 < free.r2


def test_gains_are_covariances_over_the_variance_of_the_intensity() -> None:
    given = samples((0.5, 0.25), 10, noise=5.0)
    moments = Moments.of(given)
    intensity = regress_intensity(moments, non_negative=False)
    band_sum = np.tensordot(intensity.weights, given.ms.astype(float), 1).ravel()
    expected = [
        np.cov(band.ravel(), band_sum)[0, 1] / np.var(band_sum, ddof=1)
        for band in given.ms.astype(float)
    ]
    assert intensity_gains(moments, intensity) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("non_negative", [False, True])
def test_a_constant_band_and_equal_bands_do_no_harm(non_negative: bool) -> None:
    given = samples((0.5, 0.5, 0.0), 10)
    ms = np.stack([given.ms[0], given.ms[0], np.full((40, 50), 4, np.float32)])
    pan = given.ms[0] * np.float32(0.8) + 3
    found = regress_intensity(
        Moments.of(Samples(ms=ms, pan=pan, valid=given.valid)), non_negative=non_negative
    )
    assert found.weights[0] + found.weights[1] == pytest.approx(0.8, abs=1e-4)
    assert found.weights[2] == pytest.approx(0, abs=1e-9)
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_only_valid_pixels_are_summed() -> None:
    given = samples((0.2, 0.8), 0)
    valid = given.valid.copy()
    valid[:20] = False
    ms = np.where(valid, given.ms, np.nan).astype(np.float32)
    moments = Moments.of(Samples(ms=ms, pan=given.pan, valid=valid))
    assert moments.number == 1000
    assert moments.means[:2] == pytest.approx(given.ms[:, 20:].mean(axis=(1, 2)), rel=1e-5)


def test_flat_samples_are_taken() -> None:
    given = samples((0.2, 0.8), 0)
    flat = Samples(ms=given.ms.reshape(2, -1), pan=given.pan.ravel(), valid=given.valid.ravel())
    assert np.allclose(Moments.of(flat).covariances, Moments.of(given).covariances)


def test_too_few_samples_are_refused() -> None:
    given = samples((1.0,), 0)
    valid = np.zeros_like(given.valid)
    valid.ravel()[:99] = True
    with pytest.raises(InputError, match=r"at least 100 pixels .* there are 99"):
        Moments.of(Samples(ms=given.ms, pan=given.pan, valid=valid))


def test_a_constant_pan_is_refused() -> None:
    given = samples((1.0,), 0)
    pan = np.full_like(given.pan, 7.25)
    with pytest.raises(InputError, match=r"band that varies; its 2000 samples are all 7\.25"):
        Moments.of(Samples(ms=given.ms, pan=pan, valid=given.valid))


@pytest.mark.parametrize("non_negative", [False, True])
def test_bands_that_explain_nothing_are_refused(non_negative: bool) -> None:
    given = samples((1.0,), 0)
    constant = Samples(ms=np.full_like(given.ms, 3), pan=given.pan, valid=given.valid)
    with pytest.raises(InputError, match="explain nothing of the panchromatic band"):
        regress_intensity(Moments.of(constant), non_negative=non_negative)


def test_samples_of_different_pixels_are_refused() -> None:
    given = samples((1.0,), 0)
    with pytest.raises(InputError, match=r"got shapes \(1, 40, 50\), \(40, 49\) and \(40, 50\)"):
        Samples(ms=given.ms, pan=given.pan[:, 1:], valid=given.valid)
