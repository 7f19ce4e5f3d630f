"""Areas as the fits take them: sorted, counted, and thinned where there are very many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXACT = 5_000
_SMALLEST_KEPT = 1_000
_CLASS_WIDTH = 0.002


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedAreas:
    """Different areas and how often each comes.

    Attributes:
        areas_m2: (n,) float64, rising, all over 0.
        counts: (n,) float64.
    """

    areas_m2: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def landslides(self) -> int:
        """How many landslides there are."""
        return int(self.counts.sum())

    def resampled(self, draws: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the counts (draws, n) of landslides drawn anew with replacement."""
        shares = self.counts / self.counts.sum()
        return generator.multinomial(self.landslides, shares, size=draws).astype(np.float64)


def usable_areas(areas_m2: ArrayLike) -> NDArray[np.float64]:
    """Return the areas that are known and over 0, rising."""
    areas = np.asarray(areas_m2, dtype=np.float64).ravel()
    return np.sort(areas[np.isfinite(areas) & (areas > 0)])


def counted(areas_m2: NDArray[np.float64]) -> CountedAreas:
    """Count equal areas together; over 5,000 different ones also nearly equal ones.

    The classes are 0.2 % wide and stand at their mean, so sums over the areas change by less than
    a millionth; the 1,000 smallest areas, on which the fit of the smallest depends, stay as they
    are.
    """
    areas, counts = np.unique(areas_m2, return_counts=True)
    if len(areas) > EXACT:
        classes = np.floor(np.log(areas) / _CLASS_WIDTH).astype(np.int64)
        classes[:_SMALLEST_KEPT] = np.arange(_SMALLEST_KEPT) - 10**9
        _, at = np.unique(classes, return_inverse=True)
        sums = np.bincount(at, weights=areas * counts)
        counts = np.bincount(at, weights=counts)
        areas = sums / counts
    return CountedAreas(areas_m2=areas, counts=counts.astype(np.float64))
