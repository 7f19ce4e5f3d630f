"""Makes an inventory of an extraction or of polygons."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.choices import DemTime, Language
from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.geometries import AreaMeasure
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.transformations import datum_note
from landslip.inventory import record as names
from landslip.inventory.confidence import with_object_confidence
from landslip.inventory.detections import (
    Detections,
    ExtractionFolder,
    detections_from_extraction,
    detections_from_file,
    open_extraction,
)
from landslip.inventory.flags import (
    DEFAULT_RULES,
    FlagColumns,
    FlagValues,
    beside_water,
    flags,
    fraction_on_roads,
)
from landslip.inventory.formats.kml import write_kmz
from landslip.inventory.formats.stac_item import write_stac_item
from landslip.inventory.formats.vector_files import (
    write_csv,
    write_geojson,
    write_geopackage,
    write_parquet,
)
from landslip.inventory.layers import InventoryLayers, make_layers
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.inventory.morphometry.terrain_attributes import (
    DOWNSLOPE,
    MIN_COVERAGE,
    TerrainAttributes,
    terrain_attributes,
)
from landslip.inventory.record import DemRecord, InventoryRecord, confidence_message
from landslip.inventory.request import AuxiliaryData, InventoryRequest
from landslip.inventory.sampling.geopackage import is_sample
from landslip.inventory.sampling.judgements import AssessedMap, read_judged_sample
from landslip.inventory.sampling.source_map import polygons_digest
from landslip.inventory.scene_context import (
    SceneContext,
    read_scene_context,
    read_scene_contexts,
    scene_reference,
)
from landslip.inventory.several import (
    detections_from_extractions,
    detections_from_files,
    expand_sources,
    is_extraction,
)
from landslip.inventory.statistics.adjusted_area import (
    adjusted_from_sample,
    adjusted_from_tiles,
    estimate_notes,
)
from landslip.inventory.statistics.result import AdjustedLandslideArea, InventoryStatistics
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of
from landslip.inventory.statistics.validation_sample import read_validation_sample
from landslip.io.vector_source import is_vector
from landslip.metrics.bootstrap import Resampling
from landslip.preprocessing.elevation_model import ElevationModel

_LEAST_AREA_M2 = 1e-3
_DETECTED, _TERRAIN, _CONTEXT, _ALL = 40.0, 70.0, 80.0, 100.0  # percent of the work


def make_inventory(
    request: InventoryRequest, *, progress: Progress = no_progress
) -> InventoryRecord:
    """Make an inventory and write it into the folder ``request.out``; return its description.

    Raises:
        InputError: an input cannot be read or does not fit.
        OutputExistsError: ``request.out`` exists.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    auxiliary = request.auxiliary
    sources, folders = _sources(request)
    given = None
    if not folders:
        given = _polygons_given(sources, request)
    dem_file = auxiliary.dem or (None if given is None else given.dem)
    opened = nullcontext() if dem_file is None else ElevationModel(dem_file)
    with opened as elevation:
        detecting = sub_progress(progress, 0.0, _DETECTED, _ALL)
        if given is not None:
            detections = given
        elif len(folders) == 1:
            detections = detections_from_extraction(folders[0], request, elevation, detecting)
        else:
            detections = detections_from_extractions(folders, request, elevation, detecting)
        measuring = sub_progress(progress, _DETECTED, _TERRAIN, _ALL)
        crs = detections.pyproj_crs
        if crs is not None:
            check_on_earth(crs, request.source)
        terrain = terrain_attributes(detections.polygons, crs, elevation, progress=measuring)
        datum_notes = _datum_notes(detections, elevation)
        dem = (
            None
            if elevation is None
            else _dem_record(elevation, detections, terrain, auxiliary.dem_time)
        )
    measures = planar_measures(detections.polygons, crs)
    seeing = sub_progress(progress, _TERRAIN, _CONTEXT, _ALL)
    if detections.scenes and auxiliary.scene is None:
        context = read_scene_contexts(detections, auxiliary, seeing)
    else:
        scene = scene_reference(auxiliary, _mapped_extraction(request, folders))
        context = read_scene_context(detections, scene, seeing)
    detections = with_object_confidence(detections, context.spectral)
    flag_values, map_notes = _flags(detections, terrain, context, auxiliary)
    layers = make_layers(detections, measures, terrain, context, flag_values, request.cell_m)

    covered_m2 = detections.covered_m2
    adjusted, notes = _adjusted_area(detections, covered_m2, request, folders)
    statistics = statistics_of(
        StatisticsRequest(
            areas_m2=measures.area_m2,
            surface_m2=terrain.surface_m2 if np.isfinite(terrain.surface_m2).any() else None,
            mapped_m2=detections.mapped_m2,
            covered_m2=covered_m2,
            least_m2=detections.min_area_m2,
            draws=request.draws,
            seed=request.seed,
            adjusted=adjusted,
            dates=_own_dates(detections),
        )
    )
    progress(_CONTEXT, _ALL)
    messages = (
        *detections.notes,
        *datum_notes,
        *map_notes,
        *_dem_notes(dem, detections),
        *_size_notes(measures.area_m2),
        *context.notes,
        *notes,
        *_date_notes(context.record.date, layers, is_stated=auxiliary.date is not None),
    )
    record = InventoryRecord(
        code_version=__version__,
        name=detections.name,
        source=detections.source,
        scene=context.record,
        scenes=detections.scene_records,
        dates=_dates(detections),
        model=detections.model,
        model_card=detections.model_card,
        dem=dem,
        cleaning=detections.cleaning,
        correction=detections.correction,
        review=request.reviewed and request.reviewed.outcome,
        crs=None if detections.crs is None else detections.crs.to_string(),
        datum_shift=request.datum_shift,
        area_method=AreaMeasure(detections.crs).method,
        confidence_is=confidence_message(
            detections.model, detections.model_card, detections.confidence_basis
        ).text(),
        confidence_basis=detections.confidence_basis,
        flag_rules=asdict(DEFAULT_RULES),
        mapped_m2=detections.mapped_m2,
        landslides=len(detections.polygons),
        notes=sentences(messages),
        warnings=sentences(one for one in messages if one.is_warning),
        messages=messages,
        files=(),
    )
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        files = write_layers(layers, record, statistics, stage, request.language)
        text = statistics.model_dump_json(indent=2)
        (stage / names.STATISTICS).write_text(text + "\n", encoding="utf-8")
        files += [names.STATISTICS, names.RECORD]
        record = record.model_copy(update={"files": tuple(files)})
        text = record.model_dump_json(indent=2)
        (stage / names.RECORD).write_text(text + "\n", encoding="utf-8")
    progress(_ALL, _ALL)
    return record


