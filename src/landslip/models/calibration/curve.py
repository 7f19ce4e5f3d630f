"""A rising curve from a network's logit to a calibrated one.

Temperature scaling is a straight line through 0, Platt's method any rising line, isotonic
regression a line with bends: all are knots joined by straight lines, with a slope beyond the ends.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT = 12.0
"""Logits are clipped to this distance from 0 before the curve: beyond it float32 cannot distinguish
probabilities from 1."""


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
        """Calibrate a network's logits, of any shape; they are clipped to +-`LIMIT` before."""
        clipped = np.clip(np.asarray(logits, dtype=np.float64), -LIMIT, LIMIT)
        x, y = np.array(self.knots, dtype=np.float64).T
        calibrated: NDArray[np.float64] = np.interp(clipped, x, y)
        calibrated += self.slope_below * np.minimum(clipped - x[0], 0.0)
        calibrated += self.slope_above * np.maximum(clipped - x[-1], 0.0)
        return calibrated

    def calibrated(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the calibrated probabilities of a network's logits, of any shape."""
        return sigmoid(self.logits(logits))

    def probabilities(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Calibrate a network's probabilities (0 to 1), of any shape."""
        return self.calibrated(logit(probabilities)).astype(np.float32)

    def probability(self, probability: float) -> float:
        """Calibrate one probability; 0 and 1 stay as they are."""
        if probability in (0.0, 1.0):
            return probability
        return float(self.calibrated(logit(np.array(probability))))


def logit(probability: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return ``log(p / (1 - p))`` clipped to +-`LIMIT`, of any shape."""
    end = sigmoid(np.array(LIMIT))
    clipped = np.clip(np.asarray(probability, dtype=np.float64), 1 - end, end)
    logits: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return logits


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 / (1 + exp(-logit))``, of any finite logit."""
    probabilities: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -logits))
    return probabilities
