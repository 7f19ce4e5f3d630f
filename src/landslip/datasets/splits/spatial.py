"""Where tiles lie on the ground, and which of them are near each other."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import product

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
from landslip.core.window import Window
from landslip.datasets.format import LANDSLIDE, TileDataset

MIN_OVERLAP = 1e-3
_REGION_DEGREES = 1.0
_APART_M = 1e8

TilePairs = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class TileFootprints:
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

    def overlapping(self, share: float = MIN_OVERLAP) -> tuple[TilePairs, NDArray[np.float64]]:
        """Return pairs (n, 2) of tiles that share ground, and which share of the smaller tile."""
        one, other = shapely.STRtree(self.polygons).query(self.polygons, predicate="intersects")
        one, other = one[one < other], other[one < other]
        shared = shapely.area(shapely.intersection(self.polygons[one], self.polygons[other]))
        area = shapely.area(self.polygons)
        shares = shared / np.minimum(area[one], area[other])
        kept = shares > share
        return np.column_stack([one[kept], other[kept]]), shares[kept]

    def near(self, distance_m: float) -> TilePairs:
        """Return pairs (n, 2) of tiles less than a distance apart; tiles that touch are 0 apart."""
        tree = shapely.STRtree(self.polygons)
        under = distance_m - 1e-4 * self.tile_m
        if under < 0:
            return np.zeros((0, 2), dtype=np.intp)
        one, other = tree.query(self.polygons, predicate="dwithin", distance=under)
        return np.column_stack([one[one < other], other[one < other]])


def tile_footprints(dataset: TileDataset) -> TileFootprints:
    """Return where a dataset's tiles lie."""
    footprints = np.asarray(shapely.from_wkb(dataset.column("geometry")), dtype=object)
    polygons = np.full(len(dataset), None, dtype=object)
    regions = _regions(footprints)
    for region in range(regions.max(initial=-1) + 1):
        members = np.flatnonzero(regions == region)
        flat = _flattened(dataset, footprints, members)
        polygons[members] = _moved(flat, region * _APART_M)
    return TileFootprints(polygons=polygons, regions=regions)


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


_PLACE = ("col_off", "row_off", "width", "height")


def window_of(dataset: TileDataset, position: int) -> Window:
    """Return a tile's window in its scene."""
    return Window(*(int(dataset.index[name][position]) for name in _PLACE))


def touching_windows(dataset: TileDataset) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return pairs (n, 2) of tiles of one scene that touch or overlap.

    With them comes which share of the smaller tile both show. There is none where the index does
    not tell scenes and windows.
    """
    pairs, shares = [np.zeros((0, 2), dtype=np.intp)], [np.zeros(0)]
    for members in _by_scene(dataset).values():
        windows = [window_of(dataset, at) for at in members]
        sides = np.array([(w.col_off, w.row_off, w.col_end, w.row_end) for w in windows])
        boxes = shapely.box(*sides.T)
        one, other = shapely.STRtree(boxes).query(boxes, predicate="intersects")
        one, other = one[one < other], other[one < other]
        area = shapely.area(boxes)
        shared = shapely.area(shapely.intersection(boxes[one], boxes[other]))
        pairs.append(np.column_stack([members[one], members[other]]))
        shares.append(shared / np.minimum(area[one], area[other]))
    return np.concatenate(pairs), np.concatenate(shares)


def _by_scene(dataset: TileDataset) -> dict[str, NDArray[np.intp]]:
    members: dict[str, list[int]] = defaultdict(list)
    if all(name in dataset.index for name in _PLACE):
        for at, scene in enumerate(dataset.column("scene")):
            if scene is not None:
                members[scene].append(at)
    return {scene: np.array(tiles) for scene, tiles in members.items()}


_EIGHT = np.ones((3, 3), dtype=np.bool_)
_CACHED_TILES = 256

Components = NDArray[np.int32]


def shared_landslides(dataset: TileDataset) -> list[NDArray[np.intp]]:
    """Return, for each landslide that several tiles of a scene show, the tiles' positions.

    A landslide is a set of labelled pixels that touch (8-neighbourhood), within a tile or across
    the edge of neighbouring or overlapping tiles of the same scene.
    """
    numbers = np.array(
        [_label_components(dataset, at).max(initial=0) for at in range(len(dataset))]
    )
    first = np.concatenate([[0], np.cumsum(numbers, dtype=np.intp)])
    parts = lru_cache(maxsize=_CACHED_TILES)(partial(_label_components, dataset))
    links = [
        (first[one] + here - 1, first[other] + there - 1)
        for one, other in _neighbours(dataset)
        for here, there in _touching_components(
            (window_of(dataset, one), window_of(dataset, other)), (parts(one), parts(other))
        )
    ]
    tile_of = np.repeat(np.arange(len(dataset)), numbers)
    rows, cols = np.array(links, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(first[-1], first[-1]))
    _, landslide_of = connected_components(graph, directed=False)
    order = np.argsort(landslide_of, kind="stable")
    ends = np.flatnonzero(np.diff(landslide_of[order])) + 1
    shown = [np.unique(tile_of[part]) for part in np.split(order, ends)]
    return [tiles for tiles in shown if len(tiles) > 1]


def _label_components(dataset: TileDataset, position: int) -> Components:
    """Number a tile's landslides from 1, (height, width)."""
    parts: Components = ndimage.label(dataset.tile(position).label == LANDSLIDE, _EIGHT)[0]
    return parts