def _sources(request: InventoryRequest) -> tuple[list[Path], list[ExtractionFolder]]:
    """Return the sources, and those that are extractions."""
    if request.reviewed is not None:
        return [request.source], []
    sources = expand_sources((request.source, *request.others))
    return sources, _open_extractions(sources)


def _mapped_extraction(
    request: InventoryRequest, folders: Sequence[ExtractionFolder]
) -> ExtractionFolder | None:
    """Return the one extraction whose scene is read where none is stated."""
    if request.reviewed is not None:
        return request.reviewed.extraction
    return folders[0] if len(folders) == 1 else None


def _open_extractions(sources: Sequence[Path]) -> list[ExtractionFolder]:
    """Open sources that are extractions; none where they are polygons.

    Raises:
        InputError: one is damaged, or there are both.
    """
    folders = [source for source in sources if is_extraction(source)]
    if folders and len(folders) < len(sources):
        other = next(source for source in sources if not is_extraction(source))
        if not is_vector(other) and not (other / names.RECORD).is_file():
            raise InputError(
                f"{other}: neither the folder of an extraction nor a file of polygons; leave it out"
            )
        raise InputError(
            f"{folders[0]} is the folder of an extraction and {other} holds polygons; one "
            "inventory is made of either, so make the inventory of the extraction first"
        )
    return [open_extraction(folder) for folder in folders]


