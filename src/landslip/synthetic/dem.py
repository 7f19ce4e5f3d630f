"""The elevation model that a user would have of the known ground."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.io.raster import OutputBand, write_scene
from landslip.synthetic.ground import Ground

_FWHM_PER_SIGMA = 2.355
_NODATA = -9999.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemStyle:
    """What the elevation model is like.

    Attributes:
        epsg: its horizontal coordinate system; 4326 is WGS 84 in degrees.
        spacing_m: side of a cell; 30 is one arc second in degrees.
        undulation_m: height of the geoid over the ellipsoid, the same everywhere; heights are
            written over the geoid. 0 writes them over the ellipsoid.
        vertical_epsg: coordinate system that the file says its heights have; None says nothing.
        margin_m: how much farther than the ground it goes, which must be mirrored then.
    """

    epsg: int = 4326
    spacing_m: float = 30.0
    undulation_m: float = 0.0
    vertical_epsg: int | None = None
    margin_m: float = 0.0

    def __post_init__(self) -> None:
        if not self.spacing_m > 0 or self.margin_m < 0:
            raise InputError(
                "an elevation model has cells of some size and no margin under 0; "
                f"got {self.spacing_m} m, {self.margin_m} m"
            )

    @property
    def crs(self) -> CRS:
        """The coordinate system that the file is given."""
        vertical = "" if self.vertical_epsg is None else f"+{self.vertical_epsg}"
        return CRS.from_user_input(f"EPSG:{self.epsg}{vertical}")

    @property
    def spacing(self) -> float:
        """Side of a cell in units of the coordinate system."""
        is_geographic = pyproj.CRS.from_epsg(self.epsg).is_geographic
        return self.spacing_m / 30 / 3600 if is_geographic else self.spacing_m


def write_dem(path: Path, ground: Ground, style: DemStyle | None = None) -> Grid:
    """Write the ground's heights, smoothed to the cells' size, as a float32 GeoTIFF.

    Returns:
        The grid that the file has.
    """
    style = style or DemStyle()
    if style.margin_m > 0 and not ground.mirrored:
        raise InputError(
            f"only mirrored ground goes on beyond its map; got a margin of {style.margin_m} m"
        )
    grid = _grid(ground, style)
    heights = _heights(ground, style, grid) - np.float32(style.undulation_m)
    layer = OutputBand(description="height", dtype="float32", nodata=_NODATA, units="metre")
    write_scene(path, heights[np.newaxis], grid, (layer,))
    return grid


def _grid(ground: Ground, style: DemStyle) -> Grid:
    """Return cells, snapped to multiples of their size, that hold the ground and the margin."""
    transformer = pyproj.Transformer.from_crs(ground.crs, style.epsg, always_xy=True)
    (west, south), (east, north) = ground.grid.corners(ground.grid.window)[[3, 1]]
    margin, side = style.margin_m, style.spacing
    left, bottom, right, top = transformer.transform_bounds(
        west - margin, south - margin, east + margin, north + margin
    )
    # rounded first, so that bounds that are multiples already stay what they are
    start_x, start_y = math.floor(round(left / side, 6)), math.ceil(round(top / side, 6))
    cols = math.ceil(round(right / side, 6)) - start_x
    rows = start_y - math.floor(round(bottom / side, 6))
    transform = Affine(side, 0, start_x * side, 0, -side, start_y * side)
    return Grid(crs=style.crs, transform=transform, shape=(rows, cols))


def _heights(ground: Ground, style: DemStyle, grid: Grid) -> NDArray[np.float32]:
    """Return smoothed heights over the ellipsoid at the centres of cells."""
    rows, cols = np.indices(grid.shape) + 0.5
    places = map_points(grid.transform, np.column_stack([cols.ravel(), rows.ravel()]))
    transformer = pyproj.Transformer.from_crs(style.epsg, ground.crs, always_xy=True)
    mapped = np.column_stack(transformer.transform(places[:, 0], places[:, 1]))
    points = map_points(~ground.grid.transform, mapped).astype(np.float32)
    fine_m = ground.height_pixel_m
    sigma = math.sqrt(max(style.spacing_m**2 - fine_m**2, 0)) / fine_m / _FWHM_PER_SIGMA
    smooth = replace(
        ground, height_m=ndimage.gaussian_filter(ground.height_m, sigma, mode="reflect")
    )
    col, row = (np.ascontiguousarray(axis.reshape(grid.shape)) for axis in points.T)
    return smooth.heights_at(col, row)
