import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.calibration import (
    RadiometricCalibration,
    select_calibration,
)
from landslip.preprocessing.radiometry.reflectance import ReflectanceConversion, toa_conversion

CALIBRATION = RadiometricCalibration(
    gains={"red": 0.1230, "nir": 0.1885},
    offsets={"red": 0.0, "nir": -9.4771},
    esun={"red": 1542.90, "nir": 1080.77},
    year=2022,
    source="by hand",
)


def test_reflectance_worked_by_hand() -> None:
    """Red: L = 36.9, pi 36.9 1.0164^2 / (1542.9 cos 25.17) = 0.085762."""
    conversion = toa_conversion(
        CALIBRATION, ("nir", "red"), sun_zenith_deg=25.17, sun_distance_au=1.0164
    )
    dn = np.array([[[40]], [[300]]], dtype=np.uint16)
    found = conversion.apply(dn)
    assert found.dtype == np.float32
    assert found.shape == (2, 1, 1)
    assert found[1, 0, 0] == pytest.approx(0.085762, abs=2e-6)
    assert found[0, 0, 0] == pytest.approx(
        math.pi * (0.1885 * 40 - 9.4771) * 1.0164**2 / (1080.77 * 0.905049), rel=1e-5
    )
    assert found[0, 0, 0] < 0


def test_reading_the_sun_wrongly_would_double_it() -> None:
    calibration = select_calibration("GF1 PMS1", 2022)
    right, wrong = (
        toa_conversion(calibration, ("red",), sun_zenith_deg=angle, sun_distance_au=1.0)
        for angle in (25.0, 65.0)
    )
    assert wrong.scale[0] / right.scale[0] == pytest.approx(2.1445, abs=1e-4)


@given(scale=st.floats(1e-5, 1e-2), offset=st.floats(-0.1, 0.1), dn=st.integers(0, 1023))
def test_counts_become_reflectance_by_a_straight_line(scale: float, offset: float, dn: int) -> None:
    conversion = ReflectanceConversion(bands=("red",), scale=(scale,), offset=(offset,))
    reflectance = conversion.apply(np.full((1, 2, 3), dn, dtype=np.uint16))
    assert reflectance.dtype == np.float32
    assert reflectance.shape == (1, 2, 3)
    tolerance = 4e-7 * (abs(offset) + scale * dn)
    assert np.abs(reflectance - (scale * dn + offset)).max() <= tolerance


def test_the_input_is_left_as_it_is() -> None:
    conversion = ReflectanceConversion(bands=("red",), scale=(2.0,), offset=(1.0,))
    values = np.ones((1, 2, 2), dtype=np.float32)
    assert np.all(conversion.apply(values) == 3)
    assert np.all(values == 1)


def test_haze_is_taken_off_and_bands_are_chosen() -> None:
    conversion = ReflectanceConversion(
        bands=("blue", "red", "nir"), scale=(1.0, 2.0, 3.0), offset=(0.0, 0.1, 0.2)
    )
    lowered = conversion.less({"red": 0.3, "pan": 9.0})
    assert lowered.offset == pytest.approx((0.0, -0.2, 0.2))
    chosen = lowered.only("nir", "blue")
    assert chosen == ReflectanceConversion(
        bands=("nir", "blue"), scale=(3.0, 1.0), offset=(0.2, 0.0)
    )
    with pytest.raises(InputError, match="the conversion is of blue,red,nir; got pan"):
        conversion.only("pan")


@pytest.mark.parametrize(
    ("zenith", "distance"), [(90.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (30.0, 149.6e6)]
)
def test_a_sun_that_cannot_be_is_refused(zenith: float, distance: float) -> None:
    with pytest.raises(InputError, match="zenith angle is 0 to below 90 degrees"):
        toa_conversion(CALIBRATION, ("red",), sun_zenith_deg=zenith, sun_distance_au=distance)


def test_bands_without_figures_are_named() -> None:
    with pytest.raises(InputError, match=r"\(by hand\) has red,nir; band blue is needed"):
        toa_conversion(CALIBRATION, ("red", "blue"), sun_zenith_deg=30, sun_distance_au=1)
    with pytest.raises(InputError, match="one scale and offset for each band"):
        ReflectanceConversion(bands=("red",), scale=(1.0, 2.0), offset=(0.0,))
    with pytest.raises(InputError, match=r"got 0\.0, 0\.0 for band red"):
        ReflectanceConversion(bands=("red",), scale=(0.0,), offset=(0.0,))
