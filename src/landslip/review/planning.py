"""What a change writes: the next versions of its polygons, or a conflict."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.review.changes import (
    PLAIN_ACTIONS,
    ChangeRequest,
    Conflict,
    ConflictError,
    UnknownPolygonError,
)
from landslip.review.log import VersionRow
from landslip.review.outlines import OutlineRules, union_of
from landslip.review.state import PolygonState, ReviewState
from landslip.review.words import PROVENANCES, VERDICTS, Action, Provenance, Verdict

_VERDICTS = {
    Action.ACCEPT: Verdict.ACCEPTED,
    Action.REJECT: Verdict.REJECTED,
    Action.RESET: Verdict.UNREVIEWED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """Rows that a change writes, and the outlines that it draws, by polygon."""

    rows: list[VersionRow]
    outlines: dict[int, shapely.Geometry] = field(default_factory=dict)


def check_versions(state: ReviewState, polygons: Sequence[tuple[int, int]]) -> list[int]:
    """Return the indexes of polygons that are as somebody saw them.

    Raises:
        UnknownPolygonError: there never was such a one.
        ConflictError: one was changed or removed since.
    """
    indexes: list[int] = state.indexes(one for one, _ in polygons).tolist()
    conflicts = []
    for (one, seen), index in zip(polygons, indexes, strict=True):
        if index < 0:
            raise UnknownPolygonError(f"there is no polygon {one} in this review")
        now = state.of(index)
        if now.version != seen or now.verdict == Verdict.REMOVED:
            conflicts.append(conflict_of(state, now))
    if conflicts:
        raise ConflictError(conflict_text(conflicts), conflicts)
    return indexes


def conflict_of(state: ReviewState, now: PolygonState) -> Conflict:
    """Return how a polygon is now, and who made it so."""
    header = state.headers.get(state.last_change(now.id))
    return Conflict(
        id=now.id,
        version=now.version,
        verdict=now.verdict,
        author="" if header is None else header.author,
        time="" if header is None else header.time,
    )


def conflict_text(conflicts: Sequence[Conflict]) -> str:
    """Return the sentence of a conflict."""
    first = conflicts[0]
    more = f" and {len(conflicts) - 1} others" if len(conflicts) > 1 else ""
    by = f" by {first.author} at {first.time}" if first.author else ""
    return (
        f"polygon {first.id}{more} changed since it was seen: it is {first.verdict} in version "
        f"{first.version}{by}; look at it again and repeat the change"
    )


def plan_change(
    request: ChangeRequest, state: ReviewState, rules: OutlineRules, seq: int, next_id: int
) -> PlannedChange:
    """Return what a change writes, as the one numbered ``seq``; new ids begin at ``next_id``.

    Raises:
        ConflictError: a polygon is not as it was seen.
        InputError: there is no such polygon, or an outline is not allowed.
    """
    indexes = check_versions(state, request.polygons)
    if request.action in PLAIN_ACTIONS:
        at, said = np.array(indexes, dtype=np.int64), (request.type, request.note)
        return PlannedChange(rows=plan_plain(request.action, at, state, seq, said))
    before = [state.of(index) for index in indexes]
    pieces = len(request.geometries) > 1
    drawn = [
        rules.check(one, f"piece {number}" if pieces else "the outline")
        for number, one in enumerate(request.geometries, 1)
    ]
    if request.action == Action.DRAW:
        return _drawn(request, drawn[0], seq, next_id)
    if request.action == Action.REDRAW:
        return _redrawn(request, before[0], drawn[0], seq)
    outlines = [state.geometry[index] for index in indexes]
    if request.action == Action.SPLIT:
        rules.check_pieces(drawn, outlines[0])
        return _split(request, before[0], drawn, seq, next_id)
    merged = drawn[0] if drawn else rules.check(union_of(outlines), "the union")
    return _merged(request, before, outlines, merged, seq)


def plan_plain(
    action: Action,
    indexes: NDArray[np.int64],
    state: ReviewState,
    seq: int,
    said: tuple[str | None, str | None],
) -> list[VersionRow]:
    """Return the rows of an action that changes no outline; ``said`` are type and note."""
    verdicts = [str(one) for one in VERDICTS]
    provenances = [str(one) for one in PROVENANCES]
    type_, note = said
    to = _VERDICTS.get(action)
    count = len(indexes)
    columns: tuple[Any, ...] = (
        repeat(0, count),
        repeat(seq, count),
        state.ids[indexes].tolist(),
        (state.version[indexes] + 1).tolist(),
        [verdicts[code] if to is None else str(to) for code in state.verdict[indexes]],
        [provenances[code] for code in state.provenance[indexes]],
        repeat(seq, count),
        state.outline[indexes].tolist(),
        state.type[indexes] if type_ is None else repeat(type_ or None, count),
        state.note[indexes] if note is None else repeat(note or None, count),
        state.sources[indexes],
    )
    return [VersionRow(*row) for row in zip(*columns, strict=True)]


def _next(before: PolygonState, seq: int, type_: str | None, note: str | None) -> VersionRow:
    """Return the next version of a polygon, with another type and note where they are stated."""
    return VersionRow(
        fid=0,
        seq=seq,
        polygon=before.id,
        version=before.version + 1,
        verdict=before.verdict.value,
        provenance=before.provenance.value,
        origin=seq,
        outline=before.outline,
        type=before.type if type_ is None else type_ or None,
        note=before.note if note is None else note or None,
        sources=before.sources,
    )


def _drawn(
    request: ChangeRequest, outline: shapely.Geometry, seq: int, next_id: int
) -> PlannedChange:
    row = VersionRow(
        fid=0,
        seq=seq,
        polygon=next_id,
        version=1,
        verdict=Verdict.ACCEPTED.value,
        provenance=Provenance.DRAWN.value,
        origin=seq,
        outline=seq,
        type=request.type or None,
        note=request.note or None,
        sources=None,
    )
    return PlannedChange(rows=[row], outlines={next_id: outline})


def _redrawn(
    request: ChangeRequest, before: PolygonState, outline: shapely.Geometry, seq: int
) -> PlannedChange:
    """A model's outline becomes an edited one; others stay what they are."""
    is_model = before.provenance == Provenance.MODEL
    row = _next(before, seq, request.type, request.note)._replace(
        verdict=Verdict.ACCEPTED.value,
        provenance=(Provenance.EDITED if is_model else before.provenance).value,
        outline=seq,
        sources=_sources([before]),
    )
    return PlannedChange(rows=[row], outlines={before.id: outline})


