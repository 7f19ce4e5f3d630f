"""Position of the sun, and the sun tags of products, checked against it.

Products of the same satellites disagree on whether the time of a scene is Beijing's or UTC, and on
whether the tag ``SolarZenith`` holds the zenith angle or the elevation. Reading the latter wrongly
makes reflectance wrong by a factor of two at a zenith angle of 25 degrees.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from landslip.core.errors import InputError

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_DAYS_PER_CENTURY = 36_525.0
_PARALLAX_DEG = 8.794 / 3600
_ANGLE_TOLERANCE_DEG = 2.0
_AZIMUTH_TOLERANCE_DEG = 5.0
_AZIMUTH_UNDEFINED_ZENITH_DEG = 3.0
_RECEPTION = timedelta(hours=3)
_BEIJING = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SunPosition:
    """The sun as seen from a place at a time.

    The zenith angle is without refraction, above 90 under the horizon; the azimuth is clockwise
    from north, 0 to 360.
    """

    zenith_deg: float
    azimuth_deg: float
    distance_au: float

    @property
    def elevation_deg(self) -> float:
        """Angle over the horizon."""
        return 90 - self.zenith_deg


def sun_position(utc: datetime, lon_deg: float, lat_deg: float) -> SunPosition:
    """Return the position of the sun over a place; a time without a zone is read as UTC.

    Meeus, Astronomical Algorithms (2nd edition, 1998), chapters 12, 13 and 25 in the lower accuracy
    (the formulas of NOAA's solar calculator): within 0.02 degrees and 1e-4 AU from 1950 to 2050.
    Refraction is left out (0.01 degrees at zenith 40, 0.03 at 60); UTC is taken for terrestrial
    time, which shifts the sun by 0.001 degrees.
    """
    instant = utc.replace(tzinfo=UTC) if utc.tzinfo is None else utc
    days = (instant - _J2000).total_seconds() / 86_400
    t = days / _DAYS_PER_CENTURY
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
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    sin_lat, cos_lat = math.sin(math.radians(lat_deg)), math.cos(math.radians(lat_deg))
    sin_dec, cos_dec = math.sin(declination), math.cos(declination)
    sidereal_deg = (280.46061837 + 360.98564736629 * days) % 360  # equation 12.4
    hour_angle = math.radians(sidereal_deg + lon_deg) - right_ascension
    east = -cos_dec * math.sin(hour_angle)
    north = cos_lat * sin_dec - sin_lat * cos_dec * math.cos(hour_angle)
    up = sin_lat * sin_dec + cos_lat * cos_dec * math.cos(hour_angle)
    zenith, azimuth = math.atan2(math.hypot(east, north), up), math.atan2(east, north)
    parallax = _PARALLAX_DEG / distance * math.sin(zenith)
    return SunPosition(
        zenith_deg=math.degrees(zenith) + parallax,
        azimuth_deg=math.degrees(azimuth) % 360,
        distance_au=distance,
    )


class TimeStandard(StrEnum):
    """What the tag ``CenterTime`` is read as."""

    BEIJING = "beijing"
    UTC = "utc"


class SunAngle(StrEnum):
    """What the tag ``SolarZenith`` is read as."""

    ZENITH = "zenith"
    ELEVATION = "elevation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SunTags:
    """A product's tags about time and sun, and the longitude and latitude of the scene's centre.

    ``CenterTime`` is without a time zone, ``ReceiveTime`` in UTC; ``SolarZenith`` is the zenith
    angle or the elevation; ``file`` is named in messages.
    """

    center_time: datetime
    azimuth_deg: float
    zenith_deg: float
    lon_deg: float
    lat_deg: float
    receive_time: datetime | None = None
    file: str = "the metadata"

    def __post_init__(self) -> None:
        for tag, angle, low, high in (
            ("SolarZenith", self.zenith_deg, 0, 90),
            ("SolarAzimuth", self.azimuth_deg, -360, 360),
        ):
            if not low <= angle <= high:
                raise InputError(
                    f"{tag} must be between {low} and {high} degrees; got {angle} in {self.file}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class SunReading:
    """The sun of a scene, by an interpretation of the product's tags.

    The angles are the tags', the zenith angle converted where that is the elevation; ``computed``
    is the position of the sun at the time read.
    """

    zenith_deg: float
    azimuth_deg: float
    distance_au: float
    utc: datetime
    time_standard: TimeStandard
    tag_angle: SunAngle
    computed: SunPosition

    @property
    def zenith_difference_deg(self) -> float:
        """Zenith angle from the tag minus the computed one."""
        return self.zenith_deg - self.computed.zenith_deg

    @property
    def azimuth_difference_deg(self) -> float:
        """Azimuth from the tag minus the computed one, -180 to 180."""
        return (self.azimuth_deg - self.computed.azimuth_deg + 180) % 360 - 180


def interpret_sun_tags(tags: SunTags) -> SunReading:
    """Find the reading of time and angle that agrees with the computed sun.

    A reading agrees where the angle is within 2 degrees of the computed one and the azimuth within
    5 (the azimuth is not compared where the sun is within 3 degrees of the zenith). Of several,
    one within 3 hours of ``ReceiveTime`` comes first, then the one closest in angle: around an
    angle of 45 degrees zenith and elevation both agree, and either is within 2 degrees of the
    truth.

    Raises:
        InputError: no reading agrees.
    """
    times = {TimeStandard.BEIJING: tags.center_time - _BEIJING, TimeStandard.UTC: tags.center_time}
    angles = {SunAngle.ZENITH: tags.zenith_deg, SunAngle.ELEVATION: 90 - tags.zenith_deg}
    suns = {
        standard: sun_position(utc, tags.lon_deg, tags.lat_deg) for standard, utc in times.items()
    }
    readings = [
        SunReading(
            zenith_deg=zenith_deg,
            azimuth_deg=tags.azimuth_deg % 360,
            distance_au=computed.distance_au,
            utc=times[time_standard],
            time_standard=time_standard,
            tag_angle=tag_angle,
            computed=computed,
        )
        for time_standard, computed in suns.items()
        for tag_angle, zenith_deg in angles.items()
    ]
    agreeing = [
        one
        for one in readings
        if abs(one.zenith_difference_deg) <= _ANGLE_TOLERANCE_DEG
        and (
            one.computed.zenith_deg < _AZIMUTH_UNDEFINED_ZENITH_DEG
            or abs(one.azimuth_difference_deg) <= _AZIMUTH_TOLERANCE_DEG
        )
    ]
    if not agreeing:
        computed = " and ".join(
            f"zenith {sun.zenith_deg:.2f}, elevation {sun.elevation_deg:.2f}, "
            f"azimuth {sun.azimuth_deg:.2f} at {times[standard]:%Y-%m-%d %H:%M:%S} UTC "
            f"(CenterTime read as {'UTC' if standard is TimeStandard.UTC else 'Beijing time'})"
            for standard, sun in suns.items()
        )
        raise InputError(
            "SolarZenith and SolarAzimuth must agree with the sun's position within "
            f"{_ANGLE_TOLERANCE_DEG:g} and {_AZIMUTH_TOLERANCE_DEG:g} degrees; {tags.file} says "
            f"{tags.zenith_deg:g} and {tags.azimuth_deg:g}, and over {tags.lon_deg:.2f}, "
            f"{tags.lat_deg:.2f} the sun was at {computed}: correct CenterTime, SolarZenith or "
            "SolarAzimuth in that file"
        )
    received = tags.receive_time
    return min(
        agreeing,
        key=lambda one: (
            received is None or abs(one.utc - received) > _RECEPTION,
            abs(one.zenith_difference_deg),
        ),
    )
