"""The upper threshold of hysteresis where none is stated: midway from the lower one to a peak.

The peak is the highest probability that a right landslide typically reaches. It is not 1: a network
that was trained for a short time, or whose head is bounded, reaches 0.4 or 0.98 and never more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.models.calibration.levels import LevelTable
from landslip.models.card import ModelCard
from landslip.models.engines.base import PROBABILITY_LEVELS, threshold_level

LEAST_AREA_SHARE = 0.1
"""The model's peak is not the map's where less of the area is in regions that reach midway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperThreshold:
    """An upper threshold and where it is from.

    Attributes:
        high: the threshold.
        expected: by the model's validation landslides; None: not known.
    """

    high: float
    expected: float | None

    @property
    def is_lowered(self) -> bool:
        """Whether the map does not hold what the model's validation landslides reach."""
        return self.expected is not None and self.high < self.expected


def upper_threshold(
    low: float, area_by_maximum: NDArray[np.int64], card: ModelCard | None
) -> UpperThreshold:
    """Choose the upper threshold of a map.

    Midway is before calibration, so that calibration does not change which landslides there are.
    Where regions with less than `LEAST_AREA_SHARE` of the area reach it, or the model does not
    state a peak, the peak is that of the map: half of the area is in regions that reach it.

    Args:
        low: lower threshold, on the map's scale.
        area_by_maximum: total area, in any unit, of the regions whose highest probability is each
            level from 0 to `PROBABILITY_LEVELS`.
        card: of the model that made the map.
    """
    expected, table = None, None
    if card is not None:
        table = card.level_table
        expected = _expected(low, card)
    total = area_by_maximum.sum()
    if total == 0:
        high = _midway(low, 1.0, table) if expected is None else expected
        return UpperThreshold(high=high, expected=expected)
    reaching = np.cumsum(area_by_maximum[::-1])[::-1]
    if expected is not None and reaching[threshold_level(expected)] >= LEAST_AREA_SHARE * total:
        return UpperThreshold(high=expected, expected=expected)
    peak = int(np.flatnonzero(reaching >= total / 2)[-1]) / PROBABILITY_LEVELS
    return UpperThreshold(high=_midway(low, peak, table), expected=expected)


def _expected(low: float, card: ModelCard) -> float | None:
    """Return the threshold by the model's validation landslides; None: they are not known."""
    if card.objects is None or card.objects.peak is None:
        return None
    if abs(low - card.calibrated_threshold) < 1 / PROBABILITY_LEVELS:
        return max(low, card.calibrated(card.upper_threshold))
    return _midway(low, card.calibrated(card.objects.peak), card.level_table)


def _midway(low: float, peak: float, table: LevelTable | None) -> float:
    """Return the middle of two probabilities of a map; ``low`` where the peak is below."""
    if peak <= low:
        return low
    if table is None:
        return (low + peak) / 2
    ends = [threshold_level(low), threshold_level(peak)]
    middle = np.searchsorted(table[: PROBABILITY_LEVELS + 1], ends).mean()
    level = table[min(int(np.ceil(middle)), PROBABILITY_LEVELS)]
    return max(low, int(level) / PROBABILITY_LEVELS)
