"""How a network's probabilities are spread: their highest value, and how many pixels share one."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.messages import Message, message
from landslip.core.records import StrictModel

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_COMMONEST_SHARE = 0.1
"""Fraction of landslide pixels on one value from which ranks among them are worth a warning."""


class ProbabilitySpread(StrictModel):
    """The spread of a network's own, uncalibrated probabilities over valid and labelled pixels.

    Attributes:
        landslide_pixels: number of landslide pixels.
        highest: highest probability of any pixel; None without pixels.
        highest_landslide: highest probability of a landslide pixel. This and what follows is None
            without landslide pixels.
        commonest: probability that most landslide pixels have.
        commonest_share: fraction of the landslide pixels that have it.
        distinct: number of different probabilities of landslide pixels.
        quantiles: of the landslide pixels, at `QUANTILES`.
    """

    landslide_pixels: int
    highest: float | None
    highest_landslide: float | None
    commonest: float | None
    commonest_share: float | None
    distinct: int
    quantiles: tuple[float, ...] | None

    @property
    def warning(self) -> Message | None:
        """What it means that many landslide pixels share one value; None where few do."""
        if self.commonest_share is None or self.commonest_share < MAX_COMMONEST_SHARE:
            return None
        return message(
            "probabilities.one_value",
            percent=100 * self.commonest_share,
            pixels=self.landslide_pixels,
            value=self.commonest or 0.0,
            highest=self.highest or 0.0,
        )


def probability_spread(landslide: NDArray[np.int64], other: NDArray[np.int64]) -> ProbabilitySpread:
    """Return the spread of pixels counted in equal bins (bins,) over 0 to 1.

    Probabilities in a bin count as one, its lower edge: with 64,000 bins, what differs by less
    than 0.000016 is the same.
    """
    total, filled = int(landslide.sum()), np.flatnonzero(landslide + other)
    highest = None if len(filled) == 0 else float(filled[-1] / len(landslide))
    if total == 0:
        return ProbabilitySpread(
            landslide_pixels=0,
            highest=highest,
            highest_landslide=None,
            commonest=None,
            commonest_share=None,
            distinct=0,
            quantiles=None,
        )
    values = np.flatnonzero(landslide)
    at = values[np.searchsorted(np.cumsum(landslide[values]), total * np.array(QUANTILES))]
    commonest = int(np.argmax(landslide))
    return ProbabilitySpread(
        landslide_pixels=total,
        highest=highest,
        highest_landslide=float(values[-1] / len(landslide)),
        commonest=commonest / len(landslide),
        commonest_share=float(landslide[commonest] / total),
        distinct=len(values),
        quantiles=tuple((at / len(landslide)).tolist()),
    )
