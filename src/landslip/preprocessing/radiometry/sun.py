"""Where the sun stands, and how far away it is."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_DAYS_PER_CENTURY = 36_525.0
_PARALLAX_DEG = 8.794 / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """The sun as seen from a place at a time.

    Attributes:
        zenith_deg: angle from the zenith, without refraction; above 90 under the horizon.
        azimuth_deg: clockwise from north, 0 to 360.
        distance_au: distance from the earth, astronomical units.
    """

    zenith_deg: float
    azimuth_deg: float
    distance_au: float

    @property
    def elevation_deg(self) -> float:
        """Angle over the horizon."""
        return 90 - self.zenith_deg


def sun_position(utc: datetime, lon_deg: float, lat_deg: float) -> Sun:
    """Return where the sun stands over a place.

    Meeus, Astronomical Algorithms (2nd edition, 1998), chapters 12, 13 and 25 in the lower
    accuracy (the formulas of NOAA's solar calculator): within 0.02 degrees and 1e-4 AU from 1950 to
    2050. Refraction is left out (0.01 degrees at zenith 40, 0.03 at 60); UTC stands for the
    uniform time, which shifts the sun by 0.001 degrees.

    Args:
        utc: an instant; without a time zone it is read as UTC.
        lon_deg: longitude, east positive.
        lat_deg: latitude, north positive.
    """
    instant = utc.replace(tzinfo=UTC) if utc.tzinfo is None else utc
    days = (instant - _J2000).total_seconds() / 86_400
    right_ascension, declination, distance = _equatorial(days / _DAYS_PER_CENTURY)
    hour_angle = math.radians(_sidereal_deg(days) + lon_deg) - right_ascension
    zenith, azimuth = _horizontal(hour_angle, declination, math.radians(lat_deg))
    parallax = _PARALLAX_DEG / distance * math.sin(zenith)
    return Sun(
        zenith_deg=math.degrees(zenith) + parallax,
        azimuth_deg=math.degrees(azimuth) % 360,
        distance_au=distance,
    )


def _equatorial(centuries: float) -> tuple[float, float, float]:
    """Return apparent right ascension and declination in radians, and distance in AU."""
    t = centuries
    mean_longitude = 280.46646 + t * (36_000.76983 + t * 0.0003032)
    anomaly = math.radians(357.52911 + t * (35_999.05029 - t * 0.0001537))
    eccentricity = 0.016708634 - t * (0.000042037 + t * 0.0000001267)
    centre = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * math.sin(anomaly)
        + (0.019993 - t * 0.000101) * math.sin(2 * anomaly)
        + 0.000289 * math.sin(3 * anomaly)
    )
    true_anomaly = anomaly + math.radians(centre)
    distance = 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * math.cos(true_anomaly))
    node = math.radians(125.04 - 1934.136 * t)
    longitude = math.radians(mean_longitude + centre - 0.00569 - 0.00478 * math.sin(node))
    obliquity = math.radians(23.439291 - 0.0130042 * t + 0.00256 * math.cos(node))
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    return right_ascension, math.asin(math.sin(obliquity) * math.sin(longitude)), distance


def _sidereal_deg(days: float) -> float:
    """Return the mean sidereal time of Greenwich (Meeus, equation 12.4)."""
    return (280.46061837 + 360.98564736629 * days) % 360


def _horizontal(hour_angle: float, declination: float, latitude: float) -> tuple[float, float]:
    """Return zenith angle and azimuth clockwise from north; all in radians."""
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(latitude) * math.sin(declination) - math.sin(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    up = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    return math.atan2(math.hypot(east, north), up), math.atan2(east, north)