def _polygons_given(sources: Sequence[Path], request: InventoryRequest) -> Detections:
    if len(sources) == 1:
        return detections_from_file(request)
    return detections_from_files(sources, request)


def _dem_record(
    elevation: ElevationModel,
    detections: Detections,
    terrain: TerrainAttributes,
    time: DemTime | None,
) -> DemRecord:
    """Describe an elevation model, with its resolution where the landslides are."""
    extent = detections.polygons if detections.model is None else detections.extent
    shapes = detections.polygons if extent is None else np.array([extent], dtype=object)
    is_empty = bool(shapely.is_empty(shapes).all())
    bounds = np.full(4, np.nan) if is_empty else shapely.total_bounds(shapes)
    return DemRecord(
        name=elevation.name,
        place=str(elevation.path.absolute()),
        crs=elevation.crs,
        resolution_m=elevation.resolution_near(bounds, detections.pyproj_crs),
        landslides_with_heights=int((terrain.dem_share >= MIN_COVERAGE).sum()),
        time=time,
        coarse_landslides=int(np.count_nonzero(terrain.dem_coarse == True)),  # noqa: E712 - None
    )


def _datum_notes(detections: Detections, elevation: ElevationModel | None) -> list[Message]:
    """Return notes on datums that PROJ takes as equal: of WGS 84, and of the elevation model."""
    crs, polygons = detections.pyproj_crs, detections.polygons
    notes = [datum_note(detections.name, crs, pyproj.CRS.from_epsg(4326), polygons)]
    if elevation is not None:
        notes.append(datum_note(elevation.name, crs, elevation.horizontal, polygons))
    return [note for note in notes if note is not None]


def _flags(
    detections: Detections,
    terrain: TerrainAttributes,
    context: SceneContext,
    auxiliary: AuxiliaryData,
) -> tuple[dict[str, FlagValues], list[Message]]:
    """Return the columns of flags, and notes on the datums of maps of water or roads.

    Raises:
        InputError: a map of water or roads cannot be read.
    """
    rules, spectral = DEFAULT_RULES, context.spectral
    polygons, crs = detections.polygons, detections.crs
    beside, on_road = np.full((2, len(polygons)), np.nan)
    notes: list[Message | None] = []
    if auxiliary.water is not None:
        beside, note = beside_water(polygons, crs, auxiliary.water, rules.water_reach_m)
        notes.append(note)
    if auxiliary.roads is not None:
        on_road, note = fraction_on_roads(polygons, crs, auxiliary.roads, rules.road_half_width_m)
        notes.append(note)
    unknown = np.full(len(polygons), np.nan)
    found = flags(
        FlagColumns(
            slope_deg=terrain.slope_deg,
            length_m=terrain.length_m,
            width_m=terrain.width_m,
            downslope=terrain.axis == DOWNSLOPE,
            water_near=unknown if spectral is None else spectral.water_near,
            beside_water=beside,
            on_road=on_road,
            bright_share=unknown if spectral is None else spectral.bright_share,
        ),
        rules,
    )
    return found, [note for note in notes if note is not None]


