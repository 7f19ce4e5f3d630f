"""Routes of reviews: changes by several people at once, the queue, and the coverage grid."""

from typing import Annotated, NamedTuple

import shapely
import shapely.geometry
from fastapi import APIRouter, Depends, Path, Query, status

from landslip.review.changes import BulkRequest, ChangeRequest, ConflictError
from landslip.review.lonlat import from_lonlat
from landslip.review.query import ColumnRange, FeatureQuery, select
from landslip.review.queue import QueueOrder
from landslip.review.store import ReviewStore
from landslip.review.words import Action
from landslip.server import schemas
from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.shown_review import (
    shown_coverage,
    shown_feature,
    shown_result,
    shown_summary,
)
from landslip.server.state import State

_TRIES = 3

router = APIRouter(prefix="/inventories/{inventory_id}/review", tags=["review"])
InventoryId = Annotated[str, Path(max_length=64)]


class _Reviewed(NamedTuple):
    """The inventory that a request names, and its review."""

    entry: InventoryEntry
    store: ReviewStore


def _reviewed(inventory_id: InventoryId, state: State) -> _Reviewed:
    entry = state.folder.inventory(inventory_id)
    return _Reviewed(entry, state.reviews.get(entry).store)


Reviewed = Annotated[_Reviewed, Depends(_reviewed)]


@router.post("", status_code=status.HTTP_200_OK)
def start(
    inventory_id: InventoryId, request: schemas.ReviewedBy, state: State
) -> schemas.ReviewSummaryJson:
    """Start the review of an inventory; where there is one it goes on."""
    return shown_summary(
        state.reviews.start(state.folder.inventory(inventory_id), request.author).store
    )


@router.get("")
def summary(reviewed: Reviewed) -> schemas.ReviewSummaryJson:
    """Return how far a review is."""
    return shown_summary(reviewed.store)


@router.get("/overlay")
def overlay(reviewed: Reviewed, state: State) -> schemas.ReviewOverlayJson:
    """Return what differs from the inventory's own polygons, whose tiles stay as they are."""
    found = reviewed.store.overlay()
    table = state.tables.table(reviewed.entry)
    positions = table.positions(found.features)
    return schemas.ReviewOverlayJson(
        revision=found.revision,
        features=schemas.FeatureCollection(
            features=[
                shown_feature(table.geometry[at], row)
                for at, row in zip(positions, table.records(positions), strict=True)
            ]
        ),
        removed=found.removed,
        replaced=found.replaced,
        verdicts=schemas.VerdictIds(accepted=found.accepted, rejected=found.rejected),
    )


@router.get("/changes")
def changes(
    reviewed: Reviewed,
    state: State,
    since: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> schemas.ChangeLog:
    """Return what was changed after a revision."""
    found = reviewed.store.changes_since(since)
    return schemas.ChangeLog(**shown_result(found, reviewed.entry, state))


@router.post("/changes")
def change(
    reviewed: Reviewed, request: schemas.ChangeRequestJson, state: State
) -> schemas.ChangeResultJson:
    """Make a change; 409 with the newer state where somebody else was faster."""
    entry, store = reviewed
    made = store.change(
        ChangeRequest(
            action=Action(request.action),
            author=request.author,
            polygons=tuple((one.id, one.version) for one in request.polygons),
            geometries=tuple(_on_map(one, store) for one in request.geometries),
            type=request.type,
            note=request.note,
            reason=request.reason,
            seconds=request.seconds,
        )
    )
    return schemas.ChangeResultJson(**shown_result(made, entry, state))


@router.post("/bulk")
def bulk(reviewed: Reviewed, request: schemas.BulkRequestJson, state: State) -> schemas.BulkResult:
    """Change all polygons that a rule selects, as the table shows them."""
    entry, store = reviewed
    query = FeatureQuery(
        bbox=request.rule.bbox,
        verdict=request.rule.verdict,
        provenance=request.rule.provenance,
        text=request.rule.text,
        ranges=tuple(map(ColumnRange.parse, request.rule.range)),
    )
    for left in reversed(range(_TRIES)):  # somebody else may change a polygon meanwhile
        table = state.tables.table(entry)
        ids = table.ids[select(table, query)].tolist()
        try:
            made = store.bulk(
                BulkRequest(
                    action=Action(request.action),
                    author=request.author,
                    ids=tuple(ids),
                    revision=table.revision,
                    expected=request.expected,
                    type=request.type,
                    note=request.note,
                    reason=request.reason,
                )
            )
            break
        except ConflictError:
            if left == 0 or len(ids) != request.expected:
                raise
    return schemas.BulkResult(count=len(ids), **shown_result(made, entry, state))


@router.post("/undo")
def undo(reviewed: Reviewed, request: schemas.ReviewedBy, state: State) -> schemas.ChangeResultJson:
    """Take back the newest change of an author."""
    made = reviewed.store.undo(request.author)
    return schemas.ChangeResultJson(**shown_result(made, reviewed.entry, state))


@router.post("/redo")
def redo(reviewed: Reviewed, request: schemas.ReviewedBy, state: State) -> schemas.ChangeResultJson:
    """Make the change again that an author took back last."""
    made = reviewed.store.redo(request.author)
    return schemas.ChangeResultJson(**shown_result(made, reviewed.entry, state))


@router.get("/queue")
def queue(
    reviewed: Reviewed,
    order: QueueOrder = QueueOrder.INFORMATION,
    limit: Annotated[int, Query(ge=0, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> schemas.QueuePage:
    """Return polygons that nobody has judged, the one to look at first in front."""
    revision, items = reviewed.store.queue(order)
    return schemas.QueuePage(
        revision=revision,
        total=len(items),
        items=tuple(
            schemas.QueueItemJson(
                id=one.id,
                score=one.score,
                uncertainty=one.uncertainty,
                size=one.size,
                novelty=one.novelty,
            )
            for one in items[offset : offset + limit]
        ),
    )


@router.get("/coverage")
def coverage(reviewed: Reviewed) -> schemas.CoverageJson:
    """Return the cells of the mapped area, and which were looked at."""
    return shown_coverage(reviewed.store)


@router.post("/coverage")
def cover(reviewed: Reviewed, request: schemas.CoverageRequestJson) -> schemas.CoverageJson:
    """Mark cells as looked at, or as not."""
    reviewed.store.cover(request.author, request.cells, looked_at=request.looked_at)
    return shown_coverage(reviewed.store)


def _on_map(geometry: schemas.PolygonGeometry, store: ReviewStore) -> shapely.Geometry:
    """Return an outline of a request in the inventory's coordinate system."""
    left, _, right, _ = store.record.bounds
    shape = shapely.geometry.shape(geometry.model_dump())
    return from_lonlat(shape, store.crs, (left + right) / 2, store.tolerance)
