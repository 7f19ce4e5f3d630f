"""Radiometric calibration, and conversion of counts to top-of-atmosphere reflectance.

Coefficients are the product's, of the published table, or from a user's file. Radiance is
``gain * DN + offset``; reflectance also needs the solar irradiance ESUN.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import FiniteFloat, ValidationError

from landslip.core.errors import InputError, argument, excerpt
from landslip.core.records import StrictModel
from landslip.core.text import read_yaml
from landslip.preprocessing.camera import SatelliteCamera

CAMERA_BANDS = ("pan", "blue", "green", "red", "nir")
NEAREST = "nearest"
TABLE = "table"
_LISTED = 4
_PLAUSIBLE_FACTOR = 2.0
_QUANTITIES = {"gains": "gain", "offsets": "offset", "esun": "ESUN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiometricCalibration:
    """Absolute calibration of one camera, by band name.

    Attributes:
        gains: W m-2 sr-1 um-1 per count, above 0.
        offsets: W m-2 sr-1 um-1.
        esun: solar irradiance outside the atmosphere at 1 AU in W m-2 um-1, above 0.
        year: in which the gains were measured; None where it is not known.
        source: of the coefficients, in words for a report.
    """

    gains: Mapping[str, float]
    offsets: Mapping[str, float]
    esun: Mapping[str, float]
    year: int | None
    source: str

    def __post_init__(self) -> None:
        tables = {"gain": self.gains, "offset": self.offsets, "ESUN": self.esun}
        if len({frozenset(table) for table in tables.values()}) > 1:
            raise InputError(
                "gains, offsets and ESUN must be given for the same bands; got "
                + ", ".join(f"{name} of {','.join(table)}" for name, table in tables.items())
            )
        for name, table in tables.items():
            for band, value in table.items():
                if not math.isfinite(value) or (name != "offset" and value <= 0):
                    rule = "finite" if name == "offset" else "finite and above 0"
                    raise InputError(
                        f"the {name} of band {band} must be {rule}; got {value} ({self.source})"
                    )

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that have coefficients."""
        return tuple(self.gains)


class BandValues(StrictModel):
    """One number for each band of a camera."""

    pan: FiniteFloat
    blue: FiniteFloat
    green: FiniteFloat
    red: FiniteFloat
    nir: FiniteFloat


class CameraCoefficients(StrictModel):
    """A user's calibration file.

    The smallest one, with invented values::

        satellite: GF2
        sensor: PMS1
        gains:   {pan: 0.15, blue: 0.16, green: 0.17, red: 0.18, nir: 0.19}
        offsets: {pan: 0, blue: 0, green: 0, red: 0, nir: 0}
        esun:    {pan: 1370, blue: 1945, green: 1854, red: 1543, nir: 1081}

    ``year`` (of the gains) and ``source`` (words for the report) may be added.
    """

    satellite: str
    sensor: str
    gains: BandValues
    offsets: BandValues
    esun: BandValues
    year: int | None = None
    source: str | None = None


class YearCoefficients(StrictModel):
    """Published coefficients of one camera and year."""

    sensor: str
    year: int
    source: str
    gains: BandValues
    offsets: BandValues


class SolarIrradiance(StrictModel):
    """Published solar irradiance of one camera."""

    source: str
    values: BandValues


class CalibrationTable(StrictModel):
    """Published coefficients of the cameras of one satellite."""

    satellite: str
    esun: dict[str, SolarIrradiance]
    years: tuple[YearCoefficients, ...]

    def calibrations(self, camera: SatelliteCamera) -> dict[int, RadiometricCalibration]:
        """Return what was published for a camera by year, ascending; none for other cameras."""
        if camera.satellite != self.satellite:
            return {}
        esun = self.esun[camera.sensor]
        entries = (entry for entry in self.years if entry.sensor == camera.sensor)
        return {
            entry.year: RadiometricCalibration(
                gains=entry.gains.model_dump(),
                offsets=entry.offsets.model_dump(),
                esun=esun.values.model_dump(),
                year=entry.year,
                source=f"figures of {entry.year} for {camera} ({entry.source}); ESUN {esun.source}",
            )
            for entry in sorted(entries, key=lambda entry: entry.year)
        }


