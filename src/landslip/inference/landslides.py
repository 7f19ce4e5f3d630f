"""Finished landslides, many at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inference.outlines import Outlines, joined_outlines


@dataclass(frozen=True, slots=True, kw_only=True)
class Landslides:
    """Finished landslides, as columns, in pixel coordinates.

    Attributes:
        outlines: their polygons.
        pixels: int64, how many pixels each has.
        probability_sums: int64, over those pixels, in steps of 1/250.
        probability_maxima: uint8, in steps of 1/250.
    """

    outlines: Outlines
    pixels: NDArray[np.int64]
    probability_sums: NDArray[np.int64]
    probability_maxima: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, order: NDArray[np.int64]) -> "Landslides":
        """Return the landslides of these indices, in their order."""
        return Landslides(
            outlines=self.outlines.take(order),
            pixels=self.pixels[order],
            probability_sums=self.probability_sums[order],
            probability_maxima=self.probability_maxima[order],
        )


def joined_landslides(parts: list[Landslides]) -> Landslides:
    """Return the landslides of all parts, one after the other."""
    none = np.empty(0, dtype=np.int64)
    few = np.empty(0, dtype=np.uint8)
    return Landslides(
        outlines=joined_outlines([part.outlines for part in parts]),
        pixels=np.concatenate([none, *(part.pixels for part in parts)]),
        probability_sums=np.concatenate([none, *(part.probability_sums for part in parts)]),
        probability_maxima=np.concatenate([few, *(part.probability_maxima for part in parts)]),
    )
