"""Several extractions, or several files of polygons, as one inventory.

Extractions whose pixels coincide become one raster of probability, in which each pixel is the
highest of the scenes that show it: a landslide that one scene shows is mapped, duplicates are one,
and a landslide that a scene's edge cuts is whole. The result of two halves of a map is that of
the map.

Others (in other coordinate systems, of other pixel sizes, or files of polygons) are put together
as polygons, in the coordinate system of the first: polygons of different sources that overlap, or
touch along an edge, up to a pixel apart where pixels are known, become one, which takes over the
columns of its largest part. Polygons of one source stay as they are.

The order of the sources decides on nothing else: they are taken in the order of their names.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy.sparse.csgraph import connected_components

from landslip.core.errors import InputError, argument
from landslip.core.geometries import AreaMeasure, reproject
from landslip.core.messages import PLAIN, Message, message
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.transformations import datum_note
from landslip.inference.plausibility import MinimumArea
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY
from landslip.inference.store import NODATA, unfinished_in
from landslip.inventory.attributes import date_in
from landslip.inventory.detections import (
    SAID_OF_POLYGONS,
    Detections,
    ExtractionFolder,
    MappedScene,
    cleaning_options,
    detections_from_extraction,
    detections_from_file,
    least_area,
    scene_record,
    valid_outline,
)
from landslip.inventory.polygons.dissolve import dissolve, length_in_map_units
from landslip.inventory.polygons.hysteresis import UpperThreshold, upper_threshold
from landslip.inventory.polygons.polygonize import (
    REMOVAL_NOTES,
    MapDefaults,
    area_by_maximum,
    removal_notes,
)
from landslip.inventory.polygons.watershed import ElevationSource
from landslip.inventory.record import RECORD, CleaningRecord, SceneRecord
from landslip.inventory.request import InventoryRequest
from landslip.io.raster import offset_on_lattice, write_highest
from landslip.io.vector_source import is_vector
from landslip.models.calibration.object_confidence import ObjectFeatures

_COUNTED = (
    "regions",
    "regions_px",
    "dropped_seedless",
    "dropped_small",
    "dropped_px",
    "split_regions",
)
_MERGED = 0.3  # progress of merging, where that of a grid is 1


def expand_sources(paths: Sequence[Path]) -> list[Path]:
    """Return sources; a folder of several results of `landslip extract` stands for those in it.

    Raises:
        InputError: one does not exist, is given twice, or holds results that are not finished.
    """
    sources: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        inner = []
        if path.is_dir() and not any((path / name).exists() for name in (SUMMARY, RECORD)):
            finished = {one.parent for one in path.glob(f"*/{SUMMARY}")}
            inner = sorted(finished | {one.parent for one in path.glob(f"*/{PROBABILITY}")})
            unfinished = [out for out in unfinished_in(path) if out not in finished]
            if inner and unfinished:
                raise InputError(
                    f"{unfinished[0]}: its extraction is not finished; run it again to the end, or "
                    "give those that are, one by one"
                )
        sources += inner or [path]
    for path, count in Counter(source.resolve() for source in sources).items():
        if count > 1:
            raise InputError(f"{path}: is given {count} times; give each source once")
    return sources


def is_extraction(path: Path) -> bool:
    """Whether a source is taken for the folder of an extraction.

    Other folders are of an inventory, or vector files themselves, such as a file geodatabase.
    """
    if not path.is_dir() or (path / RECORD).is_file():
        return False
    return (path / SUMMARY).exists() or (path / PROBABILITY).exists() or not is_vector(path)


def detections_from_extractions(
    folders: Sequence[ExtractionFolder],
    request: InventoryRequest,
    elevation: ElevationSource | None,
    progress: Progress = no_progress,
) -> Detections:
    """Make polygons of the probabilities of several extractions.

    Raises:
        InputError: they are of different models or thresholds, one has no coordinate system, or
            an option does not fit.
    """
    _check_alike(folders, request)
    crs = folders[0].grid.crs
    folders = sorted(folders, key=lambda folder: (folder.summary.scene, str(folder.path)))
    groups = lattice_groups(folders)
    with TemporaryDirectory(prefix="landslip-") as temporary:
        merging = sub_progress(progress, 0.0, _MERGED, 1.0)
        grids = []
        for number, group in enumerate(groups):
            place = Path(temporary) / str(number)
            step = sub_progress(merging, number, number + 1, len(groups))
            grids.append(_merged(group, place, step))
        upper, least = None, least_area(folders)
        if len(grids) > 1 and request.cleaning.high is None:
            upper = _common_upper_threshold(grids, request, least)
        parts = [
            detections_from_extraction(
                folder,
                request,
                elevation,
                sub_progress(progress, _MERGED + at, _MERGED + at + 1, _MERGED + len(grids)),
                defaults=MapDefaults(least=least, upper=upper),
            )
            for at, folder in enumerate(grids)
        ]
    found = dissolve_sources(parts, crs)
    if found.cleaning is not None:
        options = cleaning_options(folders[0], request)
        removed = removal_notes(found.cleaning, options)
        found = replace(
            found,
            notes=(*removed, *(note for note in found.notes if note.key not in REMOVAL_NOTES)),
        )
    scenes = tuple(_mapped_scene(folder, request, crs) for folder in folders)
    by_scene = scene_of(found.polygons, [scene.mapped_area for scene in scenes])
    days = {scene.record.date for scene in scenes}
    first = scenes[0].record
    attributes = pd.DataFrame(
        {
            "scene": pd.Series([scenes[at].record.name for at in by_scene], dtype=object),
            "date": pd.Series([scenes[at].record.date for at in by_scene], dtype=object),
        }
    )
    names = [str(scene.record.name) for scene in scenes]
    return replace(
        found,
        name=request.name or _joined([Path(name).stem for name in names]),
        scene=SceneRecord(
            name=_joined(names),
            date=days.pop() if len(days) == 1 else None,
            bands=first.bands,
            resolution_m=first.resolution_m,
        ),
        source=found.source.model_copy(
            update={
                "place": str(folders[0].path.absolute()),
                "places": tuple(str(folder.path.absolute()) for folder in folders),
            }
        ),
        attributes=attributes,
        scenes=scenes,
        scene_records=tuple(scene.record for scene in scenes),
        scene_index=by_scene,
        notes=(
            message("several.scenes", count=len(folders), grids=len(groups)),
            *_scene_notes(folders),
            *found.notes,
        ),
    )


def detections_from_files(sources: Sequence[Path], request: InventoryRequest) -> Detections:
    """Read the landslides of several polygon files or inventories.

    Raises:
        InputError: see `detections_from_file`; or only some have a coordinate system.
    """
    if request.original is not None:
        raise InputError(
            f"{argument('original')} is of one corrected inventory and there are {len(sources)} "
            "sources; correct them one by one, then put them together"
        )
    parts = []
    for source in sources:
        part = detections_from_file(replace(request, source=source))
        attributes = part.attributes.drop(columns=["id", "correction"], errors="ignore")
        for name in {"scene", "date", "model"} - {*attributes.columns}:
            values = {"scene": part.scene.name, "date": part.scene.date, "model": None}
            attributes[name] = pd.Series([values[name]] * len(part.polygons), dtype=object)
        parts.append(replace(part, attributes=attributes, correction=None))
    crs = parts[0].crs
    parts.sort(key=lambda part: part.source.place)
    found = dissolve_sources(parts, crs)
    weights = {None if part.model is None else part.model.weights_sha256 for part in parts}
    same = parts[0] if len(weights) == 1 else replace(parts[0], model=None, model_card=None)
    return replace(
        found,
        name=request.name or _joined([part.name for part in parts]),
        source=found.source.model_copy(
            update={"places": tuple(part.source.place for part in parts)}
        ),
        scene=SceneRecord(date=request.auxiliary.date, resolution_m=parts[0].scene.resolution_m),
        scene_records=tuple(
            scene
            for part in parts
            for scene in (part.scene_records or (part.scene,))
            if scene.name is not None
        ),
        model=same.model,
        model_card=same.model_card,
        notes=(message("several.files", count=len(parts)), *found.notes),
    )


def lattice_groups(folders: Sequence[ExtractionFolder]) -> list[list[ExtractionFolder]]:
    """Return extractions whose pixels coincide and whose rectangles meet, in the given order."""
    meeting = np.eye(len(folders), dtype=np.bool_)
    for i, one in enumerate(folders):
        for j, other in enumerate(folders[:i]):
            offset = offset_on_lattice(one.grid, other.grid)
            if offset is not None:
                meeting[i, j] = all(
                    -there <= start <= here
                    for start, here, there in zip(
                        offset, one.grid.shape[::-1], other.grid.shape[::-1], strict=True
                    )
                )
    count, label = connected_components(meeting, directed=False)
    return [
        [folder for folder, own in zip(folders, label, strict=True) if own == number]
        for number in range(count)
    ]


def _check_alike(folders: Sequence[ExtractionFolder], request: InventoryRequest) -> None:
    first = folders[0]
    for folder in folders:
        if folder.grid.crs is None:
            raise InputError(
                f"{folder.path}: has no coordinate system, so it cannot be placed beside other "
                "extractions; make its inventory alone"
            )
        differing = {
            "model": ("model_weights_sha256", "calibration"),
            "threshold": () if request.cleaning.low is not None else ("threshold",),
        }
        for what, names in differing.items():
            for name in names:
                here, there = getattr(folder.summary, name), getattr(first.summary, name)
                if here != there:
                    raise InputError(
                        f"{folder.path}: was extracted with another {what} than {first.path} "
                        f"({name} {here}, there {there}); extractions in one inventory are of one "
                        "model and threshold: extract them again alike, or make an inventory of "
                        "each"
                    )


def _merged(group: Sequence[ExtractionFolder], place: Path, progress: Progress) -> ExtractionFolder:
    """Write the probabilities of extractions of one lattice as one raster, in a new folder.

    Its summary has no notes, see `_scene_notes`.
    """
    if len(group) == 1:
        return replace(group[0], summary=replace(group[0].summary, messages=[]))
    place.mkdir()
    paths = [folder.path / PROBABILITY for folder in group]
    grid, valid_px = write_highest(paths, NODATA, place / PROBABILITY, progress)
    summary = replace(
        group[0].summary,
        height=grid.shape[0],
        width=grid.shape[1],
        valid_px=valid_px,
        messages=[],
    )
    return replace(group[0], path=place, grid=grid, summary=summary)


def _common_upper_threshold(
    grids: Sequence[ExtractionFolder], request: InventoryRequest, least: MinimumArea
) -> UpperThreshold:
    """Choose one upper threshold for the maps of several grids, by all of their regions."""
    options = cleaning_options(grids[0], request)
    areas = [area_by_maximum(folder.path / PROBABILITY, options, least) for folder in grids]
    return upper_threshold(options.low or 0.0, np.sum(areas, axis=0), grids[0].card)


def _scene_notes(folders: Sequence[ExtractionFolder]) -> list[Message]:
    """Return the extractions' notes with the names of their scenes, each kind once."""
    first: dict[str, Message] = {}
    scenes: dict[str, list[str]] = {}
    for folder in folders:
        for note in folder.summary.messages:
            if note.key in SAID_OF_POLYGONS - {"warning.scene_no_data"}:
                continue
            kind = note.text() if note.key == PLAIN else note.key
            first.setdefault(kind, note)
            scenes.setdefault(kind, []).append(folder.summary.scene)
    return [
        message(
            "warning.of_scene" if note.is_warning else "several.of_scene",
            scene=_with_more(scenes[kind]),
            note=note,
        )
        for kind, note in first.items()
    ]


