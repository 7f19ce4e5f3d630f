"""What is in the served folder."""

from typing import Literal

from landslip.core.records import StrictModel
from landslip.server.schemas.samples import SampleJson
from landslip.server.schemas.values import Bounds

RasterKind = Literal["scene", "probability", "mask", "states", "elevation", "other"]
"""``other``: numbers that are neither of light nor heights, such as slopes."""


class Band(StrictModel):
    """A band: its index from 1, and limits of its valid pixels in the unit that is shown.

    ``low`` and ``high`` are the 2nd and 99.8th percentile.
    """

    index: int
    name: str
    low: float
    high: float
    minimum: float
    maximum: float


class RasterClass(StrictModel):
    """A value of a raster of classes, the key of its name, and its colour."""

    value: int
    key: str
    colour: str


class Raster(StrictModel):
    """A raster that has tiles."""

    id: str
    name: str
    kind: RasterKind
    bounds: Bounds
    min_zoom: int
    max_zoom: int
    width: int
    height: int
    resolution_m: float | None
    bands: tuple[Band, ...]
    date: str | None
    scene_id: str | None
    threshold: float | None
    classes: tuple[RasterClass, ...]


class SeriesDate(StrictModel):
    """A date of a series, and what there is of it."""

    date: str
    raster_ids: tuple[str, ...]
    inventory_ids: tuple[str, ...]


class SeriesJson(StrictModel):
    """Several dates of one place."""

    id: str
    name: str
    dates: tuple[SeriesDate, ...]


class Field(StrictModel):
    """A column of an inventory's table."""

    name: str
    kind: Literal["id", "number", "text", "flag"]
    unit: str | None
    label_en: str
    label_zh: str
    minimum: float | None
    maximum: float | None


class VerdictCounts(StrictModel):
    """Numbers of polygons by verdict."""

    unreviewed: int
    accepted: int
    rejected: int


class ReviewSummaryJson(StrictModel):
    """How far the review of an inventory is."""

    created: str
    revision: int
    counts: VerdictCounts
    drawn: int
    edited: int
    removed: int
    cells: int
    cells_looked_at: int
    authors: tuple[str, ...]


class InventoryJson(StrictModel):
    """Polygons that have a table and vector tiles; ``changed`` is when their file was written."""

    id: str
    name: str
    kind: Literal["extraction", "inventory", "polygons"]
    count: int
    bounds: Bounds
    crs: str | None
    date: str | None
    changed: str
    scene_id: str | None
    probability_id: str | None
    model: str | None
    threshold: float | None
    fields: tuple[Field, ...]
    tiles_ready: bool
    tiles_progress: float
    min_zoom: int
    max_zoom: int
    report: str | None
    review: ReviewSummaryJson | None


class Model(StrictModel):
    """A model folder."""

    id: str
    name: str
    architecture: str
    bands: tuple[str, ...]
    resolution_m: float | None
    threshold: float
    f1: float | None


class UnreadableFile(StrictModel):
    """A file that cannot be shown, and why, in one sentence."""

    name: str
    message: str


class Workspace(StrictModel):
    """The served folder."""

    name: str
    version: str
    rasters: tuple[Raster, ...]
    inventories: tuple[InventoryJson, ...]
    models: tuple[Model, ...]
    samples: tuple[SampleJson, ...]
    series: tuple[SeriesJson, ...]
    problems: tuple[UnreadableFile, ...]
    basemap: str | None
    token_needed: bool
    read_only: bool
