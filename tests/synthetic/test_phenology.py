from dataclasses import astuple
from datetime import date

import pytest

from landslip.synthetic.phenology import CROP, SUMMER, Colour, greenness, palette_on


def ndvi(colour: Colour) -> float:
    return (colour[3] - colour[2]) / (colour[3] + colour[2])


def test_leaves_are_out_in_summer_and_gone_in_winter() -> None:
    """Half are out in the middle of green-up: both logistic curves are then 1/2 and nearly 1."""
    assert greenness(200, 112, 296, 11) == pytest.approx(1, abs=0.001)
    assert greenness(112, 112, 296, 11) == pytest.approx(0.5, abs=0.001)
    assert greenness(296, 112, 296, 11) == pytest.approx(0.5, abs=0.001)
    assert greenness(30, 112, 296, 11) < 0.001


def test_deciduous_plants_brown_and_conifers_stay() -> None:
    summer, winter = palette_on(date(2018, 7, 15)), palette_on(date(2019, 2, 12))
    assert summer.forest == pytest.approx(SUMMER.forest, abs=1e-3)
    assert ndvi(summer.forest) > 0.75
    assert ndvi(winter.forest) < 0.45
    assert ndvi(winter.dark_forest) > 0.65
    assert ndvi(winter.grass) < 0.25


def test_fields_have_their_own_calendars() -> None:
    april, july, october = (palette_on(date(2018, month, 20)) for month in (4, 7, 10))
    assert april.winter_crop == pytest.approx(CROP, abs=0.01)
    assert july.summer_crop == pytest.approx(CROP, abs=0.01)
    assert ndvi(july.winter_crop) < 0.3
    assert ndvi(april.summer_crop) < 0.3
    assert ndvi(october.summer_crop) < 0.3


def test_all_colours_are_reflectances_all_year() -> None:
    for month in range(1, 13):
        for colour in astuple(palette_on(date(2018, month, 1))):
            assert all(0 < value < 0.5 for value in colour)
