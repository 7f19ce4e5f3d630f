"""The states of a landslide on a date."""

from enum import StrEnum


class TrackState(StrEnum):
    """What became of a landslide since it was last seen; docs/tracking.md defines each."""

    NEW = "new"
    PERSISTING = "persisting"
    ENLARGED = "enlarged"
    REACTIVATED = "reactivated"
    SPLIT = "split"
    MERGED = "merged"
    SHRINKING = "shrinking"
    RECOVERED = "recovered"
    NOT_OBSERVED = "not observed"
