"""An inventory that was corrected by hand and comes back: what was not touched stays as it was.

A landslide is the same as before where its ``id`` is, and unchanged where area, perimeter and
centroid are those in its columns, up to the rounding of coordinates to seven decimals of a degree.
Where several polygons have one id, as after a split, the largest keeps it. Where the original is
stated, its landslides are known by their outlines alone, whatever became of their columns.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pydantic import ValidationError
from rasterio.crs import CRS

from landslip.core.crs import DEGREE_M
from landslip.core.errors import InputError, argument
from landslip.core.geometries import reproject
from landslip.core.messages import Message, message
from landslip.core.text import parse_json
from landslip.inventory.attributes import DATE, dbf_names, iso_date
from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.inventory.record import (
    GEOPACKAGE,
    LANDSLIDES,
    MAPPED_AREA,
    PROVENANCE,
    RECORD,
    CorrectionRecord,
    InventoryRecord,
    read_record,
)
from landslip.io.vector import read_polygon_file

UNCHANGED, EDITED, NEW = "unchanged", "edited", "new"
_OUTLINE = {"area_m2", "perimeter_m", "centroid_lon", "centroid_lat"}
_KNOWN_BY = ("id", "area_m2", "perimeter_m", "centroid_lon", "centroid_lat", "confidence", "model")
_ROUNDING_M = 0.02
_STRETCH = 0.01  # no projection is used where its scale is farther from 1
_CARRIED = ("id", "confidence", "scene", "date", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierInventory:
    """The inventory that polygons come from; mapped area and landslides are in ``crs``.

    ``landslides`` is None where its own are those that were corrected.
    """

    record: InventoryRecord
    mapped_area: shapely.Geometry | None
    crs: CRS | None
    landslides: geopandas.GeoDataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedLandslides:
    """What is known of polygons (n,) from before.

    ``attributes`` has the columns id, confidence, scene, date, model and correction;
    ``unchanged`` the other columns of an inventory, empty for polygons that are not.
    """

    attributes: pd.DataFrame
    unchanged: pd.DataFrame
    record: CorrectionRecord
    notes: tuple[Message, ...]


def earlier_inventory(path: Path) -> EarlierInventory | None:
    """Return the inventory that a folder, or a file of one or in one, belongs to; None: no such.

    Raises:
        InputError: it is damaged, or of another version.
    """
    file = path
    if path.is_dir():
        if not (path / RECORD).is_file():
            return None
        file = path / GEOPACKAGE
    own, area, crs = None, None, None
    if file.is_file() and _is_database(file):
        own, area, crs = _embedded(file)
    folder = path if path.is_dir() else path.parent
    if own is None and (folder / RECORD).is_file():
        beside = read_record(folder)
        if path.is_dir() or path.name in beside.files:
            own = beside
            if (folder / GEOPACKAGE).is_file():
                _, area, crs = _embedded(folder / GEOPACKAGE)
    return None if own is None else EarlierInventory(record=own, mapped_area=area, crs=crs)


def original_inventory(path: Path) -> EarlierInventory:
    """Return the inventory that was stated as the original of corrected polygons.

    Raises:
        InputError: it is none, or is damaged.
    """
    earlier = earlier_inventory(path)
    if earlier is None:
        raise InputError(
            f"{path}: {argument('original')} is the inventory that the polygons are a corrected "
            "copy of and this is no inventory; give the folder that `landslip inventory` wrote"
        )
    file = path / GEOPACKAGE if path.is_dir() else path
    if not file.is_file():
        return earlier
    frame = with_own_names(read_polygon_file(file, LANDSLIDES).frame)
    return replace(earlier, landslides=frame) if is_inventory(frame.columns) else earlier


def with_known_columns(
    frame: geopandas.GeoDataFrame, earlier: EarlierInventory
) -> geopandas.GeoDataFrame:
    """Return polygons with the columns that an inventory is known by, in its coordinate system.

    Outlines that its landslides have get all their columns, also where names or ids were lost.
    """
    crs = None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())
    polygons = np.asarray(frame.geometry.values, dtype=object)
    if crs is not None and earlier.crs is not None:
        polygons = reproject(polygons, crs, earlier.crs)
        frame = frame.set_geometry(geopandas.GeoSeries(polygons, frame.index, earlier.crs.to_wkt()))
        crs = earlier.crs
    before = earlier.landslides
    if before is not None and len(before) and len(frame):
        tree = shapely.STRtree(shapely.centroid(before.geometry.values))
        at = tree.nearest(shapely.centroid(polygons))
        nearest = pd.DataFrame(before.drop(columns=before.geometry.name)).iloc[at]
        nearest.index = frame.index
        same = _is_same_outline(nearest, polygons, crs, earlier)
        for field in FIELDS:
            if field.name in nearest:
                known = nearest[field.name].astype(object)
                own = frame[field.name].astype(object) if field.name in frame else None
                frame[field.name] = known.where(same, own)
    elif {*frame.columns} >= _OUTLINE:  # also where ids were lost
        for name in {*_KNOWN_BY} - {*frame.columns}:
            frame[name] = None
    return frame


def _is_database(file: Path) -> bool:
    """Whether a file's content is SQLite, as a GeoPackage's is, whatever its name."""
    with file.open("rb") as content:
        return content.read(16) == b"SQLite format 3\0"


def _embedded(file: Path) -> tuple[InventoryRecord | None, shapely.Geometry | None, CRS | None]:
    """Return record, mapped area and its system that a GeoPackage of an inventory holds."""
    try:
        if MAPPED_AREA not in {str(name) for name, _ in pyogrio.list_layers(file)}:
            return None, None, None
        frame = pyogrio.read_dataframe(file, layer=MAPPED_AREA)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if PROVENANCE not in frame or len(frame) == 0:
        return None, None, None
    texts, record = frame[PROVENANCE].dropna(), None
    if len(texts):
        # damaged, or of another version, it is not known
        with suppress(InputError, ValidationError):
            content = parse_json(str(texts.iloc[0]).encode(), file)
            record = InventoryRecord.model_validate(content)
    crs = None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())
    shapes = np.asarray(frame.geometry.values, dtype=object)
    shapes = shapes[~shapely.is_missing(shapes)]
    return record, shapely.union_all(shapes) if len(shapes) else None, crs


def read_area(path: Path) -> tuple[shapely.Geometry, CRS | None]:
    """Return the area that polygons cover, or the mapped area of an inventory, and its system.

    Raises:
        InputError: there are no polygons, or the mapped area of the inventory is not known.
    """
    earlier = earlier_inventory(path)
    if earlier is None:
        frame = read_polygon_file(path, layer_argument=None).frame
        crs = None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())
        return shapely.union_all(frame.geometry.values), crs
    if earlier.mapped_area is None:
        raise InputError(
            f"{path}: the mapped area of this inventory is not known; give polygons of it"
        )
    return earlier.mapped_area, earlier.crs


def with_own_names(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return polygons of an inventory under its columns' names.

    A Shapefile shortens them, and some databases write them in capitals.
    """
    names = [field.name for field in FIELDS]
    lower = {name: str(name).lower() for name in frame}
    known = {*names, *dbf_names(names)}
    renamed = {old: new for old, new in lower.items() if new in known and new not in frame}
    if any({*form} <= {*lower.values()} for form in (_KNOWN_BY, dbf_names(_KNOWN_BY))):
        frame = frame.rename(columns=renamed)
    short = dict(zip(dbf_names(names), names, strict=True))
    if set(_KNOWN_BY) <= {*frame.columns} or not {*dbf_names(_KNOWN_BY)} <= {*frame.columns}:
        return frame
    return frame.rename(columns={old: new for old, new in short.items() if new not in frame})


