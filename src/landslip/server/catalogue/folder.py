"""The served folder as requests see it: looked at again when something in it changes."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from landslip.core.errors import excerpt
from landslip.server.catalogue.entries import (
    Catalogue,
    InventoryEntry,
    ModelEntry,
    RasterEntry,
    SampleEntry,
)
from landslip.server.catalogue.listing import Listing, list_files, require_below
from landslip.server.catalogue.scan import Scanner
from landslip.server.polygon_tables import PolygonTables
from landslip.server.problems import NotFoundError

_SECONDS_BETWEEN_LOOKS = 1.0
_MAX_REPORT_BYTES = 512 * 2**20
Entry = TypeVar("Entry")


class ServedFolder:
    """The folder, and the newest catalogue of it."""

    def __init__(self, root: Path, tables: PolygonTables) -> None:
        """``root`` is absolute and without links."""
        self.root = root
        self._scanner = Scanner(tables)
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._catalogue = Catalogue()
        self._looked = -_SECONDS_BETWEEN_LOOKS

    def catalogue(self, *, now: bool = False) -> Catalogue:
        """Return what is in the folder; it is looked at at most once a second, unless ``now``."""
        with self._lock:
            is_due = time.monotonic() - self._looked >= _SECONDS_BETWEEN_LOOKS
            if now or is_due or self._listing is None:
                listing = list_files(self.root)
                if listing != self._listing:
                    self._catalogue = self._scanner.scan(listing)
                    self._listing = listing
                self._looked = time.monotonic()
            return self._catalogue

    def raster(self, key: str) -> RasterEntry:
        """Return a raster by its id.

        Raises:
            NotFoundError: there is none.
        """
        return _entry(self._current().rasters, "raster", key)

    def inventory(self, key: str) -> InventoryEntry:
        """Return an inventory by its id.

        Raises:
            NotFoundError: there is none.
        """
        return _entry(self._current().inventories, "inventory", key)

    def model(self, key: str) -> ModelEntry:
        """Return a model by its id.

        Raises:
            NotFoundError: there is none.
        """
        return _entry(self._current().models, "model", key)

    def sample(self, key: str) -> SampleEntry:
        """Return a sample by its id.

        Raises:
            NotFoundError: there is none.
        """
        return _entry(self._current().samples, "sample", key)

    def report_of(self, inventory: InventoryEntry) -> Path:
        """Return the report of an inventory.

        Raises:
            NotFoundError: there is none, or it is a link out of the folder.
        """
        report = inventory.report
        if report is None or not report.is_file() or report.stat().st_size > _MAX_REPORT_BYTES:
            raise NotFoundError(f"{inventory.name}: has no report; `landslip report` makes one")
        require_below(self.root, report)
        return report

    def _current(self) -> Catalogue:
        """Return the newest catalogue without looking at the folder, unless nobody has yet."""
        return self.catalogue() if self._listing is None else self._catalogue


def _entry(entries: Mapping[str, Entry], kind: str, key: str) -> Entry:
    try:
        return entries[key]
    except KeyError:
        raise NotFoundError(
            f"{excerpt(key, 40)}: no {kind} of that id; it may have been moved, open the page again"
        ) from None
