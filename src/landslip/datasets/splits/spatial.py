"""Spatial relations of tiles: overlap, distance, and parts of one landslide."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, product

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.choices import Split
from landslip.core.crs import axis_unit, horizontal_crs
from landslip.core.geometries import keep_together
from landslip.core.transformations import lonlat_of
from landslip.core.window import Window
from landslip.datasets.format import LANDSLIDE, TileDataset

MIN_OVERLAP = 1e-3
BLOCK_TILES = 4
"""Side of a block, in sides of a tile, where none is stated."""
_SAME_PLACE = 0.5
_REGION_DEGREES, _TURN_DEGREES = 1.0, 360.0
_WGS84 = pyproj.CRS.from_epsg(4326)
_REGION_SPACING_M = 1e8
_CACHED_TILES = 256
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=np.bool_)
_WINDOW_COLUMNS = ("col_off", "row_off", "width", "height")

TilePairs = NDArray[np.intp]
Components = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class TileFootprints:
    """Tiles as polygons on a plane in metres.

    Regions more than a degree apart are far apart on it too; within a region lengths are true.
    Tiles of a region with one projected system keep their edges straight along it.
    A tile of unknown location has the polygon None and the region -1.
    """

    polygons: NDArray[np.object_]
    regions: NDArray[np.intp]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether each tile's location is known."""
        known: NDArray[np.bool_] = self.regions >= 0
        return known

    @cached_property
    def tile_m(self) -> float:
        """Side of a square of the tiles' median area; 0 without tiles."""
        if not self.known.any():
            return 0.0
        return float(np.sqrt(np.median(shapely.area(self.polygons[self.known]))))

    def blocks(self, side_m: float) -> list[str | None]:
        """Return the name of each tile's square block, by its centre; None without a location.

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

    def overlapping(self) -> tuple[TilePairs, NDArray[np.float64]]:
        """Return pairs (n, 2) of overlapping tiles, and the common fraction of the smaller one."""
        pairs, fractions = _intersecting(self.polygons)
        overlap = fractions > MIN_OVERLAP
        return pairs[overlap], fractions[overlap]

    def near(self, distance_m: float) -> TilePairs:
        """Return pairs (n, 2) of tiles less than a distance apart; tiles that touch are 0 apart."""
        tree = shapely.STRtree(self.polygons)
        under = distance_m - 1e-4 * self.tile_m
        if under < 0:
            return np.zeros((0, 2), dtype=np.intp)
        one, other = tree.query(self.polygons, predicate="dwithin", distance=under)
        return np.column_stack([one[one < other], other[one < other]])


def _intersecting(polygons: NDArray[np.object_]) -> tuple[TilePairs, NDArray[np.float64]]:
    """Return pairs that touch or overlap, and the common fraction of the smaller one."""
    one, other = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    one, other = one[one < other], other[one < other]
    area = shapely.area(polygons)
    common = shapely.area(shapely.intersection(polygons[one], polygons[other]))
    return np.column_stack([one, other]), common / np.minimum(area[one], area[other])


def tile_footprints(dataset: TileDataset) -> TileFootprints:
    """Return the footprints of a dataset's tiles."""
    degrees = np.asarray(shapely.from_wkb(dataset.column("geometry")), dtype=object)
    polygons = np.full(len(dataset), None, dtype=object)
    # regions are more than a degree apart
    centres = shapely.centroid(degrees)
    known = np.flatnonzero(~shapely.is_missing(degrees))
    places = np.column_stack([shapely.get_x(centres), shapely.get_y(centres)])[known]
    places[:, 0] %= _TURN_DEGREES
    cells, cell_of = np.unique(np.floor(places / _REGION_DEGREES), axis=0, return_inverse=True)
    apart = np.abs(cells[:, None] - cells[None])
    apart[..., 0] = np.minimum(apart[..., 0], _TURN_DEGREES / _REGION_DEGREES - apart[..., 0])
    _, region_of_cell = connected_components(coo_array(apart.max(axis=2) <= 1))
    regions = np.full(len(dataset), -1, dtype=np.intp)
    regions[known] = region_of_cell[cell_of.ravel()] if len(known) else -1
    for region in range(regions.max(initial=-1) + 1):
        members = np.flatnonzero(regions == region)
        together = keep_together(degrees[members], _WGS84, places[known == members[0]][0, 0])
        metric = _metric(dataset, together, members)
        left, bottom = shapely.total_bounds(metric)[:2]
        move = np.array([region * _REGION_SPACING_M - left, -bottom])
        polygons[members] = shapely.transform(metric, move.__add__)
    return TileFootprints(polygons=polygons, regions=regions)


