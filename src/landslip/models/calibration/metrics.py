"""Pixels counted by logit, and their calibration error, Brier score and log loss.

With counts, fitting a curve costs the same for one tile and for a million. Bin b holds logits from
``b / 100 - LIMIT`` to under ``(b + 1) / 100 - LIMIT`` and is represented by its centre; logits
beyond `LIMIT` are in the first and the last bin.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.curves import BINS, LIKELY, ProbabilityBins, calibration_error
from landslip.models.calibration.curve import LIMIT, CalibrationCurve, logit, sigmoid

LOGIT_BINS = 2400
BIN_CENTRES: NDArray[np.float64] = np.linspace(-LIMIT, LIMIT, 2 * LOGIT_BINS + 1)[1::2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogitCounts:
    """Pixels by logit.

    Attributes:
        landslide: (LOGIT_BINS,) int64, number of landslide pixels.
        other: (LOGIT_BINS,) int64, number of other pixels.
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
    return LogitCounts(
        landslide=np.zeros(LOGIT_BINS, np.int64), other=np.zeros(LOGIT_BINS, np.int64)
    )


def count_logits(
    probability: NDArray[np.floating[Any]],
    landslide: NDArray[np.bool_],
    counted: NDArray[np.bool_],
) -> LogitCounts:
    """Count the pixels of a tile by the logit of their probability, all arrays (height, width)."""
    logits, truth = logit(probability[counted]), landslide[counted]
    bins = ((logits + LIMIT) * (LOGIT_BINS / (2 * LIMIT))).astype(np.intp).clip(0, LOGIT_BINS - 1)
    return LogitCounts(
        landslide=np.bincount(bins[truth], minlength=LOGIT_BINS),
        other=np.bincount(bins[~truth], minlength=LOGIT_BINS),
    )


def sum_counts(counts: list[LogitCounts]) -> LogitCounts:
    """Return the sum of counts."""
    return sum(counts, no_logits())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationMetrics:
    """Sums over pixels of probability against truth, which can be added over folds.

    Attributes:
        bins: pixels by probability.
        brier_sum: sum of the squared differences of probability and truth (0 or 1).
        log_loss_sum: sum of ``-log`` of the probability of the true class.
    """

    bins: ProbabilityBins
    brier_sum: float
    log_loss_sum: float

    def __add__(self, other: "CalibrationMetrics") -> "CalibrationMetrics":
        return CalibrationMetrics(
            bins=self.bins + other.bins,
            brier_sum=self.brier_sum + other.brier_sum,
            log_loss_sum=self.log_loss_sum + other.log_loss_sum,
        )

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return int(self.bins.pixels.sum())

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over 20 bins of equal width, see `landslip.metrics.curves`.

        Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602; NaN without pixels.
        """
        error = calibration_error(self.bins)
        return float("nan") if error is None else error

    @property
    def likely_calibration_error(self) -> float | None:
        """The same over pixels of a probability of 0.1 or more; None where there is none."""
        return calibration_error(self.bins, at_least=LIKELY)

    @property
    def brier(self) -> float:
        """Mean squared difference of probability and truth; NaN without pixels.

        Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, of one class.
        """
        return self.brier_sum / self.pixels if self.pixels else float("nan")

    @property
    def log_loss(self) -> float:
        """Mean ``-log`` of the probability of the true class, in nats; NaN without pixels."""
        return self.log_loss_sum / self.pixels if self.pixels else float("nan")


def calibration_metrics(counts: LogitCounts, curve: CalibrationCurve | None) -> CalibrationMetrics:
    """Measure calibrated probabilities, or the network's own where ``curve`` is None.

    A pixel has the logit of the centre of its bin.
    """
    logits = BIN_CENTRES if curve is None else curve.logits(BIN_CENTRES)
    probability = sigmoid(logits)
    landslide, other = counts.landslide, counts.other
    bins = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    return CalibrationMetrics(
        bins=ProbabilityBins(
            # exact: whole numbers under 2^53
            landslide=np.bincount(bins, weights=landslide, minlength=BINS).astype(np.int64),
            other=np.bincount(bins, weights=other, minlength=BINS).astype(np.int64),
            probability_sum=np.bincount(
                bins, weights=probability * (landslide + other), minlength=BINS
            ).astype(np.float64),
        ),
        brier_sum=float(landslide @ (1 - probability) ** 2 + other @ probability**2),
        log_loss_sum=float(landslide @ np.logaddexp(0, -logits) + other @ np.logaddexp(0, logits)),
    )