@cache
def gf1_calibration_table() -> CalibrationTable:
    """Return the table of GF-1 PMS1 and PMS2 that is part of this package."""
    file = resources.files("landslip.preprocessing.radiometry") / "calibration_gf1.yaml"
    return CalibrationTable.model_validate(yaml.safe_load(file.read_text("utf-8")))


def select_calibration(
    camera: str,
    year: int,
    *,
    choice: str | Path | None = None,
    gains: Mapping[str, float] | None = None,
    offsets: Mapping[str, float] | None = None,
) -> RadiometricCalibration:
    """Choose the calibration of a scene.

    A calibration file comes first. Otherwise the product's own gains are used where it has those of
    every band, else the table's of the scene's year.

    Args:
        camera: such as ``GF1 PMS1``.
        year: in which the scene was taken.
        choice: ``nearest``, the table's year nearest to the scene's (the later of two) where its
            own is missing; ``table``, the table even where the product has gains; a path, the
            coefficients of a YAML file (see `CameraCoefficients`); None, no choice made.
        gains: in the product's metadata (``AbsCeof``), by band name.
        offsets: in the metadata; 0 for bands that are not named.

    Raises:
        InputError: there are no coefficients for the camera or year, the product's own gains are
            far from all published ones, or the file does not fit.
    """
    named = SatelliteCamera.from_name(camera)
    if choice is not None and choice not in (NEAREST, TABLE):
        return read_calibration_file(Path(choice), named)
    published = gf1_calibration_table().calibrations(named)
    if not published:
        raise InputError(f"no calibration is known for camera {named}; {_file_remedy()}")
    if gains is not None and choice != TABLE and set(CAMERA_BANDS) <= set(gains):
        for band in CAMERA_BANDS:
            known = [one.gains[band] for one in published.values()]
            low, high = min(known), max(known)
            if not low / _PLAUSIBLE_FACTOR <= gains[band] <= high * _PLAUSIBLE_FACTOR:
                raise InputError(
                    f"a gain in a product's AbsCeof must be within a factor of "
                    f"{_PLAUSIBLE_FACTOR:g} of the published ones of {named}, {low:.4f} to "
                    f"{high:.4f} for band {band}; got {gains[band]:g}: use "
                    f"{argument('calibration', TABLE)} to ignore it, or {_file_remedy()}"
                )
        esun = gf1_calibration_table().esun[named.sensor]
        return RadiometricCalibration(
            gains={band: gains[band] for band in CAMERA_BANDS},
            offsets={band: (offsets or {}).get(band, 0.0) for band in CAMERA_BANDS},
            esun=esun.values.model_dump(),
            year=year,
            source=f"AbsCeof of the product; ESUN {esun.source}",
        )
    if year in published:
        return published[year]
    if choice != NEAREST:
        raise InputError(
            f"no calibration of {named} is known for {year}, only for "
            f"{', '.join(map(str, published))}; choose {argument('calibration', NEAREST)}, "
            f"or {_file_remedy()}"
        )
    nearest = published[min(published, key=lambda other: (abs(other - year), -other))]
    return replace(nearest, source=f"{nearest.source}; nearest to {year}, which has none")


def _file_remedy() -> str:
    return (
        "give gains, offsets and ESUN of pan, blue, green, red and nir in a YAML file with "
        f"{argument('calibration', 'FILE')}"
    )


