"""What a product says about the sun, judged by where the sun was.

Products of the same satellites disagree on whether the time of a scene is Beijing's or UTC, and on
whether the tag ``SolarZenith`` holds the zenith angle or the elevation. Reading the latter wrongly
makes reflectance wrong by a factor of two at a zenith angle of 25 degrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.sun import Sun, sun_position

_ANGLE_TOLERANCE_DEG = 2.0
_AZIMUTH_TOLERANCE_DEG = 5.0
_AZIMUTH_UNDEFINED_ZENITH_DEG = 3.0
_RECEPTION = timedelta(hours=3)
_BEIJING = timedelta(hours=8)


class TimeReading(StrEnum):
    """Which clock the time of a scene was read on."""

    BEIJING = "beijing"
    UTC = "utc"


class AngleReading(StrEnum):
    """What the tag ``SolarZenith`` holds."""

    ZENITH = "zenith"
    ELEVATION = "elevation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SunTags:
    """A product's tags about time and sun, and where the scene lies.

    Attributes:
        center_time: ``CenterTime``, without a time zone.
        azimuth_deg: ``SolarAzimuth``.
        zenith_deg: ``SolarZenith``, whatever it holds.
        lon_deg, lat_deg: the scene's centre.
        receive_time: ``ReceiveTime``, in UTC, where there is one.
        file: the file that the tags are from, for messages.
    """

    center_time: datetime
    azimuth_deg: float
    zenith_deg: float
    lon_deg: float
    lat_deg: float
    receive_time: datetime | None = None
    file: str = "the metadata"

    def __post_init__(self) -> None:
        if not 0 <= self.zenith_deg <= 90:
            raise InputError(
                f"SolarZenith lies between 0 and 90 degrees; got {self.zenith_deg} in {self.file}"
            )
        if not -360 <= self.azimuth_deg <= 360:
            raise InputError(
                f"SolarAzimuth lies between 0 and 360 degrees; got {self.azimuth_deg} in "
                f"{self.file}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSun:
    """How a product's tags are read, and the sun that results.

    Attributes:
        zenith_deg: the tag's angle in its accepted reading.
        azimuth_deg: the tag's.
        distance_au: computed.
        utc: the time of the scene.
        time_reading, angle_reading: how the tags are read.
        computed: where the sun was at that time.
    """

    zenith_deg: float
    azimuth_deg: float
    distance_au: float
    utc: datetime
    time_reading: TimeReading
    angle_reading: AngleReading
    computed: Sun

    @property
    def zenith_difference_deg(self) -> float:
        """The tag's angle as it is read, less the computed one."""
        return self.zenith_deg - self.computed.zenith_deg

    @property
    def azimuth_difference_deg(self) -> float:
        """The tag's azimuth less the computed one, -180 to 180."""
        return _turn(self.azimuth_deg - self.computed.azimuth_deg)


def judge_sun(tags: SunTags) -> JudgedSun:
    """Find the reading of time and angle that agrees with the computed sun.

    A reading agrees where the angle is within 2 degrees of the computed one and the azimuth within
    5 (the azimuth is not asked for where the sun is within 3 degrees of the zenith). Of several,
    one within 3 hours of ``ReceiveTime`` comes first, then the one closest in angle: around an
    angle of 45 degrees zenith and elevation both agree, and either is within 2 degrees of the
    truth.

    Raises:
        InputError: no reading agrees.
    """
    readings = list(_readings(tags))
    agreeing = [reading for reading in readings if _agrees(reading)]
    if not agreeing:
        raise InputError(_disagreement(tags, readings))
    return min(agreeing, key=lambda one: (not _received(one, tags), abs(one.zenith_difference_deg)))


def _readings(tags: SunTags) -> Iterator[JudgedSun]:
    times = {TimeReading.BEIJING: tags.center_time - _BEIJING, TimeReading.UTC: tags.center_time}
    angles = {
        AngleReading.ZENITH: tags.zenith_deg,
        AngleReading.ELEVATION: 90 - tags.zenith_deg,
    }
    for time_reading, utc in times.items():
        computed = sun_position(utc, tags.lon_deg, tags.lat_deg)
        for angle_reading, zenith_deg in angles.items():
            yield JudgedSun(
                zenith_deg=zenith_deg,
                azimuth_deg=tags.azimuth_deg % 360,
                distance_au=computed.distance_au,
                utc=utc,
                time_reading=time_reading,
                angle_reading=angle_reading,
                computed=computed,
            )


def _agrees(reading: JudgedSun) -> bool:
    if abs(reading.zenith_difference_deg) > _ANGLE_TOLERANCE_DEG:
        return False
    if reading.computed.zenith_deg < _AZIMUTH_UNDEFINED_ZENITH_DEG:
        return True
    return abs(reading.azimuth_difference_deg) <= _AZIMUTH_TOLERANCE_DEG


def _received(reading: JudgedSun, tags: SunTags) -> bool:
    if tags.receive_time is None:
        return False
    return abs(reading.utc - tags.receive_time) <= _RECEPTION


def _disagreement(tags: SunTags, readings: list[JudgedSun]) -> str:
    suns = {reading.time_reading: reading for reading in readings}
    computed = " and ".join(
        f"zenith {sun.computed.zenith_deg:.2f}, elevation {sun.computed.elevation_deg:.2f}, "
        f"azimuth {sun.computed.azimuth_deg:.2f} at {sun.utc:%Y-%m-%d %H:%M:%S} UTC "
        f"(CenterTime read as {'UTC' if reading is TimeReading.UTC else 'Beijing time'})"
        for reading, sun in suns.items()
    )
    return (
        f"SolarZenith and SolarAzimuth agree with the sun within {_ANGLE_TOLERANCE_DEG:g} and "
        f"{_AZIMUTH_TOLERANCE_DEG:g} degrees; {tags.file} says {tags.zenith_deg:g} and "
        f"{tags.azimuth_deg:g}, and over {tags.lon_deg:.2f}, {tags.lat_deg:.2f} it stood at "
        f"{computed}: correct CenterTime, SolarZenith or SolarAzimuth in that file"
    )


def _turn(angle_deg: float) -> float:
    return (angle_deg + 180) % 360 - 180
