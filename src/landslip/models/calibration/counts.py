"""Pixels counted by logit, so that fitting a curve costs the same for one tile and for a million.

Bin b holds logits from ``b / 100 - LIMIT`` to under ``(b + 1) / 100 - LIMIT`` and stands for its
middle; those beyond `LIMIT` are in the first and the last one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.models.calibration.curve import LIMIT, logit

BINS = 2400
MIDDLES: NDArray[np.float64] = np.linspace(-LIMIT, LIMIT, 2 * BINS + 1)[1::2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogitCounts:
    """Pixels by logit.

    Attributes:
        landslide: (BINS,) int64, number of landslide pixels.
        other: (BINS,) int64, number of other pixels.
    """

    landslide: NDArray[np.int64]
    other: NDArray[np.int64]

    def __add__(self, other: "LogitCounts") -> "LogitCounts":
        return LogitCounts(
            landslide=self.landslide + other.landslide, other=self.other + other.other
        )

    @property
    def landslides(self) -> int:
        """Number of landslide pixels."""
        return int(self.landslide.sum())

    @property
    def others(self) -> int:
        """Number of other pixels."""
        return int(self.other.sum())

    @property
    def pixels(self) -> int:
        """Number of all pixels."""
        return self.landslides + self.others


def no_logits() -> LogitCounts:
    """Return empty counts, to add to."""
    return LogitCounts(landslide=np.zeros(BINS, np.int64), other=np.zeros(BINS, np.int64))


def count_logits(
    probability: NDArray[np.floating[Any]],
    landslide: NDArray[np.bool_],
    counted: NDArray[np.bool_],
) -> LogitCounts:
    """Count the pixels of a tile by the logit of their probability, all arrays (height, width)."""
    logits, truth = logit(probability[counted]), landslide[counted]
    places = ((logits + LIMIT) * (BINS / (2 * LIMIT))).astype(np.intp).clip(0, BINS - 1)
    return LogitCounts(
        landslide=np.bincount(places[truth], minlength=BINS),
        other=np.bincount(places[~truth], minlength=BINS),
    )


def summed(counts: list[LogitCounts]) -> LogitCounts:
    """Return the counts of all."""
    return sum(counts, no_logits())
