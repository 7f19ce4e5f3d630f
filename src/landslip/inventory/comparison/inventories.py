"""The two inventories of a comparison: the request, and both read onto one coordinate system."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError, argument
from landslip.core.geometries import clip_polygons, metric_crs, reproject
from landslip.core.transformations import datum_note
from landslip.inventory.attributes import own_names
from landslip.inventory.correction import earlier_inventory, is_inventory, read_area
from landslip.inventory.polygons.dissolve import dissolve, length_in_map_units
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, RECORD, read_record
from landslip.io.vector import PolygonFile, read_polygon_file, repair_polygons

DEFAULT_MIN_IOU = 0.5
DEFAULT_DRAWS = 1000
MAX_PAIRS = 5_000_000
_CHUNK = 500
_OF_SCENE = ("scene", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRequest:
    """Two inventories to compare.

    Attributes:
        inventory: folder of an inventory, or a file of polygons.
        others: further ones, which make one inventory with it: what overlaps or touches is one.
        reference: the same, taken as true.
        out: folder to write.
        layer: of the inventory's file.
        reference_layer: of the reference's file.
        area: polygons of the area that was mapped in both, or an inventory that has it; None: not
            known.
        resolution_m: side of a pixel for the pixel scores; None: the scene's, or chosen by the size
            of the landslides.
        min_iou: intersection over union from which two landslides are the same.
        draws: for bootstrap intervals; 0: none.
        block_m: side of the square blocks of ground that are drawn; 0: landslides one by one;
            None: by the number of landslides.
        seed: of the draws.
        overwrite: replace an existing comparison.
    """

    inventory: Path
    reference: Path
    out: Path
    others: tuple[Path, ...] = ()
    layer: str | None = None
    reference_layer: str | None = None
    area: Path | None = None
    resolution_m: float | None = None
    min_iou: float = DEFAULT_MIN_IOU
    draws: int = DEFAULT_DRAWS
    block_m: float | None = None
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise InputError(f"{argument('min_iou')} is over 0 and at most 1; got {self.min_iou:g}")
        if self.resolution_m is not None and not 0 < self.resolution_m < math.inf:
            raise InputError(
                f"{argument('resolution')} is over 0 metres; got {self.resolution_m:g}"
            )
        if self.block_m is not None and not 0 <= self.block_m < math.inf:
            raise InputError(
                f"{argument('block_m')} is 0 metres (no blocks) or more; got {self.block_m:g}"
            )
        if self.draws < 0:
            raise InputError(f"{argument('draws')} is 0 (no intervals) or more; got {self.draws}")
        if self.seed < 0:
            raise InputError(f"{argument('seed')} is 0 or more; got {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedInventory:
    """Landslides of one inventory (n,): valid polygons, and areas in the system's square units.

    Ids are of the column ``id`` where that is unique, else their numbers in the file, from 1.
    ``outside`` of the mapped area so many were left out. ``columns`` (n rows) are the user's, and
    scene and date of an inventory.
    """

    place: str
    polygons: NDArray[np.object_]
    ids: NDArray[np.int64]
    areas: NDArray[np.float64]
    outside: int = 0
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)


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
    sides = [
        _read_side(path, request.layer, "layer") for path in (request.inventory, *request.others)
    ]
    other = _read_side(request.reference, request.reference_layer, "reference_layer")
    ours, theirs = _as_one(sides), other.file
    steps_m = {side.resolution_m for side in sides}
    scene_resolution_m = steps_m.pop() if len(steps_m) == 1 else None
    notes = [f"inventory: {warning}" for side in sides for warning in side.warnings]
    crs = _common_crs(request, ours.frame, theirs.frame)
    area = None
    if request.area is not None:
        shape, own = read_area(request.area)
        moved = _reprojected(request.area, np.array([shape], dtype=object), own, crs)
        area = repair_polygons(moved)[0]
    inventory = _compared(request.inventory, ours, crs, area)
    place = ", ".join(str(side.path) for side in sides)
    inventory = replace(inventory, place=place)
    reference = _compared(request.reference, theirs, crs, area)
    _check_pair_count(inventory, reference)
    seen = [
        (
            side.path,
            _crs(side.file.frame),
            np.asarray(side.file.frame.geometry.values, dtype=object),
        )
        for side in (*sides, other)
    ]
    if request.area is not None:
        seen.append((request.area, own, np.array([shape], dtype=object)))
    shifts = [datum_note(path.name, one, crs, polygons) for path, one, polygons in seen]
    notes += [shift.text() for shift in shifts if shift is not None]
    notes += [f"inventory: {note.text()}" for note in ours.notes]
    notes += [f"reference: {note.text()}" for note in theirs.notes]
    if area is None:
        notes += _outside_notes(sides, inventory, reference, crs)
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


def _reprojected(
    path: Path, polygons: NDArray[np.object_], crs: CRS | None, target: CRS | None
) -> NDArray[np.object_]:
    try:
        return reproject(polygons, crs, target)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the files of a comparison, and what the record of an inventory says of it."""

    path: Path
    file: PolygonFile
    resolution_m: float | None = None
    warnings: tuple[str, ...] = ()


