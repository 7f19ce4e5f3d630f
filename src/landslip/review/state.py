"""What holds now: folded from the log, a change at a time, in columns."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.review import log
from landslip.review.log import ChangeHeader, VersionRow
from landslip.review.record import CHANGES
from landslip.review.words import PROVENANCES, VERDICTS, Action, Provenance, Verdict

_VERDICT = {word.value: code for code, word in enumerate(VERDICTS)}
_PROVENANCE = {word.value: code for code, word in enumerate(PROVENANCES)}
_REMOVED = _VERDICT[Verdict.REMOVED]
_GROWTH = 1024


@dataclass(slots=True)
class AuthorHistory:
    """Changes of one author that can be undone and done again, the newest last."""

    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonState:
    """A polygon as it is now; see `landslip.review.log.VersionRow` for the numbers."""

    id: int
    version: int
    verdict: Verdict
    provenance: Provenance
    origin: int
    outline: int
    type: str | None
    note: str | None
    sources: str | None


class ReviewState:
    """The newest version of every polygon.

    Polygons of the inventory come first, in its order; those that people made follow, in the order
    in which they were made. Columns (n,) are indexed alike. It is not locked: see `ReviewStore`.
    """

    def __init__(self, ids: NDArray[np.int64], geometries: NDArray[np.object_]) -> None:
        """Start with an inventory's polygons, none of them judged."""
        self.own = len(ids)
        self._ids = np.array(ids, dtype=np.int64)
        self._own_geometries = geometries
        self._order = np.argsort(self._ids, kind="stable")
        self._sorted = self._ids[self._order]
        self._new: dict[int, int] = {}
        self._clear()

    def _clear(self) -> None:
        self.fid, self.seq = 0, 0
        self.count = self.own
        self._ids = self._ids[: self.own].copy()
        self._new.clear()
        self._verdict = np.zeros(self.own, dtype=np.int8)
        self._provenance = np.zeros(self.own, dtype=np.int8)
        self._version = np.zeros(self.own, dtype=np.int32)
        self._origin = np.zeros(self.own, dtype=np.int64)
        self._outline = np.zeros(self.own, dtype=np.int64)
        self._changed = np.zeros(self.own, dtype=np.int64)
        self._type, self._note, self._sources = (
            np.full(self.own, None, dtype=object) for _ in range(3)
        )
        self._geometry = np.array(self._own_geometries, dtype=object)
        self.outlines: dict[tuple[int, int], shapely.Geometry] = {}
        self.headers: dict[int, ChangeHeader] = {}
        self.active: dict[int, bool] = {}
        self.histories: dict[str, AuthorHistory] = {}

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids (n,), removed polygons among them."""
        return self._ids[: self.count]

    @property
    def verdict(self) -> NDArray[np.int8]:
        """Codes (n,): indexes into ``VERDICTS``."""
        return self._verdict[: self.count]

    @property
    def provenance(self) -> NDArray[np.int8]:
        """Codes (n,): indexes into ``PROVENANCES``."""
        return self._provenance[: self.count]

    @property
    def version(self) -> NDArray[np.int32]:
        """Changes (n,) of each polygon so far."""
        return self._version[: self.count]

    @property
    def origin(self) -> NDArray[np.int64]:
        """Number (n,) of the change that made each what it is; 0: the inventory."""
        return self._origin[: self.count]

    @property
    def outline(self) -> NDArray[np.int64]:
        """Number (n,) of the change that drew each outline; 0: the inventory's."""
        return self._outline[: self.count]

    @property
    def changed(self) -> NDArray[np.int64]:
        """Number (n,) of the newest change of each, be it an undo; 0: none."""
        return self._changed[: self.count]

    @property
    def type(self) -> NDArray[np.object_]:
        """Type (n,) of landslide, or None."""
        return self._type[: self.count]

    @property
    def note(self) -> NDArray[np.object_]:
        """Note (n,), or None."""
        return self._note[: self.count]

    @property
    def sources(self) -> NDArray[np.object_]:
        """Ids (n,) of what each was made of, as JSON, or None."""
        return self._sources[: self.count]

    @property
    def geometry(self) -> NDArray[np.object_]:
        """Outlines (n,) as they are, in the inventory's coordinate system."""
        return self._geometry[: self.count]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which (n,) are there."""
        return np.asarray(self.verdict != _REMOVED)

    def original(self, id_: int) -> shapely.Geometry | None:
        """Return a polygon's outline in the inventory; None: people made it."""
        index = self.index(id_)
        return None if index is None or index >= self.own else self._own_geometries[index]

    def index(self, id_: int) -> int | None:
        """Return the index of a polygon; None: there never was one."""
        if id_ in self._new:
            return self._new[id_]
        at = int(np.searchsorted(self._sorted, id_))
        return int(self._order[at]) if at < self.own and self._sorted[at] == id_ else None

    def indexes(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """Return the indexes of polygons; -1: there never was one."""
        wanted = np.fromiter(ids, dtype=np.int64)
        if self.own:
            at = np.minimum(np.searchsorted(self._sorted, wanted), self.own - 1)
            found = np.where(self._sorted[at] == wanted, self._order[at], -1)
        else:
            found = np.full(len(wanted), -1)
        for place in np.flatnonzero(found < 0):
            found[place] = self._new.get(int(wanted[place]), -1)
        return np.asarray(found, dtype=np.int64)

    def last_change(self, id_: int) -> int:
        """Return the number of the newest change of a polygon; 0: there is none."""
        index = self.index(id_)
        return 0 if index is None else int(self._changed[index])

    def of(self, index: int) -> PolygonState:
        """Return one polygon."""
        return PolygonState(
            id=int(self._ids[index]),
            version=int(self._version[index]),
            verdict=VERDICTS[self._verdict[index]],
            provenance=PROVENANCES[self._provenance[index]],
            origin=int(self._origin[index]),
            outline=int(self._outline[index]),
            type=self._type[index],
            note=self._note[index],
            sources=self._sources[index],
        )

    def refresh(self, file: sqlite3.Connection) -> bool:
        """Apply what was written since; return whether there was anything.

        Raises:
            ValueError: a row is not one of this version.
        """
        newest = log.last_fid(file, CHANGES)
        if newest == self.fid:
            return False
        if newest < self.fid:  # the file was put back to an earlier copy
            self._clear()
        rows = log.versions_since(file, self.fid)
        headers = log.headers_since(file, self.seq)
        places, wkb = log.outlines_since(file, self.fid)
        drawn = np.asarray(shapely.from_wkb(np.array(wkb, dtype=object)), dtype=object)
        self.outlines.update(zip(places, drawn, strict=True))
        for header in headers:
            self._apply_header(header)
        self._apply(rows)
        return True

    def _apply_header(self, header: ChangeHeader) -> None:
        self.headers[header.seq] = header
        self.active[header.seq] = True
        self.seq = header.seq
        history = self.histories.setdefault(header.author, AuthorHistory())
        if header.action == Action.UNDO and header.of is not None:
            self.active[header.of] = False
            history.done.remove(header.of)
            history.undone.append(header.of)
        elif header.action == Action.REDO and header.of is not None:
            self.active[header.of] = True
            history.undone.remove(header.of)
            history.done.append(header.of)
        else:
            history.done.append(header.seq)
            history.undone.clear()

    def _apply(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        columns = VersionRow._make(zip(*rows, strict=True))
        polygons = np.array(columns.polygon, dtype=np.int64)
        # of several versions of one polygon, the last
        reversed_first = np.unique(polygons[::-1], return_index=True)[1]
        last = np.sort(len(polygons) - 1 - reversed_first)
        where = self.indexes(polygons[last])
        new = {*polygons[last[where < 0]].tolist()}
        if new:  # in the order in which they were made
            self._grow([one for one in dict.fromkeys(polygons.tolist()) if one in new])
            where = self.indexes(polygons[last])

        def take(values: Any, dtype: type = object) -> NDArray[Any]:
            column: NDArray[Any] = np.empty(len(rows), dtype=dtype)
            column[:] = values
            return column[last]

        self._version[where] = take(columns.version, np.int32)
        self._verdict[where] = take([_VERDICT[one] for one in columns.verdict], np.int8)
        self._provenance[where] = take([_PROVENANCE[one] for one in columns.provenance], np.int8)
        self._changed[where] = take(columns.seq, np.int64)
        self._origin[where] = take(columns.origin, np.int64)
        before = self._outline[where].copy()
        self._outline[where] = take(columns.outline, np.int64)
        self._type[where], self._note[where] = take(columns.type), take(columns.note)
        self._sources[where] = take(columns.sources)
        for place in where[(self._outline[where] != before) | (self._outline[where] > 0)]:
            drawn = int(self._outline[place])
            self._geometry[place] = (
                self._own_geometries[place]
                if drawn == 0 and place < self.own
                else self.outlines.get((int(self._ids[place]), drawn))
            )
        self.fid = int(rows[-1][0])

    def _grow(self, ids: Sequence[int]) -> None:
        """Make room for polygons that people made."""
        needed = self.count + len(ids)
        if needed > len(self._ids):
            more = max(_GROWTH, needed - len(self._ids))
            for name in (
                "_ids",
                "_verdict",
                "_provenance",
                "_version",
                "_origin",
                "_outline",
                "_changed",
            ):
                column = getattr(self, name)
                setattr(self, name, np.append(column, np.zeros(more, dtype=column.dtype)))
            for name in ("_type", "_note", "_sources", "_geometry"):
                column = getattr(self, name)
                setattr(self, name, np.append(column, np.full(more, None, dtype=object)))
        for one in ids:
            self._ids[self.count] = one
            self._verdict[self.count] = _REMOVED  # until its first row says otherwise
            self._new[one] = self.count
            self.count += 1
