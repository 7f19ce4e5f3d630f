"""What one file or folder of each kind says of itself, before it is connected with others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from landslip.inference.result import ExtractionSummary
from landslip.inventory.attributes import date_in
from landslip.inventory.record import REPORT
from landslip.inventory.sampling.geopackage import REFERENCE, read_sample
from landslip.io.vector import LANDSLIDES_LAYER
from landslip.io.vector_source import vector_source
from landslip.models.card import ModelCard
from landslip.multitemporal.tracking.record import TracksRecord
from landslip.server.catalogue.entries import (
    InventoryEntry,
    ModelEntry,
    RasterEntry,
    SampleEntry,
)
from landslip.server.catalogue.listing import FileInFolder, id_of
from landslip.server.polygon_tables import PolygonTables
from landslip.server.schemas import Model

_LATEST_NS = 2**63 - 1  # a file may say any time
InventoryKind = Literal["extraction", "inventory", "polygons"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExtraction:
    """A folder of `landslip extract`; what is None is missing or damaged."""

    folder: str
    summary: ExtractionSummary | None
    probability: RasterEntry | None
    mask: RasterEntry | None
    inventory: InventoryEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOfScenes:
    """A folder of `landslip series`: its scenes by date."""

    folder: str
    scenes: Mapping[str, RasterEntry | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOfStates:
    """A folder of `landslip states`: states by date, and where their series was."""

    folder: str
    series: str
    maps: Mapping[str, RasterEntry | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTracks:
    """A folder of `landslip track`."""

    folder: str
    record: TracksRecord
    inventory: InventoryEntry | None


def model(file: FileInFolder, card: ModelCard) -> ModelEntry:
    """Describe a model folder by its card."""
    scores = next(
        (card.metrics[split] for split in ("test", "val", "out_of_fold") if split in card.metrics),
        {},
    )
    name = file.folder or file.path.parent.name
    return ModelEntry(
        path=file.path.parent,
        weights_sha256=card.files.get("weights.safetensors"),
        shown=Model(
            id=id_of(file.folder),
            name=name,
            architecture=card.architecture.title,
            bands=tuple(card.input.bands),
            resolution_m=card.input.resolution_m,
            threshold=card.threshold,
            f1=scores.get("f1"),
        ),
    )


def polygons(
    tables: PolygonTables, file: FileInFolder, kind: InventoryKind, folder: str | None
) -> InventoryEntry:
    """Describe a vector file; one of a folder is called as the folder.

    Raises:
        InputError: it cannot be read, or has no place on the map.
    """
    stamp = f"{file.size:x}-{file.changed_ns:x}"
    layer = None
    if file.path.suffix.lower() == ".gpkg":
        layers = [
            name
            for name, geometry in vector_source(file.path).layers
            if geometry is not None and "olygon" in geometry
        ]
        layer = LANDSLIDES_LAYER if LANDSLIDES_LAYER in layers else next(iter(layers), None)
    read = tables.read(file.path, layer, stamp)
    name = file.name if folder is None else folder or file.path.parent.name
    report = file.path.parent / REPORT
    return InventoryEntry(
        id=file.id if folder is None else id_of(folder),
        name=name,
        path=file.path,
        folder=None if folder is None else file.path.parent,
        layer=layer,
        stamp=stamp,
        changed=datetime.fromtimestamp(min(max(file.changed_ns, 0), _LATEST_NS) / 1e9, UTC),
        kind=kind,
        count=len(read.table),
        bounds=read.bounds,
        crs=read.crs,
        fields=read.fields,
        date=date_in(file.name.split("/")[-1]),
        report=report if folder is not None and report.is_file() else None,
    )


def sample(file: FileInFolder) -> SampleEntry:
    """Describe a sample.

    Raises:
        InputError: it is damaged.
    """
    read = read_sample(file.path)
    return SampleEntry(
        id=file.id,
        name=file.name,
        path=file.path,
        stamp=f"{file.size:x}-{file.changed_ns:x}",
        points=len(read.points),
        judged=int(read.points[REFERENCE].notna().sum()),
        map=read.record.map,
    )
