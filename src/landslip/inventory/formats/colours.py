"""How maps of an inventory are coloured."""

from typing import NamedTuple


class ConfidenceClass(NamedTuple):
    """A class of confidence and its colour, as red, green and blue from 0 to 255."""

    low: float
    high: float
    colour: tuple[int, int, int]


CONFIDENCE_CLASSES = (
    ConfidenceClass(0.0, 0.5, (255, 255, 178)),
    ConfidenceClass(0.5, 0.6, (254, 217, 118)),
    ConfidenceClass(0.6, 0.7, (254, 178, 76)),
    ConfidenceClass(0.7, 0.8, (253, 141, 60)),
    ConfidenceClass(0.8, 0.9, (240, 59, 32)),
    ConfidenceClass(0.9, 1.0, (189, 0, 38)),
)
UNGRADED = (214, 96, 50)
OUTLINE = (74, 28, 12)
FLAGGED = (0, 84, 147)
HIGHEST = (178, 24, 43)
LOWEST = (33, 102, 172)
DENSITIES = (
    (236, 241, 247),
    (189, 205, 226),
    (129, 167, 204),
    (67, 120, 168),
    (17, 68, 120),
)


def confidence_class(confidence: float) -> int:
    """Return the index in `CONFIDENCE_CLASSES` of a confidence from 0 to 1."""
    return sum(confidence >= grade.high for grade in CONFIDENCE_CLASSES[:-1])
