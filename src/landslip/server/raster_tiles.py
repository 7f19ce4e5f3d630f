"""Tiles of rasters: read, stretched, and encoded as pictures.

Decoded blocks and encoded tiles are kept in memory up to a limit each.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.io.raster.opening import cause
from landslip.server.byte_cache import ByteCache
from landslip.server.catalogue.entries import RasterEntry
from landslip.server.raster_blocks import RasterBlocks, Source
from landslip.server.tile_pictures import PictureFormat, TileView, draw, encode
from landslip.server.tile_reading import Valid, nearest, plan_tile, resampled

THREADS = 4  # some of which wait for a block that another one decodes
_QUICK_PX = 4_000_000
_CACHE_BYTES = 64 * 2**20
_OVERHEAD_BYTES = 200  # of an encoded tile

Tile = tuple[int, int, int]
"""Zoom, column and row of the Web Mercator grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTile:
    """A picture as it is sent; ``content`` is empty where the raster has no data."""

    content: bytes
    media_type: str
    etag: str


@dataclass(slots=True)
class _Work:
    """A tile that is made, or waits for a thread, and how many requests wait for it."""

    future: "Future[EncodedTile]"
    waiting: int = 0


class RasterTiles:
    """The tiles of all rasters of a server."""

    def __init__(self, root: Path, file_of: Callable[[RasterEntry], Path | None]) -> None:
        """Rasters are below ``root``.

        ``file_of`` gives the file that is read of one, None while it is made.
        """
        self._root = root
        self._threads = ThreadPoolExecutor(THREADS, "raster-tiles")
        self._file_of = file_of
        self._blocks = RasterBlocks()
        self._work: dict[str, _Work] = {}
        self._cache: ByteCache[str, EncodedTile] = ByteCache(
            _CACHE_BYTES, lambda tile: len(tile.content) + _OVERHEAD_BYTES
        )

    def etag(self, raster: RasterEntry, view: TileView, tile: Tile, kind: str) -> str:
        """Return what changes when a tile's content does."""
        text = repr((raster.id, raster.stamp, self._file_of(raster), view, tile, kind))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def is_ready(self, raster: RasterEntry) -> bool:
        """Whether tiles of every zoom can be made."""
        return self._file_of(raster) is not None

    def cached(self, etag: str) -> EncodedTile | None:
        """Return a tile that is kept in memory."""
        return self._cache.get(etag)

    async def wait(
        self,
        etag: str,
        make: Callable[[], EncodedTile],
        disconnected: Callable[[], Awaitable[None]],
    ) -> EncodedTile | None:
        """Return a tile that a thread makes, one for all requests that want it at the same time.

        Args:
            etag: of the tile.
            make: makes it.
            disconnected: ends when the client no longer waits. A tile for which nobody waits, and
                that is not begun, is not made: the answer is None.
        """
        work = self._work.get(etag)
        if work is None:
            work = self._work[etag] = _Work(self._threads.submit(make))
        work.waiting += 1
        made = asyncio.wrap_future(work.future)
        leaving = asyncio.ensure_future(disconnected())
        either: tuple[asyncio.Future[Any], ...] = (made, leaving)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return made.result() if made.done() else None
        finally:
            leaving.cancel()
            made.add_done_callback(_retrieve_exception)
            work.waiting -= 1
            if work.waiting == 0:
                self._work.pop(etag, None)
                work.future.cancel()

    def make(
        self, raster: RasterEntry, view: TileView, tile: Tile, picture_format: PictureFormat
    ) -> EncodedTile:
        """Read, draw and encode a tile.

        Raises:
            InputError: the raster cannot be read there.
        """
        etag = self.etag(raster, view, tile, picture_format)
        known = self.cached(etag)
        if known is not None:
            return known
        read = self._read(raster, view, tile)
        content, media_type = b"", ""
        if read is not None:
            content, media_type = encode(draw(raster, view, *read), picture_format)
        made = EncodedTile(content=content, media_type=media_type, etag=etag)
        self._cache.put(etag, made)
        return made

    def close(self) -> None:
        """Stop the threads; files close with them."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(
        self, raster: RasterEntry, view: TileView, tile: Tile
    ) -> tuple[NDArray[Any], Valid] | None:
        """Return stored numbers (height, width, bands) and where they are valid; None outside."""
        zoom, x, y = tile
        path = self._file_of(raster)
        at = view.bands or (0,)
        source = Source(
            path=path or raster.path,
            stamp=raster.stamp,
            below=self._root if path in (None, raster.path) else None,
            bands=tuple(raster.bands[one].index for one in at),
            nodata=tuple(raster.nodata[one] for one in at),
            method="nearest" if raster.classes else "bilinear",
        )
        try:
            plan = plan_tile(raster.grid, self._blocks.shapes(source), tile, view.side)
            if plan is None or (path is None and plan.full_pixels > _QUICK_PX):
                return None
            pixels = self._blocks.read(source, plan.level, plan.rows, plan.columns)
            return nearest(pixels, plan) if raster.classes else resampled(pixels, plan)
        except InputError:
            raise
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{raster.name}: the tile {zoom}/{x}/{y} cannot be read ({cause(error)})"
            ) from error


def _retrieve_exception(made: "asyncio.Future[EncodedTile]") -> None:
    """Retrieve a failure for which nobody waits any more, which asyncio would else report."""
    if not made.cancelled():
        made.exception()