def _read_side(path: Path, layer: str | None, layer_argument: str) -> _Side:
    """Read an inventory or a file of polygons; an inventory of ours may be empty."""
    is_ours = layer_argument == "layer"
    if not (path / RECORD).is_file():
        file = read_polygon_file(path, layer, may_be_empty=is_ours, layer_argument=layer_argument)
        return _Side(path=path, file=file)
    record = read_record(path)
    return _Side(
        path=path,
        file=read_polygon_file(
            path / GEOPACKAGE,
            layer or LANDSLIDES,
            may_be_empty=is_ours,
            layer_argument=layer_argument,
        ),
        resolution_m=record.scene.resolution_m,
        warnings=record.warnings,
    )


def _as_one(sides: list[_Side]) -> PolygonFile:
    """Return the polygons of several files as one; those of different files that meet are one.

    Raises:
        InputError: only some have a coordinate system, or one cannot be transformed.
    """
    first = sides[0].file
    if len(sides) == 1:
        return first
    crs = _crs(first.frame)
    parts = [
        _reprojected(
            side.path,
            np.asarray(side.file.frame.geometry.values, object),
            _crs(side.file.frame),
            crs,
        )
        for side in sides
    ]
    polygons = repair_polygons(np.concatenate(parts))
    source = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    gap = length_in_map_units(max(side.resolution_m or 0.0 for side in sides), crs)
    merged, members = dissolve(polygons, source, gap)
    sizes = shapely.area(polygons)
    largest = [max(group, key=lambda at: sizes[at]) for group in members]
    tables = [
        pd.DataFrame(
            side.file.frame.drop(columns=[side.file.frame.geometry.name, "id"], errors="ignore")
        )
        for side in sides
    ]
    table = pd.concat(tables, ignore_index=True).iloc[largest].reset_index(drop=True)
    return PolygonFile(
        frame=geopandas.GeoDataFrame(table, geometry=merged, crs=first.frame.crs),
        numbers=np.arange(1, len(merged) + 1, dtype=np.int64),
        total=sum(side.file.total for side in sides),
        notes=tuple(note for side in sides for note in side.file.notes),
    )


def _outside_notes(
    sides: Sequence[_Side],
    inventory: ComparedInventory,
    reference: ComparedInventory,
    crs: CRS | None,
) -> list[str]:
    """Return how many of the reference's landslides count as missed and may not be mapped."""
    total = len(reference.polygons)
    known = [one for side in sides if (one := _mapped_area(side)) is not None]
    if len(known) == len(sides):
        moved = [
            _reprojected(path, np.array([shape], dtype=object), own, crs)
            for path, shape, own in known
        ]
        mapped = shapely.union_all(repair_polygons(np.concatenate(moved)))
        what = "the mapped area of the inventory and count as missed; to leave them out"
        remedy = f"give {argument('area', ', '.join(str(path) for path, *_ in known))}"
    elif len(inventory.polygons):
        mapped = shapely.box(*shapely.total_bounds(inventory.polygons))
        what = "the bounding box of the inventory and count as missed; if that area was not mapped"
        remedy = f"give the area mapped in both as {argument('area')}"
    else:
        return []
    shapely.prepare(mapped)
    outside = int((~shapely.intersects(mapped, reference.polygons)).sum())
    if not outside:
        return []
    return [f"{outside} of {total} landslides of the reference are outside {what}, {remedy}"]


def _mapped_area(side: _Side) -> tuple[Path, shapely.Geometry, CRS | None] | None:
    """Return what an inventory says was mapped, and its system; None where it is not known."""
    record = earlier_inventory(side.path)
    if record is None or record.mapped_area is None:
        return None
    return side.path, record.mapped_area, record.crs


def _compared(
    path: Path, opened: PolygonFile, crs: CRS | None, area: shapely.Geometry | None
) -> ComparedInventory:
    own = np.asarray(opened.frame.geometry.values, dtype=object)
    polygons = repair_polygons(_reprojected(path, own, _crs(opened.frame), crs))
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
        columns=_columns(opened.frame)[inside].reset_index(drop=True),
    )


def _columns(frame: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Return the user's columns, and scene and date of an inventory; without ``id``."""
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    if is_inventory(table.columns):
        names = [name for name in (*_OF_SCENE, *own_names(frame)) if name in table]
        return table[names]
    return table.drop(columns="id", errors="ignore")


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
