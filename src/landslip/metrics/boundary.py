"""Boundary F1: how well outlines agree with outlines, within a tolerance.

A pixel of a mask is on its boundary where one of its four neighbours is counted and not in the
mask. So the frame of a tile is no boundary, and neither is the border to pixels that are not
counted. A boundary pixel is near where a boundary pixel of the other mask is at most the
tolerance away, centre to centre in a straight line (Euclidean), whatever is between them.

Outlines are compared within a tile: a counterpart beyond its edge does not count.
"""

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryCounts:
    """Boundary pixels of prediction (found) and label (known), and those that are near the other's.

    Counts are summed over tiles and ratios taken once. A ratio whose denominator is 0 is None.
    """

    found: int = 0
    found_near: int = 0
    known: int = 0
    known_near: int = 0

    def __add__(self, other: "BoundaryCounts") -> "BoundaryCounts":
        mine = asdict(self)
        return BoundaryCounts(**{name: mine[name] + getattr(other, name) for name in mine})

    @property
    def precision(self) -> float | None:
        """Found_near / found."""
        return self.found_near / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Known_near / known."""
        return self.known_near / self.known if self.known else None

    @property
    def f1(self) -> float | None:
        """2 precision recall / (precision + recall).

        0 where only one of the two has a boundary or none is near; None where neither has one.
        """
        if not self.found and not self.known:
            return None
        if not self.found_near or not self.known_near:
            return 0.0
        precision, recall = self.found_near / self.found, self.known_near / self.known
        return 2 * precision * recall / (precision + recall)


def count_boundary(
    predicted: NDArray[np.bool_],
    landslide: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    *,
    tolerance_px: int,
) -> BoundaryCounts:
    """Count the boundary pixels of one tile, all arrays (height, width); see the rules above.

    ``counted`` pixels are valid and labelled; a tolerance of 0 requires the same pixel.
    """
    result, known = boundary(predicted, counted), boundary(landslide, counted)
    offsets = np.arange(-tolerance_px, tolerance_px + 1)
    disc = (offsets[:, None] ** 2 + offsets**2 <= tolerance_px**2).astype(np.uint8)
    return BoundaryCounts(
        found=int(result.sum()),
        found_near=int((result & _grown(known, disc)).sum()),
        known=int(known.sum()),
        known_near=int((known & _grown(result, disc)).sum()),
    )


def boundary(mask: NDArray[np.bool_], counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the counted pixels of a mask with one of four neighbours counted and outside it."""
    outside = _grown(counted & ~mask, _CROSS)
    on_boundary: NDArray[np.bool_] = mask & counted & outside
    return on_boundary


def _grown(mask: NDArray[np.bool_], kernel: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), dtype=np.bool_)
