"""The log of a review: a GeoPackage whose tables of changes and of looked-at cells only grow.

GDAL creates the file; from then on SQLite alone writes it, one transaction for each change. Its
layers have no spatial index, whose triggers need functions that plain SQLite lacks.
"""

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from pydantic import ValidationError

from landslip.core.errors import InputError, LandslipError, excerpt
from landslip.core.text import first_problem, parse_json
from landslip.inventory.formats.vector_files import GEOMETRY_COLUMN
from landslip.review.geopackage_geometry import geopackage_blob, wkb_of
from landslip.review.log_file import COLUMNS
from landslip.review.record import (
    CELLS,
    CHANGES,
    COVERAGE,
    RECORD_TABLE,
    ReviewRecord,
)

_WAIT_S = 30.0
_TABLES = {CHANGES, COVERAGE, CELLS, RECORD_TABLE, "gpkg_ogr_contents", "gpkg_geometry_columns"}
_COUNTING = frozenset(
    f'CREATE TRIGGER "trigger_{event.lower()}_feature_count_{table}" AFTER {event} ON "{table}" '  # noqa: S608
    f"BEGIN UPDATE gpkg_ogr_contents SET feature_count = feature_count {sign} 1 "
    f"WHERE lower(table_name) = lower('{table}'); END"
    for table in (CHANGES, COVERAGE, CELLS, RECORD_TABLE)
    for event, sign in (("INSERT", "+"), ("DELETE", "-"))
)
"""Triggers that GDAL writes."""
_ROW = "fid, seq, polygon, version, verdict, provenance, origin, outline, type, note, sources"
_HEADER = "seq, time, author, action, reason, seconds, bulk, of, type, note"


class ChangeHeader(NamedTuple):
    """What a change says of itself; `landslip.review.changes` says what its words are."""

    seq: int
    time: str
    author: str
    action: str
    reason: str | None
    seconds: float | None
    bulk: str | None
    of: int | None
    type: str | None
    note: str | None


class VersionRow(NamedTuple):
    """A polygon as a change left it.

    Attributes:
        fid: number of the row; 0 before it is written.
        origin: number of the change that made it what it is now; 0: the inventory. Of an undone
            change it is the one before.
        outline: number of the change that drew its outline; 0: the inventory's.
        sources: ids of the inventory's polygons that it was made of, as JSON.
    """

    fid: int
    seq: int
    polygon: int
    version: int
    verdict: str
    provenance: str
    origin: int
    outline: int
    type: str | None
    note: str | None
    sources: str | None


