"""Elevation models of grounds that formulas describe."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray

from landslip.core.grid import map_points

Floats = NDArray[np.float64]
Ground = Callable[[Floats, Floats], Floats]

UTM = pyproj.CRS.from_epsg(32650)
CENTRE = (500_000.0, 3_400_000.0)


def plane(rise_east: float, rise_north: float, height_m: float = 2000.0) -> Ground:
    """Return a plane through ``height_m`` at the centre."""

    def heights(x: Floats, y: Floats) -> Floats:
        return height_m + rise_east * (x - CENTRE[0]) + rise_north * (y - CENTRE[1])

    return heights


def cone(steepness: float, top_m: float = 3000.0) -> Ground:
    """Return a cone with its top at the centre."""

    def heights(x: Floats, y: Floats) -> Floats:
        return top_m - steepness * np.hypot(x - CENTRE[0], y - CENTRE[1])

    return heights


def pixels_around(shape: tuple[int, int], step: float, turn_deg: float = 0.0) -> Affine:
    """Return square pixels of UTM around the centre, turned anticlockwise."""
    height, width = shape
    return (
        Affine.translation(*CENTRE)
        @ Affine.rotation(turn_deg)
        @ Affine.scale(step, -step)
        @ Affine.translation(-width / 2, -height / 2)
    )


def write_dem(
    path: Path,
    ground: Ground,
    transform: Affine,
    shape: tuple[int, int] = (200, 200),
    crs: pyproj.CRS = UTM,
    gap: tuple[slice, slice] | None = None,
) -> Path:
    """Write the ground's heights, which are reported in UTM, at the pixel centres of any grid."""
    row, col = np.indices(shape)
    centres = np.column_stack([col.ravel(), row.ravel()]).astype(np.float64) + 0.5
    points = map_points(transform, centres)
    to_utm = pyproj.Transformer.from_crs(crs, UTM, always_xy=True)
    x, y = (points if crs == UTM else np.column_stack(to_utm.transform(*points.T))).T
    heights = ground(x, y).reshape(shape).astype(np.float32)
    if gap is not None:
        heights[gap] = -9999
    write_heights(path, heights, transform, crs)
    return path


def write_heights(
    path: Path, heights: NDArray[np.float32], transform: Affine, crs: pyproj.CRS = UTM
) -> None:
    """Write heights; -9999 is none."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs=crs.to_wkt(),
        transform=transform,
        nodata=-9999,
    ) as file:
        file.write(heights, 1)
