"""What a review says: its changes, how far it is, and what was looked at."""

from dataclasses import dataclass

import shapely

from landslip.review.record import CoverageGrid
from landslip.review.words import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the log, with its polygons; see `landslip.review.changes`.

    Attributes:
        of: number of the change that an undo takes back, or a redo does again.
        bulk: what all changes by one rule have.
        active: whether it holds, or was undone.
    """

    seq: int
    time: str
    author: str
    action: Action
    polygon_ids: tuple[int, ...]
    type: str | None
    note: str | None
    reason: str | None
    seconds: float | None
    of: int | None
    bulk: str | None
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What changes did: polygons that they touched and are there, and those that are gone."""

    revision: int
    changes: tuple[Change, ...]
    polygons: tuple[int, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSummary:
    """How far a review is.

    Attributes:
        revision: number of the newest change.
        counts: polygons that are there, by verdict.
        drawn: of them, those that people drew.
        edited: of them, those whose outline people changed, divided or merged.
        removed: polygons of the inventory that were merged into others.
        cells: of the mapped area.
    """

    created: str
    revision: int
    counts: dict[str, int]
    drawn: int
    edited: int
    removed: int
    cells: int
    cells_looked_at: int
    authors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCell:
    """A cell in the mapped area; author and time are those of the newest look at it."""

    column: int
    row: int
    outline: shapely.Polygon
    looked_at: bool
    author: str | None
    time: str | None
    unreviewed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """The cells of the mapped area as they are now; outlines in the inventory's system."""

    revision: int
    grid: CoverageGrid
    cells: tuple[CoverageCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOverlay:
    """What differs from the inventory's own polygons, by id.

    Attributes:
        features: polygons whose outline is not the inventory's.
        removed: polygons of the inventory that are gone.
        replaced: polygons of the inventory whose outline is another one now.
        accepted: polygons that were accepted, of those with the inventory's outline.
        rejected: the same, rejected.
    """

    revision: int
    features: tuple[int, ...]
    removed: tuple[int, ...]
    replaced: tuple[int, ...]
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
