"""``tracks.json``: what histories were made from and how."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from landslip.core.errors import InputError
from landslip.core.messages import Message, complete_notes
from landslip.core.records import StrictModel
from landslip.core.text import RecordKind

RECORD, GEOPACKAGE = "tracks.json", "tracks.gpkg"
FORMAT_VERSION = 1


class DisplacementRecord(StrictModel):
    """Displacement of a date's outlines; ``spread_m`` None: too few unchanged landslides."""

    x_m: float
    y_m: float
    pairs: int
    spread_m: float | None


class DateRecord(StrictModel):
    """A date: what was searched (None: not known) and mapped, and the states on it.

    ``states`` counts landslides; ``areas_m2`` are those of their outlines, which of recovered
    and unobserved ones are the last. Those that ended in another one are in its area.
    """

    date: date
    stated: str
    searched_m2: float | None
    polygons: int
    displacement: DisplacementRecord
    states: dict[str, int]
    areas_m2: dict[str, float]


class FlowRecord(StrictModel):
    """Landslides that went from a state on a date to one on the next; None: they had none."""

    date: date
    from_state: str | None
    to_state: str
    landslides: int
    area_m2: float


class TracksRecord(StrictModel):
    """The whole of ``tracks.json``."""

    format: Literal["landslip-tracks"] = "landslip-tracks"
    version: int = FORMAT_VERSION
    code_version: str
    inventories: tuple[str, ...]
    series: str | None = None
    footprints: str | None
    previous: str | None
    crs: str | None
    registration_error_m: float | None
    min_overlap: float
    min_change: float
    tracks: int
    dates: tuple[DateRecord, ...]
    flows: tuple[FlowRecord, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    files: tuple[str, ...]
    _complete = model_validator(mode="before")(complete_notes)


def write_record(record: TracksRecord, folder: Path) -> None:
    """Write ``tracks.json``."""
    text = record.model_dump_json(indent=2)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read_record(folder: Path) -> TracksRecord:
    """Read what describes histories.

    Raises:
        InputError: the folder has none, or of another version.
    """
    file = folder / RECORD
    if not file.is_file():
        raise InputError(
            f"{folder}: no histories of landslides, there is no {RECORD} in it; name a folder that "
            "`landslip track` made"
        )
    return RecordKind(
        model=TracksRecord,
        name=f"the description of histories of version {FORMAT_VERSION}",
        remedy="track the landslides again",
    ).read(file)
