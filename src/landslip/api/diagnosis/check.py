"""One thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a check came to; ``broken``: something that landslip needs does not work."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at, and what to do about it.

    Attributes:
        section: what it is part of, such as ``processor``.
        name: the thing.
        value: what was found, as a person reads it.
        advice: what to do, in one sentence; None: nothing.
    """

    section: str
    name: str
    value: str
    status: Status = Status.OK
    advice: str | None = None
