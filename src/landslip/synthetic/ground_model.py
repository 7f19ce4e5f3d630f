"""The ground of a synthetic scene: reflectance in the day's light, heights, and a DEM of them."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.io.raster import OutputBand, write_scene

Field = NDArray[np.float32]
Points = NDArray[np.float64]
GROUND_BANDS = ("blue", "green", "red", "nir")
_FWHM_PER_SIGMA = 2.355
_NODATA = -9999.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundModel:
    """A map of reflectance (4: blue, green, red, nir, height, width) over one of heights.

    Reflectance is lit by the sun of the day; heights are over the ellipsoid, bilinear between pixel
    centres. Mirrored ground continues beyond its edges, else there is none.
    """

    reflectance: Field
    height_m: Field
    grid: Grid
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.reflectance.shape != (len(GROUND_BANDS), *self.grid.shape):
            raise InputError(
                f"a ground model must have {len(GROUND_BANDS)} bands on its grid of "
                f"{self.grid.shape}; got {self.reflectance.shape}"
            )
        if self.height_m.shape != self.grid.shape:
            raise InputError(
                f"a ground model's heights must be on its grid of {self.grid.shape}; "
                f"got {self.height_m.shape}"
            )
        if self.grid.crs is None or not self.grid.crs.is_projected:
            raise InputError(
                f"a ground model must be in projected coordinates; got {self.grid.crs}"
            )

    @property
    def pixel_m(self) -> float:
        """Side of a pixel."""
        return float(np.sqrt(abs(self.grid.transform.determinant)))

    @property
    def height_range_m(self) -> tuple[float, float]:
        """Lowest and highest ground."""
        return float(self.height_m.min()), float(self.height_m.max())

    @property
    def centre_deg(self) -> tuple[float, float]:
        """Longitude and latitude of the middle."""
        rows, cols = self.grid.shape
        lon, lat = self.lonlat(np.array([[cols / 2, rows / 2]]))[0].tolist()
        return lon, lat

    def lonlat(self, points: Points) -> Points:
        """Return longitude and latitude (n, 2) of pixel coordinates (n, 2: col, row)."""
        transformer = pyproj.Transformer.from_crs(self.crs, 4326, always_xy=True)
        return np.column_stack(transformer.transform(*map_points(self.grid.transform, points).T))

    def pixels(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2: col, row) of longitudes and latitudes (n, 2)."""
        transformer = pyproj.Transformer.from_crs(4326, self.crs, always_xy=True)
        return map_points(
            ~self.grid.transform, np.column_stack(transformer.transform(*lonlat_deg.T))
        )

    def heights_at(self, col: Field, row: Field) -> Field:
        """Return heights in metres at pixel coordinates, all (height, width)."""
        half = np.float32(0.5)
        border = cv2.BORDER_REFLECT if self.mirrored else cv2.BORDER_REPLICATE
        heights = cv2.remap(
            self.height_m, col - half, row - half, cv2.INTER_LINEAR, borderMode=border
        )
        return heights.astype(np.float32, copy=False)

    def has(self, col: Field, row: Field) -> NDArray[np.bool_]:
        """Return whether there is ground at pixel coordinates (height, width)."""
        if self.mirrored:
            return np.ones(col.shape, dtype=np.bool_)
        rows, cols = self.grid.shape
        inside: NDArray[np.bool_] = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        return inside

    @property
    def crs(self) -> pyproj.CRS:
        """The coordinate system of the grid."""
        return pyproj.CRS.from_user_input(self.grid.crs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemFormat:
    """Format of the elevation model.

    Attributes:
        epsg: its horizontal coordinate system; 4326 is WGS 84 in degrees.
        spacing_m: side of a cell; 30 is one arc second in degrees.
        undulation_m: of the geoid over the ellipsoid; heights are written over the geoid.
        vertical_epsg: coordinate system of heights that the file states; None states none.
        margin_m: beyond the ground, which must be mirrored then.
    """

    epsg: int = 4326
    spacing_m: float = 30.0
    undulation_m: float = 0.0
    vertical_epsg: int | None = None
    margin_m: float = 0.0

    def __post_init__(self) -> None:
        if not self.spacing_m > 0 or self.margin_m < 0:
            raise InputError(
                "cells of an elevation model must be above 0 and its margin not below; "
                f"got {self.spacing_m} m, {self.margin_m} m"
            )

    @property
    def crs(self) -> CRS:
        """The coordinate system that the file is given."""
        vertical = "" if self.vertical_epsg is None else f"+{self.vertical_epsg}"
        return CRS.from_user_input(f"EPSG:{self.epsg}{vertical}")


def write_dem(path: Path, ground: GroundModel, dem: DemFormat | None = None) -> Grid:
    """Write the ground's heights, smoothed to the cells' size, as float32; return their grid."""
    dem = dem or DemFormat()
    if dem.margin_m > 0 and not ground.mirrored:
        raise InputError(
            f"only mirrored ground continues beyond its edges; got a margin of {dem.margin_m} m"
        )
    grid = _dem_grid(ground, dem)
    # smoothed heights at the centres of cells
    rows, cols = np.indices(grid.shape) + 0.5
    places = map_points(grid.transform, np.column_stack([cols.ravel(), rows.ravel()]))
    transformer = pyproj.Transformer.from_crs(dem.epsg, ground.crs, always_xy=True)
    mapped = np.column_stack(transformer.transform(places[:, 0], places[:, 1]))
    points = map_points(~ground.grid.transform, mapped).astype(np.float32)
    fine_m = ground.pixel_m
    sigma = math.sqrt(max(dem.spacing_m**2 - fine_m**2, 0)) / fine_m / _FWHM_PER_SIGMA
    smooth = replace(
        ground, height_m=ndimage.gaussian_filter(ground.height_m, sigma, mode="reflect")
    )
    col, row = (np.ascontiguousarray(axis.reshape(grid.shape)) for axis in points.T)
    heights = smooth.heights_at(col, row) - np.float32(dem.undulation_m)
    layer = OutputBand(description="height", dtype="float32", nodata=_NODATA, units="metre")
    write_scene(path, heights[np.newaxis], grid, (layer,))
    return grid


def _dem_grid(ground: GroundModel, dem: DemFormat) -> Grid:
    """Return the grid of ground and margin, snapped to multiples of the cells' size."""
    transformer = pyproj.Transformer.from_crs(ground.crs, dem.epsg, always_xy=True)
    (west, south), (east, north) = ground.grid.corners(ground.grid.window)[[3, 1]]
    is_geographic = pyproj.CRS.from_epsg(dem.epsg).is_geographic
    side = dem.spacing_m / 30 / 3600 if is_geographic else dem.spacing_m
    margin = dem.margin_m
    left, bottom, right, top = transformer.transform_bounds(
        west - margin, south - margin, east + margin, north + margin
    )
    # rounded first, so that bounds that are multiples already stay what they are
    start_x, start_y = math.floor(round(left / side, 6)), math.ceil(round(top / side, 6))
    cols = math.ceil(round(right / side, 6)) - start_x
    rows = start_y - math.floor(round(bottom / side, 6))
    transform = Affine(side, 0, start_x * side, 0, -side, start_y * side)
    return Grid(crs=dem.crs, transform=transform, shape=(rows, cols))