def is_inventory(columns: Iterable[str]) -> bool:
    """Whether a table of polygons has the columns of an inventory, by which it is compared."""
    return set(_KNOWN_BY) <= set(columns)


def corrected_landslides(
    frame: geopandas.GeoDataFrame, crs: CRS | None, earlier: EarlierInventory | None
) -> CorrectedLandslides:
    """Return what is known of the polygons of an inventory that comes back."""
    polygons = np.asarray(frame.geometry.values, dtype=object)
    ids = pd.to_numeric(frame["id"], errors="coerce").to_numpy(
        np.float64, copy=True, na_value=np.nan
    )
    ids[~(ids >= 1) | (ids != np.floor(ids))] = np.nan
    same = _is_same_outline(frame, polygons, crs, earlier)
    order = np.lexsort((-shapely.area(polygons), ~same, ids))
    repeated = np.zeros(len(ids), dtype=np.bool_)
    repeated[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    without = np.isnan(ids) | repeated
    before = None if earlier is None else earlier.record.correction
    given = np.inf if earlier is None else float(earlier.record.landslides)
    given = given if before is None else float(before.last_id)
    with np.errstate(invalid="ignore"):
        is_new = (without | (ids > given)) & ~same  # ids beyond those that were given are others'
    last_id = int(np.nanmax(ids, initial=0.0))
    if earlier is not None:
        last_id = max(last_id, int(given))
    ids[without] = last_id + 1 + np.arange(int(without.sum()))
    status = np.where(is_new, NEW, np.where(same, UNCHANGED, EDITED)).astype(object)
    carried = pd.DataFrame(frame[[name for name in _CARRIED if name in frame]])
    carried = carried.reset_index(drop=True).assign(id=ids.astype(np.int64), correction=status)
    carried["confidence"] = pd.to_numeric(carried["confidence"], errors="coerce").where(same)
    if DATE in carried:
        carried[DATE] = pd.Series([iso_date(value) for value in carried[DATE]], dtype=object)
    for name in {"model", "scene"} & {*carried}:
        known = carried[name].astype(object)
        carried[name] = known.where(known.notna(), None)
    carried.loc[is_new, "model"] = None
    if "correction" in frame:  # an earlier correction is still one
        marks = frame["correction"].astype(object).to_numpy()
        again = same & np.isin(marks.astype(str), [EDITED, NEW])
        carried.loc[again, "correction"] = marks[again]
    others = [
        field.name
        for field in FIELDS
        if field.name in frame and field.name not in {*_CARRIED, "correction"}
    ]
    unchanged = pd.DataFrame(frame[others]).reset_index(drop=True)
    for field in FIELDS:
        if field.name in unchanged and field.kind is not FieldKind.TEXT:
            numbers = pd.to_numeric(unchanged[field.name], errors="coerce")
            unchanged[field.name] = (
                numbers if field.kind is FieldKind.NUMBER else numbers.astype("boolean")
            )
    before_count = None if earlier is None else earlier.record.landslides
    kept = int((~is_new).sum())
    record = CorrectionRecord(
        unchanged=int(same.sum()),
        edited=kept - int(same.sum()),
        added=int(is_new.sum()),
        deleted=None if before_count is None else max(before_count - kept, 0),
        last_id=int(ids.max(initial=last_id)),
    )
    counts = record.model_dump(include={"unchanged", "edited", "added"})
    notes = [message("correction.counts", **counts, deleted=record.deleted or 0)]
    if earlier is None:
        notes = [message("correction.counts_alone", **counts), message("correction.unknown")]
    return CorrectedLandslides(
        attributes=carried,
        unchanged=unchanged.where(pd.Series(same)),
        record=record,
        notes=tuple(notes),
    )


def _is_same_outline(
    frame: pd.DataFrame,
    polygons: NDArray[np.object_],
    crs: CRS | None,
    earlier: EarlierInventory | None,
) -> NDArray[np.bool_]:
    """Return which outlines measure what their columns say.

    They are in the inventory's own system. Where that is not known, areas and lengths in another
    one differ by its scale, which is that of most outlines.
    """
    stated = {
        name: pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        for name in ("area_m2", "perimeter_m", "centroid_lon", "centroid_lat")
    }
    found = planar_measures(polygons, None if crs is None else pyproj.CRS.from_wkt(crs.to_wkt()))
    area_m2, perimeter_m = found.area_m2, found.perimeter_m
    with np.errstate(invalid="ignore", divide="ignore"):
        if earlier is None:
            ratios = stated["area_m2"] / area_m2
            scale = float(np.median(ratios[np.isfinite(ratios)])) if len(ratios) else 1.0
            if abs(scale - 1) < _STRETCH:
                area_m2, perimeter_m = area_m2 * scale, perimeter_m * np.sqrt(scale)
        points = np.maximum(shapely.get_num_coordinates(polygons), 1)
        shift_m = DEGREE_M * np.hypot(
            (found.centroid_lon - stated["centroid_lon"])
            * np.cos(np.radians(stated["centroid_lat"])),
            found.centroid_lat - stated["centroid_lat"],
        )
        # a point inside in place of the centroid may jump
        inside = shapely.contains(polygons, shapely.centroid(polygons))
        reach_m = np.where(inside, _ROUNDING_M, np.sqrt(area_m2))
        # roundings of the points are independent of each other
        unknown = np.isnan(area_m2) & np.isnan(stated["area_m2"])  # without a coordinate system
        return np.asarray(
            unknown
            | (np.abs(area_m2 - stated["area_m2"]) <= _ROUNDING_M * perimeter_m / np.sqrt(points))
            & (np.abs(perimeter_m - stated["perimeter_m"]) <= _ROUNDING_M * np.sqrt(points))
            & (shift_m <= reach_m)
        )
