"""Decoded blocks of rasters, read once for all tiles and people that need them.

A block has 512 x 512 pixels of a level: of the raster, of an overview, or of the last of these made
smaller by powers of two. It is decoded by one thread while others wait for it, and kept in memory
up to a limit. Each thread has files of its own, as GDAL asks for.
"""

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from landslip.io.raster.geotiff import only_the_file, open_geotiff, read_window
from landslip.server.byte_cache import ByteCache
from landslip.server.catalogue.listing import require_below

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

BLOCK_PX = 512
BLOCKS_BYTES = 256 * 2**20
_GDAL_MEGABYTES = 64  # decoded blocks are kept here, not by GDAL
_OPEN_FILES = 16  # of a thread
_MAX_FULL_STEP = 1.6  # of a finer level: from there on the next level is read

Span = tuple[int, int]
"""First and last (exclusive) row or column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is read of a raster.

    Attributes:
        path: of the file.
        stamp: changes when the file does.
        below: folder that the file must be in when it is opened; None: it was made by the server.
        bands: indexes from 1.
        nodata: of these bands; 0 marks what is missing only where all bands are 0.
        method: ``nearest`` for classes.
    """

    path: Path
    stamp: str
    below: Path | None
    bands: tuple[int, ...]
    nodata: tuple[float | None, ...]
    method: Literal["bilinear", "nearest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A raster at one of its scales.

    Attributes:
        overview: position of the overview, from 0; None: the raster itself.
        reduction: pixels of that which become one, along each side.
        shape: height and width, in pixels of the level.
    """

    overview: int | None
    reduction: int
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Stored numbers (height, width, bands), and where they are missing; None: all are there."""

    values: NDArray[Any]
    missing: NDArray[np.bool_] | None

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        return self.values.nbytes + (0 if self.missing is None else self.missing.nbytes)


_Key = tuple[Source, Level, int, int]


def choose_level(shapes: tuple[tuple[int, int], ...], step: float) -> Level:
    """Return the level whose pixels fit a picture's best.

    Args:
        shapes: height and width of the raster and its overviews.
        step: the width of a picture's pixel in pixels of the raster.
    """
    width = shapes[0][1]
    at = 0
    for position, shape in enumerate(shapes):
        if width / shape[1] <= step * 2 / _MAX_FULL_STEP:
            at = position
    left = step * shapes[at][1] / width
    reduction = 1
    while left / reduction >= _MAX_FULL_STEP:
        reduction *= 2
    return reduced(shapes, at, reduction)


def reduced(shapes: tuple[tuple[int, int], ...], at: int, reduction: int) -> Level:
    """Return a level of the raster (0) or an overview (from 1), made smaller."""
    height, width = shapes[at]
    return Level(
        overview=None if at == 0 else at - 1,
        reduction=reduction,
        shape=(max(1, -(-height // reduction)), max(1, -(-width // reduction))),
    )


class RasterBlocks:
    """The decoded blocks of all rasters of a server."""

    def __init__(self, limit_bytes: int = BLOCKS_BYTES) -> None:
        """Keep at most so many bytes."""
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._kept: ByteCache[_Key, Pixels] = ByteCache(limit_bytes, lambda one: one.size_bytes)
        self._pending: dict[_Key, Future[Pixels]] = {}
        self._shapes: dict[tuple[Path, str], tuple[tuple[int, int], ...]] = {}

    @property
    def kept_bytes(self) -> int:
        """Memory of the blocks that are kept."""
        return self._kept.kept_bytes

    def shapes(self, source: Source) -> tuple[tuple[int, int], ...]:
        """Return height and width of a raster and of its overviews."""
        key = (source.path, source.stamp)
        if key not in self._shapes:
            with only_the_file(_GDAL_MEGABYTES):
                file = self._file(source, None)
                shapes = [(int(file.height), int(file.width))]
                for overview in range(len(file.overviews(1))):
                    smaller = self._file(source, overview)
                    shapes.append((int(smaller.height), int(smaller.width)))
            self._shapes[key] = tuple(shapes)
        return self._shapes[key]

    def read(self, source: Source, level: Level, rows: Span, columns: Span) -> Pixels:
        """Return the pixels of a level in a window."""
        blocks = [
            (row, column, self._block((source, level, row, column)))
            for row in range(rows[0] // BLOCK_PX, (rows[1] - 1) // BLOCK_PX + 1)
            for column in range(columns[0] // BLOCK_PX, (columns[1] - 1) // BLOCK_PX + 1)
        ]
        first = blocks[0][2]
        shape = (rows[1] - rows[0], columns[1] - columns[0])
        values = np.empty((*shape, first.values.shape[2]), dtype=first.values.dtype)
        missing = None
        if any(block.missing is not None for _, _, block in blocks):
            missing = np.zeros(shape, dtype=np.bool_)
        for row, column, block in blocks:
            height, width = block.values.shape[:2]
            to_rows, from_rows = _overlap(rows, row * BLOCK_PX, height)
            to_columns, from_columns = _overlap(columns, column * BLOCK_PX, width)
            values[to_rows, to_columns] = block.values[from_rows, from_columns]
            if missing is not None and block.missing is not None:
                missing[to_rows, to_columns] = block.missing[from_rows, from_columns]
        return Pixels(values=values, missing=missing)

    def _block(self, key: _Key) -> Pixels:
        """Return a block that is kept, that another thread decodes now, or that is decoded here."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                return kept
            pending = self._pending.get(key)
            if pending is None:
                mine = self._pending[key] = Future[Pixels]()
        if pending is not None:
            return pending.result()
        try:
            block = self._decode(*key)
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._pending[key]
            self._kept.put(key, block)
        mine.set_result(block)
        return block

    def _decode(self, source: Source, level: Level, row: int, column: int) -> Pixels:
        with only_the_file(_GDAL_MEGABYTES):
            file = self._file(source, level.overview)
            side = BLOCK_PX * level.reduction
            rows = (row * side, min((row + 1) * side, int(file.height)))
            columns = (column * side, min((column + 1) * side, int(file.width)))
            window = (rows, columns)
            shape = (
                -(-(rows[1] - rows[0]) // level.reduction),
                -(-(columns[1] - columns[0]) // level.reduction),
            )
            values, masks = read_window(file, source.bands, window, shape, source.method)
        all_zero = {*source.nodata} == {0.0}
        missing = np.asarray(masks.all(axis=0) if all_zero else masks.any(axis=0))
        if values.dtype.kind == "f":
            missing = missing | ~np.isfinite(values).all(axis=0)
        return Pixels(
            values=np.ascontiguousarray(np.moveaxis(values, 0, -1)),
            missing=missing if missing.any() else None,
        )

    def _file(self, source: Source, overview: int | None) -> "DatasetReader":
        """Return a file that this thread keeps open."""
        files: OrderedDict[tuple[Path, str, int | None], DatasetReader]
        files = self._of_thread.__dict__.setdefault("files", OrderedDict())
        key = (source.path, source.stamp, overview)
        if key not in files:
            if source.below is not None:
                require_below(source.below, source.path)
            files[key] = open_geotiff(source.path, overview)
        files.move_to_end(key)
        while len(files) > _OPEN_FILES:
            _, oldest = files.popitem(last=False)
            oldest.close()
        return files[key]


def _overlap(span: Span, start: int, size: int) -> tuple[slice, slice]:
    """Return where a block is in a window, and where the window is in the block."""
    first, last = max(span[0], start), min(span[1], start + size)
    return slice(first - span[0], last - span[0]), slice(first - start, last - start)
