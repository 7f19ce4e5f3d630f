"""Which polygons of a table, in which order: filters that people state, and rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, excerpt
from landslip.review.features import FeatureTable
from landslip.review.words import PRESENT, PROVENANCES, VERDICTS

_MAX_RANGES, _MAX_TEXT = 20, 200
_TEXTS = ("type", "note", "author")


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
                f"range must be column:low:high, like area_m2:100:5000; got {excerpt(text, 60)!r}"
            )
        return cls(column=parts[0], low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureQuery:
    """Filters, which all hold, and an order.

    Attributes:
        sort: column; a leading minus sorts downwards. None: as the inventory has them.
        bbox: west, south, east and north in degrees that a polygon's box meets.
        verdict: unreviewed, accepted or rejected.
        provenance: model, edited, drawn, split or merged.
        text: part of a text column, of type, note or author, whatever its case; or an id.
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
            raise InputError("bbox must be west, south, east and north in degrees")
        if self.text is not None and len(self.text) > _MAX_TEXT:
            raise InputError(f"text may have {_MAX_TEXT} characters; got {len(self.text):,}")
        if len(self.ranges) > _MAX_RANGES:
            raise InputError(f"range may be given {_MAX_RANGES} times; got {len(self.ranges)}")


def select(table: FeatureTable, query: FeatureQuery) -> NDArray[np.int64]:
    """Return the ids of the polygons that a query selects, in its order.

    Raises:
        InputError: it names a column that is not there, or no numbers.
    """
    chosen = table.present.copy()
    if query.verdict is not None:
        chosen &= table.verdict == [str(one) for one in VERDICTS].index(query.verdict)
    if query.provenance is not None:
        chosen &= table.provenance == [str(one) for one in PROVENANCES].index(query.provenance)
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
    return np.asarray(table.ids[at], dtype=np.int64)


def _column(table: FeatureTable, name: str, what: str) -> NDArray[Any]:
    if name == "id":
        return table.ids.astype(np.float64)
    try:
        return table.column(name)
    except KeyError:
        raise InputError(
            f"{what} names a column of the table; there is no {excerpt(name, 40)!r}"
        ) from None


def _order(values: NDArray[Any], sort: str) -> NDArray[np.int64]:
    """Return the order of values; what is empty comes last."""
    downwards = sort.startswith("-")
    if values.dtype != object:
        keys = np.where(np.isnan(values), np.inf, -values if downwards else values)
        return np.argsort(keys, kind="stable")
    empty = np.array([one is None for one in values], dtype=np.bool_)
    words = np.array(["" if one is None else str(one).casefold() for one in values], dtype=object)
    ranks = np.unique(words, return_inverse=True)[1] if len(words) else np.zeros(0, np.int64)
    return np.lexsort((-ranks if downwards else ranks, empty))


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


def _has_text(table: FeatureTable, text: str, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    wanted = text.casefold()
    found = np.zeros(len(table.ids), dtype=np.bool_)
    if text.isascii() and text.isdigit() and len(text) < 16:
        found |= table.ids == int(text)
    names = [*_TEXTS, *(name for name in table.names if table.column(name).dtype == object)]
    for name in names:
        values = table.column(name)
        known: dict[Any, bool] = {None: False, True: False, False: False}
        for place in at:
            value = values[place]
            if isinstance(value, str):
                if value not in known:
                    known[value] = wanted in value.casefold()
                found[place] |= known[value]
    return found