def _metric(
    dataset: TileDataset, footprints: NDArray[np.object_], members: NDArray[np.intp]
) -> NDArray[np.object_]:
    """Return a region's tiles in metres, in their common projected system or else in UTM.

    Their footprints (m,) are in degrees.
    """
    systems = {dataset.column("crs_wkt")[at] for at in members}
    degrees = geopandas.GeoSeries(footprints, crs=4326)
    middle = shapely.centroid(shapely.box(*degrees.total_bounds))
    crs = pyproj.CRS.from_user_input(systems.pop()) if len(systems) == 1 else None
    if crs is None or not crs.is_projected:
        lonlat = lonlat_of(shapely.get_coordinates(middle), _WGS84)
        zone = geopandas.GeoSeries(shapely.points(lonlat), crs=4326).estimate_utm_crs()
        return np.asarray(degrees.to_crs(zone), dtype=object)
    factors = pyproj.Proj(horizontal_crs(crs)).get_factors(middle.x, middle.y)
    unit_m = axis_unit(crs) / np.sqrt(factors.areal_scale)
    rings = []
    for at in members:
        height, width = dataset.shape(at)
        matrix = np.reshape(dataset.column("transform")[at], (2, 3))
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
        rings.append((corners @ matrix[:, :2].T + matrix[:, 2]) * unit_m)
    return np.asarray(shapely.polygons(rings), dtype=object)


def touching_windows(dataset: TileDataset) -> tuple[TilePairs, NDArray[np.float64]]:
    """Return pairs (n, 2) of tiles of one scene whose windows touch or overlap.

    With them comes the common fraction of the smaller tile. Empty where the index has no scenes or
    windows.
    """
    by_scene: dict[str, list[int]] = defaultdict(list)
    if all(name in dataset.index for name in _WINDOW_COLUMNS):
        for at, scene in enumerate(dataset.column("scene")):
            if scene is not None:
                by_scene[scene].append(at)
    pairs, fractions = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0)]
    for tiles in by_scene.values():
        windows = [_window_of(dataset, at) for at in tiles]
        sides = np.array([(w.col_off, w.row_off, w.col_end, w.row_end) for w in windows])
        local, common = _intersecting(shapely.box(*sides.T))
        pairs.append(np.array(tiles)[local])
        fractions.append(common)
    return np.concatenate(pairs), np.concatenate(fractions)


def shared_landslides(dataset: TileDataset) -> list[NDArray[np.intp]]:
    """Return, for each landslide that several tiles of a scene show, the tiles' positions.

    A landslide is a connected component of labelled pixels (8-neighbourhood), within a tile or
    across the edge of neighbouring or overlapping tiles of the same scene.
    """

    def components_of(position: int) -> Components:
        label = dataset.tile(position).label
        components: Components = ndimage.label(label == LANDSLIDE, _EIGHT_NEIGHBOURS)[0]
        return components

    numbers = np.array([components_of(at).max(initial=0) for at in range(len(dataset))])
    first = np.concatenate([[0], np.cumsum(numbers, dtype=np.intp)])
    cached = lru_cache(maxsize=_CACHED_TILES)(components_of)
    with_landslide = dataset.column("landslide_px")
    links = [
        (first[one] + here - 1, first[other] + there - 1)
        for one, other in touching_windows(dataset)[0].tolist()
        if with_landslide[one] and with_landslide[other]
        for here, there in _touching_components(
            (_window_of(dataset, one), _window_of(dataset, other)), (cached(one), cached(other))
        )
    ]
    tile_of = np.repeat(np.arange(len(dataset)), numbers)
    rows, cols = np.array(links, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(first[-1], first[-1]))
    _, landslide_of = connected_components(graph, directed=False)
    order = np.argsort(landslide_of, kind="stable")
    ends = np.flatnonzero(np.diff(landslide_of[order])) + 1
    tiles_of = [np.unique(tile_of[members]) for members in np.split(order, ends)]
    return [tiles for tiles in tiles_of if len(tiles) > 1]


def _window_of(dataset: TileDataset, position: int) -> Window:
    return Window(*(int(dataset.index[name][position]) for name in _WINDOW_COLUMNS))


