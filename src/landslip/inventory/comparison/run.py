"""Compares an inventory with a reference."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

import landslip
from landslip.core.crs import reproject
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.progress import Progress, no_progress
from landslip.inventory.comparison.inventories import (
    ComparedInventories,
    ComparedInventory,
    ComparisonRequest,
    check_overlaps,
    read_inventories,
)
from landslip.inventory.comparison.matching import (
    SIZES_M2,
    AreaDetections,
    LandslideMatches,
    detect_by_area,
    match_landslides,
)
from landslip.inventory.comparison.outlines import OutlineDistances, outline_distances
from landslip.inventory.comparison.result import (
    COMPARISON,
    FALSE,
    LAYERS,
    MATCHED,
    MISSED,
    AreaScores,
    ComparedInventoryRecord,
    InventoryComparison,
    LandslideScores,
    MatchScores,
    PixelScores,
    SizeClass,
)
from landslip.inventory.comparison.scores import (
    LEVEL,
    GroupSums,
    bootstrap_scores,
    count_inventory_pixels,
    detection_name,
    resolution_for,
    sum_groups,
)
from landslip.io.vector import vector_writing
from landslip.metrics.resampling import IntervalEstimate

Estimates = dict[str, IntervalEstimate]
_STEPS = 5


def compare(request: ComparisonRequest, progress: Progress = no_progress) -> InventoryComparison:
    """Compare an inventory with a reference and write what was found.

    Writes `comparison.json` and `comparison.gpkg`.

    Raises:
        InputError: something cannot be read or does not fit.
        OutputExistsError: the output is there.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    sides = read_inventories(request)
    check_overlaps(sides)
    progress(1, _STEPS)
    pixels = _pixel_scores(request, sides)
    progress(2, _STEPS)
    judged = detect_by_area(sides)
    progress(3, _STEPS)
    matches = match_landslides(
        judged.pairs, sides.inventory.areas, sides.reference.areas, request.min_iou
    )
    distances = outline_distances(
        sides.inventory.polygons[matches.inventory],
        sides.reference.polygons[matches.reference],
        pixels.resolution_m,
    )
    progress(4, _STEPS)
    table = sum_groups(judged, sides.reference.areas, matches.inventory)
    found = bootstrap_scores(table, draws=request.draws, seed=request.seed)
    comparison = InventoryComparison(
        code_version=landslip.__version__,
        inventory=_side_record(request.layer, sides.inventory, judged.grounds[0].areas, sides),
        reference=_side_record(
            request.reference_layer, sides.reference, judged.grounds[1].areas, sides
        ),
        crs=None if sides.crs is None else sides.crs.to_string(),
        searched_m2=_searched_m2(sides),
        pixels=pixels,
        areas=_area_scores(sides, judged, found),
        landslides=_landslide_scores(sides, judged, table, found),
        matches=_match_scores(request, sides, matches, distances, found),
        interval_level=LEVEL,
        draws=request.draws,
        seed=request.seed,
        notes=(*sides.notes, *_notes(sides, judged), *_on_intervals(request, table)),
        files=(COMPARISON, LAYERS),
    )
    with atomic_directory(request.out, overwrite=request.overwrite) as folder:
        write_layers(folder / LAYERS, sides, judged, matches, distances)
        text = comparison.model_dump_json(indent=2)
        (folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    progress(_STEPS, _STEPS)
    return comparison


def _side_record(
    layer: str | None,
    side: ComparedInventory,
    ground: NDArray[np.float64],
    sides: ComparedInventories,
) -> ComparedInventoryRecord:
    return ComparedInventoryRecord(
        place=side.place,
        layer=layer,
        landslides=len(side.polygons),
        beside=side.beside,
        area_m2=None if sides.crs is None else float(ground.sum()),
    )


def _searched_m2(sides: ComparedInventories) -> float | None:
    if sides.area is None or sides.crs is None:
        return None
    return float(shapely.area(sides.area))


def _pixel_scores(request: ComparisonRequest, sides: ComparedInventories) -> PixelScores:
    resolution_m, source = request.resolution_m, "stated"
    if resolution_m is None:
        resolution_m, source = sides.scene_resolution_m, "scene"
    if resolution_m is None:
        areas = sides.reference.areas if len(sides.reference.areas) else sides.inventory.areas
        if len(areas) == 0:
            raise InputError(
                f"{request.area}: no landslide of either inventory lies in the searched area; see "
                "that --area is the right one"
            )
        resolution_m, source = resolution_for(areas), "landslides"
    counts = count_inventory_pixels(
        sides.inventory.polygons, sides.reference.polygons, sides.area, resolution_m
    )
    return PixelScores.model_validate(
        counts.as_dict()
        | {
            "tn": None if sides.area is None else counts.tn,
            "error_index": None if counts.iou is None else 1 - counts.iou,
            "resolution_m": resolution_m,
            "resolution_is": source,
        }
    )


def _area_scores(
    sides: ComparedInventories, judged: AreaDetections, found: Estimates
) -> AreaScores:
    shared = float(judged.shared_ground.shared.sum())
    return AreaScores(
        shared_m2=None if sides.crs is None else shared,
        precision=found["precision"],
        recall=found["recall"],
        f1=found["f1"],
        iou=found["iou"],
        error_index=found["error_index"],
    )


def _landslide_scores(
    sides: ComparedInventories, judged: AreaDetections, table: GroupSums, found: Estimates
) -> LandslideScores:
    searched_m2 = _searched_m2(sides)
    false, purity = int(judged.false.sum()), judged.on_reference
    return LandslideScores(
        detected=int(judged.detected.sum()),
        missed=int((~judged.detected).sum()),
        detection_rate=found["detection_rate"],
        false=false,
        false_share=found["false_share"],
        false_per_km2=false / (searched_m2 / 1e6) if searched_m2 else None,
        purity_mean=float(purity.mean()) if len(purity) else None,
        purity_median=float(np.median(purity)) if len(purity) else None,
        by_size=() if sides.crs is None else _by_size(table, found),
    )


def _by_size(table: GroupSums, found: Estimates) -> tuple[SizeClass, ...]:
    known, detected = table.known.sum(axis=0), table.detected.sum(axis=0)
    ends = (*SIZES_M2[1:], None)
    return tuple(
        SizeClass(
            at_least_m2=least,
            under_m2=end,
            landslides=int(known[place]),
            detected=int(detected[place]),
            detection_rate=found[detection_name(place)],
        )
        for place, (least, end) in enumerate(zip(SIZES_M2, ends, strict=True))
    )


def _match_scores(
    request: ComparisonRequest,
    sides: ComparedInventories,
    matches: LandslideMatches,
    distances: OutlineDistances,
    found: Estimates,
) -> MatchScores:
    metric = sides.crs is not None and len(matches.iou) > 0
    return MatchScores(
        min_iou=request.min_iou,
        matched=len(matches.iou),
        precision=found["matched_precision"],
        recall=found["matched_recall"],
        f1=found["matched_f1"],
        iou_mean=float(matches.iou.mean()) if len(matches.iou) else None,
        hausdorff_median_m=float(np.median(distances.hausdorff)) if metric else None,
        outline_median_m=float(np.median(distances.mean)) if metric else None,
    )


def _notes(sides: ComparedInventories, judged: AreaDetections) -> list[str]:
    ours, theirs = sides.inventory, sides.reference
    notes = []
    if len(ours.polygons) == 0:
        notes.append("the inventory has no landslides there: all of the reference's are missed")
    elif len(theirs.polygons) == 0:
        notes.append(
            "the reference has no landslides in the area: all of the inventory's are false"
        )
    elif len(judged.pairs.shared) == 0:
        notes.append(
            "no landslide of the inventory overlaps one of the reference; see that both are of the "
            "same place and their coordinate systems are the right ones"
        )
    for side, ground, name in (
        (ours, judged.grounds[0], "inventory"),
        (theirs, judged.grounds[1], "reference"),
    ):
        joined = len(side.polygons) - len(ground.patches)
        if joined:
            notes.append(
                f"landslides of the {name} overlap each other ({len(side.polygons)} cover "
                f"{len(ground.patches)} patches); ground they share is counted once"
            )
    if sides.crs is None:
        notes.append("without a coordinate system areas, distances and size classes are not known")
    return notes


def _on_intervals(request: ComparisonRequest, table: GroupSums) -> list[str]:
    """Return a note where intervals say little, as one group holds most of the ground."""
    shared, ours, theirs = table.areas.T
    ground = ours + theirs - shared
    if request.draws == 0 or len(ground) < 2 or ground.max() <= ground.sum() / 2:
        return []
    share = ground.max() / ground.sum()
    note = (
        f"one group of overlapping landslides holds {share:.0%} of the ground that either "
        "inventory covers: intervals mean little"
    )
    return [note]


_Columns = dict[str, NDArray[Any]]


def write_layers(
    path: Path,
    sides: ComparedInventories,
    judged: AreaDetections,
    matches: LandslideMatches,
    distances: OutlineDistances,
) -> None:
    """Write the three layers, in the inventory's coordinate system, sorted by id.

    ``matched`` has the inventory's outlines, ``missed`` the reference's and ``false`` the
    inventory's, all of them as they were compared: valid, and cut to the searched area. Areas are
    empty without a coordinate system. The same input gives the same bytes.

    Raises:
        LandslipError: they could not be written.
    """
    metric = sides.crs is not None
    ours, theirs = sides.inventory, sides.reference
    inventory_m2, reference_m2 = _areas_m2(ours, metric), _areas_m2(theirs, metric)
    pair = matches.inventory, matches.reference
    missed, false = np.flatnonzero(~judged.detected), np.flatnonzero(judged.false)
    matched_columns: _Columns = {
        "inventory_id": ours.ids[pair[0]],
        "reference_id": theirs.ids[pair[1]],
        "iou": matches.iou,
        "inventory_m2": inventory_m2[pair[0]],
        "reference_m2": reference_m2[pair[1]],
        "shared_m2": _or_nan(matches.shared, metric),
        "hausdorff_m": _or_nan(distances.hausdorff, metric),
        "outline_m": _or_nan(distances.mean, metric),
    }
    missed_columns: _Columns = {
        "reference_id": theirs.ids[missed],
        "area_m2": reference_m2[missed],
        "covered_share": judged.covered[missed],
    }
    false_columns: _Columns = {
        "inventory_id": ours.ids[false],
        "area_m2": inventory_m2[false],
        "on_reference_share": judged.on_reference[false],
    }
    with vector_writing(path, "what matched, was missed and is false"):
        _write(path, MATCHED, matched_columns, ours.polygons[pair[0]], sides)
        _write(path, MISSED, missed_columns, theirs.polygons[missed], sides)
        _write(path, FALSE, false_columns, ours.polygons[false], sides)


def _write(
    path: Path,
    layer: str,
    columns: _Columns,
    polygons: NDArray[np.object_],
    sides: ComparedInventories,
) -> None:
    there = reproject(polygons, sides.crs, sides.written_crs)
    crs = None if sides.written_crs is None else pyproj.CRS.from_wkt(sides.written_crs.to_wkt())
    frame = geopandas.GeoDataFrame(columns, geometry=there, crs=crs)
    frame = frame.iloc[np.argsort(frame.iloc[:, 0].to_numpy(), kind="stable")]
    pyogrio.write_dataframe(
        frame,
        path,
        layer=layer,
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        append=path.exists(),
    )


def _areas_m2(side: ComparedInventory, metric: bool) -> NDArray[np.float64]:
    return _or_nan(side.areas, metric)


def _or_nan(values: NDArray[np.float64], metric: bool) -> NDArray[np.float64]:
    return values if metric else np.full(len(values), np.nan)
