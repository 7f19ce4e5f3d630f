"""Landslides as they were detected: of the folder of an extraction, or of a file of polygons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError, argument
from landslip.core.geometries import AreaMeasure, clip_polygons, reproject
from landslip.core.grid import Grid
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import concatenate_landslides
from landslip.inference.plausibility import MinimumArea
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.inventory.attributes import DATE, date_in, own_columns
from landslip.inventory.correction import (
    CorrectedLandslides,
    EarlierInventory,
    corrected_landslides,
    earlier_inventory,
    is_inventory,
    original_inventory,
    read_area,
    with_known_columns,
    with_own_names,
)
from landslip.inventory.fields import CORRECTION, FIELDS
from landslip.inventory.polygons.polygonize import MapDefaults, polygonize
from landslip.inventory.polygons.watershed import ElevationSource
from landslip.inventory.record import (
    GEOPACKAGE,
    RECORD,
    CleaningRecord,
    ConfidenceBasis,
    CorrectionRecord,
    ModelRecord,
    SceneRecord,
    SourceRecord,
)
from landslip.inventory.request import CleaningOptions, InventoryRequest
from landslip.io.raster import SceneOptions, SensorImage
from landslip.io.vector import read_polygon_file, repair_polygons
from landslip.models.calibration.object_confidence import ObjectFeatures
from landslip.models.card import ModelCard
from landslip.models.folder import CARD, open_model

_OUTLINE_PX, _STRIP_PX = 512, 512
SAID_OF_POLYGONS = {"warning.scene_no_data", "warning.none_found", "warning.small_left_out"}
"""Notes of an extraction on its own polygons; those of an inventory have notes of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionFolder:
    """A finished extraction: its folder and summary, the grid of its rasters, its model's card."""

    path: Path
    summary: ExtractionSummary
    grid: Grid
    card: ModelCard | None

    @property
    def scene_options(self) -> SceneOptions:
        """What was stated about the scene when it was extracted."""
        try:
            return SceneOptions.of_dict(self.summary.read_as)
        except ValueError as error:
            raise InputError(
                f"{self.path / SUMMARY}: read_as: {error}; extract the scene again"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedScene:
    """One of several scenes, and what of it was mapped, in the coordinate system of all."""

    record: SceneRecord
    folder: ExtractionFolder
    mapped_area: shapely.Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Landslides and their origin.

    Polygons (n,), or multipolygons, the extent of the scene or of the stated area, and the mapped
    area, which is the part of it with data, approximately, are in ``crs``. Confidence (n,) is NaN
    where there is none; of an extraction it is the mean probability of the pixels, until
    `landslip.inventory.confidence` makes it that of ``objects``. No landslide is smaller than
    ``min_area_m2``. Notes are on what was left out or changed. What is unknown is None.

    ``attributes`` (n rows) are columns that came with the landslides: those of an inventory that
    differ between them, such as id and date, and the user's own. ``earlier`` are values of an
    inventory's columns for outlines that are as they were, for what is not measured again.
    Of several ``scenes``, ``scene_index`` (n,) is that which shows most of a landslide;
    ``scene_records`` describe them, also where polygons come from an earlier inventory.
    """

    polygons: NDArray[np.object_]
    confidence: NDArray[np.float64]
    crs: CRS | None
    extent: shapely.Geometry | None
    mapped_area: shapely.Geometry | None
    mapped_m2: float | None
    min_area_m2: float
    name: str
    source: SourceRecord
    scene: SceneRecord
    model: ModelRecord | None
    model_card: ModelCard | None
    cleaning: CleaningRecord | None
    notes: tuple[Message, ...]
    attributes: pd.DataFrame = field(default_factory=pd.DataFrame)
    earlier: pd.DataFrame = field(default_factory=pd.DataFrame)
    correction: CorrectionRecord | None = None
    dem: Path | None = None
    scenes: tuple[MappedScene, ...] = ()
    scene_records: tuple[SceneRecord, ...] = ()
    scene_index: NDArray[np.int64] | None = None
    confidence_basis: ConfidenceBasis | None = None
    objects: ObjectFeatures | None = None

    @property
    def covered_m2(self) -> float | None:
        """What landslides cover of the mapped area, once where they overlap."""
        if self.mapped_m2 is None:
            return None
        inside = self.polygons
        if self.extent is not None:
            inside = clip_polygons(inside, self.extent)
        parts = shapely.get_parts(shapely.disjoint_subset_union_all(inside))
        return float(AreaMeasure(self.crs).areas_m2(parts).sum())

    def take(self, selected: NDArray[np.bool_]) -> "Detections":
        """Return those landslides only."""

        def rows(table: pd.DataFrame) -> pd.DataFrame:
            return table[selected].reset_index(drop=True) if len(table) else table

        return replace(
            self,
            polygons=self.polygons[selected],
            confidence=self.confidence[selected],
            attributes=rows(self.attributes),
            earlier=rows(self.earlier),
            scene_index=None if self.scene_index is None else self.scene_index[selected],
            objects=None if self.objects is None else self.objects.take(selected),
        )

    @property
    def pyproj_crs(self) -> pyproj.CRS | None:
        """The coordinate system as pyproj has it."""
        return None if self.crs is None else pyproj.CRS.from_wkt(self.crs.to_wkt())


def open_extraction(path: Path) -> ExtractionFolder:
    """Open the folder of a finished extraction.

    Raises:
        InputError: it is none, or is damaged.
    """
    file = path / SUMMARY
    if not file.is_file() or not (path / PROBABILITY).is_file():
        missing = PROBABILITY if file.is_file() else SUMMARY
        raise InputError(
            f"{path}: not the folder of a finished extraction, it has no {missing}; give "
            "what `landslip extract` wrote, or a file of polygons"
        )
    summary = ExtractionSummary.read(file)
    with SensorImage(path / PROBABILITY) as raster:
        grid = raster.grid
    if grid.shape != (summary.height, summary.width):
        raise InputError(
            f"{path}: {PROBABILITY} has {grid.shape[1]} x {grid.shape[0]} pixels and {SUMMARY} "
            f"states {summary.width} x {summary.height}; they do not belong to one extraction"
        )
    card = open_model(path).card if (path / CARD).is_file() else None
    return ExtractionFolder(path=path, summary=summary, grid=grid, card=card)


def detections_from_extraction(
    folder: ExtractionFolder,
    request: InventoryRequest,
    elevation: ElevationSource | None,
    progress: Progress = no_progress,
    *,
    defaults: MapDefaults | None = None,
) -> Detections:
    """Make polygons of the probabilities of an extraction; ``defaults`` are those of several.

    Raises:
        InputError: an option does not fit the extraction.
    """
    of_files = {
        "area": request.auxiliary.area,
        "layer": request.layer,
        "date_column": request.date_column,
        "original": request.original,
    }
    for name, value in of_files.items():
        if value is not None:
            raise InputError(
                f"{request.source}: {argument(name)} is for a file of polygons and this is an "
                "extraction, whose mapped area is that with data and whose date is the scene's; "
                "leave it out"
            )
    summary, crs = folder.summary, folder.grid.crs
    found = polygonize(
        folder.path / PROBABILITY,
        cleaning_options(folder, request),
        elevation,
        card=folder.card,
        defaults=defaults or MapDefaults(least=least_area([folder])),
        progress=progress,
    )
    cleaning = found.cleaning
    extent = shapely.Polygon(folder.grid.corners(folder.grid.window))
    valid_fraction = summary.valid_px / (summary.width * summary.height)
    return Detections(
        polygons=found.polygons,
        confidence=found.mean_probability,
        confidence_basis="pixels",
        objects=ObjectFeatures(
            pixels=found.pixels,
            mean_probability=found.mean_probability,
            max_probability=found.max_probability,
        ),
        crs=crs,
        extent=extent,
        mapped_area=valid_outline(folder.path / PROBABILITY),
        mapped_m2=None if crs is None else _area_m2(extent, crs) * valid_fraction,
        min_area_m2=cleaning.min_area_m2,
        name=request.name or Path(summary.scene).stem,
        source=SourceRecord(kind="extraction", place=str(folder.path.absolute())),
        scene=scene_record(folder, request.auxiliary.date or date_in(summary.scene)),
        model=ModelRecord(
            name=summary.model,
            weights_sha256=summary.model_weights_sha256,
            threshold=summary.threshold,
            calibration=summary.calibration,
            engine=summary.engine,
            precision=summary.precision,
        ),
        model_card=folder.card,
        cleaning=cleaning,
        notes=(
            *(note for note in summary.messages if note.key not in SAID_OF_POLYGONS),
            *found.notes,
        ),
    )


def cleaning_options(folder: ExtractionFolder, request: InventoryRequest) -> CleaningOptions:
    """Return the options, with the lower threshold of the extraction where none is stated."""
    options = request.cleaning
    return replace(options, low=folder.summary.threshold) if options.low is None else options


def least_area(folders: Sequence[ExtractionFolder]) -> MinimumArea:
    """Return the largest minimum area of extractions: that of all that they show."""
    summaries = [folder.summary for folder in folders]
    return MinimumArea(
        m2=max(summary.min_area_m2 for summary in summaries),
        px=max(summary.min_area_px or 1 for summary in summaries),
        is_default=True,
    )


def scene_record(folder: ExtractionFolder, day: str | None) -> SceneRecord:
    """Describe the scene that was extracted, and when it was taken."""
    summary = folder.summary
    return SceneRecord(
        name=summary.scene,
        place=summary.scene_place,
        date=day,
        bands=tuple(summary.bands),
        width=summary.width,
        height=summary.height,
        resolution_m=summary.resolution_m,
    )


def _area_m2(shape: shapely.Geometry, crs: CRS | None) -> float:
    return float(AreaMeasure(crs).areas_m2(np.array([shape], object))[0])


def detections_from_file(request: InventoryRequest) -> Detections:
    """Read the landslides of a polygon file.

    Raises:
        InputError: it cannot be read, holds other things than polygons, or an option is one for
            extractions.
    """
    source, options = request.source, request.cleaning
    stated = {"low": options.low, "high": options.high, "max_shift": options.max_shift_m}
    unfit = [argument(name) for name, value in stated.items() if value is not None]
    if unfit:
        raise InputError(
            f"{source}: {', '.join(unfit)} make polygons of probabilities and a polygon file has "
            "none; leave them out, or give the folder of an extraction"
        )
    reviewed = request.reviewed
    if reviewed is not None:
        earlier: EarlierInventory | None = reviewed.earlier
        path = reviewed.file
    else:
        original = request.original
        earlier = earlier_inventory(source) if original is None else original_inventory(original)
        path = source / GEOPACKAGE if (source / RECORD).is_file() else source
    file = read_polygon_file(path, request.layer, may_be_empty=reviewed is not None)
    frame = with_own_names(file.frame)
    if earlier is not None:
        frame = with_known_columns(frame, earlier)
    polygons = np.asarray(frame.geometry.values, dtype=object)
    crs = None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt())
    notes, area = [*file.notes, *(() if reviewed is None else reviewed.notes)], None
    corrected = None
    if is_inventory(frame.columns):
        corrected = corrected_landslides(frame, crs, earlier)
        notes += corrected.notes
        names = {*(field.name for field in FIELDS), CORRECTION}
        frame = frame.drop(columns=[*names & {*frame.columns}])
    else:
        earlier = None
    own, own_notes = own_columns(frame, path, request.date_column)
    notes += own_notes
    selected = np.ones(len(polygons), dtype=np.bool_)
    if request.auxiliary.area is not None:
        area, note = _read_area(request.auxiliary.area, crs, source, polygons)
        notes += [] if note is None else [note]
        shapely.prepare(area)
        selected = shapely.intersects(area, polygons)
        if not selected.all():
            notes.append(message("file.outside", count=int((~selected).sum())))
    min_area_m2 = options.min_area_m2 or 0.0
    small = selected & _smaller(polygons, crs, min_area_m2, source)
    selected &= ~small
    if small.any():
        count = int(small.sum())
        notes.append(message("file.below_min_area", count=count, min_area_m2=min_area_m2))
    if not selected.any() and len(polygons):
        notes.append(message("warning.polygons_left_out", total=len(polygons)))
    found = Detections(
        polygons=polygons,
        confidence=np.full(len(polygons), np.nan),
        crs=crs,
        extent=area,
        mapped_area=area,
        mapped_m2=None if area is None else _area_m2(area, crs),
        min_area_m2=min_area_m2,
        name=request.name or request.layer or source.stem,
        source=SourceRecord(kind="polygons", place=str(source.absolute()), layer=request.layer),
        scene=SceneRecord(date=request.auxiliary.date),
        model=None,
        model_card=None,
        cleaning=None,
        notes=tuple(notes),
        attributes=own,
    )
    if corrected is not None:
        found = _with_provenance(found, corrected, earlier, request)
    return found.take(selected)


def _smaller(
    polygons: NDArray[np.object_], crs: CRS | None, min_area_m2: float, source: Path
) -> NDArray[np.bool_]:
    """Return which polygons (n,) have less than an area."""
    if not min_area_m2:
        return np.zeros(len(polygons), dtype=np.bool_)
    if crs is None:
        raise InputError(
            f"{source}: {argument('min_area')} is in square metres and the polygons have no "
            "coordinate system; leave it out, or assign one"
        )
    return np.asarray(AreaMeasure(crs).areas_m2(polygons) < min_area_m2, dtype=np.bool_)


def _with_provenance(
    found: Detections,
    corrected: CorrectedLandslides,
    earlier: EarlierInventory | None,
    request: InventoryRequest,
) -> Detections:
    """Give the polygons of a corrected inventory what is known of them from before."""
    known, own = corrected.attributes, found.attributes
    if DATE in known and DATE in own:  # of a column that was named, or added
        own = own.assign(**{DATE: own[DATE].where(own[DATE].notna(), known[DATE])})
        known = known.drop(columns=DATE)
    attributes = pd.concat([known, own], axis=1)
    if request.auxiliary.date is not None:
        attributes = attributes.drop(columns="date", errors="ignore")
    found = replace(
        found,
        confidence=attributes.pop("confidence").to_numpy(np.float64),
        attributes=attributes,
        earlier=corrected.unchanged,
        correction=corrected.record,
    )
    if earlier is None:
        return found
    record, area = earlier.record, found.mapped_area
    mapped_m2 = found.mapped_m2
    if area is None and earlier.mapped_area is not None:
        area = reproject(np.array([earlier.mapped_area], object), earlier.crs, found.crs)[0]
        mapped_m2 = record.mapped_m2
    scene, dem = record.scene, record.dem
    if request.auxiliary.date is not None:
        scene = scene.model_copy(update={"date": request.auxiliary.date})
    return replace(
        found,
        extent=area,
        mapped_area=area,
        mapped_m2=mapped_m2,
        min_area_m2=max(found.min_area_m2, record.cleaning.min_area_m2 if record.cleaning else 0.0),
        name=request.name or record.name,
        scene=scene,
        scene_records=record.scenes,
        model=record.model,
        model_card=record.model_card,
        confidence_basis=record.confidence_basis,
        cleaning=record.cleaning,
        dem=Path(dem.place) if dem is not None and Path(dem.place).is_file() else None,
    )


def _read_area(
    path: Path, crs: CRS | None, source: Path, polygons: NDArray[np.object_]
) -> tuple[shapely.Geometry, Message | None]:
    """Return the mapped area that a file states, in the polygons' coordinate system, and a note."""
    if crs is None:
        raise InputError(
            f"{source}: {argument('area')} needs a coordinate system and the polygons have none; "
            "assign it to them"
        )
    shape, own = read_area(path)
    if own is None:
        raise InputError(f"{path}: has no coordinate system; assign it")
    area = shapely.get_parts(np.array([shape], dtype=object))
    near = shapely.total_bounds(polygons)[[0, 2]].mean() if len(polygons) else None
    try:
        moved = repair_polygons(reproject(area, own, crs, near))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return shapely.union_all(moved), datum_note(path.name, own, crs, area)


def valid_outline(probability: Path) -> shapely.Geometry:
    """Return the `coarse_outline` of an extraction's pixels with data."""
    return coarse_outline(probability, lambda levels: levels != NODATA)


def coarse_outline(
    raster: Path, select: Callable[[NDArray[np.uint8]], NDArray[np.bool_]]
) -> shapely.Geometry:
    """Return the outline of the selected valid pixels, in map coordinates; empty where none are.

    It follows pixels of a 512th of the raster's longer side, where that has more: good enough for
    the cells of a density, not for landslides. Overviews are not read, so that it does not depend
    on how the raster is stored.
    """
    with SensorImage(raster) as image:
        grid = image.grid
        step = max(1, -(-max(grid.shape) // _OUTLINE_PX))
        rows, cols = (_centres(length, step) for length in grid.shape)
        valid = np.empty((len(rows), len(cols)), dtype=np.bool_)
        for top in range(0, grid.shape[0], _STRIP_PX):
            height = min(_STRIP_PX, grid.shape[0] - top)
            (stored,), known = image.read(Window(0, top, grid.shape[1], height))
            here = (rows >= top) & (rows < top + height)
            at = np.ix_(rows[here] - top, cols)
            valid[here] = known[at] & select(stored[at].astype(np.uint8))
    polygonizer = Polygonizer()
    polygonizer.add(valid, np.where(valid, np.uint8(1), np.uint8(0)))
    parts = concatenate_landslides(list(polygonizer.finish()))
    down, across = (whole / small for whole, small in zip(grid.shape, valid.shape, strict=True))
    outlines = to_map_polygons(parts.outlines, grid.transform @ Affine.scale(across, down))
    return shapely.union_all(outlines)


def _centres(length: int, step: int) -> NDArray[np.int64]:
    """Return the middle pixel of each of the equal parts of a length, about ``step`` long."""
    count = max(length // step, 1)
    return ((np.arange(count) + 0.5) * length / count).astype(np.int64)