class CellRow(NamedTuple):
    """That somebody looked at a cell of the coverage, or took that back."""

    fid: int
    time: str
    author: str
    column: int
    row: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class ReviewLog:
    """The file of a review. It holds nothing open; threads and processes may share it."""

    path: Path

    def record(self) -> ReviewRecord:
        """Return what the review is of.

        Raises:
            InputError: the file is damaged, or no review.
        """
        with self.reading() as file:
            self._require_plain(file)
            rows = file.execute(f"SELECT record FROM {RECORD_TABLE}").fetchall()  # noqa: S608
            for table, columns in COLUMNS.items():
                known = {name for _, name, *_ in file.execute(f"PRAGMA table_info({table})")}
                if missing := {*columns, "fid", GEOMETRY_COLUMN} - known:
                    raise self.damaged(f"{table} has no column {sorted(missing)[0]}")
        if len(rows) != 1 or not isinstance(rows[0][0], str):
            raise self.damaged(f"{RECORD_TABLE} has {len(rows)} rows")
        content = parse_json(rows[0][0].encode(), self.path)
        try:
            return ReviewRecord.model_validate(content)
        except ValidationError as error:
            raise self.damaged(first_problem(error)) from error

    def _require_plain(self, file: sqlite3.Connection) -> None:
        """Refuse views in place of tables, and triggers that GDAL does not write: they may not end.

        Those of other tables, as of styles that a GIS keeps there, are never run.
        """
        for kind, name, table, sql in file.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
        ).fetchall():
            if str(table).lower() in _TABLES and sql not in _COUNTING:
                raise self.damaged(f"it has the {kind} {excerpt(name, 60)}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file.

        Raises:
            InputError: the file is damaged, or no review.
        """
        with self._connection() as file:
            file.execute("BEGIN")
            yield file

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that nobody else writes beside; what it wrote is kept at the end.

        After an error nothing of it is kept. When this returns, it is on the disk.

        Raises:
            InputError: the file is damaged, or no review.
            LandslipError: it cannot be written.
        """
        with self._connection() as file:
            file.execute("PRAGMA synchronous = FULL")
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
            except BaseException:
                if file.in_transaction:
                    file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such review; start one first")
        try:
            with closing(
                sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
            ) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if str(error).startswith(("no such table", "no such column")):
                raise self.damaged(str(error)) from error
            if "locked" in str(error):
                raise LandslipError(
                    f"{self.path}: another program has kept it locked for {_WAIT_S:.0f} seconds; "
                    "close it there and try again"
                ) from error
            raise LandslipError(
                f"{self.path}: cannot be written or read ({excerpt(error)}); check that there is "
                "room on the disk and that you may write there"
            ) from error
        except (sqlite3.DatabaseError, OverflowError, UnicodeError) as error:
            raise self.damaged(str(error)) from error

    def damaged(self, problem: str) -> InputError:
        """Return the error for a file that is not as it was written."""
        return InputError(
            f"{self.path}: not a review, or a damaged one ({excerpt(problem)}); restore it from a "
            "copy, or start the review again in another folder"
        )

    def append(
        self,
        file: sqlite3.Connection,
        header: ChangeHeader,
        rows: Sequence[VersionRow],
        outlines: dict[int, shapely.Geometry],
    ) -> None:
        """Write the rows of one change; ``outlines`` are those that it draws, by polygon."""
        srs = self._srs(file, CHANGES) if outlines else 0
        names = [*COLUMNS[CHANGES], GEOMETRY_COLUMN]
        file.executemany(
            _insert(CHANGES, names),
            (
                (
                    header.seq,
                    header.time,
                    header.author,
                    header.action,
                    row.polygon,
                    row.version - 1,
                    row.version,
                    row.verdict,
                    row.provenance,
                    row.origin,
                    row.outline,
                    row.type,
                    row.note,
                    row.sources,
                    header.reason,
                    header.seconds,
                    header.bulk,
                    header.of,
                    geopackage_blob(outlines[row.polygon], srs)
                    if row.polygon in outlines
                    else None,
                )
                for row in rows
            ),
        )

    def append_cells(
        self,
        file: sqlite3.Connection,
        rows: Iterable[CellRow],
        outlines: Iterable[shapely.Geometry],
    ) -> None:
        """Write that cells were looked at, or no longer are."""
        srs = self._srs(file, COVERAGE)
        file.executemany(
            _insert(COVERAGE, [*COLUMNS[COVERAGE], GEOMETRY_COLUMN]),
            (
                (*row[1:], geopackage_blob(cell, srs))
                for row, cell in zip(rows, outlines, strict=True)
            ),
        )

    def _srs(self, file: sqlite3.Connection, table: str) -> int:
        found = file.execute(
            "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (table,)
        ).fetchone()
        if found is None:
            raise self.damaged(f"{table} is no layer")
        return int(found[0])


def _insert(table: str, names: Sequence[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608


def versions_since(file: sqlite3.Connection, fid: int) -> list[tuple[Any, ...]]:
    """Return the rows after one of them, in order: values of `VersionRow`, which would be slow."""
    rows = file.execute(f"SELECT {_ROW} FROM {CHANGES} WHERE fid > ? ORDER BY fid", (fid,))  # noqa: S608
    return rows.fetchall()


def versions_of(file: sqlite3.Connection, seq: int) -> list[VersionRow]:
    """Return the rows of a change."""
    rows = file.execute(f"SELECT {_ROW} FROM {CHANGES} WHERE seq = ? ORDER BY fid", (seq,))  # noqa: S608
    return [VersionRow._make(row) for row in rows]


def versions_before(file: sqlite3.Connection, seq: int) -> dict[int, VersionRow]:
    """Return what the polygons of a change were before it, where the log says that."""
    before = ", ".join(f"b.{name}" for name in _ROW.split(", "))
    rows = file.execute(
        f"SELECT {before} FROM {CHANGES} c JOIN {CHANGES} b ON b.polygon = c.polygon "  # noqa: S608
        "AND b.version = c.version - 1 WHERE c.seq = ?",
        (seq,),
    )
    found = [VersionRow._make(row) for row in rows]
    return {row.polygon: row for row in found}


def headers_since(file: sqlite3.Connection, seq: int) -> list[ChangeHeader]:
    """Return the changes after one of them, in order."""
    names = ", ".join(f'"{name}"' for name in _HEADER.split(", "))
    rows = file.execute(
        f"SELECT {names} FROM {CHANGES} WHERE fid IN "  # noqa: S608
        f"(SELECT min(fid) FROM {CHANGES} WHERE seq > ? GROUP BY seq) ORDER BY seq",
        (seq,),
    )
    return [_checked(ChangeHeader._make(row)) for row in rows]


def _checked(header: ChangeHeader) -> ChangeHeader:
    """Return a header as it was written; SQLite itself holds any value in any column."""
    texts: tuple[object, ...] = (header.time, header.author, header.action)
    may_lack: tuple[object, ...] = (header.reason, header.bulk, header.type, header.note)
    seconds: object = header.seconds
    if not (
        all(isinstance(one, str) for one in texts)
        and all(one is None or isinstance(one, str) for one in may_lack)
        and (seconds is None or (isinstance(seconds, float) and math.isfinite(seconds)))
    ):
        raise ValueError(f"change {header.seq} has a value of another kind than it was written")
    return header


def polygons_of_changes(file: sqlite3.Connection, seqs: Sequence[int]) -> dict[int, list[int]]:
    """Return the polygons of changes."""
    found: dict[int, list[int]] = {seq: [] for seq in seqs}
    for seq in seqs:
        rows = file.execute(f"SELECT polygon FROM {CHANGES} WHERE seq = ? ORDER BY fid", (seq,))  # noqa: S608
        found[seq] = [int(row[0]) for row in rows]
    return found


def changes_of(file: sqlite3.Connection, polygon: int) -> list[int]:
    """Return the changes of a polygon, the oldest first."""
    rows = file.execute(f"SELECT seq FROM {CHANGES} WHERE polygon = ? ORDER BY version", (polygon,))  # noqa: S608
    return [int(row[0]) for row in rows]


def outlines_since(file: sqlite3.Connection, fid: int) -> tuple[list[tuple[int, int]], list[bytes]]:
    """Return polygon and change of the outlines drawn after a row, and their WKB."""
    rows = file.execute(
        f"SELECT polygon, seq, {GEOMETRY_COLUMN} FROM {CHANGES} WHERE fid > ? "  # noqa: S608
        f"AND {GEOMETRY_COLUMN} IS NOT NULL ORDER BY fid",
        (fid,),
    ).fetchall()
    return [(int(row[0]), int(row[1])) for row in rows], [wkb_of(row[2]) for row in rows]


def cells_since(file: sqlite3.Connection, fid: int) -> list[CellRow]:
    """Return the rows of the coverage after one of them, in order."""
    rows = file.execute(
        f'SELECT fid, time, author, "column", "row", looked_at FROM {COVERAGE} '  # noqa: S608
        "WHERE fid > ? ORDER BY fid",
        (fid,),
    )
    return [CellRow._make(row) for row in rows]


def last_fid(file: sqlite3.Connection, table: str) -> int:
    """Return the number of the newest row of a table; 0: it is empty."""
    return int(file.execute(f"SELECT coalesce(max(fid), 0) FROM {table}").fetchone()[0])  # noqa: S608


def read_cells(file: sqlite3.Connection) -> np.ndarray:
    """Return column and row (n, 2) of the cells in the mapped area."""
    rows = file.execute(f'SELECT "column", "row" FROM {CELLS} ORDER BY fid').fetchall()  # noqa: S608
    return np.array(rows, dtype=np.int64).reshape(len(rows), 2)


def now() -> str:
    """Return the time in UTC as the log has it, to milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
