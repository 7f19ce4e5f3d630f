"""The landslides of a review, as polygons that `landslip.inventory.run` makes an inventory of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.choices import Unreviewed
from landslip.core.geometries import AreaMeasure
from landslip.core.messages import Message, message
from landslip.inference.result import SUMMARY
from landslip.inventory.attributes import date_in
from landslip.inventory.correction import EDITED, NEW, EarlierInventory, earlier_inventory
from landslip.inventory.detections import ExtractionFolder, open_extraction, scene_record
from landslip.inventory.fields import CORRECTION, FIELDS
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.inventory.record import (
    ConfidenceBasis,
    CorrectionRecord,
    InventoryRecord,
    ModelRecord,
    ReviewOutcome,
    SceneRecord,
    SourceRecord,
    confidence_message,
)
from landslip.inventory.request import ReviewedPolygons
from landslip.models.card import ModelCard
from landslip.review.features import FeatureTable
from landslip.review.source import ReviewSource
from landslip.review.store import ReviewStore
from landslip.review.words import VERDICTS, Verdict

REVIEW_COLUMNS = (
    "verdict",
    "provenance",
    "sources",
    "type",
    "note",
    "reviewer",
    "reviewed",
    "reason",
)
_PARENTS = {"scene", "date", "model"}  # columns that hold for every part of a landslide
_MEASURED = {field.name for field in FIELDS} - {"id", *_PARENTS}
_MEASURED |= {"area_px", "mean_probability", "max_probability"}
_DIGEST_DIGITS = 12


def reviewed_polygons(
    store: ReviewStore, file: Path, unreviewed: Unreviewed = Unreviewed.KEEP
) -> ReviewedPolygons:
    """Write the landslides that a review leaves into a GeoParquet file, and say what they are.

    Rejected and merged polygons are left out, and those that nobody judged if they are to be
    dropped. Outlines that people changed have none of the inventory's measurements.

    Args:
        store: the review.
        file: to be written.
        unreviewed: what becomes of polygons that nobody judged.
    """
    table, summary = store.table(), store.summary()
    extraction = _extraction(store.source)
    earlier = _earlier(store, extraction)
    frame = corrected_landslides(store, table, unreviewed)
    frame.to_parquet(file, index=False)
    is_kept = unreviewed == Unreviewed.KEEP
    source = store.source
    outcome = ReviewOutcome(
        place=str(store.folder.absolute()),
        created=summary.created,
        revision=table.revision,
        reviewers=summary.authors,
        accepted=summary.counts[Verdict.ACCEPTED],
        rejected=summary.counts[Verdict.REJECTED],
        edited=summary.edited,
        drawn=summary.drawn,
        unreviewed=summary.counts[Verdict.UNREVIEWED],
        unreviewed_kept=is_kept,
        cells=summary.cells,
        cells_looked_at=summary.cells_looked_at,
        map=None if source.map is None else str(source.map.absolute()),
    )
    return ReviewedPolygons(
        file=file,
        earlier=earlier,
        outcome=outcome,
        extraction=extraction,
        notes=tuple(_notes(outcome)),
    )


def _notes(outcome: ReviewOutcome) -> list[Message]:
    notes = []
    total = outcome.accepted + outcome.rejected + outcome.unreviewed
    if outcome.unreviewed:
        kept = outcome.unreviewed_kept
        key = "warning.unreviewed_kept" if kept else "warning.unreviewed_dropped"
        notes.append(message(key, count=outcome.unreviewed, total=total))
    missing = outcome.cells - outcome.cells_looked_at
    if missing:
        notes.append(message("warning.cells_not_looked_at", count=missing, total=outcome.cells))
    return notes


def corrected_landslides(
    store: ReviewStore, table: FeatureTable, unreviewed: Unreviewed = Unreviewed.KEEP
) -> geopandas.GeoDataFrame:
    """Return the landslides that a review leaves, with the columns by which they are known.

    Besides those of the inventory there are `REVIEW_COLUMNS`. Where the inventory has columns
    ``type`` or ``note`` of its own, they hold where the review says nothing.
    """
    kept = table.verdict == VERDICTS.index(Verdict.ACCEPTED)
    if unreviewed == Unreviewed.KEEP:
        kept |= table.verdict == VERDICTS.index(Verdict.UNREVIEWED)
    at = np.flatnonzero(kept)
    changed = table.outline[at] > 0
    parents = _parents(table, at)
    own = _known_landslides(store.source)
    rows = pd.DataFrame(own.drop(columns=own.geometry.name)).drop(
        columns=CORRECTION, errors="ignore"
    )
    columns = rows.reindex(pd.Index(parents)).reset_index(drop=True)
    columns["id"] = table.ids[at]
    for name in _MEASURED & {*columns.columns}:
        columns[name] = columns[name].where(~pd.Series(changed))
    marks = pd.Series(None, index=own.index, dtype=object)
    before = own.get(CORRECTION, marks)
    marks = before.astype(object).reindex(pd.Index(parents)).reset_index(drop=True)
    marks[changed & (at < table.own)], marks[changed & (at >= table.own)] = EDITED, NEW
    columns[CORRECTION] = marks
    for name in REVIEW_COLUMNS:
        said = pd.Series(_said(table, name)[at], dtype=object)
        if name in ("type", "note") and name in columns:
            said = said.where(said.notna(), columns[name].astype(object))
        columns[name] = said
    crs = store.source.landslides.crs
    return geopandas.GeoDataFrame(columns, geometry=table.geometry[at], crs=crs)


def _said(table: FeatureTable, name: str) -> NDArray[Any]:
    """Return one of the review's columns (n,)."""
    if name == "sources":
        made_of: NDArray[Any] = table.sources
        return made_of
    if name == "reason":
        return table.of_origin(lambda header: header.reason, np.arange(len(table.ids)))
    return table.column({"reviewer": "author", "reviewed": "changed"}.get(name, name))


