import math
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.sun import (
    SunAngle,
    SunPosition,
    SunTags,
    TimeStandard,
    interpret_sun_tags,
    sun_position,
)

GOLDEN = (-105.1786, 39.742476)
GOLDEN_TIME = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))


def azimuth_apart(first: SunPosition, azimuth_deg: float) -> float:
    return abs((first.azimuth_deg - azimuth_deg + 180) % 360 - 180)


def test_the_example_of_nrel_in_golden() -> None:
    """Reda and Andreas (2004), table A5.1; the zenith there, 50.11162, is with refraction."""
    sun = sun_position(GOLDEN_TIME, *GOLDEN)
    latitude, declination, hour = map(math.radians, (GOLDEN[1], -9.316179, 11.10629))
    geometric = math.degrees(
        math.acos(
            math.sin(latitude) * math.sin(declination)
            + math.cos(latitude) * math.cos(declination) * math.cos(hour)
        )
    )
    assert sun.zenith_deg == pytest.approx(geometric, abs=0.01)
    assert sun.zenith_deg == pytest.approx(50.11162, abs=0.02)
    assert sun.azimuth_deg == pytest.approx(194.34024, abs=0.01)
    assert sun.distance_au == pytest.approx(0.9965423, abs=1e-4)
    assert sun.elevation_deg == pytest.approx(90 - sun.zenith_deg)


@pytest.mark.parametrize(
    ("utc", "lon", "lat", "zenith", "azimuth", "distance"),
    [
        ("2022-06-24 05:39:09", 69.38, 33.3, 25.18616, 106.24957, 1.0164202),
        ("2013-08-12 03:45:00", 103.5, 31.3, 25.58459, 124.85754, 1.0133273),
        ("2020-01-05 05:00:00", 88, 27, 52.71544, 158.69125, 0.9832458),
        ("2018-12-21 00:00:00", 150, -33.9, 27.75648, 75.63290, 0.9837406),
        ("2016-03-20 12:00:00", 0.0, 0.0, 1.83950, 86.15782, 0.9959915),
        ("2025-07-03 18:00:00", -100.0, 71.0, 48.54026, 166.31922, 1.0166438),
    ],
)
def test_positions_are_those_of_nrels_algorithm(
    utc: str, lon: float, lat: float, zenith: float, azimuth: float, distance: float
) -> None:
    """Computed with the implementation of NREL's SPA in pvlib 0.16, without refraction."""
    sun = sun_position(datetime.fromisoformat(utc), lon, lat)
    assert sun.zenith_deg == pytest.approx(zenith, abs=0.015)
    assert azimuth_apart(sun, azimuth) * math.sin(math.radians(zenith)) < 0.015
    assert sun.distance_au == pytest.approx(distance, abs=1e-4)


def test_a_time_without_zone_is_utc() -> None:
    naive = datetime(2022, 6, 24, 5, 39, 9)
    assert sun_position(naive, 69.38, 33.3) == sun_position(naive.replace(tzinfo=UTC), 69.38, 33.3)


