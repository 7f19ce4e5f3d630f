"""Whether this installation of GDAL writes and reads a Cloud-Optimized GeoTIFF, and how fast."""

import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster

from landslip.io.raster.output import COG_OPTIONS


def gdal_version() -> str:
    """Return the version of the GDAL that opens rasters."""
    return str(rasterio.__gdal_version__)


def write_and_read(file: Path, side_px: int, seed: int = 0) -> float:
    """Write 4 bands of noise on a ramp as uint16, deflated; return megapixels per second.

    Raises:
        ValueError: what was read is not what was written, or not where it was.
    """
    draw = np.random.default_rng(seed)
    rows = np.arange(side_px, dtype=np.uint16)[:, None]
    values = (rows + draw.integers(0, 64, (4, side_px, side_px))).astype(np.uint16)
    transform = Affine(2.0, 0.0, 400_000.0, 0.0, -2.0, 3_000_000.0)
    profile = {
        "driver": "GTiff",
        "height": side_px,
        "width": side_px,
        "count": 4,
        "dtype": "uint16",
        "crs": "EPSG:32648",
        "transform": transform,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as source:
            source.write(values)
        with memory.open() as source:
            started = time.perf_counter()
            copy_raster(source, file, compress="deflate", level=1, **COG_OPTIONS)
            seconds = time.perf_counter() - started
    with rasterio.open(file) as written:
        if written.crs.to_epsg() != 32648 or written.transform != transform:
            raise ValueError(f"a GeoTIFF in EPSG:32648 comes back in {written.crs}")
        if not np.array_equal(written.read(), values):
            raise ValueError("the pixels that were read are not those that were written")
    return side_px * side_px / 1e6 / seconds
