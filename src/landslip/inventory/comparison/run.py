"""Compares an inventory with a reference and writes ``comparison.json`` and ``comparison.gpkg``."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

import landslip
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.geometries import reproject
from landslip.core.progress import Progress, no_progress
from landslip.inventory.attributes import FEATURE_COLUMNS, prefixed
from landslip.inventory.comparison.inventories import (
    ComparedInventories,
    ComparisonRequest,
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
    Blocks,
    GroupSums,
    blocks_of_groups,
    bootstrap_scores,
    count_inventory_pixels,
    detection_name,
    resolution_for,
    sum_groups,
)
from landslip.inventory.formats.vector_files import arrow_table, write_layer
from landslip.io.vector import gdal_crs
from landslip.metrics.bootstrap import FEW_GROUPS, IntervalEstimate

_STEPS = 5


def compare(request: ComparisonRequest, progress: Progress = no_progress) -> InventoryComparison:
    """Compare an inventory with a reference and write the result.

    Raises:
        InputError: something cannot be read or does not fit.
        OutputExistsError: the output exists.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    both = read_inventories(request)
    inventory, reference = both.inventory, both.reference
    is_metric = both.crs is not None
    progress(1, _STEPS)
    pixels = _pixel_scores(request, both)
    progress(2, _STEPS)
    detections = detect_by_area(inventory, reference)
    progress(3, _STEPS)
    matches = match_landslides(detections.pairs, inventory.areas, reference.areas, request.min_iou)
    distances = outline_distances(
        inventory.polygons[matches.inventory],
        reference.polygons[matches.reference],
        pixels.resolution_m,
    )
    progress(4, _STEPS)
    groups = sum_groups(detections, reference.areas, matches.inventory)
    blocks = blocks_of_groups(groups.centres, request.block_m)
    scores = bootstrap_scores(groups, draws=request.draws, seed=request.seed, blocks=blocks)
    inventory_record, reference_record = (
        ComparedInventoryRecord(
            place=side.place,
            layer=layer,
            landslides=len(side.polygons),
            beside=side.outside,
            area_m2=float(covered.areas.sum()) if is_metric else None,
        )
        for side, layer, covered in (
            (inventory, request.layer, detections.covered_areas[0]),
            (reference, request.reference_layer, detections.covered_areas[1]),
        )
    )
    comparison = InventoryComparison(
        code_version=landslip.__version__,
        inventory=inventory_record,
        reference=reference_record,
        crs=None if both.crs is None else both.crs.to_string(),
        searched_m2=both.area_m2,
        pixels=pixels,
        areas=AreaScores(
            shared_m2=float(detections.shared.shared.sum()) if is_metric else None,
            **{name: scores[name] for name in ("precision", "recall", "f1", "iou", "error_index")},
        ),
        landslides=_landslide_scores(both, detections, groups, scores),
        matches=MatchScores(
            min_iou=request.min_iou,
            matched=len(matches.iou),
            precision=scores["matched_precision"],
            recall=scores["matched_recall"],
            f1=scores["matched_f1"],
            iou_mean=float(matches.iou.mean()) if len(matches.iou) else None,
            hausdorff_median_m=_median(distances.hausdorff) if is_metric else None,
            outline_median_m=_median(distances.mean) if is_metric else None,
        ),
        interval_level=LEVEL,
        interval_over="blocks" if blocks.side else "groups",
        interval_units=blocks.number,
        block_m=blocks.side if blocks.side else None,
        draws=request.draws,
        seed=request.seed,
        notes=(*both.notes, *_notes(request, both, detections, groups, blocks)),
        files=(COMPARISON, LAYERS),
    )
    with atomic_directory(request.out, overwrite=request.overwrite) as folder:
        write_layers(folder / LAYERS, both, detections, matches, distances)
        text = comparison.model_dump_json(indent=2)
        (folder / COMPARISON).write_text(text + "\n", encoding="utf-8")
    progress(_STEPS, _STEPS)
    return comparison


