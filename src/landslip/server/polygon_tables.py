"""Tables of inventories that are kept in memory, and what a review adds to them."""

import threading
from collections import OrderedDict
from pathlib import Path

from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.polygon_table import PolygonTable
from landslip.server.polygons import InventoryPolygons, read_polygons
from landslip.server.reviews import Reviews

_MAX_TABLES, _MAX_ROWS = 16, 1_000_000


class PolygonTables:
    """The newest used tables; reads a file again when it has changed.

    Tables with a review are kept until its revision changes.
    """

    def __init__(self, root: Path, reviews: Reviews) -> None:
        self.root, self._reviews = root, reviews
        self._read: OrderedDict[tuple[str, str], InventoryPolygons] = OrderedDict()
        self._reviewed: OrderedDict[tuple[str, str], PolygonTable] = OrderedDict()
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}

    def read(self, path: Path, layer: str | None, stamp: str) -> InventoryPolygons:
        """Return a file's polygons.

        Raises:
            InputError: see `read_polygons`.
        """
        key = (f"{path}|{layer or ''}", stamp)
        with self._lock:
            found = self._read.get(key)
            if found is not None:
                self._read.move_to_end(key)
                return found
            reading = self._locks.setdefault(key, threading.Lock())
        with reading:  # one at a time, the others get what it read
            with self._lock:
                found = self._read.get(key)
            if found is None:
                found = read_polygons(self.root, path, layer)
                self._keep(key, found)
        return found

    def original(self, inventory: InventoryEntry) -> PolygonTable:
        """Return an inventory's table as its file has it.

        Raises:
            InputError: its file can no longer be read.
        """
        return self.read(inventory.path, inventory.layer, inventory.stamp).table

    def table(self, inventory: InventoryEntry) -> PolygonTable:
        """Return an inventory's table as it is now, reviewed or not.

        Raises:
            InputError: its file can no longer be read.
        """
        original = self.original(inventory)
        review = self._reviews.table_review(inventory)
        if review is None:
            return original
        key = (inventory.id, inventory.stamp)
        with self._lock:
            known = self._reviewed.get(key)
        if known is not None and known.revision == review.revision:
            return known
        made = original.reviewed(review)
        with self._lock:
            self._reviewed[key] = made
            self._reviewed.move_to_end(key)
            while len(self._reviewed) > _MAX_TABLES:
                self._reviewed.popitem(last=False)
        return made

    def _keep(self, key: tuple[str, str], polygons: InventoryPolygons) -> None:
        with self._lock:
            self._read[key] = polygons
            self._locks.pop(key, None)
            while len(self._read) > 1 and (
                len(self._read) > _MAX_TABLES
                or sum(len(one.table) for one in self._read.values()) > _MAX_ROWS
            ):
                self._read.popitem(last=False)
