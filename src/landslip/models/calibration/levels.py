"""Levels of probability, before and after calibration.

Windows, their blending and the mask are in levels of the network's own probability. The finished
map is calibrated by a table from level to level, so that calibration cannot move a mask.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from landslip.models.calibration.curve import LIMIT, CalibrationCurve, logit
from landslip.models.calibration.metrics import LOGIT_BINS, LogitCounts
from landslip.models.engines.base import PROBABILITY_LEVELS, threshold_level

LevelTable = NDArray[np.uint8]
_END = float(logit(np.array(1 - 0.5 / PROBABILITY_LEVELS)))
"""Logit at which the highest level begins, and below -`_END` is the lowest."""


def end_probabilities(counts: LogitCounts, curve: CalibrationCurve) -> tuple[float, float]:
    """Return the mean calibrated probability of the pixels in the lowest and the highest level.

    Many pixels have a probability too near to 0 or 1 for a level of its own. Where there are none,
    the middle of the level's logits counts.
    """
    edges = np.linspace(-LIMIT, LIMIT, LOGIT_BINS + 1)
    centres, pixels = (edges[:-1] + edges[1:]) / 2, counts.landslide + counts.other
    calibrated = curve.calibrated(centres)
    lowest, highest = middle_of_ends(curve)
    below, above = centres < -_END, centres >= _END
    if pixels[below].any():
        lowest = float(np.average(calibrated[below], weights=pixels[below]))
    if pixels[above].any():
        highest = float(np.average(calibrated[above], weights=pixels[above]))
    return lowest, highest


def middle_of_ends(curve: CalibrationCurve) -> tuple[float, float]:
    """Return the calibrated probabilities in the middle of the end levels' logits."""
    middle = (_END + LIMIT) / 2
    low, high = curve.calibrated(np.array([-middle, middle])).tolist()
    return low, high


def level_table(
    curve: CalibrationCurve, ends: tuple[float, float], thresholds: Iterable[float]
) -> LevelTable:
    """Return the calibrated level (256,) of each level of the network's probability.

    It never falls. Calibrated levels are whole, so that several levels may have the same one; but
    not the levels on the two sides of a threshold, which are probabilities of the network. Values
    beyond the highest level, as nodata, stay as they are.
    """
    inner = np.arange(1, PROBABILITY_LEVELS) / PROBABILITY_LEVELS
    probability = np.concatenate([ends[:1], curve.calibrated(logit(inner)), ends[1:]])
    rounded = np.rint(PROBABILITY_LEVELS * np.maximum.accumulate(probability)).astype(np.int64)
    cuts = {threshold_level(threshold) for threshold in thresholds}
    cuts &= {*range(1, PROBABILITY_LEVELS + 1)}
    for above_0, cut in enumerate(sorted(cuts), start=1):
        rounded[cut:] = np.maximum(rounded[cut:], above_0)
    for cut in sorted(cuts, reverse=True):
        rounded[:cut] = np.minimum(rounded[:cut], rounded[cut] - 1)
    table = np.arange(256, dtype=np.uint8)
    table[: PROBABILITY_LEVELS + 1] = rounded
    return table
