"""Metadata of an image, from the XML file of a product."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeVar
from xml.etree.ElementTree import Element

from landslip.core.errors import InputError
from landslip.core.text import parse_xml, read_bytes
from landslip.preprocessing.camera import SatelliteCamera
from landslip.preprocessing.product.files import parse_number

_TIME = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T]+(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,12}))?Z?",
    re.ASCII,
)
_BAND = re.compile(r"(?:B|Band)?(\d{1,2})", re.IGNORECASE | re.ASCII)
_SEPARATOR = re.compile(r"[\s,;]+")
_MAX_PIXELS = 1_000_000
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMetadata:
    """Metadata of one image, multispectral or panchromatic.

    Of the calibration tags, public code and one published extract show a single tag with a number
    for each band of the image, separated by commas, in the order of `bands`: ``AbsCeof`` for GF-1
    and GF-2 (the extract's, of a GF-1 PMS1 scene, are the gains published for 2022), ``AGain`` for
    GF-6; ``NULL`` stands for none. That ``AOffset`` holds offsets in the same form is inferred.
    Most files have none of these.

    Attributes:
        centre_time: when the scene's middle was taken: Beijing time in the one real file at hand,
            without a zone; ``receive_time`` is UTC in that file.
        solar_azimuth_deg: clockwise from north.
        solar_zenith_deg: as tagged; in some files it is the sun's elevation.
        satellite_zenith_deg: as tagged; the elevation in the real file.
        bands: band numbers from 1; empty without a tag.
        abs_gains: W m-2 sr-1 um-1 for one count, by band.
        abs_offsets: W m-2 sr-1 um-1, by band.
    """

    camera: SatelliteCamera
    centre_time: datetime
    solar_azimuth_deg: float
    solar_zenith_deg: float
    shape: tuple[int, int]
    level: str | None = None
    receive_time: datetime | None = None
    satellite_zenith_deg: float | None = None
    roll_deg: float | None = None
    bands: tuple[int, ...] = ()
    gsd_m: float | None = None
    abs_gains: tuple[float, ...] | None = None
    abs_offsets: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise InputError(
                "an image has at least 1 row and 1 column; HeightInPixels and WidthInPixels are "
                f"{self.shape[0]} and {self.shape[1]}"
            )
        if not 0 <= self.solar_zenith_deg <= 90:
            raise InputError(
                "for reflectance the sun must be above the horizon, SolarZenith from 0 to 90 "
                f"degrees; got {self.solar_zenith_deg}"
            )
        if not -180 <= self.solar_azimuth_deg <= 360:
            raise InputError(
                f"SolarAzimuth is from -180 to 360 degrees; got {self.solar_azimuth_deg}"
            )
        if self.gsd_m is not None and self.gsd_m <= 0:
            raise InputError(f"ImageGSD must be over 0 metres; got {self.gsd_m}")
        if self.abs_gains is not None and min(self.abs_gains) <= 0:
            raise InputError(
                f"calibration gains (AbsCeof or AGain) must be over 0; got {self.abs_gains}"
            )


def read_metadata(path: Path) -> ImageMetadata:
    """Read the XML file of an image.

    Neither document types nor entities nor anything external are accepted in it.

    Raises:
        InputError: it is no such XML, a tag that is needed is missing, or a tag's value cannot be
            what its name says; the message names file, tag and value.
    """
    content = read_bytes(path)
    try:
        root = parse_xml(content)

        def needed(tag: str, parse: Callable[[str, str], _Value]) -> _Value:
            value = optional(tag, parse)
            if value is None:
                raise InputError(
                    f"the tag {tag} is needed and missing or empty; download the product again"
                )
            return value

        def optional(tag: str, parse: Callable[[str, str], _Value]) -> _Value | None:
            text = _tag_text(root, tag)
            return None if text is None else parse(text, tag)

        return ImageMetadata(
            camera=SatelliteCamera.parse(needed("SatelliteID", _word), needed("SensorID", _word)),
            level=optional("ProductLevel", _word),
            centre_time=needed("CenterTime", _time),
            receive_time=optional("ReceiveTime", _time),
            solar_azimuth_deg=needed("SolarAzimuth", _number),
            solar_zenith_deg=needed("SolarZenith", _number),
            satellite_zenith_deg=optional("SatelliteZenith", _number),
            roll_deg=optional("RollSatelliteAngle", _number),
            bands=optional("Bands", _bands) or (),
            shape=(needed("HeightInPixels", _pixel_count), needed("WidthInPixels", _pixel_count)),
            gsd_m=optional("ImageGSD", _number),
            abs_gains=optional("AbsCeof", _calibration_values)
            or optional("AGain", _calibration_values),
            abs_offsets=optional("AOffset", _calibration_values),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _tag_text(root: Element, tag: str) -> str | None:
    """Return the text of a tag; an empty one counts as none."""
    element = root.find(tag)
    if element is None:
        element = root.find(f".//{tag}")
    if element is None:
        return None
    if len(element):
        raise InputError(
            f"the tag {tag} must hold a plain value; it holds further tags, "
            f"<{element[0].tag}> first"
        )
    return (element.text or "").strip() or None


def _word(text: str, _tag: str) -> str:
    return text


def _time(text: str, tag: str) -> datetime:
    match = _TIME.fullmatch(text)
    if match is None:
        _refuse(tag, text, "a time such as 2022-06-24 13:39:09")
    year, month, day, hour, minute, second = (int(number) for number in match.groups()[:6])
    microsecond = int((match[7] or "").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)
    except ValueError:
        _refuse(tag, text, "a time of the calendar")


def _number(text: str, tag: str) -> float:
    value = parse_number(text)
    if value is None:
        _refuse(tag, text, "a finite number")
    return value


def _pixel_count(text: str, tag: str) -> int:
    value = _number(text, tag)
    if not (value.is_integer() and 0 < value < _MAX_PIXELS):
        _refuse(tag, text, f"a whole number of pixels from 1 to {_MAX_PIXELS - 1}")
    return int(value)


def _bands(text: str, tag: str) -> tuple[int, ...]:
    matches = [_BAND.fullmatch(part) for part in _split(text)]
    numbers = tuple(int(match[1]) for match in matches if match is not None)
    if not numbers or len(numbers) < len(matches):
        _refuse(tag, text, "band numbers such as 1,2,3,4")
    return numbers


def _calibration_values(text: str, tag: str) -> tuple[float, ...] | None:
    values = [part for part in _split(text) if part.upper() != "NULL"]
    if not values:
        return None
    if len(values) < len(_split(text)):
        _refuse(tag, text, "a number for each band, or NULL for all of them")
    return tuple(_number(part, tag) for part in values)


def _split(text: str) -> list[str]:
    return [part for part in _SEPARATOR.split(text) if part]


def _refuse(tag: str, text: str, rule: str) -> NoReturn:
    raise InputError(f"the tag {tag} must be {rule}; got {text[:80]!r}")