def _split(
    request: ChangeRequest,
    before: PolygonState,
    pieces: Sequence[shapely.Geometry],
    seq: int,
    next_id: int,
) -> PlannedChange:
    """The largest piece keeps the id; all keep the verdict."""
    kept = _next(before, seq, request.type, request.note)._replace(
        provenance=Provenance.SPLIT.value, outline=seq, sources=_sources([before])
    )
    largest = max(range(len(pieces)), key=lambda at: shapely.area(pieces[at]))
    others = [piece for at, piece in enumerate(pieces) if at != largest]
    new = [kept._replace(polygon=next_id + at, version=1) for at in range(len(others))]
    return PlannedChange(
        rows=[kept, *new],
        outlines={before.id: pieces[largest]}
        | {row.polygon: piece for row, piece in zip(new, others, strict=True)},
    )


def _merged(
    request: ChangeRequest,
    before: Sequence[PolygonState],
    parts: Sequence[shapely.Geometry],
    outline: shapely.Geometry,
    seq: int,
) -> PlannedChange:
    """The largest one's id is kept; a verdict is that of all, or none."""
    largest = max(range(len(parts)), key=lambda at: shapely.area(parts[at]))
    verdicts = {one.verdict for one in before}
    kept = _next(before[largest], seq, request.type, request.note)._replace(
        verdict=(verdicts.pop() if len(verdicts) == 1 else Verdict.UNREVIEWED).value,
        provenance=Provenance.MERGED.value,
        outline=seq,
        sources=_sources(before),
    )
    gone = [
        _next(one, seq, None, None)._replace(verdict=Verdict.REMOVED.value)
        for at, one in enumerate(before)
        if at != largest
    ]
    return PlannedChange(rows=[kept, *gone], outlines={kept.polygon: outline})


def _sources(before: Sequence[PolygonState]) -> str | None:
    """Return the ids of the inventory's polygons that something is made of, as JSON."""
    found: set[int] = set()
    for one in before:
        if one.sources is not None:
            found |= set(json.loads(one.sources))
        elif one.provenance == Provenance.MODEL:
            found.add(one.id)
    return json.dumps(sorted(found)) if found else None


def plan_undo(
    seq_of: int,
    seq: int,
    rows: Sequence[VersionRow],
    before: dict[int, VersionRow],
    state: ReviewState,
) -> PlannedChange:
    """Return what takes back the change ``seq_of``, whose rows and those before it are given.

    Raises:
        ConflictError: somebody else changed one of its polygons since.
    """
    restored, conflicts = [], []
    for row in rows:
        now = state.of(int(state.indexes([row.polygon])[0]))
        if now.origin != seq_of:
            conflicts.append(conflict_of(state, now))
            continue
        restored.append(_restored(before.get(row.polygon), row, now, seq, state))
    if conflicts:
        raise ConflictError(conflict_text(conflicts), conflicts)
    return PlannedChange(rows=restored)


def plan_redo(
    seq: int, rows: Sequence[VersionRow], before: dict[int, VersionRow], state: ReviewState
) -> PlannedChange:
    """Return what does a change again that was taken back.

    Raises:
        ConflictError: somebody else changed one of its polygons since.
    """
    again, conflicts = [], []
    for row in rows:
        now = state.of(int(state.indexes([row.polygon])[0]))
        earlier = before.get(row.polygon)
        if now.origin != (0 if earlier is None else earlier.origin):
            conflicts.append(conflict_of(state, now))
            continue
        again.append(row._replace(fid=0, seq=seq, version=now.version + 1))
    if conflicts:
        raise ConflictError(conflict_text(conflicts), conflicts)
    return PlannedChange(rows=again)


def _restored(
    earlier: VersionRow | None, row: VersionRow, now: PolygonState, seq: int, state: ReviewState
) -> VersionRow:
    """Return the row that makes a polygon what it was before a change."""
    if earlier is not None:
        return earlier._replace(fid=0, seq=seq, version=now.version + 1)
    is_own = state.original(row.polygon) is not None
    return VersionRow(
        fid=0,
        seq=seq,
        polygon=row.polygon,
        version=now.version + 1,
        verdict=(Verdict.UNREVIEWED if is_own else Verdict.REMOVED).value,
        provenance=Provenance.MODEL.value if is_own else row.provenance,
        origin=0,
        outline=0,
        type=None,
        note=None,
        sources=None,
    )