def write_layers(
    path: Path,
    both: ComparedInventories,
    detections: AreaDetections,
    matches: LandslideMatches,
    distances: OutlineDistances,
) -> None:
    """Write the three layers, in the inventory's coordinate system, sorted by id.

    ``matched`` has the inventory's outlines, ``missed`` the reference's and ``false`` the
    inventory's, as they were compared: valid, and clipped to the mapped area. Areas are empty
    without a coordinate system. The user's columns follow, with ``inventory_`` and ``reference_``
    before their names. The same input gives the same bytes.

    Raises:
        LandslipError: they could not be written.
    """
    ours, theirs = both.inventory, both.reference
    paired, partner = matches.inventory, matches.reference
    missed, false = np.flatnonzero(~detections.detected), np.flatnonzero(detections.false)

    def metric(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(values), np.nan) if both.crs is None else values

    layers: dict[str, tuple[NDArray[np.object_], dict[str, NDArray[Any]]]] = {
        MATCHED: (
            ours.polygons[paired],
            {
                "inventory_id": ours.ids[paired],
                "reference_id": theirs.ids[partner],
                "iou": matches.iou,
                "inventory_m2": metric(ours.areas[paired]),
                "reference_m2": metric(theirs.areas[partner]),
                "shared_m2": metric(matches.shared),
                "hausdorff_m": metric(distances.hausdorff),
                "outline_m": metric(distances.mean),
            },
        ),
        MISSED: (
            theirs.polygons[missed],
            {
                "reference_id": theirs.ids[missed],
                "area_m2": metric(theirs.areas[missed]),
                "covered_share": detections.covered[missed],
            },
        ),
        FALSE: (
            ours.polygons[false],
            {
                "inventory_id": ours.ids[false],
                "area_m2": metric(ours.areas[false]),
                "on_reference_share": detections.on_reference[false],
            },
        ),
    }
    sources: dict[str, tuple[tuple[str, pd.DataFrame], ...]] = {
        MATCHED: (
            ("inventory_", ours.columns.iloc[paired]),
            ("reference_", theirs.columns.iloc[partner]),
        ),
        MISSED: (("reference_", theirs.columns.iloc[missed]),),
        FALSE: (("inventory_", ours.columns.iloc[false]),),
    }
    crs = None if both.written_crs is None else pyproj.CRS.from_wkt(both.written_crs.to_wkt())
    for name, (polygons, columns) in layers.items():
        written = reproject(polygons, both.crs, both.written_crs)
        table = pd.DataFrame(columns)
        for prefix, own in sources[name]:
            reserved = {*table.columns, *FEATURE_COLUMNS}
            further = prefixed(own.reset_index(drop=True), prefix, reserved)
            table = pd.concat([table, further], axis=1)
        order = np.argsort(table.iloc[:, 0].to_numpy(), kind="stable")
        parts, owner = shapely.get_parts(written, return_index=True)
        several = np.full(len(written), shapely.MultiPolygon(), dtype=object)
        shapely.multipolygons(parts, indices=owner, out=several)
        frame = geopandas.GeoDataFrame(table, geometry=several, crs=crs).iloc[order]
        write_layer(arrow_table(frame), path, "GPKG", "MultiPolygon", layer=name, crs=gdal_crs(crs))


def _pixel_scores(request: ComparisonRequest, both: ComparedInventories) -> PixelScores:
    if len(both.inventory.areas) == len(both.reference.areas) == 0:
        raise InputError(
            f"{request.area}: no landslide of either inventory is in the mapped area; check that "
            f"{argument('area')} is the right one"
        )
    resolution_m, source = request.resolution_m, "stated"
    if resolution_m is None:
        resolution_m, source = both.scene_resolution_m, "scene"
    if resolution_m is None:
        areas = both.reference.areas if len(both.reference.areas) else both.inventory.areas
        resolution_m, source = resolution_for(areas), "landslides"
    counts = count_inventory_pixels(
        both.inventory.polygons, both.reference.polygons, both.area, resolution_m
    )
    return PixelScores.model_validate(
        counts.as_dict()
        | {
            "tn": None if both.area is None else counts.tn,
            "error_index": None if counts.iou is None else 1 - counts.iou,
            "resolution_m": resolution_m,
            "resolution_is": source,
        }
    )


def _landslide_scores(
    both: ComparedInventories,
    detections: AreaDetections,
    groups: GroupSums,
    scores: dict[str, IntervalEstimate],
) -> LandslideScores:
    false, purity = int(detections.false.sum()), detections.on_reference
    known, detected = groups.known.sum(axis=0), groups.detected.sum(axis=0)
    by_size = tuple(
        SizeClass(
            at_least_m2=lower,
            under_m2=upper,
            landslides=int(known[place]),
            detected=int(detected[place]),
            detection_rate=scores[detection_name(place)],
        )
        for place, (lower, upper) in enumerate(zip(SIZES_M2, (*SIZES_M2[1:], None), strict=True))
    )
    return LandslideScores(
        detected=int(detections.detected.sum()),
        missed=int((~detections.detected).sum()),
        detection_rate=scores["detection_rate"],
        false=false,
        false_share=scores["false_share"],
        false_per_km2=false / (both.area_m2 / 1e6) if both.area_m2 else None,
        purity_mean=float(purity.mean()) if len(purity) else None,
        purity_median=_median(purity),
        by_size=() if both.crs is None else by_size,
    )


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _notes(
    request: ComparisonRequest,
    both: ComparedInventories,
    detections: AreaDetections,
    groups: GroupSums,
    blocks: Blocks,
) -> list[str]:
    ours, theirs = both.inventory, both.reference
    notes = []
    if len(ours.polygons) == 0:
        notes.append("the inventory has no landslides there: all of the reference's are missed")
    elif len(theirs.polygons) == 0:
        notes.append(
            "the reference has no landslides in the area: all of the inventory's are false"
        )
    elif len(detections.pairs.shared) == 0:
        notes.append(
            "no landslide of the inventory overlaps one of the reference; check that both are of "
            "the same place and have the right coordinate systems"
        )
    for side, covered, name in (
        (ours, detections.covered_areas[0], "inventory"),
        (theirs, detections.covered_areas[1], "reference"),
    ):
        if len(covered.patches) < len(side.polygons):
            notes.append(
                f"landslides of the {name} overlap each other ({len(side.polygons)} cover "
                f"{len(covered.patches)} patches); areas they share are counted once"
            )
    if both.crs is None:
        notes.append("areas, distances and size classes are unknown without a coordinate system")
    shared, ours_m2, theirs_m2 = groups.areas.T
    area = ours_m2 + theirs_m2 - shared
    if request.draws > 0 and 2 <= blocks.number < FEW_GROUPS:
        notes.append(
            f"intervals are over {blocks.number} {'blocks' if blocks.side else 'landslides'}: over "
            "so few they are rough and tend to be too narrow"
        )
    if request.draws > 0 and len(area) >= 2 and area.max() > area.sum() / 2:
        notes.append(
            f"one group of overlapping landslides holds {area.max() / area.sum():.0%} of the area "
            "that either inventory covers: intervals mean little"
        )
    return notes
