"""Makes an inventory of an extraction or of polygons."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.choices import Language
from landslip.core.crs import AreaMeasure, clip_polygons
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.inventory import record as names
from landslip.inventory.detections import (
    Detections,
    ExtractionFolder,
    detections_from_extraction,
    detections_from_file,
    open_extraction,
)
from landslip.inventory.flags import DEFAULT_RULES
from landslip.inventory.formats.kml import write_kmz
from landslip.inventory.formats.stac_item import write_stac_item
from landslip.inventory.formats.vector_files import (
    write_csv,
    write_geojson,
    write_geopackage,
    write_parquet,
)
from landslip.inventory.layers import (
    InventoryLayers,
    LandslideAttributes,
    landslide_table,
    point_table,
)
from landslip.inventory.morphometry.attributes import (
    MIN_COVERAGE,
    TerrainAttributes,
    terrain_attributes,
)
from landslip.inventory.morphometry.elevation import ElevationModel
from landslip.inventory.morphometry.measures import planar_measures
from landslip.inventory.record import (
    RECORD,
    STATISTICS,
    DemRecord,
    InventoryRecord,
    confidence_message,
)
from landslip.inventory.request import InventoryRequest
from landslip.inventory.scene_context import (
    flags_of,
    read_scene_context,
    scene_record,
    scene_reference,
)
from landslip.inventory.statistics.adjusted_area import (
    adjusted_from_sample,
    adjusted_from_tiles,
    read_validation_sample,
)
from landslip.inventory.statistics.density import density_cells
from landslip.inventory.statistics.result import AdjustedArea, InventoryStatistics
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of
from landslip.metrics.resampling import Resampling

_FOUND, _MEASURED, _SEEN, _ALL = 40.0, 70.0, 80.0, 100.0  # in percent of the work


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """InventoryStatistics, and what was noticed on the way."""

    statistics: InventoryStatistics
    notes: tuple[Message, ...]


def make_inventory(
    request: InventoryRequest, *, progress: Progress = no_progress
) -> InventoryRecord:
    """Make an inventory and write it into the folder ``request.out``; return its description.

    Raises:
        InputError: something that was given cannot be read or does not fit.
        OutputExistsError: ``request.out`` is there already.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    folder = open_extraction(request.source) if request.source.is_dir() else None
    scene = scene_reference(request.known, folder)
    found, terrain, dem = _found_on_ground(request, folder, progress)
    found = replace(found, scene=scene_record(found.scene, scene))
    seen = read_scene_context(found, scene, sub_progress(progress, _MEASURED, _SEEN, _ALL))
    measured = LandslideAttributes(
        found=found,
        measures=planar_measures(found.polygons, found.projected),
        terrain=terrain,
        spectral=seen.spectral,
        flags=flags_of(found, terrain, seen, request.known),
    )
    layers = _layers(measured, request)
    whole = whole_of(measured, request)
    progress(_SEEN, _ALL)
    messages = (
        *found.notes,
        *_dem_notes(dem, found),
        *seen.notes,
        *whole.notes,
        *_date_notes(found, request),
        *_format_notes(found),
    )
    record = _record(measured, dem, messages)
    record = _written(record, layers, whole, request)
    progress(_ALL, _ALL)
    return record


def _found_on_ground(
    request: InventoryRequest, folder: ExtractionFolder | None, progress: Progress
) -> tuple[Detections, TerrainAttributes, DemRecord | None]:
    """Find the landslides and measure the ground under them."""
    measuring = sub_progress(progress, _FOUND, _MEASURED, _ALL)
    if folder is None:
        found = detections_from_file(request)
        with _terrain(request.known.dem, found.polygons, found.projected) as terrain:
            return found, *_measured_ground(found, terrain, measuring)
    frame = np.array([folder.frame], dtype=object)
    crs = None if folder.grid.crs is None else pyproj.CRS.from_wkt(folder.grid.crs.to_wkt())
    with _terrain(request.known.dem, frame, crs) as terrain:
        finding = sub_progress(progress, 0.0, _FOUND, _ALL)
        found = detections_from_extraction(folder, request, terrain, finding)
        return found, *_measured_ground(found, terrain, measuring)


@contextmanager
def _terrain(
    dem: Path | None, there: NDArray[np.object_], crs: pyproj.CRS | None
) -> Iterator[ElevationModel | None]:
    """Open an elevation model for some place."""
    if dem is None:
        yield None
        return
    left, bottom, right, top = shapely.total_bounds(there)
    near = None if crs is None else ((left, bottom, right, top), crs)
    with ElevationModel(dem, near) as terrain:
        yield terrain


def _measured_ground(
    found: Detections, terrain: ElevationModel | None, progress: Progress
) -> tuple[TerrainAttributes, DemRecord | None]:
    ground = terrain_attributes(found.polygons, found.projected, terrain, progress=progress)
    if terrain is None:
        return ground, None
    record = DemRecord(
        name=terrain.name,
        place=str(terrain.path.absolute()),
        crs=terrain.crs,
        resolution_m=terrain.resolution_m,
        landslides_with_heights=int((ground.dem_share >= MIN_COVERAGE).sum()),
    )
    return ground, record


def _dem_notes(dem: DemRecord | None, found: Detections) -> list[Message]:
    if dem is None:
        return [message("dem.none")]
    if found.crs is None:
        return [message("dem.no_crs", dem=dem.name)]
    total = len(found.polygons)
    without = total - dem.landslides_with_heights
    return [message("dem.gaps", dem=dem.name, count=without, total=total)] if without else []


