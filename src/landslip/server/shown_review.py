"""Reviews, and outlines, as responses show them."""

import json
from typing import Any

import numpy as np
import shapely

from landslip.review.changes import UnknownPolygonError
from landslip.review.lonlat import to_lonlat
from landslip.review.results import Change, ChangeResult
from landslip.review.store import ReviewStore
from landslip.server import schemas
from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.state import ServerState

MAX_LISTED = 1000
"""Polygons, and changes, that one answer lists."""
_DECIMALS = 7  # of degrees: a centimetre


def shown_summary(store: ReviewStore) -> schemas.ReviewSummaryJson:
    """Return how far a review is."""
    found = store.summary()
    return schemas.ReviewSummaryJson(
        created=found.created,
        revision=found.revision,
        counts=schemas.VerdictCounts.model_validate(found.counts),
        drawn=found.drawn,
        edited=found.edited,
        removed=found.removed,
        cells=found.cells,
        cells_looked_at=found.cells_looked_at,
        authors=found.authors,
    )


def shown_change(one: Change) -> schemas.ChangeJson:
    """Return a change of the log."""
    return schemas.ChangeJson(
        seq=one.seq,
        time=one.time,
        author=one.author,
        action=one.action.value,
        polygon_ids=one.polygon_ids[:MAX_LISTED],
        count=len(one.polygon_ids),
        type=one.type,
        note=one.note,
        reason=one.reason,
        seconds=one.seconds,
        of=one.of,
        bulk=one.bulk,
        active=one.active,
    )


def shown_history(
    entry: InventoryEntry, polygon: int, state: ServerState
) -> tuple[schemas.ChangeJson, ...]:
    """Return the changes of a polygon, the oldest first; none without a review."""
    found = state.reviews.find_readable(entry)
    if found is None:
        return ()
    try:
        return tuple(shown_change(one) for one in found.store.history(polygon))
    except UnknownPolygonError:
        return ()


def shown_result(found: ChangeResult, entry: InventoryEntry, state: ServerState) -> dict[str, Any]:
    """Return what changed: polygons as they are now, unless they are too many to list."""
    listed = found.polygons[:MAX_LISTED]
    rows: list[dict[str, Any]] = []
    if listed:
        table = state.tables.table(entry)
        rows = table.records(table.positions(listed))
    return {
        "revision": found.revision,
        "changes": tuple(shown_change(one) for one in found.changes[-MAX_LISTED:]),
        "polygons": tuple(rows),
        "removed": found.removed,
        "truncated": len(found.polygons) > MAX_LISTED or len(found.changes) > MAX_LISTED,
    }


def shown_geometry(geometry: shapely.Geometry) -> dict[str, Any]:
    """Return an outline in degrees as GeoJSON, to a centimetre."""
    rounded = shapely.transform(geometry, lambda points: points.round(_DECIMALS))
    found: dict[str, Any] = json.loads(shapely.to_geojson(rounded))
    return found


def shown_feature(geometry: shapely.Geometry, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {"type": "Feature", "geometry": shown_geometry(geometry), "properties": properties}


def shown_coverage(store: ReviewStore) -> schemas.CoverageJson:
    """Return the cells of the mapped area, in degrees."""
    found = store.coverage()
    outlines = np.empty(len(found.cells), dtype=object)
    outlines[:] = [cell.outline for cell in found.cells]
    lonlat = to_lonlat(outlines, store.crs)
    return schemas.CoverageJson(
        revision=found.revision,
        cell_m=found.grid.cell_m or found.grid.cell,
        columns=found.grid.columns,
        rows=found.grid.rows,
        cells=schemas.FeatureCollection(
            features=[
                shown_feature(
                    outline,
                    {
                        "column": cell.column,
                        "row": cell.row,
                        "looked_at": cell.looked_at,
                        "author": cell.author,
                        "time": cell.time,
                        "unreviewed": cell.unreviewed,
                    },
                )
                for cell, outline in zip(found.cells, lonlat, strict=True)
            ]
        ),
    )