def _adjusted_area(
    detections: Detections,
    covered_m2: float | None,
    request: InventoryRequest,
    folders: Sequence[ExtractionFolder],
) -> tuple[AdjustedLandslideArea | None, tuple[Message, ...]]:
    """Return the area adjusted for the map's errors, where they are given, and notes on it.

    ``folders`` are the extractions that the landslides are from.
    """
    sample, errors = request.auxiliary.sample, request.auxiliary.errors
    mapped_m2 = detections.mapped_m2
    if sample is None and errors is None:
        return None, (message("adjusted.none"),)
    if mapped_m2 is None or covered_m2 is None:
        raise InputError(
            f"{request.source}: an adjusted area needs the mapped area; give it with "
            f"{argument('area')}, in a coordinate system"
        )
    if sample is not None:
        polygons, crs = detections.polygons, detections.pyproj_crs
        if is_sample(sample):
            digests = {"polygons": polygons_digest(polygons)}
            if len(folders) == 1:
                digests["extraction"] = folders[0].summary.job_sha256
            assessed = AssessedMap(
                polygons=polygons,
                crs=crs,
                mapped_m2=mapped_m2,
                digests=digests,
                ground=detections.extent,
            )
            validation = read_judged_sample(sample, assessed)
        else:
            validation = read_validation_sample(sample, polygons, crs, detections.extent)
        return adjusted_from_sample(validation, mapped_m2, covered_m2), validation.notes
    if errors is not None:
        resampling = Resampling(seed=request.seed, draws=max(request.draws, 1))
        adjusted = adjusted_from_tiles(errors, mapped_m2, covered_m2, resampling)
        if adjusted is not None:
            return adjusted, estimate_notes(adjusted)
    return None, (message("adjusted.few_tiles", file=str(errors)),)


def _own_dates(detections: Detections) -> NDArray[np.object_] | None:
    """Return the dates of landslides (n,) that have their own; None where none has."""
    if "date" not in detections.attributes:
        return None
    dates = detections.attributes["date"]
    known: NDArray[np.object_] = dates.astype(object).where(dates.notna(), None).to_numpy()
    return known if dates.notna().any() else None


def _dates(detections: Detections) -> tuple[str, str] | None:
    """Return the first and the last date of landslides that have their own."""
    dates = _own_dates(detections)
    known = [] if dates is None else sorted(day for day in dates if day is not None)
    return (known[0], known[-1]) if known else None


def _size_notes(areas_m2: NDArray[np.float64]) -> list[Message]:
    """Return a warning where no landslide has a size, as of degrees that are called metres."""
    known = areas_m2[np.isfinite(areas_m2)]
    if len(known) == 0 or known.max() >= _LEAST_AREA_M2:
        return []
    return [message("warning.no_size", most=float(known.max()))]


def _dem_notes(dem: DemRecord | None, detections: Detections) -> list[Message]:
    if dem is None:
        return [message("dem.none")]
    if detections.crs is None:
        return [message("dem.no_crs", dem=dem.name)]
    total = len(detections.polygons)
    without = total - dem.landslides_with_heights
    notes = [message("dem.gaps", dem=dem.name, count=without, total=total)] if without else []
    if without == total > 0:
        notes = [message("warning.dem_empty", dem=dem.name, count=without, total=total)]
    if dem.coarse_landslides:
        pixel_m, coarse = dem.resolution_m, dem.coarse_landslides
        notes.append(
            message("dem.coarse", dem=dem.name, count=coarse, total=total, pixel_m=pixel_m)
        )
    return notes


def _date_notes(day: str | None, layers: InventoryLayers, *, is_stated: bool) -> list[Message]:
    """Return where the date is from, and what is not written without one."""
    notes = [] if day is None or is_stated else [message("scene.date", date=day)]
    if layers.landslides.crs is None:
        return [*notes, message("formats.no_crs")]
    is_known = day is not None or layers.landslides["date"].notna().any()
    return notes if is_known else [*notes, message("formats.no_date")]


def write_layers(
    layers: InventoryLayers,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
    folder: Path,
    language: Language = Language.ENGLISH,
) -> list[str]:
    """Write the layers in all formats and return the names of the files.

    Without a coordinate system, what is in longitude and latitude is left out: GeoJSON, KMZ and
    the STAC item; the item also where the date is unknown.
    The folder exists and holds none of the files.

    Raises:
        LandslipError: a file could not be written.
    """
    landslides = layers.landslides
    write_geopackage(layers, folder / names.GEOPACKAGE, language, record)
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
