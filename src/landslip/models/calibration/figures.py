"""How far probabilities are from what they say: calibration error, Brier score and log loss."""

from dataclasses import dataclass

import numpy as np

from landslip.metrics.curves import BINS, ProbabilityBins, calibration_error
from landslip.models.calibration.counts import MIDDLES, LogitCounts
from landslip.models.calibration.curve import Calibration, sigmoid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """Probabilities of some pixels against the truth; sums, so that folds can be added.

    Attributes:
        bins: pixels by probability.
        brier_sum: sum of the squared differences of probability and truth (0 or 1).
        log_loss_sum: sum of ``-log`` of the probability given to the truth.
    """

    bins: ProbabilityBins
    brier_sum: float
    log_loss_sum: float

    def __add__(self, other: "Scored") -> "Scored":
        return Scored(
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
        """Expected calibration error over 20 bins of equal width, see `scores.curves`.

        Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602; NaN without pixels.
        """
        found = calibration_error(self.bins)
        return float("nan") if found is None else found

    @property
    def brier(self) -> float:
        """Mean squared difference of probability and truth; NaN without pixels.

        Brier 1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, of one class.
        """
        return self.brier_sum / self.pixels if self.pixels else float("nan")

    @property
    def log_loss(self) -> float:
        """Mean ``-log`` of the probability given to the truth, in nats; NaN without pixels."""
        return self.log_loss_sum / self.pixels if self.pixels else float("nan")


def scored(counts: LogitCounts, curve: Calibration | None) -> Scored:
    """Score pixels under a curve; None: with the network's own probabilities.

    A pixel counts with the middle of its bin of logits.
    """
    logits = MIDDLES if curve is None else curve.logits(MIDDLES)
    probability = sigmoid(logits)
    landslide, other = counts.landslide, counts.other
    return Scored(
        bins=_by_probability(probability, counts),
        brier_sum=float(landslide @ (1 - probability) ** 2 + other @ probability**2),
        log_loss_sum=float(landslide @ np.logaddexp(0, -logits) + other @ np.logaddexp(0, logits)),
    )


def _by_probability(probability: np.ndarray, counts: LogitCounts) -> ProbabilityBins:
    places = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    landslide = np.bincount(places, weights=counts.landslide, minlength=BINS)
    other = np.bincount(places, weights=counts.other, minlength=BINS)
    weights = probability * (counts.landslide + counts.other)
    return ProbabilityBins(
        # exact: whole numbers under 2^53
        landslide=landslide.astype(np.int64),
        other=other.astype(np.int64),
        probability_sum=np.bincount(places, weights=weights, minlength=BINS).astype(np.float64),
    )