def test_the_earth_is_nearest_in_january() -> None:
    days = [datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    distances = [sun_position(day, 0, 0).distance_au for day in days]
    assert distances.index(min(distances)) in range(2, 6)
    assert distances.index(max(distances)) in range(183, 190)


@given(
    hours=st.integers(0, 24 * 365 * 30),
    lon=st.floats(-180, 180),
    lat=st.floats(-89, 89),
)
def test_the_antipode_sees_the_other_half_of_the_sky(hours: int, lon: float, lat: float) -> None:
    utc = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    here, there = sun_position(utc, lon, lat), sun_position(utc, lon + 180, -lat)
    assert here.zenith_deg + there.zenith_deg == pytest.approx(180, abs=0.01)
    assert 0 <= here.azimuth_deg < 360
    assert 0.983 < here.distance_au < 1.017


SHARED = Path(__file__).parents[4] / "shared"
GF1 = Path(os.environ.get("LANDSLIP_DATA", SHARED / "data")) / "gf1"

# The tags of a real product of 2022.
REAL = SunTags(
    center_time=datetime(2022, 6, 24, 13, 39, 9),
    receive_time=datetime(2022, 6, 24, 5, 39, 9),
    azimuth_deg=106.266,
    zenith_deg=25.1707,
    lon_deg=69.38,
    lat_deg=33.30,
    file="scene.xml",
)


def test_a_real_products_tags_are_beijing_time_and_zenith() -> None:
    sun = interpret_sun_tags(REAL)
    assert sun.time_standard is TimeStandard.BEIJING
    assert sun.tag_angle is SunAngle.ZENITH
    assert sun.utc == datetime(2022, 6, 24, 5, 39, 9)
    assert sun.zenith_deg == 25.1707
    assert sun.azimuth_deg == 106.266
    assert sun.distance_au == pytest.approx(1.01642, abs=1e-4)
    assert abs(sun.zenith_difference_deg) < 0.05
    assert abs(sun.azimuth_difference_deg) < 0.05


@pytest.mark.parametrize("angle", list(SunAngle))
@pytest.mark.parametrize("time", list(TimeStandard))
@pytest.mark.parametrize("received", [True, False])
def test_all_four_readings_are_distinguished(
    angle: SunAngle, time: TimeStandard, received: bool
) -> None:
    utc = datetime(2022, 6, 24, 5, 39, 9)
    tags = replace(
        REAL,
        zenith_deg=25.1707 if angle is SunAngle.ZENITH else 90 - 25.1707,
        center_time=utc + timedelta(hours=8) if time is TimeStandard.BEIJING else utc,
        receive_time=utc if received else None,
    )
    sun = interpret_sun_tags(tags)
    assert (sun.tag_angle, sun.time_standard, sun.utc) == (angle, time, utc)
    assert sun.zenith_deg == pytest.approx(25.1707)


def test_around_45_degrees_the_closer_reading_is_taken() -> None:
    utc = datetime(2022, 9, 20, 4, 0)
    latitude = next(
        lat / 100
        for lat in range(3000, 6000)
        if sun_position(utc, 103.0, lat / 100).zenith_deg > 44.5
    )
    true = sun_position(utc, 103.0, latitude)
    tags = SunTags(
        center_time=utc,
        azimuth_deg=true.azimuth_deg,
        zenith_deg=44.5,
        lon_deg=103.0,
        lat_deg=latitude,
    )
    assert interpret_sun_tags(tags).tag_angle is SunAngle.ZENITH
    assert interpret_sun_tags(replace(tags, zenith_deg=45.5)).tag_angle is SunAngle.ELEVATION
    assert interpret_sun_tags(replace(tags, zenith_deg=45.5)).zenith_deg == pytest.approx(44.5)


def test_azimuths_are_compared_around_north() -> None:
    utc = datetime(2022, 6, 10, 2, 0)
    true = sun_position(utc, 150.0, -40.0)
    assert true.azimuth_deg < 4 or true.azimuth_deg > 356
    for offset in (-4.5, 4.5):
        tags = SunTags(
            center_time=utc,
            azimuth_deg=(true.azimuth_deg + offset) % 360,
            zenith_deg=true.zenith_deg,
            lon_deg=150.0,
            lat_deg=-40.0,
        )
        assert interpret_sun_tags(tags).azimuth_difference_deg == pytest.approx(offset)
        assert (
            interpret_sun_tags(replace(tags, azimuth_deg=tags.azimuth_deg - 360)).azimuth_deg >= 0
        )


def test_the_azimuth_is_not_asked_for_where_the_sun_is_overhead() -> None:
    utc = datetime(2016, 3, 20, 12)
    true = sun_position(utc, 0.0, 0.0)
    assert true.zenith_deg < 3
    tags = SunTags(
        center_time=utc,
        azimuth_deg=(true.azimuth_deg + 120) % 360,
        zenith_deg=true.zenith_deg,
        lon_deg=0.0,
        lat_deg=0.0,
    )
    assert interpret_sun_tags(tags).time_standard is TimeStandard.UTC
    with pytest.raises(InputError, match="SolarAzimuth"):
        interpret_sun_tags(
            replace(tags, lat_deg=4.0, zenith_deg=sun_position(utc, 0, 4).zenith_deg)
        )


def test_the_time_of_reception_breaks_a_tie() -> None:
    """Near the pole the sun stands equally high all day; only the azimuth tells the hour."""
    early = datetime(2022, 6, 21, 4)
    late = early + timedelta(hours=8)
    suns = [sun_position(utc, 0.0, 89.999) for utc in (early, late)]
    assert abs(suns[0].zenith_deg - suns[1].zenith_deg) < 0.01
    tags = SunTags(
        center_time=late,
        azimuth_deg=suns[0].azimuth_deg,
        zenith_deg=suns[0].zenith_deg,
        lon_deg=0.0,
        lat_deg=89.999,
        receive_time=late,
    )
    assert interpret_sun_tags(tags).utc == early


@pytest.mark.parametrize("zenith", [25.17 + 2.2, 25.17 - 2.2, 50.0])
def test_an_angle_that_fits_no_reading_stops(zenith: float) -> None:
    text = (
        rf"scene\.xml says {zenith:g} and 106\.266.*zenith 25\.18, elevation 64\.82, "
        r"azimuth 106\.26 at 2022-06-24 05:39:09 UTC \(CenterTime read as Beijing time\).*"
        r"13:39:09 UTC \(CenterTime read as UTC\): correct CenterTime"
    )
    with pytest.raises(InputError, match=text):
        interpret_sun_tags(replace(REAL, zenith_deg=zenith))


def test_an_azimuth_that_fits_no_reading_stops() -> None:
    interpret_sun_tags(replace(REAL, azimuth_deg=106.25 + 4.9))
    with pytest.raises(InputError, match=r"says 25\.1707 and 111\.4"):
        interpret_sun_tags(replace(REAL, azimuth_deg=111.4))


def test_an_angle_out_of_range_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"SolarZenith must be between 0 and 90 degrees; got 95\.0 in"
    ):
        replace(REAL, zenith_deg=95.0)
    with pytest.raises(InputError, match="SolarZenith"):
        replace(REAL, zenith_deg=math.nan)
    with pytest.raises(InputError, match="SolarAzimuth must be between -360 and 360"):
        replace(REAL, azimuth_deg=400.0)


