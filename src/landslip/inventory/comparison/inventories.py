"""What a comparison is asked for."""

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import clip_polygons, metric_crs, reproject
from landslip.core.errors import InputError
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, RECORD, read_record
from landslip.io.vector import PolygonFile, read_polygon_file, repair_polygons

DEFAULT_MIN_IOU = 0.5
DEFAULT_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRequest:
    """Two inventories to be compared.

    Attributes:
        inventory: folder of an inventory, or a file of polygons.
        reference: the same, taken as true.
        out: folder to write.
        layer: of the inventory's file.
        reference_layer: of the reference's file.
        area: polygons of the ground that was searched for both; None: not known.
        resolution_m: side of a pixel of the pixel scores; None: the scene's, or chosen by the size
            of the landslides.
        min_iou: from which intersection over union two landslides are the same one.
        draws: for bootstrap intervals; 0: none.
        seed: of the draws.
        overwrite: replace a comparison that is there.
    """

    inventory: Path
    reference: Path
    out: Path
    layer: str | None = None
    reference_layer: str | None = None
    area: Path | None = None
    resolution_m: float | None = None
    min_iou: float = DEFAULT_MIN_IOU
    draws: int = DEFAULT_DRAWS
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise InputError(f"--min-iou is over 0 and at most 1; got {self.min_iou:g}")
        if self.resolution_m is not None and not 0 < self.resolution_m < math.inf:
            raise InputError(f"--resolution is over 0 metres; got {self.resolution_m:g}")
        if self.draws < 0:
            raise InputError(f"--draws is 0 (no intervals) or more; got {self.draws}")
        if self.seed < 0:
            raise InputError(f"--seed is 0 or more; got {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedInventory:
    """Landslides of one inventory.

    Attributes:
        place: where they come from.
        polygons: (n,) valid Polygons or MultiPolygons.
        ids: (n,) int64, of the column ``id`` where that tells them apart, else their numbers in
            the file, from 1.
        areas: (n,) float64, in square units of the coordinate system.
        beside: how many lie beside the searched area and are left out.
    """

    place: str
    polygons: NDArray[np.object_]
    ids: NDArray[np.int64]
    areas: NDArray[np.float64]
    beside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedInventories:
    """Both sides, cut to the searched area.

    Attributes:
        crs: of their polygons, in metres; None where neither has one.
        written_crs: the inventory's own, which results are written in.
        area: what was searched; None: not known.
        scene_resolution_m: of the inventory's scene, if known.
    """

    inventory: ComparedInventory
    reference: ComparedInventory
    crs: CRS | None
    written_crs: CRS | None
    area: shapely.Geometry | None
    scene_resolution_m: float | None
    notes: tuple[str, ...]


def read_inventories(request: ComparisonRequest) -> ComparedInventories:
    """Read both inventories, bring them into one coordinate system, and cut them to the area.

    Raises:
        InputError: one cannot be read, the reference has no landslides, or only one of them has a
            coordinate system.
    """
    ours = _opened(request.inventory, request.layer, "--layer", may_be_empty=True)
    theirs = _opened(
        request.reference, request.reference_layer, "--reference-layer", may_be_empty=False
    )
    written_crs = _crs(ours.frame)
    crs = _common_crs(ours.frame, theirs.frame)
    notes = [f"inventory: {note.text()}" for note in ours.notes]
    notes += [f"reference: {note.text()}" for note in theirs.notes]
    area = None if request.area is None else _area(request.area, crs)
    inventory = _side(request.inventory, ours, crs, area)
    reference = _side(request.reference, theirs, crs, area)
    if area is None:
        notes += _beyond(inventory, reference)
    return ComparedInventories(
        inventory=inventory,
        reference=reference,
        crs=crs,
        written_crs=written_crs,
        area=area,
        scene_resolution_m=_scene_resolution_m(request.inventory),
        notes=tuple(notes),
    )


def _opened(path: Path, layer: str | None, option: str, *, may_be_empty: bool) -> PolygonFile:
    file = path
    if path.is_dir() and (path / RECORD).is_file():
        file, layer = path / GEOPACKAGE, layer or LANDSLIDES
    return read_polygon_file(file, layer, may_be_empty=may_be_empty, layer_option=option)


def _scene_resolution_m(path: Path) -> float | None:
    if not (path.is_dir() and (path / RECORD).is_file()):
        return None
    return read_record(path).scene.resolution_m


def _crs(frame: geopandas.GeoDataFrame) -> CRS | None:
    return None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())


