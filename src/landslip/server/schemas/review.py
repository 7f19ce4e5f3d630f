"""Changes of a review, its queue and its coverage grid."""

from typing import Annotated, Any, Literal

from pydantic import Field

from landslip.core.records import StrictModel
from landslip.review.words import Provenance
from landslip.server.schemas.values import (
    Author,
    Bounds,
    FeatureCollection,
    Note,
    PolygonGeometry,
    PolygonId,
    PresentVerdict,
    Reason,
    Seconds,
    TypeName,
)

ChangeAction = Literal["accept", "reject", "reset", "redraw", "split", "merge", "draw", "annotate"]
BulkAction = Literal["accept", "reject", "reset", "annotate"]
_Count = Annotated[int, Field(ge=0, le=10_000_000)]


class ReviewedBy(StrictModel):
    """Who begins, undoes or redoes."""

    author: Author


class SeenPolygon(StrictModel):
    """A polygon, and the version of it that a change was made on."""

    id: PolygonId
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]


class ChangeRequestJson(StrictModel):
    """A change.

    ``polygons`` are those that it is made on, none for ``draw``; ``geometries`` are one for
    ``redraw`` and ``draw``, at least two for ``split``, none or one for ``merge``.
    """

    action: ChangeAction
    author: Author
    polygons: Annotated[tuple[SeenPolygon, ...], Field(max_length=1000)]
    geometries: Annotated[tuple[PolygonGeometry, ...], Field(max_length=100)] = ()
    type: TypeName | None = None
    note: Note | None = None
    reason: Reason | None = None
    seconds: Seconds | None = None


class ChangeJson(StrictModel):
    """A change of the log; ``of`` is the one that it undoes or makes again.

    ``polygon_ids`` are at most the first thousand of ``count``.
    """

    seq: int
    time: str
    author: str
    action: ChangeAction | Literal["undo", "redo"]
    polygon_ids: tuple[int, ...]
    count: int
    type: str | None
    note: str | None
    reason: str | None
    seconds: float | None
    of: int | None
    bulk: str | None
    active: bool


class ChangeResultJson(StrictModel):
    """What a change made: polygons as they are now (`FeatureRow`), and those that are gone.

    ``truncated``: more were touched than are listed.
    """

    revision: int
    changes: tuple[ChangeJson, ...]
    polygons: tuple[dict[str, Any], ...]
    removed: tuple[int, ...]
    truncated: bool


class ChangeLog(ChangeResultJson):
    """What changed since a revision."""


class BulkRule(StrictModel):
    """Which polygons, as of `GET features`."""

    sort: Annotated[str, Field(max_length=100)] | None = None
    offset: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    limit: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    bbox: Bounds | None = None
    verdict: PresentVerdict | None = None
    provenance: Provenance | None = None
    text: Annotated[str, Field(max_length=200)] | None = None
    range: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)] = ()


class BulkRequestJson(StrictModel):
    """One change of all polygons of a rule; another number than ``expected`` is a conflict."""

    action: BulkAction
    author: Author
    rule: BulkRule
    expected: _Count
    type: TypeName | None = None
    note: Note | None = None
    reason: Reason | None = None


class BulkResult(ChangeResultJson):
    """What a change by rule made; ``count`` polygons were changed."""

    count: int


class VerdictIds(StrictModel):
    """Polygons by verdict."""

    accepted: tuple[int, ...]
    rejected: tuple[int, ...]


class ReviewOverlayJson(StrictModel):
    """What is drawn on top of vector tiles; ids of the tiles that are gone or drawn there."""

    revision: int
    features: FeatureCollection
    removed: tuple[int, ...]
    replaced: tuple[int, ...]
    verdicts: VerdictIds


class QueueItemJson(StrictModel):
    """A polygon to look at; all but the id are from 0 to 1."""

    id: int
    score: float
    uncertainty: float
    size: float
    novelty: float


class QueuePage(StrictModel):
    """Some polygons of the queue, in order."""

    revision: int
    total: int
    items: tuple[QueueItemJson, ...]


class CoverageJson(StrictModel):
    """The grid of ground that was looked at; cells are GeoJSON polygons."""

    revision: int
    cell_m: float
    columns: int
    rows: int
    cells: FeatureCollection


class CoverageRequestJson(StrictModel):
    """Cells (column, row) that were looked at, or were not after all."""

    author: Author
    cells: Annotated[tuple[tuple[_Count, _Count], ...], Field(max_length=100_000)]
    looked_at: bool