def _neighbours(dataset: TileDataset) -> list[tuple[int, int]]:
    """Return pairs of tiles with landslide that touch in their scene."""
    pairs, _ = touching_windows(dataset)
    shows = dataset.column("landslide_px")
    return [(one, other) for one, other in pairs.tolist() if shows[one] and shows[other]]


def _touching_components(
    windows: tuple[Window, Window], parts: tuple[Components, Components]
) -> set[tuple[int, int]]:
    """Return which landslides of two tiles touch or overlap."""
    seam = _common(_wider(windows[0]), _wider(windows[1]))
    here, there = (_within(seam, *tile) for tile in zip(windows, parts, strict=True))
    found: set[tuple[int, int]] = set()
    height, width = seam.shape
    padded = np.pad(there, 1)
    for row, col in product(range(3), repeat=2):
        moved = padded[row : row + height, col : col + width]
        both = (here > 0) & (moved > 0)
        found |= set(zip(here[both].tolist(), moved[both].tolist(), strict=True))
    return found


def _within(seam: Window, window: Window, part: Components) -> Components:
    """Lay a tile's numbers (height, width) onto a seam; 0 beyond the tile."""
    laid = np.zeros(seam.shape, dtype=np.int32)
    covered = _common(seam, window)
    laid[covered.slices_in(seam)] = part[covered.slices_in(window)]
    return laid


def _wider(window: Window) -> Window:
    """Return a window with one pixel more on every side."""
    col, row = window.col_off - 1, window.row_off - 1
    return Window(col, row, window.width + 2, window.height + 2)


def _common(one: Window, other: Window) -> Window:
    """Return what two windows share; they do."""
    col, row = max(one.col_off, other.col_off), max(one.row_off, other.row_off)
    col_end, row_end = min(one.col_end, other.col_end), min(one.row_end, other.row_end)
    return Window(col, row, col_end - col, row_end - row)


_SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialRelations:
    """Pairs (n, 2) of tiles' positions that may not stand on two sides of a division.

    Attributes:
        ground: where the tiles lie.
        buffer_m: how near is too near.
        near: tiles nearer to each other than the buffer.
        overlapping: tiles that share ground.
        landslide: tiles that show parts of one landslide, or lie on one that does.
    """

    ground: TileFootprints
    buffer_m: float
    near: TilePairs
    overlapping: TilePairs
    landslide: TilePairs


def spatial_relations(dataset: TileDataset, buffer_m: float | None) -> SpatialRelations:
    """Return how tiles are related; ``buffer_m`` is the side of a tile where it is None.

    Two tiles share a landslide where its labels run over the edge from one to the other in any
    scene. What holds for a tile holds for those of other dates that lie on more than half of it.
    """
    ground = tile_footprints(dataset)
    buffer_m = ground.tile_m if buffer_m is None else buffer_m
    overlapping, shares = ground.overlapping()
    same_place = overlapping[shares > _SAME_PLACE]
    return SpatialRelations(
        ground=ground,
        buffer_m=buffer_m,
        near=ground.near(buffer_m),
        overlapping=overlapping,
        landslide=_landslide_pairs(shared_landslides(dataset), same_place),
    )


def drop_related(
    splits: list[Split], related: SpatialRelations
) -> tuple[list[Split], tuple[str, ...]]:
    """Leave out the tiles that are too close to those that count, and say how many.

    Training and validation tiles nearer than the buffer to a test tile, on ground that it shows, or
    with a part of a landslide that it shows, become unused; then training tiles that share ground
    or a landslide with a validation tile do.
    """
    side = np.array([split.value for split in splits], dtype="U8")
    fitted = (Split.TRAIN, Split.VALIDATION)
    close = _partners(side, Split.TEST, fitted, (related.near, related.overlapping))
    linked = _partners(side, Split.TEST, fitted, (related.landslide,)) & ~close
    side[close | linked] = Split.UNUSED.value
    pairs = (related.overlapping, related.landslide)
    beside = _partners(side, Split.VALIDATION, (Split.TRAIN,), pairs)
    side[beside] = Split.UNUSED.value
    notes = (
        (close, f"lie within {related.buffer_m:.0f} m of a test tile"),
        (linked, "share a landslide with a test tile"),
        (beside, "share ground or a landslide with a validation tile"),
    )
    told = (f"{tiles.sum()} tiles are left out: they {why}" for tiles, why in notes if tiles.any())
    return [Split(name) for name in side], tuple(told)


def _partners(
    side: NDArray[np.str_], of: Split, among: tuple[Split, ...], pairs: tuple[TilePairs, ...]
) -> NDArray[np.bool_]:
    """Return which tiles of some splits are paired with a tile of another."""
    one, other = np.concatenate([*pairs, *(pair[:, ::-1] for pair in pairs)]).T
    found = np.zeros(len(side), dtype=np.bool_)
    found[other[side[one] == of.value]] = True
    found &= np.isin(side, [split.value for split in among])
    return found


def _landslide_pairs(landslides: list[NDArray[np.intp]], same_place: TilePairs) -> TilePairs:
    """Return the pairs of tiles that share a landslide, on whatever date each of them is."""
    beside: dict[int, set[int]] = {}
    for one, other in same_place.tolist():
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    pairs: set[tuple[int, int]] = set()
    for tiles in landslides:
        shown = sorted({*tiles.tolist()}.union(*(beside.get(at, set()) for at in tiles.tolist())))
        pairs |= {(one, other) for at, one in enumerate(shown) for other in shown[at + 1 :]}
    return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)