def _date_notes(found: Detections, request: InventoryRequest) -> list[Message]:
    day = found.scene.date
    if day is None or request.known.date is not None:
        return []
    return [message("scene.date", date=day)]


def _format_notes(found: Detections) -> list[Message]:
    if found.crs is None:
        return [message("formats.no_crs")]
    return [message("formats.no_date")] if found.scene.date is None else []


def _layers(measured: LandslideAttributes, request: InventoryRequest) -> InventoryLayers:
    found, terrain = measured.found, measured.terrain
    return InventoryLayers(
        landslides=landslide_table(measured),
        crowns=point_table(measured, terrain.crowns, terrain.crown_elevation_m),
        toes=point_table(measured, terrain.toes, terrain.toe_elevation_m),
        density=density_cells(found.polygons, found.projected, found.ground, request.cell_m),
    )


def _record(
    measured: LandslideAttributes, dem: DemRecord | None, messages: tuple[Message, ...]
) -> InventoryRecord:
    found = measured.found
    return InventoryRecord(
        code_version=__version__,
        name=found.name,
        source=found.source,
        scene=found.scene,
        model=found.model,
        model_card=found.card,
        dem=dem,
        cleaning=found.cleaning,
        crs=None if found.crs is None else found.crs.to_string(),
        area_method=found.area_method,
        confidence_is=confidence_message(found.model).text(),
        flag_rules=asdict(DEFAULT_RULES),
        mapped_m2=found.mapped_m2,
        landslides=len(found.polygons),
        notes=sentences(messages),
        messages=messages,
        files=(),
    )


def _written(
    record: InventoryRecord, layers: InventoryLayers, whole: Whole, request: InventoryRequest
) -> InventoryRecord:
    """Write all files, the description last; return it with the files' names."""
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        files = write_layers(layers, record, whole.statistics, stage, request.language)
        text = whole.statistics.model_dump_json(indent=2)
        (stage / STATISTICS).write_text(text + "\n", encoding="utf-8")
        record = record.model_copy(update={"files": (*files, STATISTICS, RECORD)})
        (stage / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return record


def whole_of(measured: LandslideAttributes, request: InventoryRequest) -> Whole:
    """Return the statistics of an inventory.

    Raises:
        InputError: a sample or a file of errors cannot be read, or does not fit.
    """
    found, ground = measured.found, measured.terrain
    covered_m2 = None if found.mapped_m2 is None else _covered_m2(found)
    adjusted, notes = _adjusted(found, covered_m2, request)
    statistics = statistics_of(
        StatisticsRequest(
            areas_m2=measured.measures.area_m2,
            surface_m2=ground.surface_m2 if np.isfinite(ground.surface_m2).any() else None,
            mapped_m2=found.mapped_m2,
            covered_m2=covered_m2,
            least_m2=found.least_m2,
            draws=request.draws,
            seed=request.seed,
            adjusted=adjusted,
        )
    )
    return Whole(statistics=statistics, notes=tuple(notes))


def _covered_m2(found: Detections) -> float:
    """Return the area that landslides cover of the ground searched; what several share once."""
    inside = found.polygons if found.frame is None else clip_polygons(found.polygons, found.frame)
    parts = shapely.get_parts(shapely.disjoint_subset_union_all(inside))
    return float(AreaMeasure(found.crs).areas_m2(parts).sum())


def _adjusted(
    found: Detections, covered_m2: float | None, request: InventoryRequest
) -> tuple[AdjustedArea | None, list[Message]]:
    known = request.known
    if known.sample is None and known.errors is None:
        return None, [message("adjusted.none")]
    if found.mapped_m2 is None or covered_m2 is None:
        raise InputError(
            f"{request.source}: an adjusted area needs the area of the ground that was searched; "
            "give it with --area, in a coordinate system"
        )
    if known.sample is not None:
        sample = read_validation_sample(known.sample, found.polygons, found.projected, found.frame)
        adjusted = adjusted_from_sample(sample, found.mapped_m2, covered_m2)
        return adjusted, list(sample.notes)
    by_tiles = None
    if known.errors is not None:
        how = Resampling(seed=request.seed, draws=max(request.draws, 1))
        by_tiles = adjusted_from_tiles(known.errors, found.mapped_m2, covered_m2, how)
    if by_tiles is None:
        return None, [message("adjusted.few_tiles", file=str(known.errors))]
    return by_tiles, []


def write_layers(
    layers: InventoryLayers,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
    folder: Path,
    language: Language = Language.ENGLISH,
) -> list[str]:
    """Write the layers in all formats and return the names of the files.

    Without a coordinate system, what is in longitude and latitude is left out: GeoJSON, KMZ and
    the STAC item; the item also where the date is not known.

    Args:
        layers: of the inventory.
        record: what it was made from; the STAC item speaks of it.
        statistics: of the inventory, if there are any.
        folder: where the files go; it exists and holds none of them.
        language: of labels and words for people.

    Raises:
        LandslipError: a file could not be written.
    """
    landslides = layers.landslides
    write_geopackage(layers, folder / names.GEOPACKAGE, language)
    write_parquet(landslides, folder / names.PARQUET)
    write_csv(layers, folder / names.CSV)
    written = [names.GEOPACKAGE, names.PARQUET, names.CSV]
    if landslides.crs is None:
        return written
    write_geojson(landslides, folder / names.GEOJSON)
    write_kmz(layers, record, folder / names.KMZ, language)
    written += [names.GEOJSON, names.KMZ]
    beside = [*written, names.RECORD, *([] if statistics is None else [names.STATISTICS])]
    if write_stac_item(landslides, record, statistics, beside, folder / names.STAC_ITEM):
        written.append(names.STAC_ITEM)
    return written
