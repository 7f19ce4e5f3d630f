"""Vector tiles of inventories: archives that a process makes once, and their tiles."""

import hashlib
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from queue import Queue

import geopandas
import numpy as np
from pmtiles.reader import Reader

from landslip.core.errors import InputError, LandslipError
from landslip.core.files import sha256_of
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

_FORMAT = "1"  # of archives; counts changes that make earlier ones useless
_OPEN_ARCHIVES = 16
_NICE = 5


class VectorTiles:
    """The archives of a server: made in the background, one at a time, the wanted first."""

    def __init__(self, tables: PolygonTables, cache: Path) -> None:
        """Archives are kept in the folder ``cache``."""
        self._tables, self._cache = tables, cache
        self._queue: Queue[InventoryEntry | None] = Queue()
        self._progress: dict[tuple[str, str], float] = {}
        self._failures: dict[tuple[str, str], str] = {}
        self._archives: OrderedDict[tuple[str, str], _Archive] = OrderedDict()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False
        self._worker: threading.Thread | None = None

    def progress(self, inventory: InventoryEntry) -> float:
        """Return the part of an archive that is made: 1 when its tiles are there."""
        key = _key(inventory)
        with self._lock:
            return 1.0 if key in self._archives else min(self._progress.get(key, 0.0), 0.99)

    def failure(self, inventory: InventoryEntry) -> str | None:
        """Return why an archive could not be made."""
        return self._failures.get(_key(inventory))

    def want(self, inventory: InventoryEntry) -> None:
        """Let an inventory's tiles be made, unless they are, or are about to be."""
        key = _key(inventory)
        with self._lock:
            if self._is_closed or key in self._archives or key in self._progress:
                return
            self._progress[key] = 0.0
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="vector-tiles", daemon=True)
                self._worker.start()
        self._queue.put(inventory)

    def tile(self, inventory: InventoryEntry, zoom: int, x: int, y: int) -> bytes | None:
        """Return a tile as it is stored, packed by gzip; None where nothing is.

        Raises:
            LandslipError: the tiles are not made yet, or cannot be.
        """
        key = _key(inventory)
        with self._lock:
            archive = self._archives.get(key)
            if archive is not None:
                self._archives.move_to_end(key)
        if archive is not None:
            return archive.tile(zoom, x, y)
        self.want(inventory)
        failure = self.failure(inventory)
        if failure is not None:
            raise InputError(failure)
        raise TilesNotReadyError(f"{inventory.name}: its tiles are being made; ask again")

    def close(self) -> None:
        """Stop what is being made."""
        with self._lock:
            self._is_closed = True
            process = self._process
        if process is not None:
            process.kill()
        self._queue.put(None)
        if self._worker is not None:
            self._worker.join(timeout=2)

    def _work(self) -> None:
        while True:
            inventory = self._queue.get()
            if inventory is None or self._is_closed:
                return
            key = _key(inventory)
            try:
                archive = _Archive(self._archive_of(inventory))
            except Exception as error:
                if not self._is_closed:
                    self._failures[key] = (
                        str(error)
                        if isinstance(error, LandslipError)
                        else f"{inventory.name}: its tiles cannot be made ({error})"
                    )
                continue
            with self._lock:
                self._archives[key] = archive
                while len(self._archives) > _OPEN_ARCHIVES:
                    gone, _ = self._archives.popitem(last=False)
                    self._progress.pop(gone, None)

    def _archive_of(self, inventory: InventoryEntry) -> Path:
        """Return an inventory's archive, from the cache or made now."""
        identity = f"{_FORMAT} {sha256_of(inventory.path)} {inventory.layer}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        made = self._cache / "tiles" / f"{name}.pmtiles"
        if made.is_file():
            return made
        table = self._tables.original(inventory)
        made.parent.mkdir(parents=True, exist_ok=True)
        if len(table) == 0:
            made.touch()
            return made
        stage = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".partial", dir=made.parent))
        try:
            _tile_frame(table).to_parquet(stage / "polygons.parquet")
            self._run(_key(inventory), stage)
            (stage / "archive.pmtiles").replace(made)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        return made

    def _run(self, key: tuple[str, str], stage: Path) -> None:
        command = [sys.executable, "-m", "landslip.server.polygon_archive"]
        files = [stage / "polygons.parquet", stage / "archive.pmtiles", stage]
        with (stage / "errors.txt").open("w") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own module and files
                [*command, *map(str, files)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        with self._lock:
            self._process = process
            if self._is_closed:
                process.kill()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        for line in process.stdout or ():
            with suppress(ValueError):
                self._progress[key] = float(line)
        code = process.wait()
        with self._lock:
            self._process = None
        if code != 0:
            lines = (stage / "errors.txt").read_text("utf-8", "replace").strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit code {code}")


class TilesNotReadyError(LandslipError):
    """Tiles that are being made."""


class _Archive:
    """An opened archive."""

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


def _key(inventory: InventoryEntry) -> tuple[str, str]:
    return inventory.id, inventory.stamp


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
    return geopandas.GeoDataFrame(columns, geometry=list(table.geometry), crs="EPSG:4326")
