"""The closed sets of words of a review."""

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
