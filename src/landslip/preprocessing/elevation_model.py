"""Heights and gradients of an elevation model at any place."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.crs import horizontal_crs
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points
from landslip.core.map_distances import MapPlane, Points
from landslip.core.transformations import Transformation, transformation
from landslip.core.window import Window
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.resampling import bilinear_at

Values = NDArray[np.float64]

TILE_PX = 1024
_CACHED_TILES = 24
_NODES = 17
_HALF_STEP_M = 100.0
_ROUNDING_PX = 1e-6
_POINTS_AT_ONCE = 2**20


class ElevationModel(Closeable):
    """An elevation model in any coordinate system and resolution; a context manager.

    Heights are bilinear between pixel centres and need all four; gradients are those of Horn
    (1981, doi 10.1109/PROC.1981.11918) at pixel centres, from 3 x 3 heights that are all known,
    bilinear in between. What is unknown is NaN. Tiles are read as they are needed and some are
    cached, about 300 MB at most.
    """

    def __init__(self, path: Path) -> None:
        """Open a raster of one band of metres.

        Raises:
            InputError: it is no height map, or has no coordinate system of the Earth.
        """
        self.path = path
        self.name = path.name
        self._file = ElevationRaster(path)
        self._grid = self._file.grid
        plane = MapPlane.of(self._grid.crs)
        if plane is None:
            self._file.close()
            raise InputError(
                f"{path}: an elevation model needs a projected or geographic coordinate system; "
                f"it has {self._grid.crs}"
            )
        self._plane = plane
        self._tiles: OrderedDict[tuple[int, int], NDArray[np.float32]] = OrderedDict()
        self._transforms: dict[str, ModelTransform] = {}

    @property
    def crs(self) -> str:
        """Its coordinate system as text."""
        epsg = self._plane.crs.to_epsg()
        return f"EPSG:{epsg}" if epsg else self._plane.crs.name

    @property
    def horizontal(self) -> pyproj.CRS:
        """Its coordinate system, without heights."""
        return self._plane.crs

    def close(self) -> None:
        """Close the file and forget its tiles."""
        self._tiles.clear()
        self._file.close()

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return heights (height, width) at the pixel centres of a grid, in metres; or NaN.

        Raises:
            InputError: the grid has no coordinate system.
        """
        if grid.crs is None:
            raise InputError(
                f"{self.path}: heights cannot be read for an image that has no "
                "coordinate system; assign one, or leave the elevation model out"
            )
        height, width = grid.shape
        heights = np.empty(grid.shape, np.float32)
        rows = max(_POINTS_AT_ONCE // width, 1)
        for top in range(0, height, rows):
            row, col = np.mgrid[top : min(top + rows, height), :width]
            centres = np.column_stack([col.ravel(), row.ravel()]) + 0.5
            found = self.heights_at(map_points(grid.transform, centres), grid.crs)
            heights[top : top + rows] = found.reshape(row.shape)
        return heights

    def heights_at(self, points: Points, crs: pyproj.CRS) -> NDArray[np.float64]:
        """Return heights (n,) in metres at map coordinates (n, 2) in a coordinate system."""
        return self._interpolate(self._transform_from(crs).pixels(points), layers=1)[:, 0]

    def sample(
        self, points: Points, crs: pyproj.CRS
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return heights (n,) and gradients (n, 2) at map coordinates (n, 2).

        Gradients are rises in metres for a metre east and a metre north: of the map where ``crs``
        is projected, of the ground in geographic systems and Mercator projections. Positions are
        exact; rotation and scale between the map and the model are interpolated in a lattice of
        17 x 17 nodes over all points, good to about 1e-5 over 1000 km.
        """
        transform = self._transform_from(crs)
        values = self._interpolate(transform.pixels(points), layers=3)
        return values[:, 0], transform.to_map(values[:, 1:], points)

    def resolution_at(self, points: Points, crs: pyproj.CRS) -> NDArray[np.float64]:
        """Return the side (n,) in metres of a square of a pixel's area at map coordinates."""
        there = self._transform_from(crs).model_points(points)
        scale = self._plane.metres_per_unit(there)
        side: NDArray[np.float64] = np.sqrt(abs(self._grid.transform.determinant) * scale.prod(1))
        return side

    def resolution_near(self, bounds: Values | Sequence[float], crs: pyproj.CRS | None) -> float:
        """Return the side in metres of a pixel in the middle of bounds in a coordinate system.

        Bounds are left, bottom, right, top; without them (NaN) or the coordinate system, it is in
        the middle of the model itself.
        """
        if crs is None or not np.isfinite(bounds).all():
            height, width = self._grid.shape
            middle = map_points(self._grid.transform, np.array([[width / 2, height / 2]]))
            return float(self.resolution_at(middle, self._plane.crs)[0])
        left, bottom, right, top = bounds
        centre = np.array([[(left + right) / 2, (bottom + top) / 2]])
        return float(self.resolution_at(centre, crs)[0])

    def covers(self, points: Points, crs: pyproj.CRS) -> NDArray[np.bool_]:
        """Return which points (n, 2) are within the model, with or without a height."""
        height, width = self._grid.shape
        col, row = self._transform_from(crs).pixels(points).T
        inside: NDArray[np.bool_] = (col >= 0) & (row >= 0) & (col <= width) & (row <= height)
        return inside

    def tiles_of(self, points: Points, crs: pyproj.CRS) -> NDArray[np.int64]:
        """Return the (column, row) (n, 2) of the tile nearest to each map coordinate."""
        pixels = self._transform_from(crs).pixels(points)
        last = np.array(self._grid.shape[::-1]) - 1
        whole = np.nan_to_num(np.floor(pixels - 0.5), posinf=0, neginf=0)
        tiles: NDArray[np.int64] = np.clip(whole, 0, last).astype(np.int64) // TILE_PX
        return tiles

    def _transform_from(self, crs: pyproj.CRS) -> "ModelTransform":
        text = crs.to_wkt()
        if text not in self._transforms:
            self._transforms[text] = ModelTransform.between(crs, self._plane, self._grid)
        return self._transforms[text]

    def _interpolate(self, pixels: Points, layers: int) -> NDArray[np.float64]:
        """Return the first layers (n, layers) of tiles at pixel coordinates (n, 2); or NaN."""
        found = np.full((len(pixels), layers), np.nan)
        height, width = self._grid.shape
        place = pixels - 0.5
        last = np.array([width - 1, height - 1])
        near = (place >= -_ROUNDING_PX) & (place <= last + _ROUNDING_PX)
        inside = np.flatnonzero(near.all(axis=1)) if min(height, width) > 1 else np.empty(0, int)
        place = np.clip(place[inside], 0, last)
        corner = np.minimum(place.astype(np.intp), last - 1)
        tiles = corner // TILE_PX
        order = np.lexsort(tiles.T)
        cuts = np.flatnonzero(np.diff(tiles[order], axis=0).any(axis=1)) + 1
        for members in np.split(order, cuts) if len(order) else []:
            tile = tiles[members[0]]
            values = self._tile((int(tile[0]), int(tile[1])))
            local = place[members] - tile * TILE_PX
            at = corner[members] - tile * TILE_PX
            found[inside[members]] = bilinear_at(values[..., :layers], at, local - at)
        return found

    def _tile(self, tile: tuple[int, int]) -> NDArray[np.float32]:
        """Return a tile (column, row) of heights and gradients, cached."""
        if tile in self._tiles:
            self._tiles.move_to_end(tile)
            return self._tiles[tile]
        while len(self._tiles) >= _CACHED_TILES:
            self._tiles.popitem(last=False)
        # one pixel around for gradients, and one more at the end to interpolate
        wanted = Window(tile[0] * TILE_PX - 1, tile[1] * TILE_PX - 1, TILE_PX + 3, TILE_PX + 3)
        held = wanted.clipped(self._grid.shape)
        heights = np.full(wanted.shape, np.nan, np.float32)
        if held is not None:
            heights[held.slices_in(wanted)] = self._file.read(held)
        layers = np.empty((TILE_PX + 1, TILE_PX + 1, 3), np.float32)
        layers[..., 0] = heights[1:-1, 1:-1]
        layers[..., 1], layers[..., 2] = horn_rises(heights)
        layers[np.isnan(layers).any(axis=-1), 1:] = np.nan
        self._tiles[tile] = layers
        return layers


def horn_rises(heights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the rises for a column and for a row of 3 x 3 heights (height - 2, width - 2 each).

    Source: Horn 1981, doi 10.1109/PROC.1981.11918.
    """
    across = heights[:, 2:] - heights[:, :-2]
    along = heights[2:] - heights[:-2]
    by_column = (across[:-2] + 2 * across[1:-1] + across[2:]) / 8
    by_row = (along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]) / 8
    return by_column, by_row


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTransform:
    """From the map's coordinates (``here``) to the pixels of an elevation model's grid.

    The transformer is None where both have one coordinate system.
    """

    here: MapPlane
    transformer: Transformation | None
    grid: Grid

    @classmethod
    def between(cls, crs: pyproj.CRS, there: MapPlane, grid: Grid) -> "ModelTransform":
        """Return the way from a map's coordinates to a model's grid and plane.

        Raises:
            InputError: the map is not tied to the Earth.
        """
        here = MapPlane.of(crs)
        if here is None:
            raise InputError(
                f"an elevation model cannot be combined with a map in {horizontal_crs(crs).name}, "
                "which is not tied to the Earth; give a projected or geographic system"
            )
        same = here.crs.equals(there.crs, ignore_axis_order=True)
        between = transformation(here.crs, there.crs)
        return cls(here=here, transformer=None if same else between, grid=grid)

    def model_points(self, points: Points) -> Points:
        """Return coordinates (n, 2) in the model's system; NaN where they have none."""
        if self.transformer is None:
            return points
        there = self.transformer.points(points)
        there[~np.isfinite(there)] = np.nan
        return there

    def pixels(self, points: Points) -> Points:
        """Return pixel coordinates (n, 2) in the model."""
        return self.grid.pixels(self.model_points(points))

    def to_map(self, gradients: Points, points: Points) -> Points:
        """Return rises for a metre east and north (n, 2) of rises for a column and a row."""
        if not len(points):
            return gradients
        on_map: Points = np.einsum("ni,nij->nj", gradients, self._interpolated_jacobians(points))
        return on_map

    def _interpolated_jacobians(self, points: Points) -> NDArray[np.float64]:
        """Return the same, in pixels per metre, interpolated between nodes over all points."""
        if self.transformer is None and self.here.is_uniform:
            return np.broadcast_to(self.jacobians(points[:1]), (len(points), 2, 2))
        low, high = points.min(axis=0), points.max(axis=0)
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
        nodes = np.linspace(0, 1, _NODES)
        x, y = np.meshgrid(*(low + nodes[:, np.newaxis] * (high - low)).T)
        slopes = self.jacobians(np.column_stack([x.ravel(), y.ravel()]))
        place = np.clip((points - low) / (high - low), 0, 1) * (_NODES - 1)
        corner = np.minimum(place.astype(np.intp), _NODES - 2)
        values = slopes.reshape(_NODES, _NODES, 4)
        return bilinear_at(values, corner, place - corner).reshape(-1, 2, 2)

    def jacobians(self, points: Points) -> NDArray[np.float64]:
        """Return d(column, row) / d(east, north) (n, 2, 2) by central differences at points."""
        (east_x, north_x), (east_y, north_y) = np.moveaxis(self.here.axes_m(points), 0, -1)
        columns = []
        with np.errstate(divide="ignore", invalid="ignore"):  # at a pole
            size = _HALF_STEP_M / (east_x * north_y - north_x * east_y)
            east, north = (north_y * size, -north_x * size), (-east_y * size, east_x * size)
        for step in (np.column_stack(east), np.column_stack(north)):
            ahead, behind = self.pixels(points + step), self.pixels(points - step)
            columns.append((ahead - behind) / (2 * _HALF_STEP_M))
        return np.stack(columns, axis=-1)
