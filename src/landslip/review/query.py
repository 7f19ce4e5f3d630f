"""Which polygons of a table, in which order: filters that people state, and rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslip.core.errors import InputError, excerpt
from landslip.review.words import PRESENT, PROVENANCES, REVIEW_COLUMNS

_MAX_RANGES, _MAX_TEXT = 20, 200
_TEXTS = ("type", "note", "author")


class QueriedTable(Protocol):
    """What a query needs of a table: columns (n,) of polygons, of which ``present`` are there."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,)."""

    @property
    def present(self) -> NDArray[np.bool_]:
        """(n,)."""

    @property
    def bounds(self) -> NDArray[np.float64]:
        """West, south, east and north (n, 4) in degrees."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inventory's own columns."""

    def column(self, name: str) -> NDArray[Any]:
        """Return a column (n,) of the inventory or the review; see `select`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRange:
    """Limits of a column, both included; None: open."""

    column: str
    low: float | None
    high: float | None

    @classmethod
    def parse(cls, text: str) -> "ColumnRange":
        """Read ``column:low:high``.

        Raises:
            InputError: it is none.
        """
        parts = text.rsplit(":", 2)
        try:
            if len(parts) != 3 or not parts[0]:
                raise ValueError
            low, high = (float(part) if part.strip() else None for part in parts[1:])
        except ValueError:
            low = high = None
            parts = []
        if not parts or any(one is not None and not np.isfinite(one) for one in (low, high)):
            raise InputError(
                "range must be column:low:high, of finite numbers or empty, like "
                f"area_m2:100:5000; got {excerpt(text, 60)!r}"
            )
        return cls(column=parts[0], low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureQuery:
    """Filters, which all hold, and an order.

    Attributes:
        sort: column; a leading minus sorts downwards. None: as the inventory has them.
        bbox: west, south, east and north in degrees that a polygon's box meets; west over east
            crosses the antimeridian.
        verdict: unreviewed, accepted or rejected.
        provenance: model, edited, drawn, split or merged.
        text: part of a text column, of type, note or author, whatever its case; or an id, with
            # before it or without.
        ranges: of columns of numbers.
    """

    sort: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    verdict: str | None = None
    provenance: str | None = None
    text: str | None = None
    ranges: tuple[ColumnRange, ...] = ()

    def __post_init__(self) -> None:
        for name, value, known in (
            ("verdict", self.verdict, PRESENT),
            ("provenance", self.provenance, PROVENANCES),
        ):
            if value is not None and value not in known:
                raise InputError(
                    f"{name} must be one of {', '.join(known)}; got {excerpt(value, 40)!r}"
                )
        if self.bbox is not None and not (
            np.isfinite(self.bbox).all() and self.bbox[1] <= self.bbox[3]
        ):
            raise InputError(
                "bbox must be west,south,east,north in degrees, such as 103.4,31.2,103.6,31.4; got "
                + ",".join(f"{one:g}" for one in self.bbox)
            )
        if self.text is not None and len(self.text) > _MAX_TEXT:
            raise InputError(f"text may have {_MAX_TEXT} characters; got {len(self.text):,}")
        if len(self.ranges) > _MAX_RANGES:
            raise InputError(f"range may be given {_MAX_RANGES} times; got {len(self.ranges)}")


def select(table: QueriedTable, query: FeatureQuery) -> NDArray[np.int64]:
    """Return the indexes of the polygons that a query selects, in its order.

    Columns are float64 with NaN, or objects with None.

    Raises:
        InputError: it names a column that is not there, or no numbers.
    """
    chosen = table.present.copy()
    for name, word in (("verdict", query.verdict), ("provenance", query.provenance)):
        if word is not None:
            chosen &= table.column(name) == word
    if query.bbox is not None:
        chosen &= _meets(table.bounds, query.bbox)
    for limits in query.ranges:
        values = _column(table, limits.column, "range")
        if values.dtype == object:
            raise InputError(f"range needs a column of numbers; {limits.column} has none")
        with np.errstate(invalid="ignore"):
            chosen &= ~np.isnan(values)
            if limits.low is not None:
                chosen &= values >= limits.low
            if limits.high is not None:
                chosen &= values <= limits.high
    if query.text:
        chosen &= _has_text(table, query.text.strip(), np.flatnonzero(chosen))
    at = np.flatnonzero(chosen)
    if query.sort:
        at = at[_order(_column(table, query.sort.removeprefix("-"), "sort")[at], query.sort)]
    return at


def _column(table: QueriedTable, name: str, what: str) -> NDArray[Any]:
    if name == "id":
        return table.ids.astype(np.float64)
    try:
        return table.column(name)
    except KeyError:
        raise InputError(
            f"{what} names no column of the table: {excerpt(name, 40)!r}; its columns are id, "
            f"{', '.join((*REVIEW_COLUMNS, *table.names))}"
        ) from None


def _order(values: NDArray[Any], sort: str) -> NDArray[np.int64]:
    """Return the order of values; what is empty comes last."""
    downwards = sort.startswith("-")
    if values.dtype != object:
        keys = np.where(np.isnan(values), np.inf, -values if downwards else values)
        return np.argsort(keys, kind="stable")
    codes, words = pd.factorize(values)  # -1: empty
    folded = np.array([str(one).casefold() for one in words], dtype=object)
    ranks = np.append(np.unique(folded, return_inverse=True)[1], 0)[codes]
    return np.lexsort((-ranks if downwards else ranks, codes < 0))


def _meets(bounds: NDArray[np.float64], box: Sequence[float]) -> NDArray[np.bool_]:
    west, south, east, north = box
    left, bottom, right, top = bounds.T
    with np.errstate(invalid="ignore"):
        inside = (bottom <= north) & (top >= south)
        right = np.where(right < left, right + 360, right)
        if east < west:
            east += 360
        across = np.zeros(len(bounds), dtype=np.bool_)
        for turn in (-360.0, 0.0, 360.0):
            across |= (left + turn <= east) & (right + turn >= west)
    return np.asarray(inside & across)


def _has_text(table: QueriedTable, text: str, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which polygons have a text, or an id (n,); looks at some of them, by index."""
    wanted, number = text.casefold(), text.removeprefix("#")
    found = np.zeros(len(table.ids), dtype=np.bool_)
    if number.isascii() and number.isdigit() and len(number) < 16:
        found |= table.ids == int(number)
    names = [*_TEXTS, *(name for name in table.names if table.column(name).dtype == object)]
    for name in names:
        codes, words = pd.factorize(table.column(name)[at])  # -1: empty
        has = [isinstance(one, str) and wanted in one.casefold() for one in words]
        found[at] |= np.array([*has, False])[codes]
    return found
