"""Makes an inventory of an extraction or of polygons."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.inventory.flags import USUAL_RULES
from landslip.inventory.formats.write import write_layers
from landslip.inventory.found import Found, found_by_extraction, found_in_file
from landslip.inventory.layers import Layers
from landslip.inventory.morphometry.attributes import TerrainAttributes, terrain_attributes
from landslip.inventory.morphometry.inclination import LEAST_SHARE
from landslip.inventory.morphometry.measures import measures
from landslip.inventory.morphometry.terrain import Terrain
from landslip.inventory.record import (
    RECORD,
    STATISTICS,
    DemRecord,
    InventoryRecord,
    confidence_message,
)
from landslip.inventory.request import InventoryRequest
from landslip.inventory.seen import flags_of, look_at, scene_place, scene_record
from landslip.inventory.source import ExtractionFolder, open_extraction
from landslip.inventory.statistics.density import density_cells
from landslip.inventory.table import Measured, landslide_table, point_table
from landslip.inventory.whole import Whole, whole_of

_FOUND, _MEASURED, _SEEN, _ALL = 40.0, 70.0, 80.0, 100.0  # in percent of the work


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
    scene = scene_place(request.known, folder)
    found, terrain, dem = _found_on_ground(request, folder, progress)
    found = replace(found, scene=scene_record(found.scene, scene))
    seen = look_at(found, scene, sub_progress(progress, _MEASURED, _SEEN, _ALL))
    measured = Measured(
        found=found,
        measures=measures(found.polygons, found.projected),
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
) -> tuple[Found, TerrainAttributes, DemRecord | None]:
    """Find the landslides and measure the ground under them."""
    measuring = sub_progress(progress, _FOUND, _MEASURED, _ALL)
    if folder is None:
        found = found_in_file(request)
        with _terrain(request.known.dem, found.polygons, found.projected) as terrain:
            return found, *_measured_ground(found, terrain, measuring)
    frame = np.array([folder.frame], dtype=object)
    crs = None if folder.grid.crs is None else pyproj.CRS.from_wkt(folder.grid.crs.to_wkt())
    with _terrain(request.known.dem, frame, crs) as terrain:
        finding = sub_progress(progress, 0.0, _FOUND, _ALL)
        found = found_by_extraction(folder, request, terrain, finding)
        return found, *_measured_ground(found, terrain, measuring)


@contextmanager
def _terrain(
    dem: Path | None, there: NDArray[np.object_], crs: pyproj.CRS | None
) -> Iterator[Terrain | None]:
    """Open an elevation model for some place."""
    if dem is None:
        yield None
        return
    left, bottom, right, top = shapely.total_bounds(there)
    near = None if crs is None else ((left, bottom, right, top), crs)
    with Terrain(dem, near) as terrain:
        yield terrain


def _measured_ground(
    found: Found, terrain: Terrain | None, progress: Progress
) -> tuple[TerrainAttributes, DemRecord | None]:
    ground = terrain_attributes(found.polygons, found.projected, terrain, progress=progress)
    if terrain is None:
        return ground, None
    record = DemRecord(
        name=terrain.name,
        place=str(terrain.path.absolute()),
        crs=terrain.crs,
        resolution_m=terrain.resolution_m,
        landslides_with_heights=int((ground.dem_share >= LEAST_SHARE).sum()),
    )
    return ground, record


def _dem_notes(dem: DemRecord | None, found: Found) -> list[Message]:
    if dem is None:
        return [message("dem.none")]
    if found.crs is None:
        return [message("dem.no_crs", dem=dem.name)]
    total = len(found.polygons)
    without = total - dem.landslides_with_heights
    return [message("dem.gaps", dem=dem.name, count=without, total=total)] if without else []


def _date_notes(found: Found, request: InventoryRequest) -> list[Message]:
    day = found.scene.date
    if day is None or request.known.date is not None:
        return []
    return [message("scene.date", date=day)]


def _format_notes(found: Found) -> list[Message]:
    if found.crs is None:
        return [message("formats.no_crs")]
    return [message("formats.no_date")] if found.scene.date is None else []


def _layers(measured: Measured, request: InventoryRequest) -> Layers:
    found, terrain = measured.found, measured.terrain
    return Layers(
        landslides=landslide_table(measured),
        crowns=point_table(measured, terrain.crowns, terrain.crown_elevation_m),
        toes=point_table(measured, terrain.toes, terrain.toe_elevation_m),
        density=density_cells(found.polygons, found.projected, found.ground, request.cell_m),
    )


def _record(
    measured: Measured, dem: DemRecord | None, messages: tuple[Message, ...]
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
        flag_rules=asdict(USUAL_RULES),
        mapped_m2=found.mapped_m2,
        landslides=len(found.polygons),
        notes=sentences(messages),
        messages=messages,
        files=(),
    )


def _written(
    record: InventoryRecord, layers: Layers, whole: Whole, request: InventoryRequest
) -> InventoryRecord:
    """Write all files, the description last; return it with the files' names."""
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        files = write_layers(layers, record, whole.statistics, stage, request.language)
        text = whole.statistics.model_dump_json(indent=2)
        (stage / STATISTICS).write_text(text + "\n", encoding="utf-8")
        record = record.model_copy(update={"files": (*files, STATISTICS, RECORD)})
        (stage / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return record