@pytest.mark.skipif(not GF1.exists(), reason="needs gf1 (set LANDSLIP_DATA)")
def test_every_real_metadata_file_is_understood() -> None:
    files = sorted(GF1.glob("*/*.xml"))
    assert len(files) >= 2
    for file in files:
        tags = dict(re.findall(r"<(\w+)>([^<]+)</", file.read_text(encoding="utf-8")))
        corners = [
            (float(tags[f"{corner}Longitude"]), float(tags[f"{corner}Latitude"]))
            for corner in ("TopLeft", "TopRight", "BottomRight", "BottomLeft")
        ]
        sun = interpret_sun_tags(
            SunTags(
                center_time=datetime.fromisoformat(tags["CenterTime"]),
                receive_time=datetime.fromisoformat(tags["ReceiveTime"]),
                azimuth_deg=float(tags["SolarAzimuth"]),
                zenith_deg=float(tags["SolarZenith"]),
                lon_deg=sum(lon for lon, _ in corners) / 4,
                lat_deg=sum(lat for _, lat in corners) / 4,
                file=file.name,
            )
        )
        assert sun.tag_angle is SunAngle.ZENITH
        assert sun.utc == datetime(2022, 6, 24, 5, 39, 9)
        assert abs(sun.zenith_difference_deg) < 0.1