def _common_crs(ours: geopandas.GeoDataFrame, theirs: geopandas.GeoDataFrame) -> CRS | None:
    """Return the system that both are compared in: the inventory's own where it is in metres."""
    crs, other = _crs(ours), _crs(theirs)
    if (crs is None) != (other is None):
        without, with_one = (
            ("inventory", "reference") if crs is None else ("reference", "inventory")
        )
        raise InputError(
            f"both inventories need a coordinate system, or neither; the {without} has none and "
            f"the {with_one} one. Assign it to the {without}"
        )
    if crs is None:
        return None
    if len(ours) > 0:
        return metric_crs(crs, _geometries(ours))
    return None if other is None else metric_crs(other, _geometries(theirs))


def _geometries(frame: geopandas.GeoDataFrame) -> NDArray[np.object_]:
    return np.asarray(frame.geometry.values, dtype=object)


def _area(path: Path, crs: CRS | None) -> shapely.Geometry:
    frame = read_polygon_file(path, layer_option="").frame
    try:
        ground = reproject(_geometries(frame), _crs(frame), crs)
    except InputError as error:
        raise InputError(f"{path}: cannot be laid on the inventories: {error}") from error
    return shapely.union_all(repair_polygons(ground))


def _side(
    path: Path, opened: PolygonFile, crs: CRS | None, area: shapely.Geometry | None
) -> ComparedInventory:
    try:
        there = reproject(_geometries(opened.frame), _crs(opened.frame), crs)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    there = repair_polygons(there)
    cut = there if area is None else clip_polygons(there, area)
    kept = shapely.area(cut) > 0
    return ComparedInventory(
        place=str(path),
        polygons=cut[kept],
        ids=_ids(opened)[kept],
        areas=shapely.area(cut[kept]),
        beside=int((~kept).sum()),
    )


def _ids(opened: PolygonFile) -> NDArray[np.int64]:
    if "id" in opened.frame.columns:
        column = opened.frame["id"]
        if pd.api.types.is_integer_dtype(column) and column.notna().all() and column.is_unique:
            return np.asarray(column, dtype=np.int64)
    return opened.numbers


def _beyond(inventory: ComparedInventory, reference: ComparedInventory) -> list[str]:
    """Return a note where landslides of the reference lie where the inventory may not have been."""
    if len(inventory.polygons) == 0:
        return []
    frame = shapely.box(*shapely.total_bounds(inventory.polygons))
    outside = int((~shapely.intersects(frame, reference.polygons)).sum())
    note = (
        f"{outside} of {len(reference.polygons)} landslides of the reference lie outside the box "
        "around the inventory and count as missed; if nobody looked there, say with --area where "
        "both were searched"
    )
    return [note] if outside else []


MOST_PAIRS = 5_000_000
_AT_ONCE = 500


def check_overlaps(sides: ComparedInventories) -> None:
    """Stop where too many pairs of landslides overlap, in one inventory or between the two.

    Raises:
        InputError: there are more than 5 million pairs of overlapping bounding boxes.
    """
    for one, other in combinations_with_replacement((sides.inventory, sides.reference), 2):
        if _pairs(one.polygons, other.polygons) > MOST_PAIRS:
            raise InputError(
                f"{_names(one, other)}: more than {MOST_PAIRS:,} pairs of landslides lie on each "
                "other; remove those that are there several times"
            )


def _pairs(one: NDArray[np.object_], other: NDArray[np.object_]) -> int:
    """Return how many pairs of bounding boxes overlap; counting ends beyond the limit."""
    tree, pairs = shapely.STRtree(other), 0
    for start in range(0, len(one), _AT_ONCE):
        pairs += tree.query(one[start : start + _AT_ONCE]).shape[1]
        if pairs > MOST_PAIRS:
            break
    return pairs


def _names(one: ComparedInventory, other: ComparedInventory) -> str:
    return one.place if one is other else f"{one.place} and {other.place}"
