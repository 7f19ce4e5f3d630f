"""A rising curve from a network's logit to a calibrated one.

Temperature is a straight line through 0, Platt's method any rising line, isotonic regression a line
with bends: all are knots joined by straight lines, with a slope beyond either end.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT = 12.0
"""Logits are cut to this distance from 0 before the curve, in every engine: beyond it float32
cannot tell probabilities from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """A strictly rising, piecewise linear curve.

    Attributes:
        knots: (logit, calibrated logit) of the bends, by rising logit; at least one.
        slope_below: slope under the first knot.
        slope_above: slope over the last knot.
    """

    knots: tuple[tuple[float, float], ...]
    slope_below: float
    slope_above: float

    def __post_init__(self) -> None:
        if not self.knots:
            raise ValueError("a calibration curve needs at least one knot")
        points = np.array(self.knots, dtype=np.float64)
        ends = np.array([self.slope_below, self.slope_above], dtype=np.float64)
        if not (np.isfinite(points).all() and np.isfinite(ends).all()):
            raise ValueError(f"a calibration curve is finite; got {self}")
        if not (np.diff(points, axis=0) > 0).all() or not (ends > 0).all():
            raise ValueError(f"a calibration curve rises everywhere; got {self}")

    @classmethod
    def line(cls, slope: float, intercept: float = 0.0) -> "CalibrationCurve":
        """Return the curve ``slope * logit + intercept``."""
        return cls(knots=((0.0, intercept),), slope_below=slope, slope_above=slope)

    def logits(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return calibrated logits of a network's, of any shape; cut to +-`LIMIT` before."""
        cut = np.clip(np.asarray(logits, dtype=np.float64), -LIMIT, LIMIT)
        x, y = np.array(self.knots, dtype=np.float64).T
        found: NDArray[np.float64] = np.interp(cut, x, y)
        found += self.slope_below * np.minimum(cut - x[0], 0.0)
        found += self.slope_above * np.maximum(cut - x[-1], 0.0)
        return found

    def probabilities(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return calibrated probabilities of a network's (0 to 1), of any shape."""
        found: NDArray[np.float32] = sigmoid(self.logits(logit(probabilities))).astype(np.float32)
        return found

    def probability(self, probability: float) -> float:
        """Return the calibrated probability of a network's; 0 and 1 stay what they are."""
        if probability in (0.0, 1.0):
            return probability
        return float(sigmoid(self.logits(logit(np.array(probability)))))

    def hinges(self) -> tuple[float, float, tuple[tuple[float, float], ...]]:
        """Return the curve as a sum.

        Returns:
            start: value at 0 of the first straight line, continued.
            slope: of the first straight line.
            bends: (knot, change of slope): change times how far a logit is over the knot is added.
        """
        x, y = np.array(self.knots, dtype=np.float64).T
        slopes = np.array([self.slope_below, *(np.diff(y) / np.diff(x)), self.slope_above])
        changes = np.diff(slopes)
        bends = tuple(
            (float(knot), float(change)) for knot, change in zip(x, changes, strict=True) if change
        )
        return float(y[0] - self.slope_below * x[0]), self.slope_below, bends


def logit(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return ``log(p / (1 - p))`` cut to +-`LIMIT`, of any shape."""
    end = sigmoid(np.array(LIMIT))
    cut = np.clip(np.asarray(probability, dtype=np.float64), 1 - end, end)
    found: NDArray[np.float64] = np.log(cut) - np.log1p(-cut)
    return found


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(-logit))``, of any finite logit."""
    found: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -logits))
    return found
