"""A look at the served folder: every file that is shown is described, once for each state of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from landslip.core.errors import LandslipError, excerpt
from landslip.core.text import RecordKind
from landslip.inference.rasters import MASK, PROBABILITY
from landslip.inference.result import LANDSLIDES, SUMMARY, ExtractionSummary
from landslip.inventory.record import GEOPACKAGE, RECORD
from landslip.inventory.record import read_record as read_inventory_record
from landslip.inventory.sampling.geopackage import SAMPLE_FILES, is_sample
from landslip.models.folder import CARD as MODEL
from landslip.models.folder import open_model
from landslip.multitemporal.series.card import CARD as SERIES
from landslip.multitemporal.series.card import SeriesCard
from landslip.multitemporal.states.record import RECORD as STATES
from landslip.multitemporal.states.record import StatesRecord
from landslip.multitemporal.tracking.record import GEOPACKAGE as TRACKS_FILE
from landslip.multitemporal.tracking.record import RECORD as TRACKS
from landslip.multitemporal.tracking.record import read_record as read_tracks
from landslip.server.catalogue import descriptions
from landslip.server.catalogue.connections import Findings, catalogue_of
from landslip.server.catalogue.entries import Catalogue, InventoryEntry, RasterEntry
from landslip.server.catalogue.listing import FileInFolder, Listing, require_below
from landslip.server.catalogue.rasters import ENDINGS as RASTERS
from landslip.server.catalogue.rasters import read_raster
from landslip.server.catalogue.vector_safety import ENDINGS as VECTORS
from landslip.server.catalogue.vector_safety import require_safe
from landslip.server.polygon_tables import PolygonTables
from landslip.server.problems import without_folders

# what makes a folder one whose other files are not shown
_CLOSING = (SUMMARY, RECORD, MODEL, TRACKS, STATES, SERIES, "dataset.json", "comparison.json")
_DAMAGED = "it cannot be read; it may be damaged, or of another version"
_SERIES = RecordKind(
    model=SeriesCard, name="the description of a series", remedy="make the series again"
)
_STATES = RecordKind(
    model=StatesRecord, name="the description of states", remedy="find the states again"
)
Value = TypeVar("Value")


@dataclass(slots=True)
class Scanner:
    """Looks at a folder again and again; what has not changed is not read again."""

    tables: PolygonTables
    _known: dict[tuple[object, ...], Any] = field(default_factory=dict)
    _used: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def scan(self, listing: Listing) -> Catalogue:
        """Describe what a listing has; what cannot be read is among the problems."""
        self._used = {}
        found = Findings(problems=dict(listing.problems))
        closed = {folder for name in _CLOSING for folder in listing.folders_with(name)}
        closed.discard("")  # the served folder may be one of them itself, and hold others
        of_folders = [
            *self._models(listing, found),
            *self._extractions(listing, found),
            *self._inventories(listing, found),
            *self._several_dates(listing, found),
        ]
        others = (
            file
            for file in listing.files.values()
            if file.name not in of_folders and not _is_in(file, closed)
        )
        for file in others:
            self._single(file, found)
        self._known = self._used
        return catalogue_of(found)

    def _models(self, listing: Listing, found: Findings) -> Iterator[str]:
        """Find model folders; a map has a copy of its model's description."""
        for folder in listing.folders_with(MODEL):
            file = listing.below(folder, MODEL)
            if file is None or listing.below(folder, SUMMARY) is not None:
                continue
            model = self._read(file, found, "model", lambda one: open_model(one.path.parent).card)
            if model is not None:
                found.models.append(descriptions.model(file, model))
            yield file.name

    def _extractions(self, listing: Listing, found: Findings) -> Iterator[str]:
        for folder in listing.folders_with(SUMMARY):
            record = listing.below(folder, SUMMARY)
            if record is None:
                continue
            summary = self._read(record, found, "map", lambda one: ExtractionSummary.read(one.path))
            probability = self._raster(listing.below(folder, PROBABILITY), found)
            mask = self._raster(listing.below(folder, MASK), found)
            polygons = listing.below(folder, LANDSLIDES)
            inventory = None
            if polygons is not None:
                inventory = self._polygons(polygons, found, "extraction", folder)
            found.extractions.append(
                descriptions.ListedExtraction(
                    folder=folder,
                    summary=summary,
                    probability=probability,
                    mask=mask,
                    inventory=inventory,
                )
            )
            yield from (f"{folder}/{name}".lstrip("/") for name in (PROBABILITY, MASK, LANDSLIDES))

    def _inventories(self, listing: Listing, found: Findings) -> Iterator[str]:
        for folder in listing.folders_with(RECORD):
            record, polygons = listing.below(folder, RECORD), listing.below(folder, GEOPACKAGE)
            if record is None or polygons is None:
                continue
            facts = self._read(
                record, found, "inventory", lambda one: read_inventory_record(one.path.parent)
            )
            inventory = self._polygons(polygons, found, "inventory", folder)
            if inventory is not None:
                found.inventories.append((inventory, facts))
            yield from (
                file.name for file in listing.files.values() if file.folder == folder
            )  # the same polygons in other formats

    def _several_dates(self, listing: Listing, found: Findings) -> Iterator[str]:
        for folder in listing.folders_with(SERIES):
            card = self._record(listing, folder, SERIES, found, _read_series)
            if card is not None:
                scenes = {
                    one.date: self._raster(listing.below(folder, one.scene), found)
                    for one in card.dates
                }
                found.series.append(descriptions.SeriesOfScenes(folder=folder, scenes=scenes))
        for folder in listing.folders_with(STATES):
            states = self._record(listing, folder, STATES, found, _read_states)
            if states is not None:
                maps = {
                    one.date: self._raster(listing.below(folder, one.state), found)
                    for one in states.dates
                }
                found.states.append(
                    descriptions.SeriesOfStates(folder=folder, series=states.series, maps=maps)
                )
        for folder in listing.folders_with(TRACKS):
            tracks = self._record(
                listing, folder, TRACKS, found, lambda one: read_tracks(one.path.parent)
            )
            polygons = listing.below(folder, TRACKS_FILE)
            if tracks is None or polygons is None:
                continue
            inventory = self._polygons(polygons, found, "polygons", folder)
            found.tracks.append(
                descriptions.ListedTracks(folder=folder, record=tracks, inventory=inventory)
            )
            yield polygons.name

    def _single(self, file: FileInFolder, found: Findings) -> None:
        """Describe a file that belongs to no folder of landslip's."""
        ending = file.path.suffix.lower()
        if ending in RASTERS:
            raster = self._raster(file, found)
            if raster is not None:
                found.rasters.append(raster)
        elif ending in VECTORS:
            if ending == ".gpkg" and self._read(file, found, "is a sample", self._is_sample):
                sample = self._read(file, found, "sample", descriptions.sample)
                if sample is not None:
                    found.samples.append(sample)
                return
            polygons = None if file.name in found.problems else self._polygons(file, found)
            if polygons is not None and polygons.count:
                found.polygons.append(polygons)

    def _is_sample(self, file: FileInFolder) -> bool:
        with SAMPLE_FILES:
            require_safe(self.tables.root, file.path)
            return is_sample(file.path)

    def _raster(self, file: FileInFolder | None, found: Findings) -> RasterEntry | None:
        return None if file is None else self._read(file, found, "raster", read_raster)

    def _polygons(
        self,
        file: FileInFolder,
        found: Findings,
        kind: descriptions.InventoryKind = "polygons",
        folder: str | None = None,
    ) -> InventoryEntry | None:
        def read(one: FileInFolder) -> InventoryEntry:
            return descriptions.polygons(self.tables, one, kind, folder)

        return self._read(file, found, f"{kind} of {folder}", read)

    def _record(
        self,
        listing: Listing,
        folder: str,
        name: str,
        found: Findings,
        read: Callable[[FileInFolder], Value],
    ) -> Value | None:
        file = listing.below(folder, name)
        return None if file is None else self._read(file, found, name, read)

    def _read(
        self,
        file: FileInFolder,
        found: Findings,
        what: str,
        read: Callable[[FileInFolder], Value],
    ) -> Value | None:
        """Return what a reader says of a file, as long as it stays the same; None: a problem."""
        known_as = (file.stamp, what)
        result = self._known.get(known_as, self._used.get(known_as))
        if result is None:
            try:
                require_below(self.tables.root, file.path)
                result = (read(file), None)
            except LandslipError as error:
                text = without_folders(error, self.tables.root)
                result = (None, text.removeprefix(f"{file.name}: "))
            except Exception:
                result = (None, _DAMAGED)
        self._used[known_as] = result
        value, problem = result
        if problem is not None:
            found.problems[excerpt(file.name, 200)] = problem
        described: Value | None = value
        return described


def _is_in(file: FileInFolder, folders: set[str]) -> bool:
    parts = file.name.split("/")[:-1]
    return any("/".join(parts[: at + 1]) in folders for at in range(len(parts)))


def _read_series(file: FileInFolder) -> SeriesCard:
    return _SERIES.read(file.path)


def _read_states(file: FileInFolder) -> StatesRecord:
    return _STATES.read(file.path)
