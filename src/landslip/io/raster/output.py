"""Rasters that are written."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.shutil import copy as copy_raster

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster.opening import cause, rasterio_window
from landslip.io.raster.scene import Stored

COG_OPTIONS = {
    "driver": "COG",
    "predictor": "standard",
    "blocksize": 512,
    "num_threads": "all_cpus",
    "bigtiff": "if_safer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A band to be written, and what its stored numbers mean."""

    description: str
    dtype: str = "uint8"
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    units: str | None = None


class RasterOutput:
    """A tiled GeoTIFF written window by window, then turned into a Cloud-Optimized GeoTIFF."""

    def __init__(self, path: Path, grid: Grid, layers: tuple[Layer, ...]) -> None:
        """Create the file; every layer has the first one's dtype and nodata."""
        self._path = path
        self._layers = layers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self._file = rasterio.open(
                path,
                "w",
                driver="GTiff",
                height=grid.shape[0],
                width=grid.shape[1],
                count=len(layers),
                dtype=layers[0].dtype,
                nodata=layers[0].nodata,
                crs=grid.crs,
                transform=grid.transform,
                tiled=True,
                blockxsize=512,
                blockysize=512,
                sparse_ok=True,  # windows without data are not written
                bigtiff="if_safer",
            )
        self._file.descriptions = tuple(layer.description for layer in layers)
        self._file.scales = tuple(layer.scale for layer in layers)
        self._file.offsets = tuple(layer.offset for layer in layers)
        self._file.units = tuple(layer.units or "" for layer in layers)

    def write(self, values: Stored, window: Window) -> None:
        """Write (bands, height, width) or (height, width) at a window inside the grid."""
        stacked = values if values.ndim == 3 else values[np.newaxis]
        self._file.write(stacked, window=rasterio_window(window))

    def finish(self, cog: Path, *, overviews: Literal["average", "mode"]) -> None:
        """Close the file, write it as a COG with overviews, and remove it.

        Raises:
            LandslipError: it cannot be written.
        """
        self._file.close()
        with warnings.catch_warnings(), writing(cog):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            copy_raster(
                self._path,
                cog,
                compress="deflate",
                overview_resampling=overviews,
                **COG_OPTIONS,
            )
        self._path.unlink()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()


def sum_of_bytes(path: Path) -> int:
    """Return the sum of all bytes of a raster's pixels, read again from the file.

    GDAL does not tell of what it could not write as a file was closed; a block that is missing
    reads as nodata, and shows in the sum.

    Raises:
        LandslipError: it cannot be read.
    """
    with writing(path), rasterio.open(path) as file:
        rows = file.block_shapes[0][0]
        return sum(
            int(file.read(window=((row, row + rows), (0, file.width))).view(np.uint8).sum())
            for row in range(0, file.height, rows)
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a raster is written into a sentence that names it."""
    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        raise LandslipError(
            f"{path}: the raster cannot be written ({cause(error)}); see that there is room on "
            "the disk and run the same command again"
        ) from error


def write_scene(path: Path, values: Stored, grid: Grid, layers: tuple[Layer, ...]) -> None:
    """Write a whole scene (bands, height, width) as a Cloud-Optimized GeoTIFF."""
    output = RasterOutput(path.with_name(f".{path.name}.tif"), grid, layers)
    output.write(values, grid.window)
    output.finish(path, overviews="average")
