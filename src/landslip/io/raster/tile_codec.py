"""Compression of a TIFF's tiles, in any thread, as GDAL and libtiff read them."""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from isal import isal_zlib

from landslip.io.raster.validity import Stored

TILE_PX = 512
Compression = Literal["zstd", "deflate"]
_LEVEL = 1
# types of as many bytes that differences and OpenCV's merging are made in
_BITS: dict[int, type[np.generic]] = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}
_MOST_PREDICTED_BYTES = 4
_MOST_MERGED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TileCodec:
    """How the tiles of a raster are stored: differences along rows, then zstd or deflate.

    Both are at their lowest levels, which are several times as fast as the next ones for files as
    large; deflate is the one that every reader knows. Numbers of 8 bytes are stored as they are:
    not every reader knows their differences.
    """

    compression: Compression
    dtype: str

    @property
    def predictor(self) -> int:
        """TIFF's number for what is stored: 2 are differences, 1 are the numbers."""
        return 2 if np.dtype(self.dtype).itemsize <= _MOST_PREDICTED_BYTES else 1

    def encode(self, tile: Stored) -> bytes:
        """Return a tile (bands, height, width) compressed, the bands of each pixel side by side.

        The zlib and zstd streams hold the tile's bytes in the machine's order, which is little.
        """
        bits: np.ndarray[Any, Any] = tile.view(_BITS[tile.itemsize])
        if self.predictor > 1:
            differences = np.empty_like(bits)
            differences[..., 0] = bits[..., 0]
            np.subtract(bits[..., 1:], bits[..., :-1], out=differences[..., 1:])
            bits = differences
        if len(bits) == 1:
            pixels = np.ascontiguousarray(bits[0])
        elif len(bits) <= _MOST_MERGED:
            pixels = np.asarray(cv2.merge(list(bits)))
        else:
            pixels = np.ascontiguousarray(np.moveaxis(bits, 0, -1))
        if self.compression == "zstd":
            from numcodecs import zstd  # noqa: PLC0415 - a tenth of a second

            return bytes(zstd.compress(pixels, _LEVEL))
        return isal_zlib.compress(pixels, level=_LEVEL)