def _touching_components(
    windows: tuple[Window, Window], components: tuple[Components, Components]
) -> set[tuple[int, int]]:
    """Return the numbers of components of two tiles that touch or overlap."""
    seam = _intersection(*(window.padded(1) for window in windows))
    here, there = np.zeros((2, *seam.shape), dtype=np.int32)
    for target, window, numbers in zip((here, there), windows, components, strict=True):
        covered = _intersection(seam, window)
        target[covered.slices_in(seam)] = numbers[covered.slices_in(window)]
    touching: set[tuple[int, int]] = set()
    height, width = seam.shape
    padded = np.pad(there, 1)
    for row, col in product(range(3), repeat=2):
        neighbour = padded[row : row + height, col : col + width]
        both = (here > 0) & (neighbour > 0)
        touching |= set(zip(here[both].tolist(), neighbour[both].tolist(), strict=True))
    return touching


def _intersection(one: Window, other: Window) -> Window:
    col, row = max(one.col_off, other.col_off), max(one.row_off, other.row_off)
    col_end, row_end = min(one.col_end, other.col_end), min(one.row_end, other.row_end)
    return Window(col, row, col_end - col, row_end - row)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialRelations:
    """Pairs (n, 2) of tile positions that must not be in different splits.

    They are nearer to each other than the buffer, have overlapping footprints, or show parts of one
    landslide (or overlap tiles that do).
    """

    footprints: TileFootprints
    buffer_m: float
    near: TilePairs
    overlapping: TilePairs
    landslide: TilePairs


def spatial_relations(dataset: TileDataset, buffer_m: float | None) -> SpatialRelations:
    """Return how tiles are related; ``buffer_m`` is the side of a tile where it is None.

    Two tiles share a landslide where its label crosses from one to the other in any scene. What
    holds for a tile holds for those of other dates that overlap more than half of it.
    """
    footprints = tile_footprints(dataset)
    buffer_m = footprints.tile_m if buffer_m is None else buffer_m
    overlapping, fractions = footprints.overlapping()
    other_dates: dict[int, set[int]] = defaultdict(set)
    for one, other in overlapping[fractions > _SAME_PLACE].tolist():
        other_dates[one].add(other)
        other_dates[other].add(one)
    pairs: set[tuple[int, int]] = set()
    for tiles in shared_landslides(dataset):
        on_it = {*tiles.tolist()}.union(*(other_dates[at] for at in tiles.tolist()))
        pairs |= set(combinations(sorted(on_it), 2))
    return SpatialRelations(
        footprints=footprints,
        buffer_m=buffer_m,
        near=footprints.near(buffer_m),
        overlapping=overlapping,
        landslide=np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2),
    )


def drop_related(
    splits: list[Split], related: SpatialRelations
) -> tuple[list[Split], tuple[str, ...]]:
    """Set tiles that would leak to unused; return the splits and notes on how many.

    Training and validation tiles within the buffer of a test tile, overlapping it, or with a part
    of a landslide that it shows, become unused; then training tiles that overlap a validation tile
    or share a landslide with it do.
    """
    side = np.array([split.value for split in splits], dtype="U8")
    fitted = (Split.TRAIN, Split.VALIDATION)
    close = _related_to(side, Split.TEST, fitted, (related.near, related.overlapping))
    linked = _related_to(side, Split.TEST, fitted, (related.landslide,)) & ~close
    side[close | linked] = Split.UNUSED.value
    pairs = (related.overlapping, related.landslide)
    beside = _related_to(side, Split.VALIDATION, (Split.TRAIN,), pairs)
    side[beside] = Split.UNUSED.value
    reasons = (
        (close, f"they are within {related.buffer_m:.0f} m of a test tile"),
        (linked, "they share a landslide with a test tile"),
        (beside, "they overlap a validation tile or share a landslide with one"),
    )
    notes = tuple(f"{at.sum()} tiles are left out: {why}" for at, why in reasons if at.any())
    return [Split(name) for name in side], notes


def _related_to(
    side: NDArray[np.str_], of: Split, among: tuple[Split, ...], pairs: tuple[TilePairs, ...]
) -> NDArray[np.bool_]:
    """Return which tiles of some splits are paired with a tile of another."""
    one, other = np.concatenate([*pairs, *(pair[:, ::-1] for pair in pairs)]).T
    related = np.zeros(len(side), dtype=np.bool_)
    related[other[side[one] == of.value]] = True
    related &= np.isin(side, [split.value for split in among])
    return related
