"""The two inventories of a comparison: the request, and both read onto one coordinate system."""

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

from landslip.core.crs import clip_polygons, datum_note, metric_crs, reproject
from landslip.core.errors import InputError, argument
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, RECORD, read_record
from landslip.io.vector import PolygonFile, read_polygon_file, repair_polygons

DEFAULT_MIN_IOU = 0.5
DEFAULT_DRAWS = 1000
MAX_PAIRS = 5_000_000
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRequest:
    """Two inventories to compare.

    Attributes:
        inventory: folder of an inventory, or a file of polygons.
        reference: the same, taken as true.
        out: folder to write.
        layer: of the inventory's file.
        reference_layer: of the reference's file.
        area: polygons of the area that was mapped in both; None: not known.
        resolution_m: side of a pixel for the pixel scores; None: the scene's, or chosen by the size
            of the landslides.
        min_iou: intersection over union from which two landslides are the same.
        draws: for bootstrap intervals; 0: none.
        seed: of the draws.
        overwrite: replace an existing comparison.
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
            raise InputError(f"{argument('min_iou')} is over 0 and at most 1; got {self.min_iou:g}")
        if self.resolution_m is not None and not 0 < self.resolution_m < math.inf:
            raise InputError(
                f"{argument('resolution')} is over 0 metres; got {self.resolution_m:g}"
            )
        if self.draws < 0:
            raise InputError(f"{argument('draws')} is 0 (no intervals) or more; got {self.draws}")
        if self.seed < 0:
            raise InputError(f"{argument('seed')} is 0 or more; got {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedInventory:
    """Landslides of one inventory (n,): valid polygons, and areas in the system's square units.

    Ids are of the column ``id`` where that is unique, else their numbers in the file, from 1.
    ``outside`` of the mapped area so many were left out.
    """

    place: str
    polygons: NDArray[np.object_]
    ids: NDArray[np.int64]
    areas: NDArray[np.float64]
    outside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedInventories:
    """Both inventories, clipped to the mapped area.

    ``crs`` is in metres, or None where neither has one; results are written in ``written_crs``, the
    inventory's own.
    """

    inventory: ComparedInventory
    reference: ComparedInventory
    crs: CRS | None
    written_crs: CRS | None
    area: shapely.Geometry | None
    scene_resolution_m: float | None
    notes: tuple[str, ...]

    @property
    def area_m2(self) -> float | None:
        """Size of the mapped area; None where it is not known."""
        if self.area is None or self.crs is None:
            return None
        return float(shapely.area(self.area))


def read_inventories(request: ComparisonRequest) -> ComparedInventories:
    """Read both inventories, bring them into one coordinate system, and clip them to the area.

    Raises:
        InputError: one cannot be read, the reference has no landslides, only one of them has a
            coordinate system, or more than 5 million pairs of their landslides may overlap.
    """
    scene_resolution_m, file, layer = None, request.inventory, request.layer
    notes = []
    if (file / RECORD).is_file():
        record = read_record(file)
        scene_resolution_m = record.scene.resolution_m
        notes += [f"inventory: {warning}" for warning in record.warnings]
        file, layer = file / GEOPACKAGE, layer or LANDSLIDES
    ours = read_polygon_file(file, layer, may_be_empty=True)
    file, layer = request.reference, request.reference_layer
    if (file / RECORD).is_file():
        file, layer = file / GEOPACKAGE, layer or LANDSLIDES
    theirs = read_polygon_file(file, layer, layer_argument="reference_layer")
    crs = _common_crs(request, ours.frame, theirs.frame)
    area = None
    if request.area is not None:
        frame = read_polygon_file(request.area, layer_argument=None).frame
        area = shapely.union_all(repair_polygons(_reprojected(request.area, frame, crs)))
    inventory = _compared(request.inventory, ours, crs, area)
    reference = _compared(request.reference, theirs, crs, area)
    _check_pair_count(inventory, reference)
    seen = {request.inventory: ours.frame, request.reference: theirs.frame}
    if request.area is not None:
        seen[request.area] = frame
    shifts = [
        datum_note(path.name, _crs(one), crs, np.asarray(one.geometry.values, dtype=object))
        for path, one in seen.items()
    ]
    notes += [shift.text() for shift in shifts if shift is not None]
    notes += [f"inventory: {note.text()}" for note in ours.notes]
    notes += [f"reference: {note.text()}" for note in theirs.notes]
    if area is None and len(inventory.polygons):
        box = shapely.box(*shapely.total_bounds(inventory.polygons))
        outside = int((~shapely.intersects(box, reference.polygons)).sum())
        if outside:
            notes.append(
                f"{outside} of {len(reference.polygons)} landslides of the reference are outside "
                "the bounding box of the inventory and count as missed; if that area was not "
                f"mapped, give the area mapped in both as {argument('area')}"
            )
    return ComparedInventories(
        inventory=inventory,
        reference=reference,
        crs=crs,
        written_crs=_crs(ours.frame),
        area=area,
        scene_resolution_m=scene_resolution_m,
        notes=tuple(notes),
    )


def _crs(frame: geopandas.GeoDataFrame) -> CRS | None:
    return None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())


def _common_crs(
    request: ComparisonRequest, ours: geopandas.GeoDataFrame, theirs: geopandas.GeoDataFrame
) -> CRS | None:
    """Return the system that both are compared in: the inventory's own where it is in metres."""
    crs, other = _crs(ours), _crs(theirs)
    if (crs is None) != (other is None):
        paths = (request.inventory, request.reference)
        without, with_one = paths if crs is None else reversed(paths)
        raise InputError(
            f"{without}: both inventories need a coordinate system, or neither; this one has none "
            f"and {with_one} has one; assign it to the one without"
        )
    if crs is None or other is None:
        return None
    frame, own = (ours, crs) if len(ours) > 0 else (theirs, other)
    return metric_crs(own, np.asarray(frame.geometry.values, dtype=object))


def _reprojected(path: Path, frame: geopandas.GeoDataFrame, crs: CRS | None) -> NDArray[np.object_]:
    try:
        return reproject(np.asarray(frame.geometry.values, dtype=object), _crs(frame), crs)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _compared(
    path: Path, opened: PolygonFile, crs: CRS | None, area: shapely.Geometry | None
) -> ComparedInventory:
    polygons = repair_polygons(_reprojected(path, opened.frame, crs))
    if area is not None:
        polygons = clip_polygons(polygons, area)
    inside = shapely.area(polygons) > 0
    ids = opened.numbers
    if "id" in opened.frame.columns:
        column = opened.frame["id"]
        if pd.api.types.is_integer_dtype(column) and column.notna().all() and column.is_unique:
            ids = np.asarray(column, dtype=np.int64)
    return ComparedInventory(
        place=str(path),
        polygons=polygons[inside],
        ids=ids[inside],
        areas=shapely.area(polygons[inside]),
        outside=int((~inside).sum()),
    )


def _check_pair_count(inventory: ComparedInventory, reference: ComparedInventory) -> None:
    """Refuse more pairs of overlapping bounding boxes than can be intersected."""
    for one, other in combinations_with_replacement((inventory, reference), 2):
        tree, pairs = shapely.STRtree(other.polygons), 0
        for start in range(0, len(one.polygons), _CHUNK):
            pairs += tree.query(one.polygons[start : start + _CHUNK]).shape[1]
            if pairs > MAX_PAIRS:
                names = one.place if one is other else f"{one.place} and {other.place}"
                raise InputError(
                    f"{names}: more than {MAX_PAIRS:,} pairs of landslides overlap; remove "
                    "duplicates"
                )
