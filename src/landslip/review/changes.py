"""Requests of changes, validated by themselves, and the errors that refuse one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import shapely

from landslip.core.errors import InputError, LandslipError, excerpt
from landslip.review.outlines import MAX_PIECES
from landslip.review.query import FeatureQuery
from landslip.review.words import Action, Verdict

MAX_POLYGONS = 10_000
_MAX_TEXT = {"author": 100, "type": 100, "note": 2000, "reason": 500}
_MAX_SECONDS = 7 * 86_400.0
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
PLAIN_ACTIONS = frozenset({Action.ACCEPT, Action.REJECT, Action.RESET, Action.ANNOTATE})
"""Actions that change no outline; those that a rule can do to many polygons."""
# least and most polygons, least and most geometries
_COUNTS: dict[Action, tuple[int, int, tuple[int, int]]] = {
    Action.REDRAW: (1, 1, (1, 1)),
    Action.SPLIT: (1, 1, (2, MAX_PIECES)),
    Action.MERGE: (2, MAX_PIECES, (0, 1)),
    Action.DRAW: (0, 0, (1, 1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A polygon that changed after the version that an edit was made on: by whom, and when."""

    id: int
    version: int
    verdict: Verdict
    author: str
    time: str


class ConflictError(LandslipError):
    """A change of polygons that somebody else has changed since: ``conflicts``."""

    def __init__(self, message: object = "", conflicts: Sequence[Conflict] = ()) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)


class UnknownPolygonError(InputError):
    """An id that no polygon of the review ever had."""


class NothingToUndoError(InputError):
    """An undo or redo without a change of that author to take back or do again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """A change that somebody makes.

    Attributes:
        action: any but undo and redo.
        author: who makes it.
        polygons: id and version, as they were seen, of those that change; none to draw one.
        geometries: redraw and draw: one; split: two or more; merge: none (their union) or one. In
            the inventory's coordinate system.
        type: of landslide; None: as it was; an empty text takes it away.
        note: the same.
        reason: for this change.
        seconds: how long it was looked at.
    """

    action: Action
    author: str
    polygons: tuple[tuple[int, int], ...] = ()
    geometries: tuple[shapely.Geometry, ...] = ()
    type: str | None = None
    note: str | None = None
    reason: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        try:
            action = Action(self.action)
        except ValueError:
            action = Action.UNDO
        if action in (Action.UNDO, Action.REDO):
            known = ", ".join(one for one in Action if one not in (Action.UNDO, Action.REDO))
            raise InputError(f"action must be one of {known}; got {excerpt(self.action, 40)}")
        object.__setattr__(self, "action", action)
        check_author(self.author)
        for name in ("type", "note", "reason"):
            check_text(getattr(self, name), name)
        if self.seconds is not None and not 0 <= self.seconds <= _MAX_SECONDS:
            raise InputError(f"seconds must be from 0 to {_MAX_SECONDS:,.0f}; got {self.seconds!r}")
        ids = [one for one, _ in self.polygons]
        if len(set(ids)) < len(ids):
            raise InputError("polygons must name each one once")
        if len(ids) > MAX_POLYGONS:
            raise InputError(
                f"polygons may be {MAX_POLYGONS:,} in one change; got {len(ids):,}; use a rule"
            )
        least, most, outlines = _COUNTS.get(action, (1, MAX_POLYGONS, (0, 0)))
        for name, number, limits in (
            ("polygons", len(ids), (least, most)),
            ("geometries", len(self.geometries), outlines),
        ):
            if not limits[0] <= number <= limits[1]:
                wanted = f"{limits[0]}" if limits[0] == limits[1] else f"{limits[0]} to {limits[1]}"
                raise InputError(f"{action} takes {wanted} {name}; got {number}")
        if action == Action.ANNOTATE and self.type is None and self.note is None:
            raise InputError("annotate takes a type or a note; got neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """One change of all polygons that a rule selects.

    Attributes:
        action: accept, reject, reset or annotate.
        author: who makes it.
        rule: what selects them.
        ids: those that another rule selected of ``revision``, in place of ``rule``.
        revision: number of the newest change that ``ids`` know of.
        expected: how many polygons the author was shown that it selects; None: any number.
        type: see `ChangeRequest`, as note and reason.
        note: the same.
        reason: the same.
    """

    action: Action
    author: str
    rule: FeatureQuery = field(default_factory=FeatureQuery)
    ids: tuple[int, ...] | None = None
    revision: int | None = None
    expected: int | None = None
    type: str | None = None
    note: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.action not in PLAIN_ACTIONS:
            raise InputError(
                f"action by a rule must be one of {', '.join(sorted(PLAIN_ACTIONS))}; got "
                f"{excerpt(self.action, 40)}"
            )
        one = ChangeRequest(  # whose texts are checked alike
            action=self.action,
            author=self.author,
            polygons=((0, 0),),
            type=self.type,
            note=self.note,
            reason=self.reason,
        )
        object.__setattr__(self, "action", one.action)


def check_author(author: str) -> None:
    """Check a name.

    Raises:
        InputError: it is blank or not a name.
    """
    if not author.strip():
        raise InputError("author must be a name; got a blank one")
    check_text(author, "author")
    if "\n" in author or "\r" in author:
        raise InputError("author must be one line")


def check_text(text: str | None, name: str) -> None:
    """Check a text that is kept with a change.

    Raises:
        InputError: it is too long, or has control characters.
    """
    if text is None:
        return
    if len(text) > _MAX_TEXT[name]:
        raise InputError(f"{name} may have {_MAX_TEXT[name]:,} characters; got {len(text):,}")
    if (found := _CONTROL.search(text)) is not None:
        raise InputError(f"{name} has the character {excerpt(repr(found[0]))}; leave it out")