def _with_more(scenes: Sequence[str]) -> str | Message:
    more = len(scenes) - 1
    return message("several.alike", scene=scenes[0], count=more) if more else scenes[0]


def _mapped_scene(
    folder: ExtractionFolder, request: InventoryRequest, crs: CRS | None
) -> MappedScene:
    outline = np.array([valid_outline(folder.path / PROBABILITY)], dtype=object)
    return MappedScene(
        record=scene_record(folder, request.auxiliary.date or date_in(folder.summary.scene)),
        folder=folder,
        mapped_area=reproject(outline, folder.grid.crs, crs)[0],
    )


def scene_of(polygons: NDArray[np.object_], areas: Sequence[shapely.Geometry]) -> NDArray[np.int64]:
    """Return for polygons (n,) the index of the area that covers most of each; 0 without any."""
    shares = np.zeros((len(polygons), len(areas)))
    pairs = shapely.STRtree(np.array(areas, dtype=object)).query(polygons, predicate="intersects")
    if pairs.shape[1]:
        common = shapely.intersection(polygons[pairs[0]], np.array(areas, dtype=object)[pairs[1]])
        shares[pairs[0], pairs[1]] = shapely.area(common)
    found: NDArray[np.int64] = shares.argmax(axis=1) if len(areas) else shares.sum(axis=1)
    return found.astype(np.int64)


