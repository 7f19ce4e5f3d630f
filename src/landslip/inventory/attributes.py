"""Columns that polygons bring along: the user's own, and the dates among them."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from landslip.core.errors import InputError, argument
from landslip.core.messages import Message, message
from landslip.inventory.fields import CORRECTION, CSV_FIELDS, FIELDS

PREFIX = "input_"
DATE = "date"
FEATURE_COLUMNS = ("fid", "ogc_fid", "geom", "geometry")  # of GDAL's formats
_DAY_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")
_STATED_DAY = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?(?:[T ].*)?)?)?月?年?")
_YEARS = range(1800, 2200)
_SHOWN = 5
_DBF_LENGTH = 10


def date_in(name: str) -> str | None:
    """Return the day that a file's name holds, as in ``GF1_PMS1_E103.5_N31.3_20130812``.

    None where it holds none, or more than one.
    """
    days = set()
    for match in _DAY_IN_NAME.finditer(name):
        with suppress(ValueError):
            days.add(date(*map(int, match.groups())).isoformat())
    return days.pop() if len(days) == 1 else None


def iso_date(value: Any) -> str | None:
    """Return a date as ISO 8601 writes it, as precise as stated: a day, a month or a year.

    Read are dates, times, years and days as numbers (2008, 20080512), and text: the year first, in
    numbers, or a name that holds one day. None for anything else.
    """
    if not pd.api.types.is_scalar(value) or pd.isna(value):
        return None
    if isinstance(value, date):  # and datetime, and pandas' Timestamp
        return value.isoformat()[:10]
    text = str(value).strip()
    if isinstance(value, float | np.floating):
        text = str(int(value)) if value.is_integer() else ""
    match = _STATED_DAY.fullmatch(text.removesuffix(".0"))
    if match is None:
        return date_in(text)
    parts = [int(part) for part in match.groups() if part is not None]
    whole = None
    with suppress(ValueError):
        whole = date(*[*parts, 1, 1][:3]).isoformat()[: (4, 7, 10)[len(parts) - 1]]
    return whole if parts[0] in _YEARS else None


def own_columns(
    frame: geopandas.GeoDataFrame, path: Path, date_column: str | None = None
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """Return the columns of polygons as an inventory keeps them, indexed from 0, and notes.

    Names and types stay. A name that an inventory has itself, in capitals or not, gets the prefix
    ``input_``. The column ``date`` is that of the inventory: what the stated column holds, or
    one named ``date``.

    Raises:
        InputError: there is no such column, or it holds no date.
    """
    own = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    names = [str(name) or "column" for name in own.columns]
    own.columns = names
    notes, dates = [], None
    if date_column is not None and date_column not in own:
        raise InputError(
            f"{path}: there is no column {date_column} ({argument('date_column')}); its columns "
            f"are {', '.join(names) or 'none'}"
        )
    column = date_column or next((name for name in names if name.lower() == DATE), None)
    if column is not None:
        dates, unread = _dates(own[column], path, is_stated=date_column is not None)
        notes += unread
        if dates is not None and not unread and column.lower() == DATE:
            own = own.drop(columns=column)  # the inventory's column says the same
    reserved = {field.name for field in (*FIELDS, *CSV_FIELDS)} | {CORRECTION, *FEATURE_COLUMNS}
    renamed = dict(zip(own.columns, distinct_names(own.columns, reserved), strict=True))
    own.columns = [*renamed.values()]
    changed = [f"{old} → {new}" for old, new in renamed.items() if old != new]
    if changed:
        shown = ", ".join(changed[:_SHOWN]) + (", ..." if len(changed) > _SHOWN else "")
        notes.append(message("file.renamed", file=path.name, names=shown))
    own = own.apply(of_one_type)
    if dates is not None:
        own[DATE] = dates
    return own, tuple(notes)


def _dates(
    values: "pd.Series[Any]", path: Path, *, is_stated: bool
) -> "tuple[pd.Series[Any] | None, list[Message]]":
    """Return the dates of a column, None where it has none, and a note on what is no date."""
    dates = pd.Series([iso_date(value) for value in values], dtype=object)
    unread = values[values.notna().to_numpy() & dates.isna().to_numpy()]
    if len(unread) and dates.isna().all():
        if is_stated:
            raise InputError(
                f"{path}: {argument('date_column')} holds dates, as YYYY-MM-DD, YYYY-MM or YYYY; "
                f"{values.name} holds none, the first value is {str(unread.iloc[0])[:40]!r}"
            )
        return None, []  # a column of that name about something else
    if not len(unread):
        return dates, []
    counts = {"count": len(unread), "total": len(values)}
    example = str(unread.iloc[0])[:40]
    return dates, [message("file.dates", column=str(values.name), example=example, **counts)]


def of_one_type(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column as all files can hold it.

    It is text where its values are of several types, or of one that files lack, such as intervals
    and integers of more than 64 bits.
    """
    if isinstance(values.dtype, pd.SparseDtype):
        values = pd.Series(values.to_numpy(), name=values.name)
    try:
        array = pa.array(values, from_pandas=True)
        if pa.types.is_unsigned_integer(array.type):
            array.cast(pa.int64())
        parquet.write_table(pa.table({"column": array[:0]}), pa.BufferOutputStream())
        if not isinstance(array.type, pa.BaseExtensionType):
            return values
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        pass
    return values.astype(object).map(as_utf8, na_action="ignore")


def as_utf8(value: Any) -> str:
    """Return a value as text that files can hold, without lone surrogates."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def distinct_names(names: Iterable[str], reserved: set[str], prefix: str = PREFIX) -> list[str]:
    """Return names that are neither reserved nor twice there, whatever their case.

    Reserved ones get the prefix; where that is taken, and of those that are there twice, the later
    ones get a number.
    """
    names = list(names)
    taken = reserved | {name.lower() for name in names}
    seen, result = set(reserved), []
    for name in names:
        new, number = name, 1
        while new.lower() in seen or (new != name and new.lower() in taken):
            base = prefix + name if name.lower() in reserved else name
            new = base if number == 1 and base != name else f"{base}_{max(number, 2)}"
            number += 1
        seen.add(new.lower())
        result.append(new)
    return result


def prefixed(table: pd.DataFrame, prefix: str, reserved: Iterable[str]) -> pd.DataFrame:
    """Return a table whose columns have a prefix, and are distinct from reserved names."""
    names = distinct_names((prefix + name for name in table.columns), set(reserved), "column_")
    return table.set_axis(names, axis=1)


def is_filled(value: Any) -> bool:
    """Whether a cell of a table has a value: not None, NaN or NA."""
    return not pd.api.types.is_scalar(value) or not pd.isna(value)


def own_names(frame: geopandas.GeoDataFrame) -> list[str]:
    """Return the user's own columns of an inventory's landslides, in order."""
    known = {*(field.name for field in FIELDS), CORRECTION, frame.geometry.name}
    return [name for name in frame.columns if name not in known]


def dbf_names(names: Iterable[str]) -> list[str]:
    """Return names as GDAL shortens them for a Shapefile: 10 characters, numbered where equal."""
    result: list[str] = []
    for name in names:
        short, number = name[:_DBF_LENGTH], 0
        while short.lower() in {other.lower() for other in result}:
            number += 1
            ending = f"_{number}" if number < 10 else str(number)
            short = name[: _DBF_LENGTH - 2] + ending
        result.append(short)
    return result
