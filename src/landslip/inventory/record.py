"""``inventory.json``: what an inventory was made from and how."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from landslip.core.choices import DemTime
from landslip.core.errors import InputError
from landslip.core.messages import Message, complete_notes, message
from landslip.core.records import StrictModel
from landslip.core.text import RecordKind
from landslip.models.card import ModelCard

RECORD, STATISTICS = "inventory.json", "statistics.json"
GEOPACKAGE, PARQUET, CSV = "inventory.gpkg", "inventory.parquet", "inventory.csv"
GEOJSON, KMZ, STAC_ITEM = "inventory.geojson", "inventory.kmz", "item.json"
REPORT = "report.html"
ConfidenceBasis = Literal["objects", "pixels"]
"""Confidence is that of whole objects, fitted on tiles, or the mean probability of their pixels."""
LAYERS = ("landslides", "highest_points", "lowest_points", "density")
LANDSLIDES, HIGHEST_POINTS, LOWEST_POINTS, DENSITY = LAYERS
MAPPED_AREA, PROVENANCE = "mapped_area", "inventory"
FORMAT_VERSION = 1


class SourceRecord(StrictModel):
    """Where the polygons came from; ``places`` are all of several sources, else empty."""

    kind: Literal["extraction", "polygons"]
    place: str
    layer: str | None = None
    places: tuple[str, ...] = ()


class SceneRecord(StrictModel):
    """The scene that was mapped; what is not known is None."""

    name: str | None = None
    place: str | None = None
    date: str | None = None
    bands: tuple[str, ...] | None = None
    width: int | None = None
    height: int | None = None
    resolution_m: float | None = None


class ModelRecord(StrictModel):
    """The model, and what its probabilities are."""

    name: str
    weights_sha256: str
    threshold: float
    calibration: str | None = None
    engine: str
    precision: str


class DemRecord(StrictModel):
    """The elevation model; ``coarse_landslides`` are those of the column ``dem_coarse``."""

    name: str
    place: str
    crs: str
    resolution_m: float
    landslides_with_heights: int
    time: DemTime | None = None
    coarse_landslides: int | None = None


class CleaningRecord(StrictModel):
    """How polygons were made of probabilities; see `landslip inventory --help`.

    Attributes:
        expected_high: upper threshold by the model's validation landslides; None: not known, or
            another was stated.
        highest: probability of the map; None: it has no data, or an earlier version wrote this.
        min_area_px: the same, about, in pixels; None in files of earlier versions.
        regions: connected regions from ``low`` on, of ``regions_px`` pixels.
        dropped_seedless: of them, those without a pixel that reaches ``high``.
        dropped_small: of the others, those under the minimum area.
        dropped_px: pixels of all that were left out; None in files of earlier versions.
    """

    low: float
    high: float
    expected_high: float | None = None
    highest: float | None = None
    min_area_m2: float
    min_area_px: int | None = None
    max_shift_m: float | None
    smooth: bool
    split: bool
    regions: int
    regions_px: int | None = None
    dropped_seedless: int
    dropped_small: int
    dropped_px: int | None = None
    split_regions: int
    largest_shift_m: float | None


class CorrectionRecord(StrictModel):
    """How a corrected inventory differs from what it was; ``deleted`` is None where not known.

    ``last_id`` is the highest that was given so far; none is given twice.
    """

    unchanged: int
    edited: int
    added: int
    deleted: int | None
    last_id: int


class ReviewOutcome(StrictModel):
    """What people said in the review that an inventory was made from.

    Attributes:
        place: folder of the review.
        created: when it was started, in UTC.
        revision: number of its newest change.
        reviewers: who made changes, or looked at cells.
        accepted: landslides that were accepted, drawn and edited ones among them.
        rejected: detections that are no landslides; they are left out.
        edited: landslides whose outline was redrawn, divided or merged.
        drawn: landslides that the model had missed.
        unreviewed: landslides that nobody has judged.
        unreviewed_kept: whether those are in the inventory.
        cells: of the mapped area.
        cells_looked_at: of them, those that somebody has looked at as a whole.
        map: probabilities that the reviewed polygons were made of.
    """

    place: str
    created: str
    revision: int
    reviewers: tuple[str, ...]
    accepted: int
    rejected: int
    edited: int
    drawn: int
    unreviewed: int
    unreviewed_kept: bool
    cells: int
    cells_looked_at: int
    map: str | None = None


class InventoryRecord(StrictModel):
    """The whole of ``inventory.json``; ``warnings`` are those of the notes that are one.

    ``scenes`` are all of several, else empty; ``dates`` are the first and the last date of
    landslides that have their own. ``datum_shift`` is the one that was stated.
    """

    format: Literal["landslip-inventory"] = "landslip-inventory"
    version: int = FORMAT_VERSION
    code_version: str
    name: str
    source: SourceRecord
    scene: SceneRecord
    scenes: tuple[SceneRecord, ...] = ()
    dates: tuple[str, str] | None = None
    model: ModelRecord | None
    model_card: ModelCard | None
    dem: DemRecord | None
    cleaning: CleaningRecord | None
    correction: CorrectionRecord | None = None
    review: ReviewOutcome | None = None
    crs: str | None
    datum_shift: str | None = None
    area_method: str | None
    confidence_is: str
    confidence_basis: ConfidenceBasis | None = Field(
        None, description="None: there is none, or an earlier version wrote this"
    )
    flag_rules: dict[str, float] = Field(default_factory=dict)
    mapped_m2: float | None
    landslides: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    files: tuple[str, ...]
    _complete = model_validator(mode="before")(complete_notes)


def confidence_message(
    model: ModelRecord | None, card: ModelCard | None, basis: ConfidenceBasis | None
) -> Message:
    """Return what the column ``confidence`` is."""
    if model is None:
        return message("confidence.none")
    fitted = None if card is None else card.object_confidence
    if basis == "objects" and fitted is not None:
        count = fitted.right + fitted.false
        split = fitted.split.replace("_", "-")
        return message("confidence.objects", objects=count, tiles=fitted.tiles, split=split)
    calibrated = model.calibration is not None
    return message("confidence.calibrated" if calibrated else "confidence.uncalibrated")


def read_record(folder: Path) -> InventoryRecord:
    """Read what describes an inventory.

    Raises:
        InputError: the folder is no inventory, or of another version.
    """
    file = folder / RECORD
    if not file.is_file():
        raise InputError(
            f"{folder}: not an inventory, there is no {RECORD} in it; name a folder that `landslip "
            "inventory` made"
        )
    return RecordKind(
        model=InventoryRecord,
        name=f"the description of an inventory of version {FORMAT_VERSION}",
        remedy="make the inventory again",
    ).read(file)
