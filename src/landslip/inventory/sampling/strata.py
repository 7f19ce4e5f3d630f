"""The stratum of each pixel of a window."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from landslip.core.choices import BufferSide
from landslip.inventory.sampling.design import BACKGROUND, BUFFER, LANDSLIDE

OUTSIDE = 255
"""Code of a pixel without data, or outside the searched area."""
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPixels:
    """A window of a map, each (height, width).

    ``landslide`` is what the map says, ``searched`` where it says something; ``probability`` is
    None where it was not asked for.
    """

    landslide: NDArray[np.bool_]
    searched: NDArray[np.bool_]
    probability: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratification:
    """How a map is divided.

    Attributes:
        buffer_m: reach of the buffer from the edges of mapped landslides; None: no such stratum.
        side: on which side of the edges.
        limits: of the classes of probability.
    """

    buffer_m: float | None
    side: BufferSide
    limits: tuple[float, ...] = ()

    @property
    def strata(self) -> list[tuple[str, float | None, float | None]]:
        """Kind and limits of probability of each stratum, in the order of the codes."""
        classes: list[tuple[float | None, float | None]] = [(None, None)]
        if self.limits:
            edges = (0.0, *self.limits, 1.0)
            classes = list(pairwise(edges))
        divided = [(kind, *limits) for kind in (LANDSLIDE, BACKGROUND) for limits in classes]
        return divided + ([] if self.buffer_m is None else [(BUFFER, None, None)])

    def margin_px(self, step_m: tuple[float, float]) -> int:
        """Return how many pixels around a window decide on its strata."""
        return 0 if self.buffer_m is None else math.ceil(self.buffer_m / min(step_m)) + 2

    def codes(self, pixels: MapPixels, step_m: tuple[float, float]) -> Codes:
        """Return the index of each pixel's stratum (height, width), or `OUTSIDE`.

        A pixel is in the buffer where its centre is within ``buffer_m`` of the edge of a mapped
        landslide: half a pixel less than the distance to the next centre of the other class. Where
        data end is no edge.

        Args:
            pixels: the window with a margin.
            step_m: height and width of a pixel.
        """
        classes = len(self.limits) + 1
        codes = np.where(pixels.landslide, 0, classes).astype(np.uint8)
        if pixels.probability is not None:
            codes += np.digitize(pixels.probability, self.limits).astype(np.uint8)
        if self.buffer_m is not None:
            landslide = pixels.landslide & pixels.searched
            background = ~pixels.landslide & pixels.searched
            reach = self.buffer_m + max(step_m) / 2 * (1 + 1e-9)
            if landslide.any() and background.any():
                near = distance_transform_edt(~landslide, sampling=step_m) <= reach
                if self.side == BufferSide.OUTSIDE:
                    near &= background
                else:
                    inner = distance_transform_edt(~background, sampling=step_m) <= reach
                    near = np.where(landslide, inner, near)
                codes[near] = 2 * classes
        codes[~pixels.searched] = OUTSIDE
        return codes