def dissolve_sources(parts: Sequence[Detections], crs: CRS | None) -> Detections:
    """Put landslides of several sources together; those of different ones that meet become one.

    The result is in ``crs``.

    Raises:
        InputError: only some have a coordinate system, or one cannot be transformed.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    try:
        near = None
        if len(first.polygons):  # of a date line's two sides, that of the first
            polygons = reproject(first.polygons, first.crs, crs)
            near = shapely.total_bounds(polygons)[[0, 2]].mean()
        moved = [reproject(part.polygons, part.crs, crs, near) for part in parts]
        areas, extents = (
            [
                None if shape is None else reproject(np.array([shape], object), part.crs, crs)[0]
                for part, shape in ((part, getattr(part, name)) for part in parts)
            ]
            for name in ("mapped_area", "extent")
        )
    except InputError as error:
        names = ", ".join(part.source.place for part in parts)
        raise InputError(f"{names}: {error}") from error
    shifts = [
        datum_note(Path(part.source.place).name, part.crs, crs, part.polygons) for part in parts
    ]
    polygons = np.concatenate(moved)
    source = np.repeat(np.arange(len(parts)), [len(part.polygons) for part in parts])
    steps_m = [part.scene.resolution_m or 0.0 for part in parts]
    merged, members = dissolve(polygons, source, length_in_map_units(max(steps_m), crs))
    sizes = shapely.area(polygons)
    largest = np.array([max(group, key=lambda at: sizes[at]) for group in members], dtype=np.int64)
    confidence = np.concatenate([part.confidence for part in parts])
    mean = np.array([np.average(confidence[group], weights=sizes[group]) for group in members])
    bases = {part.confidence_basis for part in parts}
    attributes = _stacked([part.attributes for part in parts], source)
    earlier = _stacked([part.earlier for part in parts], source)
    alone = np.array([len(group) == 1 for group in members], dtype=np.bool_)
    known = [area for area in areas if area is not None]
    whole = shapely.union_all(known) if len(known) == len(parts) else None
    found_extents = [extent for extent in extents if extent is not None]
    return replace(
        first,
        crs=crs,
        polygons=merged,
        confidence=mean.astype(np.float64),
        confidence_basis=bases.pop() if len(bases) == 1 else None,
        objects=_joined_objects(parts, members),
        extent=shapely.union_all(found_extents) if len(found_extents) == len(parts) else None,
        mapped_area=whole,
        mapped_m2=_mapped_m2(parts, known, whole, crs),
        min_area_m2=max(part.min_area_m2 for part in parts),
        cleaning=_summed([part.cleaning for part in parts]),
        attributes=attributes.iloc[largest].reset_index(drop=True),
        earlier=earlier.iloc[largest].reset_index(drop=True).where(pd.Series(alone)),
        notes=(
            *{note.text(): note for part in parts for note in part.notes}.values(),
            *(note for note in shifts if note is not None),
            *(
                [message("several.dissolved", count=len(polygons), landslides=len(merged))]
                if len(merged) < len(polygons)
                else []
            ),
        ),
    )


def _joined_objects(
    parts: Sequence[Detections], members: Sequence[NDArray[np.int64]]
) -> ObjectFeatures | None:
    """Return the features of objects that were put together; None where a source has none."""
    known = [part.objects for part in parts if part.objects is not None]
    if len(known) < len(parts):
        return None
    pixels, mean, highest = (
        np.concatenate([getattr(one, name) for one in known])
        for name in ("pixels", "mean_probability", "max_probability")
    )
    return ObjectFeatures(
        pixels=np.array([pixels[group].sum() for group in members], dtype=np.int64),
        mean_probability=np.array(
            [np.average(mean[group], weights=pixels[group]) for group in members], dtype=np.float64
        ),
        max_probability=np.array([highest[group].max() for group in members], dtype=np.float64),
    )


def _stacked(tables: list[pd.DataFrame], source: NDArray[np.int64]) -> pd.DataFrame:
    """Return rows of tables one below the other; columns that one lacks are empty there.

    A table without columns stands for as many rows as its source has polygons.
    """
    if not any(len(table.columns) for table in tables):
        return pd.DataFrame(index=range(len(source)))
    counts = np.bincount(source, minlength=len(tables))
    rows = [
        table if len(table.columns) else pd.DataFrame(index=range(count))
        for table, count in zip(tables, counts, strict=True)
    ]
    return pd.concat([table for table in rows if len(table)], ignore_index=True)


def _mapped_m2(
    parts: Sequence[Detections],
    areas: Sequence[shapely.Geometry],
    whole: shapely.Geometry | None,
    crs: CRS | None,
) -> float | None:
    """Return the mapped area: the sum of the parts', less what their outlines have in common."""
    sizes = [part.mapped_m2 for part in parts if part.mapped_m2 is not None]
    if whole is None or len(sizes) < len(parts):
        return None
    measure = AreaMeasure(crs)
    outlines = measure.areas_m2(np.array([*areas, whole], dtype=object))
    common = float(outlines[:-1].sum() - outlines[-1])
    return sum(sizes) - common if common > 1e-9 * outlines[-1] else sum(sizes)


def _summed(records: Sequence[CleaningRecord | None]) -> CleaningRecord | None:
    """Return how all were cleaned: the first's settings, counts of all, highest probability."""
    known = [record for record in records if record is not None]
    if len(known) < len(records):
        return None
    counts = {name: sum(getattr(record, name) or 0 for record in known) for name in _COUNTED}
    largest = {}
    for name in ("largest_shift_m", "highest"):
        values = [getattr(record, name) for record in known]
        largest[name] = max((value for value in values if value is not None), default=None)
    return known[0].model_copy(update=counts | largest)


def _joined(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
