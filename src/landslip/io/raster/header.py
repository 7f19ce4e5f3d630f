"""What a raster's header and a quick look at its pixels say, as maps in a browser need it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.core.grid import Grid, edge_points, map_points
from landslip.core.transformations import lonlat_of
from landslip.core.window import Window
from landslip.io.raster.geotiff import open_geotiff
from landslip.io.raster.opening import grid_of, reading
from landslip.io.raster.validity import PixelValidity, Stored

LARGE_PX = 6_000_000  # from so many pixels on, one without overviews is slow to show
_LOOK_PX = 512
_WINDOWS, _WINDOW_PX = 6, 64
_WORLD_M = 156_543.033928041  # of a pixel of the one tile at zoom 0
_MAX_ZOOM = 22
_EDGE_POINTS = 21
_PERCENTILES = (0, 2, 99.8, 100)  # bare landslides are among the brightest per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class BandHeader:
    """A band of data.

    Attributes:
        index: from 1, as in the file.
        description: None where it has none.
        scale: of stored numbers: value = stored * scale + offset.
        nodata: None where none is declared.
        limits: minimum, 2nd and 99.8th percentile, maximum of valid values; zeros without any.
    """

    index: int
    description: str | None
    unit: str | None
    scale: float
    offset: float
    nodata: float | None
    limits: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """A raster; ``bounds`` are west, south, east, north, ``zooms`` those of tiles of 256 px."""

    grid: Grid
    dtype: str
    bands: tuple[BandHeader, ...]
    tags: dict[str, str]
    bounds: tuple[float, float, float, float]
    zooms: tuple[int, int]
    has_overviews: bool

    @property
    def is_slow(self) -> bool:
        """Whether a view of the whole would have to read every pixel."""
        height, width = self.grid.shape
        return not self.has_overviews and height * width > LARGE_PX


def read_header(path: Path) -> RasterHeader:
    """Read a GeoTIFF's header and some of its pixels; to be called within `only_the_file`.

    Raises:
        InputError: it cannot be read, or not shown on a map.
    """
    with open_geotiff(path) as file:
        grid = grid_of(file)
        if grid.crs is None or file.transform.is_identity:
            raise InputError(
                f"{path}: has no place on the map, its coordinate system or transform is missing; "
                "assign them, or orthorectify it with `landslip orthorectify`"
            )
        if file.transform.b or file.transform.d:
            raise InputError(
                f"{path}: is rotated; bring it north up, as `gdalwarp` does, to show it"
            )
        validity = PixelValidity.of(file)
        has_overviews = bool(file.overviews(1))
        values = _values(file, validity, has_overviews)
        bounds = _lonlat_bounds(grid, path)
        return RasterHeader(
            grid=grid,
            dtype=str(file.dtypes[0]),
            bands=tuple(
                _band(file, index, validity, values[at])
                for at, index in enumerate(validity.data_bands)
            ),
            tags={str(name): str(text) for name, text in file.tags().items()},
            bounds=bounds,
            zooms=_zooms(grid, bounds),
            has_overviews=has_overviews,
        )


def _band(
    file: DatasetReader, index: int, validity: PixelValidity, values: NDArray[np.float64]
) -> BandHeader:
    scale, offset = float(file.scales[index - 1]), float(file.offsets[index - 1])
    if not (math.isfinite(scale) and math.isfinite(offset)) or scale == 0:
        scale, offset = 1.0, 0.0
    low, *middle, high = np.percentile(values, _PERCENTILES) if len(values) else (0.0,) * 4
    limits = tuple(float(one) * scale + offset for one in (low, *middle, high))
    return BandHeader(
        index=index,
        description=file.descriptions[index - 1],
        unit=file.units[index - 1],
        scale=scale,
        offset=offset,
        nodata=validity.nodata[validity.data_bands.index(index)],
        limits=(limits[0], limits[1], limits[2], limits[3]),
    )


def _values(
    file: DatasetReader, validity: PixelValidity, has_overviews: bool
) -> NDArray[np.float64]:
    """Return valid stored numbers (bands, n) of an overview, or of windows spread over it."""
    whole = Window(0, 0, file.width, file.height)
    if has_overviews or file.width * file.height <= LARGE_PX:
        times = max(1.0, max(file.shape) / _LOOK_PX)
        shape = (max(1, round(file.height / times)), max(1, round(file.width / times)))
        with reading(file.name, whole):
            stored, valid = validity.read(file, shape=shape)
        samples = [stored[:, valid]]
    else:
        samples = [_sampled(file, validity, window) for window in _spread(file.shape)]
    return np.concatenate(samples, axis=1).astype(np.float64)


def _sampled(file: DatasetReader, validity: PixelValidity, window: Window) -> Stored:
    with reading(file.name, window):
        stored, valid = validity.read(file, window)
    return stored[:, valid]


def _spread(shape: tuple[int, int]) -> list[Window]:
    height, width = shape
    side = min(_WINDOW_PX, height, width)
    rows = np.linspace(0, height - side, _WINDOWS).round().astype(int).tolist()
    cols = np.linspace(0, width - side, _WINDOWS).round().astype(int).tolist()
    return [Window(col, row, side, side) for row in rows for col in cols]


def _lonlat_bounds(grid: Grid, path: Path) -> tuple[float, float, float, float]:
    points = map_points(grid.transform, edge_points(grid.shape, _EDGE_POINTS))
    lonlat = lonlat_of(points, grid.crs)
    if not np.isfinite(lonlat).all():
        raise InputError(f"{path}: its coordinates are outside of its coordinate system")
    if np.ptp(lonlat[:, 0]) > 180:  # across the antimeridian
        lonlat[lonlat[:, 0] < 0, 0] += 360
    (west, south), (east, north) = lonlat.min(axis=0).tolist(), lonlat.max(axis=0).tolist()
    return west, south, east, north


def _zooms(grid: Grid, bounds: tuple[float, float, float, float]) -> tuple[int, int]:
    """Return the zoom at which the whole is small, and the one at which a pixel is a pixel."""
    latitude = math.radians(min(max(abs(bounds[1]), abs(bounds[3])), 85.0))
    pixel_m = (grid.resolution_m or 1.0) / math.cos(latitude)
    largest = math.ceil(math.log2(_WORLD_M / pixel_m) - 0.1)
    smallest = math.floor(math.log2(_WORLD_M / (pixel_m * max(grid.shape) / 256))) - 2
    most = min(max(largest, 0), _MAX_ZOOM)
    return min(max(smallest, 0), most), most
