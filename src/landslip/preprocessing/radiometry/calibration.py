"""What a camera's counts mean: radiance is ``gain * DN + offset``, beside the sun's irradiance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from landslip.core.errors import InputError
from landslip.core.records import StrictModel
from landslip.preprocessing.camera import SatelliteCamera

CAMERA_BANDS = ("pan", "blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class RadiometricCalibration:
    """Absolute calibration of one camera, by band name.

    Attributes:
        gains: W m-2 sr-1 um-1 a count, above 0.
        offsets: W m-2 sr-1 um-1.
        esun: solar irradiance outside the atmosphere at 1 AU in W m-2 um-1, above 0.
        year: the year that the gains were measured in; None where it is not known.
        source: where the figures come from, in words for a report.
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
                "gains, offsets and ESUN are given for the same bands; got "
                + ", ".join(f"{name} of {','.join(table)}" for name, table in tables.items())
            )
        for name, table in tables.items():
            for band, value in table.items():
                if not math.isfinite(value) or (name != "offset" and value <= 0):
                    rule = "finite" if name == "offset" else "finite and above 0"
                    raise InputError(
                        f"the {name} of band {band} is {rule}; got {value} ({self.source})"
                    )

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that figures are known of."""
        return tuple(self.gains)


_QUANTITIES = {"gains": "gain", "offsets": "offset", "esun": "ESUN"}


class BandValues(StrictModel):
    """One number for each band of a camera."""

    pan: float = Field(allow_inf_nan=False)
    blue: float = Field(allow_inf_nan=False)
    green: float = Field(allow_inf_nan=False)
    red: float = Field(allow_inf_nan=False)
    nir: float = Field(allow_inf_nan=False)


class CameraCoefficients(StrictModel):
    """A user's calibration file.

    The smallest one, with invented figures::

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
    """What was published for one camera and year."""

    sensor: str
    year: int
    source: str
    gains: BandValues
    offsets: BandValues


class SolarIrradiance(StrictModel):
    """The solar irradiance published for one camera."""

    source: str
    values: BandValues


class CalibrationTable(StrictModel):
    """All that was published for the cameras of one satellite."""

    satellite: str
    esun: dict[str, SolarIrradiance]
    years: tuple[YearCoefficients, ...]

    def years_of(self, camera: SatelliteCamera) -> tuple[int, ...]:
        """Return the years that there are figures for, ascending; none for other cameras."""
        return tuple(sorted(entry.year for entry in self._entries(camera)))

    def calibration(self, camera: SatelliteCamera, year: int) -> RadiometricCalibration:
        """Return what was published for a camera and one of its years.

        Raises:
            KeyError: nothing was.
        """
        found = {entry.year: entry for entry in self._entries(camera)}[year]
        esun = self.esun[camera.sensor]
        return RadiometricCalibration(
            gains=found.gains.model_dump(),
            offsets=found.offsets.model_dump(),
            esun=esun.values.model_dump(),
            year=year,
            source=f"figures of {year} for {camera} ({found.source}); ESUN {esun.source}",
        )

    def _entries(self, camera: SatelliteCamera) -> list[YearCoefficients]:
        if camera.satellite != self.satellite:
            return []
        return [entry for entry in self.years if entry.sensor == camera.sensor]


@cache
def gf1_calibration_table() -> CalibrationTable:
    """Return the table of GF-1 PMS1 and PMS2 that is part of this package."""
    text = (
        resources.files("landslip.preprocessing.radiometry") / "calibration_gf1.yaml"
    ).read_text("utf-8")
    return CalibrationTable.model_validate(yaml.safe_load(text))


def read_calibration_file(path: Path, camera: SatelliteCamera) -> RadiometricCalibration:
    """Read a user's calibration file for a camera.

    Raises:
        InputError: the file is missing, lacks a figure, or is of another camera.
    """
    card = _read_coefficients(path)
    named = SatelliteCamera.from_name(f"{card.satellite} {card.sensor}")
    if named != camera:
        raise InputError(
            f"a calibration file is of the camera that took the scene; {path} is of {named} and "
            f"the scene of {camera}"
        )
    words = f", {card.source}" if card.source else ""
    year = f", gains of {card.year}" if card.year else ""
    return RadiometricCalibration(
        gains=card.gains.model_dump(),
        offsets=card.offsets.model_dump(),
        esun=card.esun.model_dump(),
        year=card.year,
        source=f"calibration file {path.name}{year}{words}",
    )


def _read_coefficients(path: Path) -> CameraCoefficients:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"calibration file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"calibration file {path} is not YAML text") from error
    if not isinstance(content, dict):
        raise InputError(
            f"calibration file {path} holds satellite, sensor, gains, offsets and esun; "
            f"got {type(content).__name__}"
        )
    try:
        return CameraCoefficients.model_validate(content)
    except ValidationError as error:
        problems = [_problem_text(dict(problem)) for problem in error.errors()]
        raise InputError(f"calibration file {path} {'; '.join(problems)}") from error


