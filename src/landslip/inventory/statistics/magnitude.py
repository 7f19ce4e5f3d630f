"""Landslide-event magnitude: log10 of the number of landslides (Malamud et al. 2004).

The number mapped depends on how small landslides are mapped. So the number is also inferred from
the landslides of at least 10,000 m², of which the standard distribution, that of three complete
events, holds 4.1 %: their number over that share. It holds where one event's landslides were
mapped and their areas follow the standard distribution.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from landslip.inventory.statistics.inverse_gamma import STANDARD
from landslip.inventory.statistics.result import Estimate, Magnitude

LARGE_FROM_M2 = 10_000.0
FEWEST_LARGE = 5


def magnitude_of(landslides: int, areas_m2: NDArray[np.float64], level: float) -> Magnitude | None:
    """Return the magnitude of an inventory; None of one without landslides.

    The interval from large landslides is that of their number as a Poisson variable (Garwood
    1936), and no more: how far an event's areas are from the standard distribution is not in it.

    Args:
        landslides: all that were mapped.
        areas_m2: those areas that are known.
        level: of the interval.
    """
    if landslides == 0:
        return None
    large = int(np.count_nonzero(areas_m2 >= LARGE_FROM_M2))
    inferred = None
    if large >= FEWEST_LARGE:
        share = float(STANDARD.share_over(np.array(LARGE_FROM_M2)))
        low, high = gammaincinv([large, large + 1], [(1 - level) / 2, (1 + level) / 2])
        value, low, high = (float(np.log10(number / share)) for number in (large, low, high))
        inferred = Estimate(value=value, low=low, high=high)
    return Magnitude(
        from_count=float(np.log10(landslides)),
        from_large=inferred,
        large_from_m2=None if inferred is None else LARGE_FROM_M2,
    )
