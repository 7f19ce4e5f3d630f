"""Tiles of rasters: read by rio-tiler, stretched, and encoded as pictures.

Files are opened once for each thread; encoded tiles are kept in memory up to a limit.
"""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rio_tiler.errors import RioTilerError

from landslip.core.errors import InputError
from landslip.io.raster.geotiff import only_the_file, open_geotiff
from landslip.io.raster.opening import cause
from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.server.catalogue.entries import RasterEntry
from landslip.server.catalogue.listing import require_below
from landslip.server.schemas import RasterClass
from landslip.server.tile_reading import TilePlan, plan_tile, read_tile

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

PictureFormat = Literal["png", "webp", "jpeg"]
Picture = NDArray[np.uint8]
THREADS = 3
_OPEN_FILES = 12  # of a thread
_QUICK_PX = 4_000_000
_CACHE_BYTES = 96 * 2**20
_WEBP_QUALITY, _WEBP_METHOD = 85, 1  # the method of twice the speed
_JPEG_QUALITY, _PNG_LEVEL = 88, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """How a raster is drawn.

    Attributes:
        bands: positions in the entry's bands, one or three; none of a probability or classes.
        limits: low and high of each, in the unit that is shown.
        gamma: over 1 brightens.
        side: of a tile, in pixels.
    """

    bands: tuple[int, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()
    gamma: float = 1.0
    side: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTile:
    """A picture as it is sent; ``content`` is empty where the raster has no data."""

    content: bytes
    media_type: str
    etag: str


class RasterTiles:
    """The tiles of all rasters of a server."""

    def __init__(self, root: Path, file_of: Callable[[RasterEntry], Path | None]) -> None:
        """Rasters are below ``root``.

        ``file_of`` gives the file that is read of one, None while it is made.
        """
        self._root = root
        self.threads = ThreadPoolExecutor(THREADS, "raster-tiles")
        self._file_of = file_of
        self._of_thread = threading.local()
        self._cache: OrderedDict[str, EncodedTile] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()

    def etag(
        self, raster: RasterEntry, view: TileView, tile: tuple[int, int, int], kind: str
    ) -> str:
        """Return what changes when a tile's content does."""
        text = repr((raster.id, raster.stamp, self._file_of(raster), view, tile, kind))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def is_ready(self, raster: RasterEntry) -> bool:
        """Whether tiles of every zoom can be made."""
        return self._file_of(raster) is not None

    def cached(self, etag: str) -> EncodedTile | None:
        """Return a tile that is kept in memory."""
        with self._lock:
            tile = self._cache.get(etag)
            if tile is not None:
                self._cache.move_to_end(etag)
            return tile

    def make(
        self,
        raster: RasterEntry,
        view: TileView,
        tile: tuple[int, int, int],
        picture_format: PictureFormat,
    ) -> EncodedTile:
        """Read, draw and encode a tile (zoom, column, row); to be called in a thread of `threads`.

        Raises:
            InputError: the raster cannot be read there.
        """
        etag = self.etag(raster, view, tile, picture_format)
        known = self.cached(etag)
        if known is not None:
            return known
        with only_the_file():
            read = self._read(raster, view, tile)
        if read is None:
            made = EncodedTile(content=b"", media_type="", etag=etag)
        else:
            made = encode(_draw(raster, view, *read), picture_format, etag)
        self._keep(made)
        return made

    def close(self) -> None:
        """Stop the threads; files close with them."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _file(self, raster: RasterEntry, source: Path) -> "DatasetReader":
        """Return a file that this thread keeps open."""
        files: OrderedDict[tuple[str, str], DatasetReader]
        files = self._of_thread.__dict__.setdefault("files", OrderedDict())
        key = (str(source), raster.stamp)
        if key not in files:
            if source == raster.path:
                require_below(self._root, source)
            files[key] = open_geotiff(source)
        files.move_to_end(key)
        while len(files) > _OPEN_FILES:
            _, oldest = files.popitem(last=False)
            oldest.close()
        return files[key]

    def _read(
        self, raster: RasterEntry, view: TileView, tile: tuple[int, int, int]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
        """Return stored numbers (bands, height, width) and where they are valid; None outside."""
        zoom, x, y = tile
        plan = plan_tile(raster.grid, tile, view.side)
        source = self._file_of(raster) or (raster.path if _is_quick(plan) else None)
        if plan is None or source is None:
            return None
        at = view.bands or (0,)
        try:
            return read_tile(
                self._file(raster, source),
                plan,
                tuple(raster.bands[one].index for one in at),
                tuple(raster.nodata[one] for one in at),
                "nearest" if raster.classes else "bilinear",
            )
        except InputError:
            raise
        except (RioTilerError, OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{raster.name}: the tile {zoom}/{x}/{y} cannot be read ({cause(error)})"
            ) from error

    def _keep(self, tile: EncodedTile) -> None:
        with self._lock:
            if tile.etag in self._cache:
                return
            self._cache[tile.etag] = tile
            self._cached_bytes += len(tile.content) + 200
            while self._cached_bytes > _CACHE_BYTES:
                _, oldest = self._cache.popitem(last=False)
                self._cached_bytes -= len(oldest.content) + 200


def _draw(
    raster: RasterEntry, view: TileView, values: NDArray[Any], valid: NDArray[np.bool_]
) -> Picture:
    """Return a picture (height, width, 4) in blue, green, red and alpha, as OpenCV writes it."""
    picture = np.zeros((*valid.shape, 4), dtype=np.uint8)
    if raster.kind == "probability" and not view.bands:
        # elevation tiles to MapLibre: probability = red / 250; they are opaque
        levels = values[0].astype(np.float64) * raster.scale[0] + raster.offset[0]
        red = np.clip(np.rint(levels * PROBABILITY_LEVELS), 0, PROBABILITY_LEVELS)
        picture[..., 2] = np.where(valid, red, 0)
        picture[..., 3] = 255
    elif raster.classes and not view.bands:
        for one in raster.classes:
            picture[valid & (values[0] == one.value)] = _blue_green_red(one)
    else:
        for channel, band in zip((2, 1, 0), _stretched(raster, view, values), strict=True):
            picture[..., channel] = band
        picture[..., 3] = np.where(valid, np.uint8(255), np.uint8(0))
        picture[~valid] = 0
    return picture


def _stretched(raster: RasterEntry, view: TileView, values: NDArray[Any]) -> Iterator[Picture]:
    """Yield red, green and blue of bands, stretched between their limits."""
    bands: list[Picture] = []
    at = view.bands or (0,)
    for position, band in zip(at, values, strict=True):
        shown = raster.bands[position]
        limits = view.limits[len(bands)] if view.limits else (shown.low, shown.high)
        scale, offset = raster.scale[position], raster.offset[position]
        low, high = ((limit - offset) / scale for limit in limits)
        span = high - low or 1.0
        share = np.clip((band.astype(np.float32) - np.float32(low)) / np.float32(span), 0, 1)
        if view.gamma != 1:
            share **= np.float32(1 / view.gamma)
        bands.append((share * 255 + 0.5).astype(np.uint8))
    yield from bands * 3 if len(bands) == 1 else bands


def _blue_green_red(one: RasterClass) -> tuple[int, int, int, int]:
    red, green, blue = (int(one.colour[at : at + 2], 16) for at in (1, 3, 5))
    return blue, green, red, 255


def _is_quick(plan: TilePlan | None) -> bool:
    """Whether a raster without overviews is read at once for a tile."""
    if plan is None:
        return False
    (first_row, last_row), (first_column, last_column) = plan.window
    return (last_row - first_row) * (last_column - first_column) <= _QUICK_PX


def encode(picture: Picture, picture_format: PictureFormat, etag: str) -> EncodedTile:
    """Encode a picture; one without any opaque pixel becomes an empty tile.

    With ``jpeg``, which takes a fifth of WebP's time, what is transparent in parts becomes WebP.
    """
    if not picture[..., 3].any():
        return EncodedTile(content=b"", media_type="", etag=etag)
    is_opaque = bool((picture[..., 3] == 255).all())
    shown = picture[..., :3] if is_opaque else picture
    if picture_format == "png":
        content = _by_opencv(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
        return EncodedTile(content=content, media_type="image/png", etag=etag)
    if picture_format == "jpeg" and is_opaque:
        content = _by_opencv(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return EncodedTile(content=content, media_type="image/jpeg", etag=etag)
    order = (2, 1, 0) if is_opaque else (2, 1, 0, 3)
    packed = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(shown[..., order]))
    image.save(packed, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return EncodedTile(content=packed.getvalue(), media_type="image/webp", etag=etag)


def _by_opencv(ending: str, picture: Picture, parameters: list[int]) -> bytes:
    written, content = cv2.imencode(ending, np.ascontiguousarray(picture), parameters)
    if not written:
        raise RuntimeError(f"a tile could not be encoded as {ending}")
    return content.tobytes()
