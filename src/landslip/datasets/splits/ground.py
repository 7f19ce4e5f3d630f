"""Where tiles lie on the ground, and which of them are near each other."""

from dataclasses import dataclass
from functools import cached_property

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.crs import axis_unit, horizontal_crs
from landslip.datasets.format import TileDataset

TOUCHING_SHARE = 1e-3
_REGION_DEGREES = 1.0
_APART_M = 1e8

Pairs = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Tiles as polygons on a plane in metres.

    Tiles of regions more than a degree apart are far apart on it too; within a region lengths are
    true. Where a region's tiles have one projected system their edges are kept straight along it.

    Attributes:
        polygons: of each tile; None for a tile whose place is not known.
        regions: number of each tile's region; -1 for a tile whose place is not known.
    """

    polygons: NDArray[np.object_]
    regions: NDArray[np.intp]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether each tile's place is known."""
        known: NDArray[np.bool_] = self.regions >= 0
        return known

    @cached_property
    def tile_m(self) -> float:
        """Side of a square of the area of the tile in the middle, by size; 0 without any."""
        if not self.known.any():
            return 0.0
        return float(np.sqrt(np.median(shapely.area(self.polygons[self.known]))))

    def blocks(self, side_m: float) -> list[str | None]:
        """Return the name of each tile's square block, by its centre; None where it has no place.

        Blocks start at the upper left corner of their region's tiles.
        """
        names: list[str | None] = [None] * len(self.polygons)
        centres = shapely.centroid(self.polygons)
        for region in range(self.regions.max(initial=-1) + 1):
            members = np.flatnonzero(self.regions == region)
            left, _, _, top = shapely.total_bounds(self.polygons[members])
            for at in members:
                col = (shapely.get_x(centres[at]) - left) // side_m
                row = (top - shapely.get_y(centres[at])) // side_m
                names[at] = f"region {region} r{row:.0f} c{col:.0f}"
        return names

    def overlapping(self, share: float = TOUCHING_SHARE) -> tuple[Pairs, NDArray[np.float64]]:
        """Return pairs (n, 2) of tiles that share ground, and which share of the smaller tile."""
        one, other = shapely.STRtree(self.polygons).query(self.polygons, predicate="intersects")
        one, other = one[one < other], other[one < other]
        shared = shapely.area(shapely.intersection(self.polygons[one], self.polygons[other]))
        area = shapely.area(self.polygons)
        shares = shared / np.minimum(area[one], area[other])
        kept = shares > share
        return np.column_stack([one[kept], other[kept]]), shares[kept]

    def near(self, distance_m: float) -> Pairs:
        """Return pairs (n, 2) of tiles less than a distance apart; tiles that touch are 0 apart."""
        tree = shapely.STRtree(self.polygons)
        under = distance_m - 1e-4 * self.tile_m
        if under < 0:
            return np.zeros((0, 2), dtype=np.intp)
        one, other = tree.query(self.polygons, predicate="dwithin", distance=under)
        return np.column_stack([one[one < other], other[one < other]])


def ground_of(dataset: TileDataset) -> Ground:
    """Return where a dataset's tiles lie."""
    footprints = np.asarray(shapely.from_wkb(dataset.column("geometry")), dtype=object)
    polygons = np.full(len(dataset), None, dtype=object)
    regions = _regions(footprints)
    for region in range(regions.max(initial=-1) + 1):
        members = np.flatnonzero(regions == region)
        flat = _flattened(dataset, footprints, members)
        polygons[members] = _moved(flat, region * _APART_M)
    return Ground(polygons=polygons, regions=regions)


def _moved(polygons: NDArray[np.object_], right_m: float) -> NDArray[np.object_]:
    """Return polygons with their lower left corner at (``right_m``, 0)."""
    left, bottom = shapely.total_bounds(polygons)[:2]
    move = np.array([right_m - left, -bottom])
    moved: NDArray[np.object_] = shapely.transform(polygons, lambda points: points + move)
    return moved


def _regions(footprints: NDArray[np.object_]) -> NDArray[np.intp]:
    """Number the regions that are more than a degree apart; -1 for tiles without a place.

    The date line parts regions too.
    """
    centres = shapely.centroid(footprints)
    known = np.flatnonzero(~shapely.is_missing(footprints))
    places = np.column_stack([shapely.get_x(centres), shapely.get_y(centres)])[known]
    cells, cell_of = np.unique(np.floor(places / _REGION_DEGREES), axis=0, return_inverse=True)
    apart = np.abs(cells[:, None] - cells[None])
    _, region_of_cell = connected_components(coo_array(apart.max(axis=2) <= 1))
    regions = np.full(len(footprints), -1, dtype=np.intp)
    regions[known] = region_of_cell[cell_of.ravel()] if len(known) else -1
    return regions


def _flattened(
    dataset: TileDataset, footprints: NDArray[np.object_], members: NDArray[np.intp]
) -> NDArray[np.object_]:
    """Return a region's tiles on a plane in metres: along its own system, else in UTM."""
    systems = {dataset.column("crs_wkt")[at] for at in members}
    degrees = geopandas.GeoSeries(footprints[members], crs=4326)
    crs = pyproj.CRS.from_user_input(systems.pop()) if len(systems) == 1 else None
    if crs is None or not crs.is_projected:
        return np.asarray(degrees.to_crs(degrees.estimate_utm_crs()), dtype=object)
    flat_crs = horizontal_crs(crs)
    middle = shapely.centroid(shapely.box(*degrees.total_bounds))
    stretched = pyproj.Proj(flat_crs).get_factors(middle.x, middle.y).areal_scale
    metres = axis_unit(crs) / np.sqrt(stretched)
    rings = [_ring(dataset, at) * metres for at in members]
    return np.asarray(shapely.polygons(rings), dtype=object)


def _ring(dataset: TileDataset, position: int) -> NDArray[np.float64]:
    """Return the corners (4, 2) of a tile in its own system."""
    height, width = dataset.shape(position)
    matrix = np.reshape(dataset.column("transform")[position], (2, 3))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    ring: NDArray[np.float64] = corners @ matrix[:, :2].T + matrix[:, 2]
    return ring