def _problem_text(problem: dict[str, Any]) -> str:
    """Return a validation problem as the end of a sentence about the file."""
    where = problem["loc"]
    name = ".".join(map(str, where))
    if problem["type"] == "extra_forbidden":
        return f"has {name}, which is not known there"
    if problem["type"] == "missing" and where[0] in _QUANTITIES:
        bands = where[1:] or CAMERA_BANDS
        return f"needs the {_QUANTITIES[where[0]]} of band {', '.join(bands)}"
    if problem["type"] == "missing":
        return f"needs {name}"
    return f"has {name}: {problem['input']!r}, which is no number or word that fits"


NEAREST = "nearest"
TABLE = "table"
_PLAUSIBLE_FACTOR = 2.0
_REMEDY = (
    "give gains, offsets and ESUN of pan, blue, green, red and nir in a YAML file with "
    "--calibration FILE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductCoefficients:
    """The gains that a product's metadata carry (``AbsCeof``), by band name; none in most.

    Attributes:
        gains: W m-2 sr-1 um-1 a count.
        offsets: W m-2 sr-1 um-1; a band that is not named has 0.
    """

    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)


def select_calibration(
    camera: str,
    year: int,
    *,
    choice: str | Path | None = None,
    product: ProductCoefficients | None = None,
) -> RadiometricCalibration:
    """Choose the calibration of a scene.

    A calibration file comes first. Else the product's own gains are taken where it has those of
    every band, else the table's of the scene's year.

    Args:
        camera: such as ``GF1 PMS1``.
        year: the year that the scene was taken in.
        choice: ``nearest``, the table's year nearest to the scene's (the later of two) where its
            own is missing; ``table``, the table even where the product has gains; a path, the
            figures of a YAML file (see `calibration_file.CalibrationCard`); None, no choice made.
        product: what the metadata carry.

    Raises:
        InputError: there are no figures for the camera or year, the product's own gains are far
            from all published ones, or the file does not fit.
    """
    named = SatelliteCamera.from_name(camera)
    if choice is not None and choice not in (NEAREST, TABLE):
        return read_calibration_file(Path(choice), named)
    known = gf1_calibration_table().years_of(named)
    if not known:
        raise InputError(f"no calibration is known for camera {named}; {_REMEDY}")
    if product is not None and choice != TABLE and _complete(product):
        return _from_product(named, year, product)
    return _from_table(named, year, nearest=choice == NEAREST)


def _complete(product: ProductCoefficients) -> bool:
    return set(CAMERA_BANDS) <= set(product.gains)


def _from_table(camera: SatelliteCamera, year: int, *, nearest: bool) -> RadiometricCalibration:
    table = gf1_calibration_table()
    known = table.years_of(camera)
    if year in known:
        return table.calibration(camera, year)
    if not nearest:
        raise InputError(
            f"no calibration of {camera} is known for {year}, only for "
            f"{', '.join(map(str, known))}; choose --calibration nearest, or {_REMEDY}"
        )
    taken = table.calibration(camera, min(known, key=lambda other: (abs(other - year), -other)))
    return replace(taken, source=f"{taken.source}; nearest to {year}, which has none")


def _from_product(
    camera: SatelliteCamera, year: int, product: ProductCoefficients
) -> RadiometricCalibration:
    """Return the product's own gains, with the table's ESUN."""
    for band in CAMERA_BANDS:
        _check_gain(camera, band, product.gains[band])
    esun = gf1_calibration_table().esun[camera.sensor]
    return RadiometricCalibration(
        gains={band: product.gains[band] for band in CAMERA_BANDS},
        offsets={band: product.offsets.get(band, 0.0) for band in CAMERA_BANDS},
        esun=esun.values.model_dump(),
        year=year,
        source=f"AbsCeof of the product; ESUN {esun.source}",
    )


def _check_gain(camera: SatelliteCamera, band: str, gain: float) -> None:
    table = gf1_calibration_table()
    published = [table.calibration(camera, year).gains[band] for year in table.years_of(camera)]
    low, high = min(published), max(published)
    if not low / _PLAUSIBLE_FACTOR <= gain <= high * _PLAUSIBLE_FACTOR:
        raise InputError(
            f"a gain in a product's AbsCeof lies within a factor of {_PLAUSIBLE_FACTOR:g} of the "
            f"published ones of {camera}, {low:.4f} to {high:.4f} for band {band}; got {gain:g}: "
            f"use --calibration table to leave it out, or {_REMEDY}"
        )
