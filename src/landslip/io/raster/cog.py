"""Cloud-Optimized GeoTIFFs put together of tiles that are compressed already.

GDAL's driver takes an uncompressed raster, which must be written and read again first, and
compresses it when all is there; here tiles are compressed where they are made. The structure is
that of GDAL's driver: directories first, then the smallest overview, the full resolution last, and
within each of them tiles row by row, with their sizes before them.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from landslip.core.resources import parallel_map
from landslip.io.raster.tiff_directory import LONG, Tag, TiffFormat
from landslip.io.raster.tile_codec import TILE_PX

_NEW_SUBFILE, _WIDTH, _LENGTH, _TILE_OFFSETS, _TILE_SIZES = 254, 256, 257, 324, 325
_REDUCED = 1
# bits, compression, photometric, samples, planes, predictor, tile's width and length, extra
# samples, sample format, GDAL's nodata
_OF_EVERY_PAGE = (258, 259, 262, 277, 284, 317, 322, 323, 338, 339, 42113)
_SIZE_BYTES = _REPEATED_BYTES = 4
_CLASSIC_BYTES = 2**32
_LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_NOTE = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_LAYOUT) + _LAYOUT


@dataclass(slots=True)
class LevelTiles:
    """The compressed tiles of one resolution, in a temporary file in the order they came in.

    ``shape`` is in pixels; ``sizes`` are 0 where no tile has been added.
    """

    path: Path
    shape: tuple[int, int]
    sizes: NDArray[np.uint32] = field(init=False)
    _places: NDArray[np.uint64] = field(init=False)
    _file: BinaryIO = field(init=False)
    _end: int = 0

    def __post_init__(self) -> None:
        tiles = tuple(-(-length // TILE_PX) for length in self.shape)
        self.sizes = np.zeros(tiles, dtype=np.uint32)
        self._places = np.zeros(tiles, dtype=np.uint64)
        self._file = self.path.open("w+b", buffering=0)

    def add(self, row: int, col: int, tile: bytes) -> None:
        """Add a tile at a row and column of tiles."""
        place = self._end
        self._end += _write_all(self._file, _framed(tile))
        self._places[row, col], self.sizes[row, col] = place, len(tile)

    def fill(self, tile: bytes) -> None:
        """Let a tile stand where none has been added."""
        missing = self.sizes == 0
        if missing.any():
            place = self._end
            self._end += _write_all(self._file, _framed(tile))
            self._places[missing], self.sizes[missing] = place, len(tile)

    def pixels_of(self, row: int, col: int) -> int:
        """Return how many of a tile's pixels are inside the raster."""
        height, width = self.shape
        return min(height - row * TILE_PX, TILE_PX) * min(width - col * TILE_PX, TILE_PX)

    @property
    def stored_bytes(self) -> int:
        """What the tiles need in a file."""
        return int(self.sizes.sum(dtype=np.uint64)) + self.sizes.size * (
            _SIZE_BYTES + _REPEATED_BYTES
        )

    def offsets(self, start: int) -> NDArray[np.uint64]:
        """Return where each tile's data are in a file that holds the level at a place."""
        whole = self.sizes.ravel().astype(np.uint64) + np.uint64(_SIZE_BYTES + _REPEATED_BYTES)
        return np.uint64(start + _SIZE_BYTES) + np.cumsum(whole) - whole

    def row(self, row: int) -> Iterator[bytes]:
        """Yield what is stored of a row's tiles; several threads may read."""
        for place, size in zip(self._places[row].tolist(), self.sizes[row].tolist(), strict=True):
            yield os.pread(self._file.fileno(), size + _SIZE_BYTES + _REPEATED_BYTES, place)

    def close(self) -> None:
        """Close the file, whose tiles can not be read then."""
        self._file.close()


def write_cog(path: Path, tags: Sequence[Tag], levels: Sequence[LevelTiles]) -> None:
    """Write a file of complete levels, the full resolution first, then ever smaller ones.

    ``tags`` are those of a tiled raster of the full resolution's size, its tiles compressed as
    these are.
    """
    total = sum(level.stored_bytes for level in levels)
    form = TiffFormat(is_big=False)
    head = _head(form, tags, levels)
    if len(head) + total >= _CLASSIC_BYTES:
        form = TiffFormat(is_big=True)
        head = _head(form, tags, levels)
    with path.open("wb", buffering=0) as file:
        _write_all(file, head)

        def copy(rows: tuple[LevelTiles, int, int]) -> None:
            level, row, place = rows
            for piece in level.row(row):
                place += _write_at(file, piece, place)

        rows, start = [], len(head)
        for level in reversed(levels):
            places = level.offsets(start)[:: level.sizes.shape[1]] - np.uint64(_SIZE_BYTES)
            rows += [(level, row, place) for row, place in enumerate(places.tolist())]
            start += level.stored_bytes
        for _ in parallel_map(copy, rows):
            pass


def _head(form: TiffFormat, tags: Sequence[Tag], levels: Sequence[LevelTiles]) -> bytes:
    """Return all that is before the tiles."""
    start = len(_directories(form, tags, levels, [0] * len(levels)))
    starts = []
    for level in reversed(levels):
        starts.append(start)
        start += level.stored_bytes
    return _directories(form, tags, levels, starts[::-1])


def _directories(
    form: TiffFormat, tags: Sequence[Tag], levels: Sequence[LevelTiles], starts: Sequence[int]
) -> bytes:
    first = form.header_bytes + len(_NOTE)
    head = bytearray(form.header(first + first % 2) + _NOTE + bytes(first % 2))
    common = [tag for tag in tags if tag.code in _OF_EVERY_PAGE]
    for at, (level, start) in enumerate(zip(levels, starts, strict=True)):
        offsets = level.offsets(start).astype("<u8" if form.is_big else "<u4")
        page = {tag.code: tag for tag in (common if at else tags)}
        own = [
            Tag(code=_TILE_OFFSETS, type=form.offset_type, values=offsets.tobytes()),
            Tag(code=_TILE_SIZES, type=LONG, values=level.sizes.astype("<u4").tobytes()),
        ]
        if at:
            sides = ((_LENGTH, level.shape[0]), (_WIDTH, level.shape[1]), (_NEW_SUBFILE, _REDUCED))
            own += [
                Tag(code=code, type=LONG, values=number.to_bytes(4, "little"))
                for code, number in sides
            ]
        page |= {tag.code: tag for tag in own}
        is_last = at == len(levels) - 1
        head += form.directory(list(page.values()), len(head), is_last=is_last)
    return bytes(head)


def _framed(tile: bytes) -> bytes:
    """Return a tile with its size before it and its last bytes repeated after it."""
    return len(tile).to_bytes(_SIZE_BYTES, "little") + tile + tile[-_REPEATED_BYTES:]


def _write_at(file: BinaryIO, data: bytes, place: int) -> int:
    """Write at a place, where one call may take only a part; return the bytes written."""
    done = 0
    while done < len(data):
        done += os.pwrite(file.fileno(), memoryview(data)[done:], place + done)
    return done


def _write_all(file: BinaryIO, data: bytes | memoryview) -> int:
    """Write without a buffer, where one call may take only a part; return the bytes written."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    return len(data)
