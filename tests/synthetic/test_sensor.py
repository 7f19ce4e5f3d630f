from dataclasses import replace

import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.radiometry.calibration import RadiometricCalibration
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.sensor import (
    SensorModel,
    blur_sigma_px,
    blurred_spline,
    draw_haze,
    haze_thickness,
    quantise_counts,
    sample_spline,
    toa_counts,
)

QUIET = SensorModel(read_noise_dn=0, shot_noise_dn=0, haze_variation=0)


def calibration() -> RadiometricCalibration:
    """PMS1's red band of 2013."""
    return RadiometricCalibration(
        gains={"red": 0.1748}, offsets={"red": 4.8924}, esun={"red": 1542.9}, year=2013, source="t"
    )


def test_counts_invert_the_calibration_by_hand() -> None:
    """0.1 at zenith 60, 1.01 AU: 0.1 * 1542.9 * 0.5 / pi / 1.0201 = 24.0716 W m-2 sr-1 um-1."""
    sun = SunPosition(zenith_deg=60.0, azimuth_deg=130.0, distance_au=1.01)
    counts = toa_counts(np.array([0.1], np.float32), calibration(), "red", sun)
    assert float(counts[0]) == pytest.approx((24.0719 - 4.8924) / 0.1748, abs=0.01)


def test_stored_counts_are_ten_bits_over_0() -> None:
    counts = np.array([[-50.0, 0.4, 511.6, 2000.0, 77.0]], np.float32)
    seen = np.array([[True, True, True, True, False]])
    stored = quantise_counts(counts, seen, QUIET, np.random.default_rng(0))
    assert stored.dtype == np.uint16
    assert stored.tolist() == [[1, 1, 512, 1023, 0]]


def test_noise_is_as_strong_as_stated() -> None:
    sensor = replace(QUIET, read_noise_dn=2.0, shot_noise_dn=0.03)
    counts = np.full((400, 400), 400.0, np.float32)
    seen = np.ones((400, 400), dtype=bool)
    stored = quantise_counts(counts, seen, sensor, np.random.default_rng(0)).astype(float)
    assert stored.std() == pytest.approx(np.sqrt(4 + 12 + 1 / 12), rel=0.01)
    assert stored.mean() == pytest.approx(400, abs=0.05)


def test_blur_has_its_mtf_at_half_the_sampling_frequency() -> None:
    """The finest wave that pixels of 4 map pixels can hold keeps the stated part."""
    row, _ = np.indices((64, 64), dtype=np.float32)
    wave = np.cos(2 * np.pi * (row + 0.5) / 8).astype(np.float32)
    col_at, row_at = np.meshgrid(
        np.array([20.5], np.float32), np.arange(16, 48, dtype=np.float32) + 0.5
    )
    for mtf in (0.15, 0.3):
        seen = sample_spline(blurred_spline(wave, 4 * blur_sigma_px(mtf)), col_at, row_at)[:, 0]
        kept = float(seen @ wave[16:48, 20]) / float(wave[16:48, 20] @ wave[16:48, 20])
        assert kept == pytest.approx(mtf, abs=0.003)


def test_splines_are_sampled_at_pixel_coordinates() -> None:
    row, col = np.indices((40, 40), dtype=np.float32)
    plane = 2 * (col + 0.5) + 3 * (row + 0.5)
    at = np.array([[11.25, 20.5]], np.float32), np.array([[17.75, 3.5]], np.float32)
    np.testing.assert_allclose(
        sample_spline(blurred_spline(plane, 0.0), *at), 2 * at[0] + 3 * at[1], atol=1e-2
    )


def test_panchromatic_is_more_than_a_mix() -> None:
    reflectance = np.array([0.04, 0.06, 0.05, 0.20], np.float32).reshape(4, 1, 1)
    expected = 0.2 * 0.04 + 0.24 * 0.06 + 0.24 * 0.05 + 0.22 * 0.20 + 0.10 * 0.1
    assert float(SensorModel().pan_reflectance(reflectance)[0, 0]) == pytest.approx(
        expected, rel=1e-5
    )


def test_air_varies_as_stated_and_windows_agree() -> None:
    air = draw_haze(0.2, np.random.default_rng(3))
    whole = haze_thickness(air, (200, 160), Window(0, 0, 160, 200))
    assert float(whole.mean()) == pytest.approx(1, abs=1e-3)
    assert float(whole.std()) == pytest.approx(0.2, rel=0.01)
    part = haze_thickness(air, (200, 160), Window(30, 50, 20, 10))
    np.testing.assert_allclose(part, whole[50:60, 30:50], atol=1e-6)


def test_a_sensor_states_what_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"pan_mtf must be between 0 and 1; got 1\.5"):
        SensorModel(pan_mtf=1.5)
    with pytest.raises(InputError, match="must not be negative"):
        SensorModel(read_noise_dn=-1)
