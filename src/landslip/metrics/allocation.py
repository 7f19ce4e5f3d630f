"""How many units a stratified sample draws, and from which strata.

Olofsson et al. 2014, section 5, Remote Sensing of Environment 148: 42-57, doi
10.1016/j.rse.2014.02.015. W_h is the fraction of the area in stratum h, U_h the expected accuracy
there, and S_h = sqrt(U_h (1 - U_h)).
"""

import math

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import SampleAllocation
from landslip.core.errors import InputError, argument

Array = NDArray[np.float64]


def required_size(weights: Array, expected: Array, standard_error: float) -> int:
    """Return (sum of W_h S_h / standard error)^2, rounded up (equation 13 for many pixels).

    With the optimal allocation the overall accuracy has that standard error, and so has the
    fraction of landslide where each stratum is of one map class.
    """
    deviation = float((weights * np.sqrt(expected * (1 - expected))).sum())
    return max(math.ceil((deviation / standard_error) ** 2), 1)


def allocate(
    size: int,
    weights: Array,
    expected: Array,
    pixels: NDArray[np.int64],
    *,
    how: SampleAllocation,
    least: int,
) -> NDArray[np.int64]:
    """Return the number of units to draw from each stratum (strata,).

    ``optimal`` is Neyman's allocation, in proportion to W_h S_h; ``proportional`` to W_h; ``equal``
    to nothing. Strata that would have fewer than ``least`` get that many, or all their pixels where
    these are fewer, and the others share the rest.

    Args:
        size: of the sample.
        weights: (strata,) W_h.
        expected: (strata,) U_h.
        pixels: (strata,) how many there are.
        how: the allocation.
        least: of each stratum.

    Raises:
        InputError: the strata's least together are more than ``size``.
    """
    floors = np.minimum(least, pixels)
    if floors.sum() > size:
        raise InputError(
            f"{argument('size')} is at least {argument('min_per_stratum')} for each stratum, "
            f"together {floors.sum()}; got {size}"
        )
    shares = {
        SampleAllocation.OPTIMAL: weights * np.sqrt(expected * (1 - expected)),
        SampleAllocation.PROPORTIONAL: weights,
        SampleAllocation.EQUAL: np.ones(len(weights)),
    }[how]
    numbers = np.zeros(len(weights))
    free = np.ones(len(weights), dtype=np.bool_)
    while free.any():
        left = size - numbers[~free].sum()
        total = shares[free].sum()
        numbers[free] = left * (shares[free] / total if total > 0 else 1 / free.sum())
        short, full = free & (numbers < floors), free & (numbers > pixels)
        if not (short | full).any():
            break
        # what the full leave over may lift the short, so the full are settled first
        settled = full if full.any() else short
        numbers[settled] = np.where(full, pixels, floors)[settled]
        free &= ~settled
    return _rounded(numbers, pixels)


def _rounded(numbers: Array, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return whole numbers of the same sum, by the largest remainders."""
    whole = np.floor(numbers + 1e-9).astype(np.int64)
    missing = round(numbers.sum()) - int(whole.sum())
    order = np.argsort(whole - numbers, kind="stable")
    room = order[whole[order] < pixels[order]][: max(missing, 0)]
    whole[room] += 1
    return whole
