import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landslip.preprocessing.radiometry.sun import Sun, sun_position

GOLDEN = (-105.1786, 39.742476)
GOLDEN_TIME = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))


def azimuth_apart(first: Sun, azimuth_deg: float) -> float:
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
