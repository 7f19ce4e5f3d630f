"""Where an inventory comes from: the folder of an extraction, or a file of polygons."""

import math
import re
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from rasterio.crs import CRS

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import concatenate_landslides
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.inventory.morphometry.elevation import ElevationModel
from landslip.inventory.polygons.polygonize import Cleaning, LandslidePolygons, polygonize
from landslip.inventory.record import CleaningRecord, ModelRecord, SceneRecord, SourceRecord
from landslip.inventory.request import USUAL_MIN_AREA_M2, CleaningOptions, InventoryRequest
from landslip.io.raster import SceneOptions, SensorImage
from landslip.io.vector import read_polygon_file
from landslip.models.card import ModelCard
from landslip.models.folder import CARD, open_model

_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionFolder:
    """A finished extraction.

    Attributes:
        path: of the folder.
        summary: what it says of itself.
        grid: of its rasters.
        card: of the model.
    """

    path: Path
    summary: ExtractionSummary
    grid: Grid
    card: ModelCard | None

    @property
    def probability(self) -> Path:
        """The raster of probabilities."""
        return self.path / PROBABILITY

    @property
    def frame(self) -> shapely.Polygon:
        """Outline of the scene, in its coordinate system."""
        return shapely.Polygon(self.grid.corners(self.grid.window))

    @property
    def read_as(self) -> SceneOptions:
        """What was stated about the scene when it was extracted."""
        try:
            return SceneOptions.of_dict(self.summary.read_as)
        except ValueError as error:
            raise InputError(
                f"{self.path / SUMMARY}: read_as: {error}; extract the scene again"
            ) from error

    def mapped_m2(self, frame_m2: float) -> float | None:
        """Return the area with data, from that of the frame; None without a coordinate system."""
        pixels = self.summary.width * self.summary.height
        return None if self.grid.crs is None else frame_m2 * self.summary.valid_px / pixels

    def scene_record(self, stated_date: str | None) -> SceneRecord:
        """Return what is known of the scene."""
        found = self.summary
        return SceneRecord(
            name=found.scene,
            place=found.scene_place,
            date=stated_date or date_in(found.scene),
            bands=tuple(found.bands),
            width=found.width,
            height=found.height,
            resolution_m=found.resolution_m,
        )

    def model_record(self) -> ModelRecord:
        """Return what is known of the model."""
        found = self.summary
        return ModelRecord(
            name=found.model,
            weights_sha256=found.model_weights_sha256,
            threshold=found.threshold,
            calibration=found.calibration,
            engine=found.engine,
            precision=found.precision,
        )


def open_extraction(path: Path) -> ExtractionFolder:
    """Open the folder of a finished extraction.

    Raises:
        InputError: it is none, or is damaged.
    """
    file = path / SUMMARY
    if not file.is_file() or not (path / PROBABILITY).is_file():
        missing = PROBABILITY if file.is_file() else SUMMARY
        raise InputError(
            f"{path}: not the folder of a finished extraction, there is no {missing} in it; give "
            "what `landslip extract` wrote, or a file of polygons"
        )
    try:
        summary = ExtractionSummary.read(file)
        TypeAdapter(ExtractionSummary).validate_python(asdict(summary))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise InputError(
            f"{file}: {wrong['loc'][0]}: {wrong['msg']}; extract the scene again"
        ) from error
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{file}: not the summary of an extraction by this version ({error}); extract the "
            "scene again"
        ) from error
    with SensorImage(path / PROBABILITY) as raster:
        grid = raster.grid
    if grid.shape != (summary.height, summary.width):
        raise InputError(
            f"{path}: {PROBABILITY} has {grid.shape[1]} x {grid.shape[0]} pixels and {SUMMARY} "
            f"says {summary.width} x {summary.height}; they are not of one extraction"
        )
    card = open_model(path).card if (path / CARD).is_file() else None
    return ExtractionFolder(path=path, summary=summary, grid=grid, card=card)