def read_calibration_file(path: Path, camera: SatelliteCamera) -> RadiometricCalibration:
    """Read a user's calibration file for a camera.

    Raises:
        InputError: the file is missing, lacks a coefficient, or is of another camera.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(
            f"calibration file {path} must hold satellite, sensor, gains, offsets and esun; "
            f"got {type(content).__name__}"
        )
    try:
        coefficients = CameraCoefficients.model_validate(content)
    except ValidationError as error:
        problems = [_problem_text(dict(problem)) for problem in error.errors()]
        raise InputError(f"calibration file {path} {'; '.join(problems[:_LISTED])}") from error
    named = SatelliteCamera.from_name(f"{coefficients.satellite} {coefficients.sensor}")
    if named != camera:
        raise InputError(
            f"a calibration file must be of the camera that took the scene; {path} is of {named} "
            f"and the scene of {camera}"
        )
    year = f", gains of {coefficients.year}" if coefficients.year else ""
    words = f", {coefficients.source}" if coefficients.source else ""
    return RadiometricCalibration(
        gains=coefficients.gains.model_dump(),
        offsets=coefficients.offsets.model_dump(),
        esun=coefficients.esun.model_dump(),
        year=coefficients.year,
        source=f"calibration file {path.name}{year}{words}",
    )


def _problem_text(problem: dict[str, Any]) -> str:
    """Return a validation problem as the end of a sentence about the file."""
    where = problem["loc"]
    name = excerpt(".".join(map(str, where)))
    if problem["type"] == "extra_forbidden":
        return f"has {name}, which is not known there"
    if problem["type"] == "missing" and where[0] in _QUANTITIES:
        bands = where[1:] or CAMERA_BANDS
        return f"needs the {_QUANTITIES[where[0]]} of band {', '.join(bands)}"
    if problem["type"] == "missing":
        return f"needs {name}"
    return f"has {name}: {excerpt(repr(problem['input']))}, which is not a valid number or word"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectanceConversion:
    """``reflectance = scale * DN + offset`` for each band, in the order of ``bands``."""

    bands: tuple[str, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.bands) == len(self.scale) == len(self.offset) > 0:
            raise InputError(
                f"a conversion has one scale and offset for each band; got {len(self.scale)} and "
                f"{len(self.offset)} for {','.join(self.bands)}"
            )
        for band, scale, offset in zip(self.bands, self.scale, self.offset, strict=True):
            if not (math.isfinite(scale) and scale > 0 and math.isfinite(offset)):
                raise InputError(
                    f"a conversion's scale is finite and above 0 and its offset finite; "
                    f"got {scale}, {offset} for band {band}"
                )

    def apply(self, dn: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return reflectance (bands, height, width) of counts of any type; fill is converted too.

        Values are not clipped: noise and offsets make some reflectances negative.
        """
        values: NDArray[np.float32] = np.multiply(dn, _column(self.scale), dtype=np.float32)
        values += _column(self.offset)
        return values

    def only(self, *bands: str) -> "ReflectanceConversion":
        """Return the conversion of some of the bands, in the order asked for."""
        missing = [band for band in bands if band not in self.bands]
        if missing:
            raise InputError(f"the conversion is of {','.join(self.bands)}; got {missing[0]}")
        at = [self.bands.index(band) for band in bands]
        return ReflectanceConversion(
            bands=bands,
            scale=tuple(self.scale[index] for index in at),
            offset=tuple(self.offset[index] for index in at),
        )

    def less(self, reflectance: Mapping[str, float]) -> "ReflectanceConversion":
        """Return the conversion with reflectance subtracted, by band name."""
        offsets = zip(self.bands, self.offset, strict=True)
        offset = tuple(value - reflectance.get(band, 0.0) for band, value in offsets)
        return replace(self, offset=offset)


def toa_conversion(
    calibration: RadiometricCalibration,
    bands: tuple[str, ...],
    *,
    sun_zenith_deg: float,
    sun_distance_au: float,
) -> ReflectanceConversion:
    """Return the conversion of counts of bands to reflectance at the top of the atmosphere.

    ``rho = pi L d^2 / (ESUN cos z)`` with ``L = gain DN + offset``; Chander et al. (2009), doi
    10.1016/j.rse.2009.01.007.

    Raises:
        InputError: a band has no calibration, or the sun is not above the horizon.
    """
    missing = [band for band in bands if band not in calibration.bands]
    if missing:
        raise InputError(
            f"the calibration ({calibration.source}) has {','.join(calibration.bands)}; "
            f"band {missing[0]} is needed"
        )
    if not 0 <= sun_zenith_deg < 90 or not 0.97 < sun_distance_au < 1.03:
        raise InputError(
            f"the sun's zenith angle is 0 to below 90 degrees and its distance about 1 AU; "
            f"got {sun_zenith_deg} and {sun_distance_au}"
        )
    cosine = math.cos(math.radians(sun_zenith_deg))
    factors = {
        band: math.pi * sun_distance_au**2 / (calibration.esun[band] * cosine) for band in bands
    }
    return ReflectanceConversion(
        bands=bands,
        scale=tuple(calibration.gains[band] * factors[band] for band in bands),
        offset=tuple(calibration.offsets[band] * factors[band] for band in bands),
    )


def _column(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)[:, np.newaxis, np.newaxis]
