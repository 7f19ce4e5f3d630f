import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.calibration import ReflectanceConversion
from landslip.preprocessing.radiometry.dark_object import (
    CountHistogram,
    DarkObjectSettings,
    estimate_haze,
)

BANDS = ("pan", "blue", "green", "red", "nir")
CONVERSION = ReflectanceConversion(bands=BANDS, scale=(0.001,) * 5, offset=(0.0,) * 4 + (-0.02,))


def histogram(dark: int, pixels: int, bright: int = 10_000) -> CountHistogram:
    made = CountHistogram()
    made.add(np.full(pixels, dark, dtype=np.uint16).reshape(1, -1))
    made.add(np.full((100, bright // 100), 500, dtype=np.uint16))
    return made


def test_haze_worked_by_hand() -> None:
    dark = {"pan": 90, "blue": 110, "green": 80, "red": 60, "nir": 25}
    haze = estimate_haze(
        {band: histogram(dn, 100) for band, dn in dark.items()}, CONVERSION, DarkObjectSettings()
    )
    assert haze.dark_dn == dark
    assert haze.reflectance == {
        "pan": pytest.approx(0.10 * 0.485 / 0.675),  # of the 0.08 that its darkest would say
        "blue": pytest.approx(0.10),
        "green": pytest.approx(0.07),
        "red": pytest.approx(0.05),
        "nir": 0.0,
    }
    assert haze.warnings == ()
    dn = np.full((5, 1, 1), 110, dtype=np.uint16)
    corrected = CONVERSION.less(haze.reflectance).apply(dn)
    assert corrected.ravel() == pytest.approx([0.03815, 0.01, 0.04, 0.06, 0.09], abs=1e-5)


def test_shares_of_counts() -> None:
    made = CountHistogram()
    made.add(np.array([[0, 0, 10, 20, 20, 1023, 1023, 1500]], dtype=np.uint16))
    assert made.fraction_below(10) == 0
    assert made.fraction_below(10.5) == pytest.approx(1 / 6)
    assert made.fraction_below(-3.0) == 0
    assert made.fraction_from(1023) == pytest.approx(1 / 2)
    assert CountHistogram().fraction_from(5) == 0


def test_thin_haze_falls_with_the_square_of_the_wavelength_at_least() -> None:
    dark = {"blue": 50, "green": 60, "red": 20, "nir": 70}
    haze = estimate_haze(
        {band: histogram(dn, 100) for band, dn in dark.items()}, CONVERSION, DarkObjectSettings()
    )
    assert haze.reflectance == {
        "blue": pytest.approx(0.04),
        "green": pytest.approx(0.04 * (0.485 / 0.555) ** 2),
        "red": pytest.approx(0.01),
        "nir": pytest.approx(0.04 * (0.485 / 0.83) ** 2),
    }
    assert len(haze.warnings) == 2


def test_fewer_dark_pixels_than_asked_for_do_not_decide() -> None:
    rule = DarkObjectSettings(min_px=100)
    for pixels, dn in ((99, 500), (100, 40), (101, 40)):
        haze = estimate_haze({"red": histogram(40, pixels)}, CONVERSION, rule)
        assert haze.dark_dn == {"red": dn}


def test_the_share_decides_in_a_large_scene() -> None:
    large = histogram(40, 150, bright=2_000_000)
    share = DarkObjectSettings(fraction=1e-4, min_px=10)
    assert estimate_haze({"red": large}, CONVERSION, share).dark_dn == {"red": 500}
    smaller = DarkObjectSettings(fraction=7e-5, min_px=10)
    assert estimate_haze({"red": large}, CONVERSION, smaller).dark_dn == {"red": 40}


def test_fill_and_invalid_pixels_are_left_out() -> None:
    dn = np.array([[0, 0, 0, 7], [9, 9, 9, 9]], dtype=np.uint16)
    valid = np.array([[True, True, True, False], [True, True, True, True]])
    found = CountHistogram()
    found.add(dn, valid)
    assert found.total == 4
    assert found.darkest(1) == 9
    found.add(dn)
    assert found.total == 9
    assert found.darkest(1) == 7
    assert found.darkest(2) == 9


@given(st.lists(st.integers(1, 65_535), min_size=1, max_size=50), st.data())
def test_the_darkest_is_the_sorted_pixel(values: list[int], data: st.DataObject) -> None:
    found = CountHistogram()
    half = len(values) // 2
    for part in (values[:half], values[half:]):
        found.add(np.array(part, dtype=np.uint16).reshape(1, -1))
    wanted = data.draw(st.integers(1, len(values)))
    assert found.darkest(wanted) == sorted(values)[wanted - 1]


def test_too_few_pixels_are_refused() -> None:
    with pytest.raises(
        InputError, match="band red: dark objects are searched for among at least 100 px"
    ):
        estimate_haze({"red": CountHistogram()}, CONVERSION, DarkObjectSettings())
    with pytest.raises(InputError, match="at least 12 px; got 10"):
        histogram(4, 10, bright=0).darkest(12)


def test_haze_against_the_order_of_scattering_is_reported() -> None:
    dark = {"blue": 50, "green": 80, "red": 60, "nir": 30, "pan": 300}
    haze = estimate_haze(
        {band: histogram(dn, 100) for band, dn in dark.items()}, CONVERSION, DarkObjectSettings()
    )
    order, bright = haze.warnings
    assert "here green has 0.070 and blue 0.040" in order
    assert "haze is above 0.2 in pan" in bright


@pytest.mark.parametrize("reflectance", [0.0, 0.02])
def test_what_is_left_to_a_dark_object_can_be_chosen(reflectance: float) -> None:
    rule = DarkObjectSettings(dark_reflectance=reflectance)
    haze = estimate_haze({"red": histogram(50, 100)}, CONVERSION, rule)
    assert haze.reflectance == {"red": pytest.approx(0.05 - reflectance)}


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"a fraction between 0 and 1 and at least 1 px; got 0, 100"
    ):
        DarkObjectSettings(fraction=0)
    with pytest.raises(InputError, match="at least 1 px"):
        DarkObjectSettings(min_px=0)
    with pytest.raises(InputError, match=r"reflects 0 to less than 1; got 1\.5"):
        DarkObjectSettings(dark_reflectance=1.5)
