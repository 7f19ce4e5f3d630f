"""Compares what a scene's tiles can be compressed by: speed of one core, and size.

    python benchmarks/cog_codecs.py SCENE [--side 3072]

Takes a square from the middle of a scene of 16-bit bands, writes it to memory by GDAL in one thread
and reads it again, for several codecs, predictors, tile sizes and orders of bands; then compresses
the same tiles as `landslip.io.raster.tile_codec` does. Seconds are the processor's, of the best of
three rounds, so that neither the disk nor other programs count. Rows whose codec this GDAL lacks
are left out.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from landslip.io.raster.tile_codec import TILE_PX, Compression, TileCodec

ROUNDS = 3
CODECS: tuple[Compression, ...] = ("zstd", "deflate")
ZSTD_1 = {"compress": "zstd", "zstd_level": 1}
BASE: dict[str, Any] = ZSTD_1 | {"predictor": 2, "blocksize": 512, "interleave": "pixel"}
VARIANTS: tuple[dict[str, Any], ...] = (
    {"compress": "none", "predictor": 1},
    {},
    {"zstd_level": 3},
    {"zstd_level": 9},
    {"predictor": 1},
    {"blocksize": 256},
    {"blocksize": 1024},
    {"interleave": "band"},
    {"compress": "deflate", "zlevel": 1},
    {"compress": "deflate", "zlevel": 6},
    {"compress": "lzw"},
    {"compress": "lerc_zstd", "predictor": 1},
)


def best_seconds(work: Callable[[], Any]) -> float:
    """Return the least processor time of this thread over some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return min(seconds)


def by_gdal(pixels: NDArray[np.uint16], options: dict[str, Any]) -> tuple[float, float, int]:
    """Return seconds of writing and of reading, and bytes."""
    side = options["blocksize"]
    count, height, width = pixels.shape
    profile = {key: value for key, value in options.items() if key != "blocksize"} | {
        "driver": "GTiff",
        "count": count,
        "height": height,
        "width": width,
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32648",
        "transform": Affine(2, 0, 500_000, 0, -2, 4_000_000),
        "tiled": True,
        "blockxsize": side,
        "blockysize": side,
        "num_threads": 1,
    }

    def write() -> bytes:
        with MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(pixels)
            return bytes(memory.getbuffer())

    content = write()

    def read() -> None:
        with MemoryFile(content) as memory, memory.open() as file:
            file.read()

    return best_seconds(write), best_seconds(read), len(content)


def by_ours(pixels: NDArray[np.uint16], compression: Compression) -> tuple[float, int]:
    """Return seconds of compressing, and bytes."""
    codec = TileCodec(compression=compression, dtype="uint16")
    places = range(0, pixels.shape[1], TILE_PX)

    def compress() -> int:
        return sum(
            len(codec.encode(pixels[:, row : row + TILE_PX, col : col + TILE_PX]))
            for row in places
            for col in places
        )

    return best_seconds(compress), compress()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--side", type=int, default=3072)
    asked = parser.parse_args()
    side = asked.side // TILE_PX * TILE_PX
    with rasterio.open(asked.scene) as file:
        middle = Window((file.width - side) // 2, (file.height - side) // 2, side, side)
        pixels = file.read(window=middle)
    size, raw = side * side / 1e6, pixels.nbytes
    print(f"GDAL {rasterio.__gdal_version__}, {pixels.shape}, {np.mean(pixels > 0):.0%} valid")
    print("| by | codec | predictor | tile | bands by | write, MPix/s | read, MPix/s | of raw |")
    print("|---|---|---|---|---|---|---|---|")
    for variant in VARIANTS:
        options = BASE | variant
        if options["compress"] not in ("zstd", "lerc_zstd"):
            del options["zstd_level"]
        level = options.get("zstd_level", options.get("zlevel", ""))
        try:
            with rasterio.Env(GDAL_CACHEMAX=2 * raw + 2**26):
                written, read, stored = by_gdal(pixels, options)
        except RasterioError:
            continue
        print(
            f"| GDAL | {options['compress']} {level} | {options['predictor']} "
            f"| {options['blocksize']} | {options['interleave']} | {size / written:.1f} "
            f"| {size / read:.1f} | {stored / raw:.3f} |"
        )
    for compression in CODECS:
        written, stored = by_ours(pixels, compression)
        print(
            f"| ours | {compression} 1 | 2 | {TILE_PX} | pixel | {size / written:.1f} | as GDAL's "
            f"| {stored / raw:.3f} |"
        )


if __name__ == "__main__":
    main()
