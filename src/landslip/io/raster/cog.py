"""Cloud-Optimized GeoTIFFs put together of tiles that are compressed already.

GDAL's driver takes an uncompressed raster, which must be written and read again first, and
compresses it when all is there; here tiles are compressed where they are made. The structure is
that of GDAL's driver: directories first, then the smallest overview, the full resolution last, and
within each of them tiles row by row, with their sizes before them.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from landslip.io.raster.tiff_directory import LONG, Tag, TiffFormat
from landslip.io.raster.tile_codec import TILE_PX

_NEW_SUBFILE, _WIDTH, _LENGTH, _TILE_OFFSETS, _TILE_SIZES = 254, 256, 257, 324, 325
_REDUCED = 1
# bits, compression, photometric, samples, planes, predictor, tile's width and length, extra
# samples, sample format, GDAL's nodata
_OF_EVERY_PAGE = (258, 259, 262, 277, 284, 317, 322, 323, 338, 339, 42113)
_SIZE_BYTES = _REPEATED_BYTES = 4
_CLASSIC_BYTES = 2**32
_COPIED_BYTES = 2**20
ALIGNMENT = 4096
"""Of the full resolution's tiles in the file: the block of the file systems."""
_LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_NOTE = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_LAYOUT) + _LAYOUT


@dataclass(slots=True)
class LevelTiles:
    """The compressed tiles of one resolution, row by row, in a temporary file.

    ``shape`` is in pixels; ``sizes`` are 0 where no tile has been written. A tile that is added
    before its turn waits in memory.
    """

    path: Path
    shape: tuple[int, int]
    sizes: NDArray[np.uint32] = field(init=False)
    _file: BinaryIO = field(init=False)
    _waiting: dict[int, bytes] = field(default_factory=dict)
    _next: int = 0

    def __post_init__(self) -> None:
        tiles = tuple(-(-length // TILE_PX) for length in self.shape)
        self.sizes = np.zeros(tiles, dtype=np.uint32)
        self._file = self.path.open("w+b", buffering=0)

    def place_of(self, row: int, col: int) -> int:
        """Return a tile's place in the order of the file."""
        return row * int(self.sizes.shape[1]) + col

    def add(self, row: int, col: int, tile: bytes) -> None:
        """Add a tile at a row and column of tiles.

        Raises:
            ValueError: the tile has been written, or filled by `fill_before`.
        """
        place = self.place_of(row, col)
        if place < self._next:
            raise ValueError(f"tile {row}, {col} comes after those that follow it in the file")
        self._waiting[place] = tile
        while self._next in self._waiting:
            self._write(self._waiting.pop(self._next))

    def fill_before(self, end: int, tile: bytes) -> None:
        """Write a tile at each place before ``end`` where none has been added."""
        while self._next < end:
            self._write(self._waiting.pop(self._next, tile))

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

    def copy_to(self, file: BinaryIO) -> None:
        """Copy all tiles to a file's place."""
        self._file.seek(0)
        while piece := self._file.read(_COPIED_BYTES):
            _write_all(file, piece)

    def insert_before(self, size: int) -> BinaryIO | None:
        """Move the tiles by a multiple of `ALIGNMENT`, without copying them; return the file.

        None: the file system cannot do it, or is not one of Linux.
        """
        return self._file if _insert_range(self._file, size) else None

    def close(self) -> None:
        """Close the file, whose tiles can not be read then."""
        self._file.close()

    def _write(self, tile: bytes) -> None:
        size = len(tile).to_bytes(_SIZE_BYTES, "little")
        _write_all(self._file, size, tile, tile[-_REPEATED_BYTES:])
        self.sizes.ravel()[self._next] = len(tile)
        self._next += 1


def write_cog(path: Path, tags: Sequence[Tag], levels: Sequence[LevelTiles]) -> None:
    """Write a file of complete levels, the full resolution first, then ever smaller ones.

    ``tags`` are those of a tiled raster of the full resolution's size, its tiles compressed as
    these are. The file of the full resolution becomes the result where the file system can make
    room before its tiles; elsewhere they are copied.
    """
    total = sum(level.stored_bytes for level in levels) + ALIGNMENT
    form = TiffFormat(is_big=False)
    head, start = _head(form, tags, levels)
    if len(head) + total >= _CLASSIC_BYTES:
        form = TiffFormat(is_big=True)
        head, start = _head(form, tags, levels)
    full = levels[0]
    begun = full.insert_before(start)
    with path.open("wb", buffering=0) if begun is None else nullcontext(begun) as file:
        file.seek(0)
        _write_all(file, head)
        for level in reversed(levels[1:]):
            level.copy_to(file)
        _write_all(file, bytes(start - file.tell()))
        if begun is None:
            full.copy_to(file)
    if begun is not None:
        full.path.replace(path)


def _head(form: TiffFormat, tags: Sequence[Tag], levels: Sequence[LevelTiles]) -> tuple[bytes, int]:
    """Return all that is before the tiles, and where those of the full resolution start."""
    start = len(_directories(form, tags, levels, [0] * len(levels)))
    starts = []
    for level in reversed(levels[1:]):
        starts.append(start)
        start += level.stored_bytes
    start = -(-start // ALIGNMENT) * ALIGNMENT
    return _directories(form, tags, levels, [start, *reversed(starts)]), start


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


def _insert_range(file: BinaryIO, size: int) -> bool:
    """Insert bytes at the start of a file, by Linux's fallocate; return whether it could be done.

    See the manual page fallocate(2), FALLOC_FL_INSERT_RANGE: ext4 and XFS have it.
    """
    insert_range = 0x20
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "fallocate"):
        return False
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    return bool(libc.fallocate(file.fileno(), insert_range, 0, size) == 0)


def _write_all(file: BinaryIO, *pieces: bytes | memoryview) -> None:
    """Write without a buffer, where one call may take only a part."""
    written = os.writev(file.fileno(), pieces)
    rest = memoryview(b"".join(pieces) if written < sum(map(len, pieces)) else b"")[written:]
    while rest:
        rest = rest[file.write(rest) :]
