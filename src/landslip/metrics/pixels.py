"""Pixel scores of the landslide class, from counts.

Counts come first and ratios second. All counts are over the pixels that are valid and labelled, of
every tile of a set, landslide-free tiles included; a ratio is taken once, from the summed counts,
and never averaged over tiles. A ratio whose denominator is 0 is undefined: None.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from landslip.metrics.curves import ProbabilityBins, average_precision
from landslip.metrics.spread import ProbabilitySpread, probability_spread

SCORES = ("precision", "recall", "f1", "iou")
BINS = 1000
FINE_BINS = 64 * BINS
MARGIN = 0.002
_EDGES = (np.arange(FINE_BINS) / FINE_BINS).astype(np.float32)
_CANDIDATES = np.arange(2, BINS, 4)  # between levels of 1/250


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelCounts:
    """Pixels detected correctly (tp) and wrongly (fp), missed (fn), and background (tn)."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        mine = asdict(self)
        return PixelCounts(**{name: mine[name] + getattr(other, name) for name in mine})

    @property
    def precision(self) -> float | None:
        """Tp / (tp + fp): the fraction of detected pixels that is landslide."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Tp / (tp + fn): the fraction of landslide pixels that is detected."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """2 tp / (2 tp + fp + fn); 0 where landslides exist and none is detected."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float | None:
        """Tp / (tp + fp + fn)."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    def as_dict(self) -> dict[str, float | None]:
        """Return counts and scores by name."""
        return asdict(self) | {name: getattr(self, name) for name in SCORES}


def count_pixels(
    predicted: NDArray[np.bool_], landslide: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> PixelCounts:
    """Count the pixels of one tile; ``counted`` are those valid and labelled."""
    pairs = np.bincount(2 * landslide[counted].astype(np.uint8) + predicted[counted], minlength=4)
    tn, fp, fn, tp = (int(number) for number in pairs)
    return PixelCounts(tp=tp, fp=fp, fn=fn, tn=tn)


class ThresholdCurve:
    """Histograms of probability of landslide and other pixels, and the best threshold by them.

    Thresholds are multiples of 1 / `BINS`; a pixel is landslide where its probability is at least
    the threshold. The histograms are finer, for the spread of the probabilities.
    """

    def __init__(self, histograms: NDArray[np.int64] | None = None) -> None:
        """Start with nothing counted, or with what another curve's `histograms` hold."""
        counted = np.zeros((2, FINE_BINS), dtype=np.int64) if histograms is None else histograms
        self._landslide, self._other = counted

    @property
    def histograms(self) -> NDArray[np.int64]:
        """Pixels by probability (2, `FINE_BINS`): landslide, and other. Those of parts add up."""
        return np.stack([self._landslide, self._other])

    def add(
        self,
        probability: NDArray[np.float32],
        landslide: NDArray[np.bool_],
        counted: NDArray[np.bool_],
    ) -> None:
        """Count the pixels of one tile."""
        bins = np.searchsorted(_EDGES, probability[counted], side="right") - 1
        truth = landslide[counted]
        self._landslide += np.bincount(bins[truth], minlength=FINE_BINS)
        self._other += np.bincount(bins[~truth], minlength=FINE_BINS)

    @property
    def has_landslides(self) -> bool:
        """Whether a landslide pixel was counted."""
        return bool(self._landslide.any())

    def counts(self, threshold: float) -> PixelCounts:
        """Return the counts at a threshold, which is rounded to the curve's steps."""
        cut = round(threshold * BINS) * (FINE_BINS // BINS)
        return PixelCounts(
            tp=int(self._landslide[cut:].sum()),
            fp=int(self._other[cut:].sum()),
            fn=int(self._landslide[:cut].sum()),
            tn=int(self._other[:cut].sum()),
        )

    def best_threshold(self) -> float:
        """Return the threshold with the highest F1; 0.5 where it is undefined.

        It has the highest of the lowest F1 within `MARGIN` of it: many pixels may have one
        probability, often the network's highest, and where the threshold was close under it,
        rounding (of bf16, of a map's levels of 1/250) would lose them all. It is halfway between
        two levels, so that a map's mask is what the threshold says. Of equal ones it is the middle.
        """
        if not self.has_landslides:
            return 0.5
        landslide = self._landslide.sum()
        tp, fp = (
            np.cumsum(pixels.reshape(BINS, -1).sum(axis=1)[::-1])[::-1]
            for pixels in (self._landslide, self._other)
        )
        f1 = 2 * tp / (tp + fp + landslide)
        lowest = minimum_filter1d(f1, 2 * round(MARGIN * BINS) + 1, mode="nearest")[_CANDIDATES]
        if not lowest.any():  # no probability is far enough from 0
            lowest = f1[_CANDIDATES]
        best = _CANDIDATES[lowest == lowest.max()]
        return int(best[len(best) // 2]) / BINS

    def average_precision(self) -> float | None:
        """Return the sum over falling thresholds of precision times the rise of recall.

        Of all `FINE_BINS` thresholds, so that it needs none to be chosen. None without landslides.
        """
        return average_precision(
            ProbabilityBins(
                landslide=self._landslide,
                other=self._other,
                probability_sum=np.zeros(FINE_BINS),
            )
        )

    def spread(self) -> ProbabilitySpread:
        """Return how the probabilities are spread."""
        return probability_spread(self._landslide, self._other)


def sum_counts(tiles: Iterable[PixelCounts]) -> PixelCounts:
    """Sum counts."""
    return sum(tiles, PixelCounts())


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None
