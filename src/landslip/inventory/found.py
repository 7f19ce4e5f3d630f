"""Landslides as they were found, before anything is measured on them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.inventory.footprint import footprint
from landslip.inventory.morphometry.terrain import Terrain
from landslip.inventory.polygons.drawing import Cleaning, Drawn, draw
from landslip.inventory.record import CleaningRecord, ModelRecord, SceneRecord, SourceRecord
from landslip.inventory.request import USUAL_MIN_AREA_M2, Cleaned, InventoryRequest
from landslip.inventory.source import ExtractionFolder
from landslip.io.vector import read_polygon_file
from landslip.models.card import ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
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


def found_by_extraction(
    folder: ExtractionFolder,
    request: InventoryRequest,
    terrain: Terrain | None,
    progress: Progress = no_progress,
) -> Found:
    """Draw the landslides of an extraction.

    Raises:
        InputError: an option does not fit the extraction.
    """
    _refuse_for_polygons(request)
    cleaning = cleaning_of(request.cleaned, folder)
    drawn = draw(folder.probability, cleaning, terrain, progress=progress)
    frame_m2 = float(AreaMeasure(folder.grid.crs).areas_m2(np.array([folder.frame], object))[0])
    return Found(
        polygons=drawn.polygons,
        confidence=drawn.mean_probability,
        crs=folder.grid.crs,
        frame=folder.frame,
        ground=footprint(folder.probability),
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


def found_in_file(request: InventoryRequest) -> Found:
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
    return Found(
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


def cleaning_of(asked: Cleaned, folder: ExtractionFolder) -> Cleaning:
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


def _dropped_notes(drawn: Drawn) -> list[Message]:
    dropped = {
        "polygons.below_high": drawn.dropped_seedless,
        "polygons.below_min_area": drawn.dropped_small,
    }
    return [
        message(key, count=count, total=drawn.regions) for key, count in dropped.items() if count
    ]


def _cleaning_record(cleaning: Cleaning, drawn: Drawn) -> CleaningRecord:
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


def _refuse_cleaning(asked: Cleaned, source: Path) -> None:
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
