"""A review that is open: changes go into its log, and what holds now comes out of it."""

import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError, excerpt
from landslip.core.files import sha256_of
from landslip.review import log
from landslip.review.changes import (
    BulkRequest,
    ChangeRequest,
    ConflictError,
    NothingToUndoError,
    UnknownPolygonError,
    check_author,
)
from landslip.review.coverage import CellCounts, CoverageState
from landslip.review.features import FeatureTable, OutlineMeasures, SourceTable
from landslip.review.log import ChangeHeader, ReviewLog
from landslip.review.outlines import OutlineRules
from landslip.review.planning import (
    PlannedChange,
    plan_change,
    plan_plain,
    plan_redo,
    plan_undo,
)
from landslip.review.query import select
from landslip.review.queue import InformationModel, QueueOrder, Ranking, rank
from landslip.review.record import FILE, ReviewRecord, path_at
from landslip.review.results import (
    Change,
    ChangeResult,
    Coverage,
    CoverageCell,
    ReviewOverlay,
    ReviewSummary,
)
from landslip.review.source import ReviewSource, content_digest, open_review_source
from landslip.review.state import AuthorHistory, ReviewState
from landslip.review.words import PRESENT, PROVENANCES, VERDICTS, Action, Provenance, Verdict


class ReviewStore:
    """An open review. Threads may share it; what other processes write is seen in every call."""

    def __init__(self, folder: Path, record: ReviewRecord, source: ReviewSource) -> None:
        """Use `open`."""
        self.folder, self.record, self.source = folder, record, source
        self.log = ReviewLog(folder / FILE)
        frame = source.landslides
        geometries = np.asarray(frame.geometry.values, dtype=object)
        self._lock = threading.RLock()
        self._state = ReviewState(frame["id"].to_numpy(np.int64), geometries)
        self._rules = OutlineRules.of(record)
        with self.log.reading() as file:
            places = log.read_cells(file)
        self._coverage = CoverageState(record.grid, places)
        self._counts = CellCounts(self._coverage.outlines)
        self._measures = OutlineMeasures(source.crs)
        self._information = InformationModel()
        self._table: FeatureTable | None = None
        self._queues: dict[tuple[int, QueueOrder, int], Ranking] = {}

    @classmethod
    def open(cls, folder: Path, source: ReviewSource | None = None) -> "ReviewStore":
        """Open the review in a folder; ``source`` is what it is of, where that was read already.

        Raises:
            InputError: there is none, it is damaged, or its inventory is gone or was changed.
        """
        record = ReviewLog(folder / FILE).record()
        if source is None:
            inventory = path_at(folder, record.inventory)
            if not inventory.exists():
                raise InputError(
                    f"{folder / FILE}: is the review of {inventory}, which does not exist; move "
                    "both together, or put it back"
                )
            source = open_review_source(inventory, record.layer)
            same = source.file.is_file() and sha256_of(source.file) == record.polygons_sha256
            # a GIS writes to a GeoPackage that it only shows
            if not same and content_digest(source.landslides) != record.content_sha256:
                raise InputError(
                    f"{folder / FILE}: is the review of {source.file}, whose polygons were changed "
                    "since; put the file back as it was, or start another review"
                )
        store = cls(folder, record, source)
        store.refresh()
        return store

    @property
    def crs(self) -> CRS | None:
        """Coordinate system of all outlines."""
        return self.source.crs

    @property
    def tolerance(self) -> float:
        """How far apart outlines are that are meant to be the same, in units of the map."""
        return self._rules.tolerance

    @cached_property
    def _source_table(self) -> SourceTable:
        return SourceTable.of(self.source.landslides)

    def refresh(self) -> int:
        """Apply what was written since, and return the number of the newest change."""
        with self._newest():
            return self._state.seq

    @contextmanager
    def _newest(self) -> Iterator[ReviewState]:
        """Yield the newest state, which stays as it is until the end."""
        with self._lock:
            with self.log.reading() as file:
                self._apply(file)
            yield self._state

    def _apply(self, file: sqlite3.Connection) -> None:
        try:
            self._state.refresh(file)
            self._coverage.refresh(file)
        except (ValueError, LookupError, TypeError, shapely.errors.GEOSException) as error:
            raise self.log.damaged(excerpt(repr(error))) from error

    # changes

    def change(self, request: ChangeRequest) -> ChangeResult:
        """Make a change.

        Raises:
            ConflictError: a polygon is not as it was seen; nothing is written.
            InputError: the change is not allowed.
            LandslipError: it could not be written.
        """
        with self._writing() as file:
            seq = self._state.seq + 1
            planned = plan_change(request, self._state, self._rules, seq, self._next_id())
            header = self._header(request.action, request.author)._replace(
                reason=request.reason or None, seconds=request.seconds
            )
            self.log.append(file, header, planned.rows, planned.outlines)
        return self._result(seq)

    def bulk(self, request: BulkRequest) -> ChangeResult:
        """Change all polygons that a rule selects, as one change.

        Raises:
            ConflictError: it selects another number than was expected; nothing is written.
            InputError: the rule is not allowed, or selects none.
            LandslipError: it could not be written.
        """
        with self._writing() as file:
            state, seq = self._state, self._state.seq + 1
            ids = self._selected(request)
            if request.expected is not None and len(ids) != request.expected:
                raise ConflictError(
                    f"the rule selects {len(ids):,} polygons and {request.expected:,} were "
                    "expected; look at them again and repeat the change"
                )
            if len(ids) == 0:
                raise InputError("the rule selects no polygon")
            said = (request.type, request.note)
            rows = plan_plain(request.action, state.indexes(ids), state, seq, said)
            header = self._header(request.action, request.author, bulk=uuid.uuid4().hex)
            self.log.append(file, header._replace(reason=request.reason or None), rows, {})
        return self._result(seq)

    def _selected(self, request: BulkRequest) -> NDArray[np.int64]:
        """Return the ids of the polygons that a rule selects now."""
        if request.ids is None:
            table = self._current_table()
            return table.ids[select(table, request.rule)]
        if request.revision is not None and request.revision != self._state.seq:
            raise ConflictError(
                "somebody else changed polygons while these were selected; repeat the change"
            )
        return np.array(request.ids, dtype=np.int64)

    def undo(self, author: str) -> ChangeResult:
        """Take back the author's newest change that holds; one by a rule as a whole.

        Raises:
            NothingToUndoError: there is none.
            ConflictError: somebody else changed one of its polygons since.
        """
        return self._undo_or_redo(author, Action.UNDO)

    def redo(self, author: str) -> ChangeResult:
        """Do the change again that the author took back last, unless they changed more since.

        Raises:
            NothingToUndoError: there is none.
            ConflictError: somebody else changed one of its polygons since.
        """
        return self._undo_or_redo(author, Action.REDO)

    def _undo_or_redo(self, author: str, action: Action) -> ChangeResult:
        check_author(author)
        author = author.strip()
        with self._writing() as file:
            history = self._state.histories.get(author, AuthorHistory())
            stack = history.done if action == Action.UNDO else history.undone
            if not stack:
                word = "take back" if action == Action.UNDO else "do again"
                raise NothingToUndoError(f"{author} has no change to {word}")
            of, seq = stack[-1], self._state.seq + 1
            rows, before = log.versions_of(file, of), log.versions_before(file, of)
            planned: PlannedChange = (
                plan_undo(of, seq, rows, before, self._state)
                if action == Action.UNDO
                else plan_redo(seq, rows, before, self._state)
            )
            bulk = self._state.headers[of].bulk
            header = self._header(action, author, bulk=bulk)._replace(of=of)
            self.log.append(file, header, planned.rows, {})
        return self._result(seq)

    def _header(self, action: Action, author: str, bulk: str | None = None) -> ChangeHeader:
        """Return the header of the next change."""
        return ChangeHeader(
            seq=self._state.seq + 1,
            time=log.now(),
            author=author.strip(),
            action=action.value,
            reason=None,
            seconds=None,
            bulk=bulk,
            of=None,
            type=None,
            note=None,
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that nobody else writes beside, with the newest state applied."""
        with self._lock, self.log.writing() as file:
            self._apply(file)
            yield file

    def _next_id(self) -> int:
        return max(self.record.last_id, int(self._state.ids.max(initial=0))) + 1

    def _result(self, seq: int) -> ChangeResult:
        with self._lock, self.log.reading() as file:
            self._apply(file)
            return self._describe(file, [seq])

    def _describe(self, file: sqlite3.Connection, seqs: Sequence[int]) -> ChangeResult:
        state = self._state
        polygons = log.polygons_of_changes(file, seqs)
        touched = list(dict.fromkeys(one for seq in seqs for one in polygons[seq]))
        present = state.present[state.indexes(touched)]
        ids = np.array(touched, dtype=np.int64)
        return ChangeResult(
            revision=state.seq,
            changes=tuple(self._change(seq, polygons[seq]) for seq in seqs),
            polygons=tuple(ids[present].tolist()),
            removed=tuple(ids[~present].tolist()),
        )

    def _change(self, seq: int, polygons: Sequence[int]) -> Change:
        header = self._state.headers[seq]
        return Change(
            seq=seq,
            time=header.time,
            author=header.author,
            action=Action(header.action),
            polygon_ids=tuple(polygons),
            type=header.type,
            note=header.note,
            reason=header.reason,
            seconds=header.seconds,
            of=header.of,
            bulk=header.bulk,
            active=self._state.active[seq],
        )

    # what holds

    def changes_since(self, seq: int) -> ChangeResult:
        """Return the changes after one of them, and the polygons that they touched."""
        with self._lock, self.log.reading() as file:
            self._apply(file)
            newer = range(max(seq, 0) + 1, self._state.seq + 1)
            return self._describe(file, [one for one in newer if one in self._state.headers])

    def history(self, polygon: int) -> tuple[Change, ...]:
        """Return the changes of one polygon, the oldest first.

        Raises:
            UnknownPolygonError: there never was such a one.
        """
        with self._lock, self.log.reading() as file:
            self._apply(file)
            if self._state.index(polygon) is None:
                raise UnknownPolygonError(f"there is no polygon {polygon} in this review")
            seqs = log.changes_of(file, polygon)
            polygons = log.polygons_of_changes(file, seqs)
            return tuple(self._change(seq, polygons[seq]) for seq in seqs)

    def outlines(self, polygon: int) -> tuple[shapely.Geometry, shapely.Geometry | None]:
        """Return a polygon's outline as it is, and as the inventory has it or None.

        Raises:
            UnknownPolygonError: there is no such polygon.
        """
        with self._newest() as state:
            index = state.index(polygon)
            if index is None or not state.present[index]:
                raise UnknownPolygonError(f"there is no polygon {polygon} in this review")
            return state.geometry[index], state.original(polygon)

    def summary(self) -> ReviewSummary:
        """Return how far the review is."""
        with self._newest() as state:
            verdicts = np.bincount(state.verdict, minlength=len(VERDICTS)).tolist()
            by_provenance = np.bincount(state.provenance[state.present], minlength=len(PROVENANCES))
            provenances = dict(zip(PROVENANCES, by_provenance.tolist(), strict=True))
            looked = self._coverage.looked_at
            authors = {header.author for header in state.headers.values()}
            authors |= {str(one) for one in self._coverage.author if one is not None}
            return ReviewSummary(
                created=self.record.created,
                revision=state.seq,
                counts={str(word): verdicts[code] for code, word in enumerate(PRESENT)},
                drawn=provenances[Provenance.DRAWN],
                edited=sum(
                    provenances[one]
                    for one in (Provenance.EDITED, Provenance.SPLIT, Provenance.MERGED)
                ),
                removed=int((~state.present[: state.own]).sum()),
                cells=len(looked),
                cells_looked_at=int(looked.sum()),
                authors=tuple(sorted(authors)),
            )

    def table(self) -> FeatureTable:
        """Return all polygons that are there, with their columns."""
        with self._newest():
            return self._current_table()

    def _current_table(self) -> FeatureTable:
        state = self._state
        if self._table is None or self._table.revision != state.seq:
            table = FeatureTable(self._source_table, state, self._measures)
            waiting = table.verdict == VERDICTS.index(Verdict.UNREVIEWED)
            expected = self._information.of(table)
            table.information = np.where(waiting, expected.score, np.nan)
            self._expected, self._table = expected, table
        return self._table

    def frame(self) -> geopandas.GeoDataFrame:
        """Return all polygons that are there, as `table` has them, with their outlines."""
        return self.table().frame()

    def overlay(self) -> ReviewOverlay:
        """Return what differs from the inventory's own polygons."""
        with self._newest() as state:
            present, ids = state.present, state.ids
            own = np.arange(state.count) < state.own
            other = present & (state.outline > 0)

            def which(selected: NDArray[np.bool_]) -> tuple[int, ...]:
                return tuple(ids[selected].tolist())

            judged = {
                word: which(present & ~other & (state.verdict == VERDICTS.index(word)))
                for word in (Verdict.ACCEPTED, Verdict.REJECTED)
            }
            return ReviewOverlay(
                revision=state.seq,
                features=which(other),
                removed=which(own & ~present),
                replaced=which(own & other),
                accepted=judged[Verdict.ACCEPTED],
                rejected=judged[Verdict.REJECTED],
            )

    def queue(self, order: str = QueueOrder.INFORMATION, *, seed: int = 0) -> tuple[int, Ranking]:
        """Return the revision, and the polygons that nobody has judged, the first to look at first.

        Raises:
            InputError: there is no such order.
        """
        try:
            wanted = QueueOrder(order)
        except ValueError:
            known = ", ".join(QueueOrder)
            raise InputError(f"order must be one of {known}; got {excerpt(order, 40)}") from None
        with self._newest():
            table = self._current_table()
            key = (table.revision, wanted, seed)
            if key not in self._queues:
                for old in [one for one in self._queues if one[0] != key[0]]:
                    del self._queues[old]
                self._queues[key] = rank(table, self._expected, wanted, seed)
            return table.revision, self._queues[key]

    # coverage

    def coverage(self) -> Coverage:
        """Return the cells of the mapped area."""
        with self._newest() as state:
            cover = self._coverage
            waiting = state.verdict == VERDICTS.index(Verdict.UNREVIEWED)
            counts = self._counts.count(state.geometry, state.outline, waiting)
            cells = tuple(
                CoverageCell(
                    column=int(place[0]),
                    row=int(place[1]),
                    outline=cover.outlines[at],
                    looked_at=bool(cover.looked_at[at]),
                    author=cover.author[at],
                    time=cover.time[at],
                    unreviewed=int(counts[at]),
                )
                for at, place in enumerate(cover.places)
            )
            return Coverage(revision=cover.fid, grid=self.record.grid, cells=cells)

    def cover(
        self, author: str, cells: Iterable[tuple[int, int]], *, looked_at: bool = True
    ) -> Coverage:
        """Say that cells, given as column and row, were looked at, or take that back.

        Raises:
            InputError: one is not a cell of the mapped area.
        """
        check_author(author)
        with self._writing() as file:
            rows, outlines = self._coverage.rows(
                cells, author.strip(), log.now(), looked_at=looked_at
            )
            self.log.append_cells(file, rows, outlines)
        return self.coverage()
