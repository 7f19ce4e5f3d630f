"""The closed sets of words of a review, and its columns."""

import math
from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What people say of a polygon; ``removed`` is one that was merged, divided or taken back."""

    UNREVIEWED = "unreviewed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REMOVED = "removed"


class Provenance(StrEnum):
    """Where an outline is from."""

    MODEL = "model"
    EDITED = "edited"
    DRAWN = "drawn"
    SPLIT = "split"
    MERGED = "merged"


class Action(StrEnum):
    """What one change does."""

    ACCEPT = "accept"
    REJECT = "reject"
    RESET = "reset"
    REDRAW = "redraw"
    SPLIT = "split"
    MERGE = "merge"
    DRAW = "draw"
    ANNOTATE = "annotate"
    UNDO = "undo"
    REDO = "redo"


VERDICTS, PROVENANCES = tuple(Verdict), tuple(Provenance)
PRESENT = VERDICTS[:3]
"""Verdicts of polygons that are there."""
REVIEW_COLUMNS: Mapping[str, str | int | float | None] = {
    "verdict": str(Verdict.UNREVIEWED),
    "provenance": str(Provenance.MODEL),
    "version": 0,
    "type": None,
    "note": None,
    "author": None,
    "changed": None,
    "information": math.nan,
}
"""Columns that a review adds to an inventory's own, and what they are where nobody reviewed."""
