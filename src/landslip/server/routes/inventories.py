"""`inventories/`: polygons as a table, as tiles and one by one."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response

from landslip.core.errors import InputError, excerpt
from landslip.review.query import ColumnRange, FeatureQuery, select
from landslip.review.words import Provenance
from landslip.server.charts import charts_of
from landslip.server.polygon_table import MAX_ROWS
from landslip.server.problems import NotFoundError, problem
from landslip.server.routes.rasters import Place, Zoom, check_tile
from landslip.server.schemas import (
    Charts,
    FeatureDetail,
    FeatureIds,
    FeaturePage,
    InventoryJson,
    PresentVerdict,
)
from landslip.server.shown import shown_inventory
from landslip.server.shown_review import shown_geometry, shown_history
from landslip.server.state import State
from landslip.server.vector_tiles import TilesNotReadyError

router = APIRouter(prefix="/inventories", tags=["inventories"])
InventoryId = Annotated[str, Path(max_length=64)]
PolygonNumber = Annotated[int, Path(ge=0, le=2**53 - 1)]
MVT = "application/vnd.mapbox-vector-tile"
# a report is a file of the folder: it may run its own scripts, but is of no origin
_REPORT_POLICY = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:"
)


@router.get("/{inventory}")
def inventory(inventory: InventoryId, state: State) -> InventoryJson:
    """An inventory of the workspace; its tiles are made from now on, if they are not yet."""
    entry = state.folder.inventory(inventory)
    state.vector_tiles.request(entry)
    return shown_inventory(entry, state)


def _filters(
    *,
    bbox: Annotated[str | None, Query(max_length=200, description="west,south,east,north")] = None,
    verdict: PresentVerdict | None = None,
    provenance: Provenance | None = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
    range_: Annotated[
        list[str] | None,
        Query(alias="range", max_length=20, description="column:low:high, a limit may be empty"),
    ] = None,
) -> FeatureQuery:
    return FeatureQuery(
        bbox=None if bbox is None else _bbox(bbox),
        verdict=verdict,
        provenance=provenance,
        text=text,
        ranges=tuple(ColumnRange.parse(one) for one in range_ or ()),
    )


Filters = Annotated[FeatureQuery, Depends(_filters)]


@router.get("/{inventory}/features", response_model=FeaturePage)
def features(
    inventory: InventoryId,
    state: State,
    *,
    filters: Filters,
    sort: Annotated[
        str | None, Query(max_length=100, description="column; with - before it downwards")
    ] = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=0, le=MAX_ROWS)] = 100,
) -> Response:
    """Rows of the table."""
    table = state.tables.table(state.folder.inventory(inventory))
    chosen = select(table, replace(filters, sort=sort))
    return JSONResponse(
        {
            "total": len(chosen),
            "offset": offset,
            "revision": table.revision,
            "rows": table.records(chosen[offset : offset + limit]),
        }
    )


@router.get("/{inventory}/ids", response_model=FeatureIds)
def ids(inventory: InventoryId, filters: Filters, state: State) -> Response:
    """Which polygons filters select: their ids, or those of all others where these are fewer."""
    table = state.tables.table(state.folder.inventory(inventory))
    selected = np.zeros(len(table), dtype=np.bool_)
    selected[select(table, filters)] = True
    total = int(selected.sum())
    are_selected = 2 * total <= len(table)
    return JSONResponse(
        {
            "revision": table.revision,
            "total": total,
            "selected": are_selected,
            "ids": table.ids[selected == are_selected].tolist(),
        }
    )


@router.get("/{inventory}/features/{polygon}", response_model=FeatureDetail)
def feature(inventory: InventoryId, polygon: PolygonNumber, state: State) -> Response:
    """A polygon with its whole outline."""
    entry = state.folder.inventory(inventory)
    table = state.tables.table(entry)
    position = table.position(polygon)
    if position is None:
        raise NotFoundError(f"{polygon}: {entry.name} has no polygon of that number")
    original = table.original_of(polygon)
    return JSONResponse(
        {
            **table.records([position])[0],
            "geometry": shown_geometry(table.geometry[position]),
            "original": None if original is None else shown_geometry(original),
            "history": [
                one.model_dump(mode="json") for one in shown_history(entry, polygon, state)
            ],
        }
    )


@router.get("/{inventory}/charts")
def charts(inventory: InventoryId, state: State) -> Charts:
    """Distributions of an inventory as it is now."""
    return charts_of(state.tables.table(state.folder.inventory(inventory)))


@router.get(
    "/{inventory}/tiles/{z}/{x}/{y}",
    response_class=Response,
    responses={
        200: {"content": {MVT: {}}},
        204: {"description": "Nothing is there"},
        304: {"description": "The client has it"},
        503: {"description": "The tiles are being made"},
    },
)
async def vector_tile(
    inventory: InventoryId, z: Zoom, x: Place, y: Place, request: Request, state: State
) -> Response:
    """A vector tile; its layer is `landslides`."""
    check_tile(z, x, y)
    entry = state.folder.inventory(inventory)
    etag = f'"{entry.id}-{entry.stamp}-{z}-{x}-{y}"'
    try:
        content = await run_in_threadpool(state.vector_tiles.tile, entry, z, x, y)
    except TilesNotReadyError as error:
        return problem(503, str(error), headers={"Retry-After": "1"})
    headers = {"ETag": etag, "Cache-Control": "private, max-age=60"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if content is None:
        return Response(status_code=204, headers=headers)
    return Response(content, media_type=MVT, headers={**headers, "Content-Encoding": "gzip"})


@router.get("/{inventory}/report", response_class=FileResponse)
def report(inventory: InventoryId, state: State) -> Response:
    """The page that `landslip report` made of the inventory."""
    path = state.folder.report_of(state.folder.inventory(inventory))
    return FileResponse(
        path, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY}
    )


def _bbox(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        raise InputError(
            "bbox must be west,south,east,north in degrees, such as 103.4,31.2,103.6,31.4; got "
            f"{excerpt(text, 60)!r}"
        ) from None
    return west, south, east, north
