"""Calibration figures in YAML: a user's file for one camera, and the table that comes with GF-1."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from landslip.core.errors import InputError
from landslip.core.records import StrictModel
from landslip.preprocessing.camera import Camera
from landslip.preprocessing.radiometry.calibration import CAMERA_BANDS, Calibration

_FIGURES = {"gains": "gain", "offsets": "offset", "esun": "ESUN"}


class BandFigures(StrictModel):
    """One number for each band of a camera."""

    pan: float = Field(allow_inf_nan=False)
    blue: float = Field(allow_inf_nan=False)
    green: float = Field(allow_inf_nan=False)
    red: float = Field(allow_inf_nan=False)
    nir: float = Field(allow_inf_nan=False)


class CalibrationCard(StrictModel):
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
    gains: BandFigures
    offsets: BandFigures
    esun: BandFigures
    year: int | None = None
    source: str | None = None


class YearEntry(StrictModel):
    """What was published for one camera and year."""

    sensor: str
    year: int
    source: str
    gains: BandFigures
    offsets: BandFigures


class EsunEntry(StrictModel):
    """The solar irradiance published for one camera."""

    source: str
    values: BandFigures


class CalibrationTable(StrictModel):
    """All that was published for the cameras of one satellite."""

    satellite: str
    esun: dict[str, EsunEntry]
    years: tuple[YearEntry, ...]

    def years_of(self, camera: Camera) -> tuple[int, ...]:
        """Return the years that there are figures for, ascending; none for other cameras."""
        return tuple(sorted(entry.year for entry in self._entries(camera)))

    def calibration(self, camera: Camera, year: int) -> Calibration:
        """Return what was published for a camera and one of its years.

        Raises:
            KeyError: nothing was.
        """
        found = {entry.year: entry for entry in self._entries(camera)}[year]
        esun = self.esun[camera.sensor]
        return Calibration(
            gains=found.gains.model_dump(),
            offsets=found.offsets.model_dump(),
            esun=esun.values.model_dump(),
            year=year,
            source=f"figures of {year} for {camera} ({found.source}); ESUN {esun.source}",
        )

    def _entries(self, camera: Camera) -> list[YearEntry]:
        if camera.satellite != self.satellite:
            return []
        return [entry for entry in self.years if entry.sensor == camera.sensor]


@cache
def gf1_table() -> CalibrationTable:
    """Return the table of GF-1 PMS1 and PMS2 that is part of this package."""
    text = (
        resources.files("landslip.preprocessing.radiometry") / "calibration_gf1.yaml"
    ).read_text("utf-8")
    return CalibrationTable.model_validate(yaml.safe_load(text))


def read_calibration(path: Path, camera: Camera) -> Calibration:
    """Read a user's calibration file for a camera.

    Raises:
        InputError: the file is missing, lacks a figure, or is of another camera.
    """
    card = _read_card(path)
    named = Camera.named(f"{card.satellite} {card.sensor}")
    if named != camera:
        raise InputError(
            f"a calibration file is of the camera that took the scene; {path} is of {named} and "
            f"the scene of {camera}"
        )
    words = f", {card.source}" if card.source else ""
    year = f", gains of {card.year}" if card.year else ""
    return Calibration(
        gains=card.gains.model_dump(),
        offsets=card.offsets.model_dump(),
        esun=card.esun.model_dump(),
        year=card.year,
        source=f"calibration file {path.name}{year}{words}",
    )


def _read_card(path: Path) -> CalibrationCard:
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
        return CalibrationCard.model_validate(content)
    except ValidationError as error:
        problems = [_plain(dict(problem)) for problem in error.errors()]
        raise InputError(f"calibration file {path} {'; '.join(problems)}") from error


def _plain(problem: dict[str, Any]) -> str:
    """Return a validation problem as the end of a sentence about the file."""
    where = problem["loc"]
    name = ".".join(map(str, where))
    if problem["type"] == "extra_forbidden":
        return f"has {name}, which is not known there"
    if problem["type"] == "missing" and where[0] in _FIGURES:
        bands = where[1:] or CAMERA_BANDS
        return f"needs the {_FIGURES[where[0]]} of band {', '.join(bands)}"
    if problem["type"] == "missing":
        return f"needs {name}"
    return f"has {name}: {problem['input']!r}, which is no number or word that fits"
