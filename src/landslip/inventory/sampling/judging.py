"""Judging the points of a sample, one transaction for each judgement.

Several people may judge at once, and one of them in QGIS. Who judged and when is kept in two
columns that the first judgement adds to the layer of points.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from affine import Affine
from numpy.typing import NDArray

from landslip.core.choices import ReferenceClass
from landslip.core.errors import InputError, LandslipError, argument, excerpt
from landslip.core.grid import map_points
from landslip.core.paths import require_file
from landslip.core.transformations import lonlat_of
from landslip.inventory.sampling.geopackage import (
    POINTS,
    REFERENCE,
    SAMPLE_FILES,
    SampleFile,
    read_sample,
)
from landslip.inventory.sampling.judgements import UNCLEAR_WORDS
from landslip.inventory.statistics.validation_sample import LANDSLIDE_WORDS, OTHER_WORDS

JUDGED_BY, JUDGED_AT = "judged_by", "judged_at"
MAX_COMMENT, MAX_AUTHOR = 4000, 100
_WAIT_S = 10.0
_CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
_COLUMNS = {"comment": "TEXT", JUDGED_BY: "TEXT", JUDGED_AT: "DATETIME"}
_WORDS = {
    word: reference
    for reference, words in (
        (ReferenceClass.LANDSLIDE, LANDSLIDE_WORDS),
        (ReferenceClass.BACKGROUND, OTHER_WORDS),
        (ReferenceClass.UNCLEAR, UNCLEAR_WORDS),
    )
    for word in words
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What somebody found at a point.

    Attributes:
        reference: None: nobody has judged it, or the judgement was taken back.
        comment: in the judge's own words.
        author: who judged; None: not known, as of a column that was filled in by QGIS.
        time: when, in UTC.
    """

    reference: ReferenceClass | None
    comment: str | None = None
    author: str | None = None
    time: datetime | None = None

    def __post_init__(self) -> None:
        for name, text, most in (
            ("author", self.author, MAX_AUTHOR),
            ("comment", self.comment, MAX_COMMENT),
        ):
            # a comment may have several lines
            shown = "" if text is None else text.replace("\n", "") if name == "comment" else text
            if not shown.isprintable() or len(shown) > most:
                raise InputError(
                    f"{argument(name)} has at most {most:,} printable characters; got "
                    f"{excerpt(repr(text), 60)}"
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointToJudge:
    """A point as whoever judges it may see it: nothing of it depends on the map's class.

    Attributes:
        id: as the sample's file has it; points are judged in the order of their ids.
        place: longitude and latitude.
        pixel: (4, 2) corners of the pixel that is judged, in longitude and latitude.
        judgement: the one that holds now.
    """

    id: int
    place: tuple[float, float]
    pixel: NDArray[np.float64]
    judgement: Judgement


def points_to_judge(path: Path) -> list[PointToJudge]:
    """Return the points of a sample in their random order.

    Raises:
        InputError: it is no sample, or a damaged one.
    """
    sample = read_sample(path)
    points = sample.points.sort_values("id")
    design = sample.design.set_index("id").loc[points["id"]]
    transform, crs = Affine(*sample.record.transform), pyproj.CRS.from_wkt(sample.record.crs)
    pixels = design[["col", "row"]].to_numpy(np.float64)
    corners = (pixels[:, np.newaxis] + _CORNERS).reshape(-1, 2)
    lonlat = lonlat_of(map_points(transform, corners), crs).reshape(-1, 4, 2)
    places = lonlat_of(map_points(transform, pixels + 0.5), crs)
    return [
        PointToJudge(id=int(number), place=(float(lon), float(lat)), pixel=pixel, judgement=one)
        for number, (lon, lat), pixel, one in zip(
            points["id"], places, lonlat, judgements_of(sample, points), strict=True
        )
    ]


def judgements_of(sample: SampleFile, points: pd.DataFrame | None = None) -> list[Judgement]:
    """Return the judgements of points, by default of all in the file's order.

    Words that are none of those known count as not judged.
    """
    rows = sample.points if points is None else points
    columns = [_texts(rows, name) for name in (REFERENCE, "comment", JUDGED_BY)]
    times = (
        pd.to_datetime(rows[JUDGED_AT], utc=True, errors="coerce")
        if JUDGED_AT in rows
        else pd.Series(pd.NaT, index=rows.index)
    )
    return [_as_stored(*values) for values in zip(*columns, times, strict=True)]


def _texts(rows: pd.DataFrame, name: str) -> list[Any]:
    if name not in rows:
        return [None] * len(rows)
    values = rows[name].astype(object)
    return values.where(values.notna(), None).tolist()


def _as_stored(word: Any, comment: Any, author: Any, time: Any) -> Judgement:
    """Return a judgement from the columns of a file that other programs may have written."""
    return Judgement(
        reference=_WORDS.get("" if word is None else str(word).strip().lower()),
        comment=None if comment is None else _printable(str(comment)) or None,
        author=None if author is None else excerpt(author, MAX_AUTHOR) or None,
        time=None if pd.isna(time) else time.to_pydatetime(),
    )


def _printable(text: str) -> str:
    lines = [excerpt(line, MAX_COMMENT) for line in text.strip().splitlines()]
    return "\n".join(lines)[:MAX_COMMENT]


class JudgedMeanwhileError(InputError):
    """Somebody else has judged the point since it was looked at; ``judgement`` holds now."""

    def __init__(self, message: object, judgement: Judgement | None = None) -> None:
        super().__init__(message)
        self.judgement = judgement


def judge_point(
    path: Path, point: int, judgement: Judgement, *, seen: Judgement | None = None
) -> Judgement:
    """Write a judgement into the sample's file, whole or not at all, and return it.

    Args:
        path: the sample.
        point: its id.
        judgement: what was found; without a reference an earlier judgement is taken back.
        seen: the judgement that the point had when it was looked at; None: whatever it has is
            replaced.

    Raises:
        JudgedMeanwhileError: the point has another reference now than the one that was ``seen``,
            and it is not this judgement, which may be sent twice.
        InputError: it is no sample, or has no such point.
        LandslipError: it cannot be written.
    """
    if judgement.reference is None:
        judgement = Judgement(reference=None)
    with SAMPLE_FILES, _connection(path) as file:
        columns = _columns(file, path)
        for name, kind in _COLUMNS.items():
            if name not in columns:
                file.execute(f"ALTER TABLE {POINTS} ADD COLUMN {name} {kind}")
        rows = file.execute(
            "SELECT reference, comment, judged_by, judged_at FROM points WHERE id = ?", (point,)
        ).fetchall()
        if len(rows) != 1:
            raise InputError(f"{path}: the sample has no point {point}")
        ((word, comment, author, time),) = rows
        now = _as_stored(word, comment, author, pd.to_datetime(time, utc=True, errors="coerce"))
        is_same = (now.reference, now.author) == (judgement.reference, judgement.author)
        if seen is not None and now.reference is not seen.reference and not is_same:
            who = now.author or "somebody"
            raise JudgedMeanwhileError(
                f"point {point} was judged by {who} meanwhile; look at that judgement first", now
            )
        file.execute(
            "UPDATE points SET reference = ?, comment = ?, judged_by = ?, judged_at = ? "
            "WHERE id = ?",
            (
                None if judgement.reference is None else judgement.reference.value,
                judgement.comment or None,
                judgement.author,
                None if judgement.time is None else _iso(judgement.time),
                point,
            ),
        )
        file.execute(
            "UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?",
            (_iso(datetime.now(UTC)), POINTS),
        )
    return judgement


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a sample for one transaction, which is rolled back if anything fails."""
    require_file(path)
    try:
        place = f"{path.absolute().as_uri()}?mode=rw"  # never makes a file
        with closing(
            sqlite3.connect(place, uri=True, timeout=_WAIT_S, isolation_level=None)
        ) as file:
            for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):
                # triggers of the spatial index name them; none runs, as no geometry changes
                file.create_function(f"ST_{name}", 1, lambda _: None)
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
                file.execute("COMMIT")
            except BaseException:
                if file.in_transaction:
                    file.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise _file_error(path, error) from error


def _file_error(path: Path, error: sqlite3.Error) -> LandslipError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LandslipError(
            f"{path}: another program is writing to it; save its edits there, then judge again"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LandslipError(f"{path}: cannot be written (access denied); change its permissions")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return LandslipError(f"{path}: cannot be written ({excerpt(error)}); make room there")
    return InputError(
        f"{path}: not a sample that can be judged ({excerpt(error)}); draw it again with "
        "`landslip sample`"
    )


def _columns(file: sqlite3.Connection, path: Path) -> set[str]:
    """Return the columns of the layer of points, in lower case."""
    names = {str(row[1]).lower() for row in file.execute(f"PRAGMA table_info({POINTS})")}
    if not {"id", REFERENCE} <= names:
        raise InputError(
            f"{path}: not a sample that `landslip sample` drew; it needs the layer {POINTS} with "
            f"the columns id and {REFERENCE}"
        )
    return names


def _iso(time: datetime) -> str:
    """Return a time as GeoPackages hold it: in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
