from dataclasses import replace
from datetime import datetime

import pytest

from landslip.preprocessing.pipeline.light import BANDS, Light
from landslip.preprocessing.radiometry.conversion import toa_conversion
from landslip.preprocessing.radiometry.find_calibration import find_calibration
from landslip.preprocessing.radiometry.sun_tags import SunTags, judge_sun


@pytest.fixture
def light() -> Light:
    calibration = find_calibration("GF1 PMS1", 2022)
    # tags and place of a real product
    tags = SunTags(
        center_time=datetime(2022, 6, 24, 13, 39, 9),
        azimuth_deg=106.266,
        zenith_deg=25.1707,
        lon_deg=69.38,
        lat_deg=33.30,
    )
    sun = judge_sun(tags)
    toa = toa_conversion(
        calibration, BANDS, sun_zenith_deg=sun.zenith_deg, sun_distance_au=sun.distance_au
    )
    return Light(calibration=calibration, sun=sun, toa=toa, conversion=toa)


def test_much_saturation_is_told_by_band(light: Light) -> None:
    few, many = {"negative": 0.0, "saturated": 0.009}, {"negative": 0.0, "saturated": 0.25}
    seen = replace(light, shares={"red": few, "nir": many})
    assert len(seen.warnings) == 1
    assert "25.0% of nir is saturated, at a count of 1023" in seen.warnings[0]


def test_much_negative_reflectance_is_told_by_band(light: Light) -> None:
    seen = replace(light, shares={"nir": {"negative": 0.02, "saturated": 0.0}})
    assert "2.0% of nir means negative reflectance" in seen.warnings[0]
    assert replace(light, shares={}).warnings == ()