def _parents(table: FeatureTable, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of the inventory whose columns polygons take over; -1: none."""
    parents = np.where(at < table.own, at, -1)
    for place in np.flatnonzero(parents < 0):
        sources = table.source_ids(int(at[place]))
        if sources:
            parents[place] = int(table.indexes(sources[:1])[0])
    return np.asarray(parents, dtype=np.int64)


def _known_landslides(source: ReviewSource) -> geopandas.GeoDataFrame:
    """Return an inventory's polygons with the columns by which it is known."""
    frame = source.landslides.reset_index(drop=True)
    if source.kind == "inventory":
        return frame
    crs = source.landslides.crs
    measures = planar_measures(np.asarray(frame.geometry.values, dtype=object), crs)
    frame = frame.assign(
        area_m2=measures.area_m2,
        perimeter_m=measures.perimeter_m,
        centroid_lon=measures.centroid_lon,
        centroid_lat=measures.centroid_lat,
    )
    if source.kind == "extraction":
        frame["confidence"] = frame["mean_probability"]
        frame = frame.drop(columns=["mean_probability", "area_px"])
    elif "confidence" not in frame:
        frame["confidence"] = np.nan
    if "model" not in frame:
        digest = None if source.model is None else source.model.weights_sha256[:_DIGEST_DIGITS]
        frame["model"] = pd.Series([digest] * len(frame), dtype=object)
    return frame


def _extraction(source: ReviewSource) -> ExtractionFolder | None:
    """Return the extraction that the map is of, with the scene where it is now."""
    if source.map is None or not (source.map.parent / SUMMARY).is_file():
        return None
    folder = open_extraction(source.map.parent)
    if source.scene is None:
        return folder
    return replace(folder, summary=replace(folder.summary, scene_place=str(source.scene)))


def _earlier(store: ReviewStore, extraction: ExtractionFolder | None) -> EarlierInventory:
    """Return what was reviewed, as an inventory."""
    source = store.source
    known = earlier_inventory(source.path)
    if known is not None:
        record = known.record.model_copy(
            update={"landslides": max(known.record.landslides, len(source.landslides))}
        )
        return replace(known, record=record)
    model: ModelRecord | None = None
    card: ModelCard | None = None
    scene = SceneRecord()
    basis: ConfidenceBasis | None = None
    mapped_m2: float | None = None
    if source.kind == "extraction" and extraction is not None:
        summary = extraction.summary
        model, card, basis = source.model, extraction.card, "pixels"
        scene = scene_record(extraction, date_in(summary.scene))
        if source.crs is not None:
            grid = extraction.grid
            extent = np.array([shapely.Polygon(grid.corners(grid.window))], dtype=object)
            share = summary.valid_px / (summary.width * summary.height)
            mapped_m2 = float(AreaMeasure(source.crs).areas_m2(extent)[0]) * share
    return EarlierInventory(
        record=_record(store, model, card, scene, basis, mapped_m2),
        mapped_area=source.mapped_area,
        crs=source.crs,
    )


def _record(
    store: ReviewStore,
    model: ModelRecord | None,
    card: ModelCard | None,
    scene: SceneRecord,
    basis: ConfidenceBasis | None,
    mapped_m2: float | None,
) -> InventoryRecord:
    source, crs = store.source, store.source.crs
    count = len(source.landslides)
    return InventoryRecord(
        code_version=__version__,
        name=Path(scene.name).stem if scene.name else store.record.name,
        source=SourceRecord(kind="polygons", place=str(source.path.absolute())),
        scene=scene,
        model=model,
        model_card=card,
        dem=None,
        cleaning=None,
        correction=CorrectionRecord(
            unchanged=count, edited=0, added=0, deleted=None, last_id=source.last_id
        ),
        crs=None if crs is None else crs.to_string(),
        area_method=AreaMeasure(crs).method,
        confidence_is=confidence_message(model, card, basis).text(),
        confidence_basis=basis,
        mapped_m2=mapped_m2,
        landslides=count,
        notes=(),
        files=(),
    )
