"""What was found in the served folder, with ids by which requests name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from landslip.core.grid import Grid
from landslip.inventory.sampling.design import MapReference
from landslip.server.schemas import (
    Band,
    Bounds,
    Field,
    Model,
    RasterClass,
    RasterKind,
    SeriesJson,
    UnreadableFile,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterEntry:
    """A raster.

    Attributes:
        stamp: changes when the file does.
        scale: of stored numbers to those that are shown: shown = stored * scale + offset.
        has_overviews: whether a part of any scale is read at once.
        threshold: level of the model's threshold, of a probability.
        scene_id: the scene that was mapped.
    """

    id: str
    name: str
    path: Path
    stamp: str
    kind: RasterKind
    grid: Grid
    bounds: Bounds
    min_zoom: int
    max_zoom: int
    resolution_m: float | None
    bands: tuple[Band, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    nodata: tuple[float | None, ...]
    has_overviews: bool
    date: str | None = None
    scene_id: str | None = None
    threshold: float | None = None
    classes: tuple[RasterClass, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEntry:
    """Polygons of a file.

    Attributes:
        folder: of an extraction or inventory; None for other files.
        layer: the file's layer that is read.
        stamp: changes when the file does.
        changed: when the file was written last, in UTC.
        bounds: west, south, east, north; None without polygons.
    """

    id: str
    name: str
    path: Path
    folder: Path | None
    layer: str | None
    stamp: str
    changed: datetime
    kind: Literal["extraction", "inventory", "polygons"]
    count: int
    bounds: Bounds | None
    crs: str | None
    fields: tuple[Field, ...]
    date: str | None = None
    scene_id: str | None = None
    probability_id: str | None = None
    model: str | None = None
    threshold: float | None = None
    report: Path | None = None

    @property
    def source(self) -> Path:
        """What functions of the API take: the folder of a map or inventory, or the file."""
        is_folder = self.folder is not None and self.kind in {"extraction", "inventory"}
        return self.folder if self.folder is not None and is_folder else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model folder."""

    path: Path
    shown: Model
    weights_sha256: str | None

    @property
    def id(self) -> str:
        """What requests call it."""
        return self.shown.id


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEntry:
    """A sample of points; connected to what it was drawn from."""

    id: str
    name: str
    path: Path
    stamp: str
    points: int
    judged: int
    map: MapReference
    inventory_id: str | None = None
    scene_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All of it, by id, in order of names."""

    rasters: Mapping[str, RasterEntry] = field(default_factory=dict)
    inventories: Mapping[str, InventoryEntry] = field(default_factory=dict)
    models: Mapping[str, ModelEntry] = field(default_factory=dict)
    samples: Mapping[str, SampleEntry] = field(default_factory=dict)
    series: tuple[SeriesJson, ...] = ()
    problems: tuple[UnreadableFile, ...] = ()