def date_in(name: str) -> str | None:
    """Return the day that a file's name holds, as in ``GF1_PMS1_E103.5_N31.3_20130812``.

    None where it holds none, or more than one.
    """
    days = {found for match in _DAY.finditer(name) if (found := _day(*match.groups()))}
    return days.pop() if len(days) == 1 else None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Landslides and what is known of their origin.

    Attributes:
        polygons: (n,) shapely Polygons or MultiPolygons in ``crs``.
        confidence: (n,) mean probability, NaN where there is none.
        crs: None where the source has none.
        frame: outline of what was searched, in ``crs``; None: not known.
        ground: the part of it with data, roughly; None: not known.
        mapped_m2: area that was searched and has data; None: not known.
        least_m2: no landslide is smaller.
    """

    polygons: NDArray[np.object_]
    confidence: NDArray[np.float64]
    crs: CRS | None
    frame: shapely.Geometry | None
    ground: shapely.Geometry | None
    mapped_m2: float | None
    least_m2: float
    name: str
    source: SourceRecord
    scene: SceneRecord
    model: ModelRecord | None
    card: ModelCard | None
    cleaning: CleaningRecord | None
    notes: tuple[Message, ...]

    @property
    def area_method(self) -> str | None:
        """How areas are measured; None without a coordinate system."""
        return AreaMeasure(self.crs).method

    @property
    def projected(self) -> pyproj.CRS | None:
        """The coordinate system, as pyproj holds it."""
        return None if self.crs is None else pyproj.CRS.from_wkt(self.crs.to_wkt())


def detections_from_extraction(
    folder: ExtractionFolder,
    request: InventoryRequest,
    terrain: ElevationModel | None,
    progress: Progress = no_progress,
) -> Detections:
    """Draw the landslides of an extraction.

    Raises:
        InputError: an option does not fit the extraction.
    """
    _refuse_for_polygons(request)
    cleaning = resolve_options(request.cleaned, folder)
    drawn = polygonize(folder.probability, cleaning, terrain, progress=progress)
    frame_m2 = float(AreaMeasure(folder.grid.crs).areas_m2(np.array([folder.frame], object))[0])
    return Detections(
        polygons=drawn.polygons,
        confidence=drawn.mean_probability,
        crs=folder.grid.crs,
        frame=folder.frame,
        ground=mapped_area(folder.probability),
        mapped_m2=folder.mapped_m2(frame_m2),
        least_m2=cleaning.min_area_m2,
        name=request.name or Path(folder.summary.scene).stem,
        source=SourceRecord(kind="extraction", place=str(folder.path.absolute())),
        scene=folder.scene_record(request.known.date),
        model=folder.model_record(),
        card=folder.card,
        cleaning=_cleaning_record(cleaning, drawn),
        notes=(*folder.summary.messages, *_dropped_notes(drawn), *drawn.notes),
    )


def detections_from_file(request: InventoryRequest) -> Detections:
    """Read the landslides of a polygon file.

    Raises:
        InputError: it cannot be read, holds other things than polygons, or an option is one for
            extractions.
    """
    _refuse_cleaning(request.cleaned, request.source)
    opened = read_polygon_file(request.source, request.layer)
    polygons = np.asarray(opened.frame.geometry.values, dtype=object)
    crs = None if opened.frame.crs is None else CRS.from_wkt(opened.frame.crs.to_wkt())
    area, area_m2 = _searched(request, crs)
    kept, notes = _kept(polygons, crs, area, request)
    return Detections(
        polygons=polygons[kept],
        confidence=np.full(int(kept.sum()), np.nan),
        crs=crs,
        frame=area,
        ground=area,
        mapped_m2=area_m2,
        least_m2=request.cleaned.min_area_m2 or 0.0,
        name=request.name or request.layer or request.source.stem,
        source=SourceRecord(
            kind="polygons", place=str(request.source.absolute()), layer=request.layer
        ),
        scene=SceneRecord(date=request.known.date),
        model=None,
        card=None,
        cleaning=None,
        notes=(*opened.notes, *notes),
    )


def _kept(
    polygons: NDArray[np.object_],
    crs: CRS | None,
    area: shapely.Geometry | None,
    request: InventoryRequest,
) -> tuple[NDArray[np.bool_], list[Message]]:
    """Return which polygons (n,) are large enough and on the searched ground, and notes."""
    kept, notes = np.ones(len(polygons), dtype=np.bool_), []
    if area is not None:
        shapely.prepare(area)
        kept = shapely.intersects(area, polygons)
        if not kept.all():
            notes.append(message("file.outside", count=int((~kept).sum())))
    least_m2 = request.cleaned.min_area_m2 or 0.0
    if least_m2 and crs is None:
        raise InputError(
            f"{request.source}: --min-area is in square metres and the polygons have no coordinate "
            "system; leave it out, or assign one"
        )
    if least_m2:
        small = kept & (AreaMeasure(crs).areas_m2(polygons) < least_m2)
        kept &= ~small
        if small.any():
            count = int(small.sum())
            notes.append(message("file.below_min_area", count=count, min_area_m2=least_m2))
    return kept, notes


def resolve_options(asked: CleaningOptions, folder: ExtractionFolder) -> Cleaning:
    """Return how polygons are drawn, what was left open taken from the extraction."""
    low = folder.summary.threshold if asked.low is None else asked.low
    usual_m2 = 0.0 if folder.grid.crs is None else USUAL_MIN_AREA_M2
    return Cleaning(
        low=low,
        high=_usual_high(folder, low) if asked.high is None else asked.high,
        min_area_m2=usual_m2 if asked.min_area_m2 is None else asked.min_area_m2,
        max_shift_m=asked.max_shift_m,
        smooth=asked.smooth,
        split=asked.split,
    )


def _usual_high(folder: ExtractionFolder, low: float) -> float:
    """Return midway from ``low`` to 1, taken before calibration: it is to leave out the same."""
    card, is_calibrated = folder.card, folder.summary.calibration is not None
    if card is None or not is_calibrated or low != card.calibrated_threshold:
        return (1 + low) / 2
    middle = (1 + card.threshold) / 2
    return middle if card.curve is None else card.curve.probability(middle)


def _dropped_notes(drawn: LandslidePolygons) -> list[Message]:
    dropped = {
        "polygons.below_high": drawn.dropped_seedless,
        "polygons.below_min_area": drawn.dropped_small,
    }
    return [
        message(key, count=count, total=drawn.regions) for key, count in dropped.items() if count
    ]


def _cleaning_record(cleaning: Cleaning, drawn: LandslidePolygons) -> CleaningRecord:
    return CleaningRecord(
        low=cleaning.low,
        high=cleaning.high,
        min_area_m2=cleaning.min_area_m2,
        max_shift_m=_known(drawn.max_shift_m),
        smooth=cleaning.smooth,
        split=cleaning.split,
        regions=drawn.regions,
        dropped_seedless=drawn.dropped_seedless,
        dropped_small=drawn.dropped_small,
        split_regions=drawn.split_regions,
        largest_shift_m=_known(drawn.largest_shift_m),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _refuse_for_polygons(request: InventoryRequest) -> None:
    for option, value in (("--area", request.known.area), ("--layer", request.layer)):
        if value is not None:
            raise InputError(
                f"{request.source}: {option} is for a file of polygons and this is an extraction, "
                "whose ground is that with data; leave it out"
            )


def _refuse_cleaning(asked: CleaningOptions, source: Path) -> None:
    stated = [
        name
        for name, value in (
            ("--low", asked.low),
            ("--high", asked.high),
            ("--max-shift", asked.max_shift_m),
        )
        if value is not None
    ]
    if stated:
        raise InputError(
            f"{source}: {', '.join(stated)} make polygons of probabilities and a polygon file has "
            "none; leave them out, or give the folder of an extraction"
        )


def _searched(
    request: InventoryRequest, crs: CRS | None
) -> tuple[shapely.Geometry | None, float | None]:
    """Return the ground that was searched and its area."""
    if request.known.area is None:
        return None, None
    if crs is None:
        raise InputError(
            f"{request.source}: --area needs a coordinate system and the polygons have none; "
            "assign it to them"
        )
    frame = read_polygon_file(request.known.area, None).frame
    if frame.crs is None:
        raise InputError(f"{request.known.area}: has no coordinate system; assign it")
    ground = shapely.union_all(frame.to_crs(pyproj.CRS.from_wkt(crs.to_wkt())).geometry.values)
    return ground, float(AreaMeasure(crs).areas_m2(np.array([ground], object))[0])


_LONGEST_PX = 512


def mapped_area(probability: Path) -> shapely.Geometry:
    """Return the outline of the valid pixels, in map coordinates; empty where there are none.

    It follows pixels of a 512th of the raster's longer side, where that has more: good for what is
    told of cells and not of landslides.
    """
    with SensorImage(probability) as image:
        valid = image.read_small(_LONGEST_PX)[0] != NODATA
        grid = image.grid
    collector = Polygonizer()
    collector.add(valid, np.where(valid, np.uint8(1), np.uint8(0)))
    parts = concatenate_landslides(list(collector.finish()))
    rows, cols = (whole / small for whole, small in zip(grid.shape, valid.shape, strict=True))
    outlines = to_map_polygons(parts.outlines, grid.transform @ Affine.scale(cols, rows))
    return shapely.union_all(outlines)
