from dataclasses import replace
from datetime import datetime

import pytest

from landslip.preprocessing.orthorectification.dem import TerrainHeights
from landslip.preprocessing.pipeline.radiometric_correction import BANDS, RadiometricCorrection
from landslip.preprocessing.radiometry.calibration import select_calibration, toa_conversion
from landslip.preprocessing.radiometry.six_s import SurfaceCorrection
from landslip.preprocessing.radiometry.sun import SunTags, interpret_sun_tags


@pytest.fixture
def light() -> RadiometricCorrection:
    calibration = select_calibration("GF1 PMS1", 2022)
    # tags and place of a real product
    tags = SunTags(
        center_time=datetime(2022, 6, 24, 13, 39, 9),
        azimuth_deg=106.266,
        zenith_deg=25.1707,
        lon_deg=69.38,
        lat_deg=33.30,
    )
    sun = interpret_sun_tags(tags)
    toa = toa_conversion(
        calibration, BANDS, sun_zenith_deg=sun.zenith_deg, sun_distance_au=sun.distance_au
    )
    return RadiometricCorrection(calibration=calibration, sun=sun, toa=toa, conversion=toa)


def test_relief_is_reported_where_6s_takes_one_height(light: RadiometricCorrection) -> None:
    flat, steep = (
        TerrainHeights(mean=2400.0, p05=2400.0 - by, p95=2400.0 + by) for by in (300, 900)
    )
    surface = SurfaceCorrection({"blue": (1.3, 0.09, 0.15)})
    assert replace(light, surface=surface, terrain=flat).warnings == ()
    assert replace(light, terrain=steep).warnings == ()
    (note,) = replace(light, surface=surface, terrain=steep).warnings
    assert "mean height of 2400 m, and 5 % to 95 % of the ground is at 1500 to 3300 m" in note
    assert light.as_dict()["terrain_m"] is None


def test_much_saturation_is_reported_by_band(light: RadiometricCorrection) -> None:
    few, many = {"negative": 0.0, "saturated": 0.009}, {"negative": 0.0, "saturated": 0.25}
    seen = replace(light, source_fractions={"red": few, "nir": many})
    assert len(seen.warnings) == 1
    assert "25.0% of nir is saturated, at a count of 1023" in seen.warnings[0]


def test_much_negative_reflectance_is_reported_by_band(light: RadiometricCorrection) -> None:
    seen = replace(light, source_fractions={"nir": {"negative": 0.02, "saturated": 0.0}})
    assert "2.0% of nir is negative reflectance" in seen.warnings[0]
    assert replace(light, source_fractions={}).warnings == ()
