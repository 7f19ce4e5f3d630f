"""Pixel scores of the landslide class, from counts.

Counts come first and ratios second. All counts are over the pixels that are valid and labelled, of
every tile of a set, landslide-free tiles included; a ratio is taken once, from the summed counts,
and never averaged over tiles. A ratio whose denominator is 0 is undefined: None.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

SCORES = ("precision", "recall", "f1", "iou")
BINS = 1000
_THRESHOLDS = (np.arange(BINS) / BINS).astype(np.float32)


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
    the threshold.
    """

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._landslide = np.zeros(BINS, dtype=np.int64)
        self._other = np.zeros(BINS, dtype=np.int64)

    def add(
        self,
        probability: NDArray[np.float32],
        landslide: NDArray[np.bool_],
        counted: NDArray[np.bool_],
    ) -> None:
        """Count the pixels of one tile."""
        bins = np.searchsorted(_THRESHOLDS, probability[counted], side="right") - 1
        truth = landslide[counted]
        self._landslide += np.bincount(bins[truth], minlength=BINS)
        self._other += np.bincount(bins[~truth], minlength=BINS)

    def counts(self, threshold: float) -> PixelCounts:
        """Return the counts at a threshold, which is rounded to the curve's steps."""
        cut = round(threshold * BINS)
        return PixelCounts(
            tp=int(self._landslide[cut:].sum()),
            fp=int(self._other[cut:].sum()),
            fn=int(self._landslide[:cut].sum()),
            tn=int(self._other[:cut].sum()),
        )

    def best_threshold(self) -> float:
        """Return the threshold of the highest F1, the middle one of equals; 0.5 if undefined."""
        landslide = self._landslide.sum()
        if landslide == 0:
            return 0.5
        tp = np.cumsum(self._landslide[::-1])[::-1]
        fp = np.cumsum(self._other[::-1])[::-1]
        f1 = 2 * tp / (tp + fp + landslide)
        best = np.flatnonzero(f1 == f1.max())
        return max(int(best[len(best) // 2]), 1) / BINS


def sum_counts(tiles: Iterable[PixelCounts]) -> PixelCounts:
    """Sum counts."""
    return sum(tiles, PixelCounts())


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None
