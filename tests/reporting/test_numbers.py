"""Numbers as readers expect them."""

import math

import pytest

from landslip.reporting import numbers

T = numbers.THIN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, f"1{T}230{T}000"),
        (123.456, "123"),
        (1.2345, "1.23"),
        (9.999, "10.0"),
        (0.0081, "0.00810"),
        (-132.0, "−132"),
        (3.2e-9, f"3.20{T}×{T}10⁻⁹"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_numbers_have_three_digits_or_all_before_the_point(value: float | None, text: str) -> None:
    assert numbers.rounded(value) == text


@pytest.mark.parametrize(
    ("area_m2", "text"),
    [
        (42.31, f"42.3{T}m²"),
        (1234.4, f"1{T}234{T}m²"),
        (99_999.0, f"99{T}999{T}m²"),
        (100_000.0, f"0.100{T}km²"),
        (1_502_000.0, f"1.50{T}km²"),
        (2.69e9, f"2{T}690{T}km²"),
        (0.0, f"0{T}m²"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_areas_are_in_the_unit_that_suits_them(area_m2: float | None, text: str) -> None:
    assert numbers.area(area_m2) == text


def test_orders_of_magnitude_have_one_digit() -> None:
    assert numbers.scientific(7.7e6, 1) == f"8{T}×{T}10⁶"
    assert numbers.scientific(0.0, 1) == "0"
    assert numbers.scientific(None) == "–"


def test_an_interval_of_areas_is_in_one_unit() -> None:
    assert numbers.area_interval(1_310_000.0, 1_694_000.0) == f"1.31–1.69{T}km²"
    assert numbers.area_interval(1700.0, 2500.0) == f"1{T}700–2{T}500{T}m²"
    assert numbers.area_interval(None, 2500.0) == "–"


def test_fractions_are_percentages() -> None:
    assert numbers.percent(0.0623) == f"6.23{T}%"
    assert numbers.percent(None) == "–"
    assert numbers.percentage(0.613) == "61.3"
    assert numbers.percentage(None) == "–"
    assert numbers.level(0.95) == f"95{T}%"
    assert numbers.percent_interval(0.79, 0.97) == f"79.0–97.0{T}%"
    assert numbers.percent_interval(None, None) == "–"


def test_coordinates_have_a_side_and_no_sign() -> None:
    assert numbers.degrees(-70.5, 2, "EW") == f"70.50°{T}W"
    assert numbers.degrees(31.25, 1, "NS") == f"31.2°{T}N"


def test_lengths_of_scale_bars() -> None:
    assert numbers.distance(500.0) == f"500{T}m"
    assert numbers.distance(2000.0) == f"2{T}km"


def test_an_interval_of_numbers_under_zero_keeps_its_signs_apart() -> None:
    assert numbers.area_interval(-40_698.0, -19_030.0) == f"−40{T}698 – −19{T}030{T}m²"
    assert numbers.area_interval(-900_000.0, 50_000.0) == f"−0.900 – 0.0500{T}km²"
    assert numbers.interval(-1.0, 1.0) == "−1.00 – 1.00"
    assert numbers.interval(1.0, None) == "–"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "< 0.001"),
        (0.012, "0.012"),
        (0.0497, "0.0497"),
        (0.0503, "0.0503"),
        (0.05, "0.050"),
        (0.37, "0.370"),
        (1.0, "1.000"),
        (None, "–"),
    ],
)
def test_p_shows_its_side_of_the_level_and_is_never_0(p: float | None, text: str) -> None:
    assert numbers.p_value(p) == text


def test_an_end_beside_0_shows_its_sign() -> None:
    assert numbers.point_interval(-0.0141, -0.0002) == "−1.4 – −0.02"
    assert numbers.point_interval(0.0003, 0.02) == "+0.03 – +2.0"
    assert numbers.point_interval(0.0, 0.02) == "0.0 – +2.0"
    assert numbers.point_interval(None, None) == "–"


def test_differences_have_signs() -> None:
    assert numbers.points(0.0126) == "+1.3"
    assert numbers.points(-0.0126) == "−1.3"
    assert numbers.points(-0.00001) == "0.0"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.21, "4.2 s"), (59.0, "59 s"), (100.0, "2 min"), (4000.0, "1 h 07 min"), (None, "–")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert numbers.duration(seconds) == text


def test_counts_and_lists_are_words() -> None:
    assert numbers.counted(1, "tile") == "1 tile"
    assert numbers.counted(1200, "tile") == f"1{T}200 tiles"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"
    assert numbers.listing(["a"]) == "a"
