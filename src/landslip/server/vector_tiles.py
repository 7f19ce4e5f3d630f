"""Vector tiles of inventories: archives that a process makes once, and their tiles."""

import hashlib
import mmap
import threading
from collections import OrderedDict
from pathlib import Path

import geopandas
import numpy as np
from pmtiles.reader import Reader

from landslip.core.errors import InputError, LandslipError
from landslip.core.files import atomic_file, sha256_of
from landslip.review.words import REVIEW_COLUMNS
from landslip.server.background import BackgroundWork
from landslip.server.cache_folder import TILES
from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.polygon_archive import MAX_ZOOM, zoom_range
from landslip.server.polygon_table import (
    AREA,
    CONFIDENCE,
    DATE,
    STATE,
    PolygonTable,
    numbers_of,
    texts_of,
)
from landslip.server.polygon_tables import PolygonTables

_FORMAT = "3"  # of archives; counts changes that make earlier ones useless
_OPEN_ARCHIVES = 16
_MODULE = "landslip.server.polygon_archive"


class TilesNotReadyError(LandslipError):
    """Tiles that are being made."""


class VectorTiles:
    """The archives of a server, made in the background."""

    def __init__(self, tables: PolygonTables, cache: Path, background: BackgroundWork) -> None:
        """Archives are kept in the folder ``cache``."""
        self._tables, self._cache, self._background = tables, cache, background
        self._archives: OrderedDict[tuple[str, ...], _Archive] = OrderedDict()
        self._lock = threading.Lock()

    def progress(self, inventory: InventoryEntry) -> float:
        """Return the part of an archive that is made: 1 when its tiles are there."""
        return self._background.progress(_key(inventory)) or 0.0

    def request(self, inventory: InventoryEntry) -> None:
        """Let an inventory's tiles be made in the background, unless they are or were requested."""
        key = _key(inventory)

        def make() -> None:
            self._open(key, self._archive_of(inventory))

        self._background.request(key, make)

    def tile(self, inventory: InventoryEntry, zoom: int, x: int, y: int) -> bytes | None:
        """Return a tile as it is stored, packed by gzip; None where nothing is.

        Raises:
            TilesNotReadyError: they are being made.
            InputError: they cannot be.
        """
        key = _key(inventory)
        with self._lock:
            archive = self._archives.get(key)
            if archive is not None:
                self._archives.move_to_end(key)
        if archive is not None:
            return archive.tile(zoom, x, y)
        self.request(inventory)
        failure = self._background.failure(key)
        if failure is not None:
            raise InputError(f"{inventory.name}: its tiles are missing: {failure}")
        raise TilesNotReadyError(f"{inventory.name}: its tiles are being made; ask again")

    def _open(self, key: tuple[str, ...], path: Path) -> None:
        archive = _Archive(path)
        with self._lock:
            self._archives[key] = archive
            while len(self._archives) > _OPEN_ARCHIVES:
                gone, _ = self._archives.popitem(last=False)
                self._background.forget(gone)  # it is opened again when it is wanted

    def _archive_of(self, inventory: InventoryEntry) -> Path:
        """Return an inventory's archive, from the cache or made now."""
        identity = f"{_FORMAT} {sha256_of(inventory.path)} {inventory.layer}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        made = self._cache / TILES / f"{name}.pmtiles"
        if made.is_file():
            return made
        table = self._tables.original(inventory)
        made.parent.mkdir(parents=True, exist_ok=True)
        if len(table) == 0:
            made.touch()
            return made
        with atomic_file(made, overwrite=True) as archive:
            stage = archive.parent
            _tile_frame(table).to_parquet(stage / "polygons.parquet")
            files = (stage / "polygons.parquet", archive, stage)
            self._background.run_module(_key(inventory), _MODULE, *files)
        return made


class _Archive:
    """An opened archive; an empty file has no tiles."""

    def __init__(self, path: Path) -> None:
        self._map: mmap.mmap | None = None
        if path.stat().st_size:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._reader = Reader(self._bytes)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        if self._map is None:
            return None
        content: bytes | None = self._reader.get(zoom, x, y)
        return content

    def _bytes(self, offset: int, length: int) -> bytes:
        return b"" if self._map is None else self._map[offset : offset + length]


def zooms_of(inventory: InventoryEntry) -> tuple[int, int]:
    """Return the first and last zoom of an inventory's tiles."""
    return (0, MAX_ZOOM) if inventory.bounds is None else zoom_range(inventory.bounds)


def _key(inventory: InventoryEntry) -> tuple[str, ...]:
    return "tiles", inventory.id, inventory.stamp


def _tile_frame(table: PolygonTable) -> geopandas.GeoDataFrame:
    """Return what tiles hold of polygons; numbers are rounded, which halves a tile."""
    rows = table.rows
    columns: dict[str, object] = {
        "id": rows.index.to_numpy(dtype=np.int64),
        AREA: np.rint(np.nan_to_num(numbers_of(rows[AREA]))).astype(np.int64),
    }
    if CONFIDENCE in rows:
        columns[CONFIDENCE] = numbers_of(rows[CONFIDENCE]).round(3)
    for name in (DATE, STATE):
        if name in rows:
            columns[name] = texts_of(rows[name])
    for name in ("verdict", "provenance"):
        if (rows[name] != REVIEW_COLUMNS[name]).any():  # of a corrected inventory
            columns[name] = texts_of(rows[name])
    return geopandas.GeoDataFrame(columns, geometry=list(table.geometry), crs="EPSG:4326")
