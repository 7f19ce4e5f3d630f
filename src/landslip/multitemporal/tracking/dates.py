"""Dates of inventories: days, or months and years where no day is known."""

import re
from collections.abc import Iterable
from datetime import date

from landslip.core.errors import InputError, argument
from landslip.inventory.attributes import date_in, iso_date

_MONTH = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def period_in(name: str) -> str | None:
    """Return the day, month or year that a name holds, in ISO 8601, as ``y2009`` does.

    None where it holds none, or several.
    """
    if (day := date_in(name)) is not None:
        return day
    months = {"-".join(match) for match in _MONTH.findall(name)}
    years = set(_YEAR.findall(name))
    for periods in (months, years):
        if periods:
            return periods.pop() if len(periods) == 1 else None
    return None


def first_day(period: str) -> date:
    """Return the first day of a day, month or year as `iso_date` writes them."""
    return date.fromisoformat((period + "-01-01")[:10])


def days_within(period: str, days: Iterable[date]) -> list[date]:
    """Return the days that are in a day, month or year as `iso_date` writes them."""
    return [day for day in days if day.isoformat().startswith(period)]


def stated_period(text: str) -> str:
    """Return a date that was stated as an argument.

    Raises:
        InputError: it is none.
    """
    period = iso_date(text)
    if period is None:
        raise InputError(
            f"{argument('dates')} are days, months or years like 2013-08-12, 2013-08 or 2013; got "
            f"{text!r}"
        )
    return period
