"""Landslides of one training tile pasted into another, after Ghiasi et al. (2021).

Simple Copy-Paste Is a Strong Data Augmentation Method for Instance Segmentation,
doi 10.1109/CVPR46437.2021.00294, there of single objects and with rescaling; here all landslides of
a crop are pasted where they are, mirrored or turned, with a blended edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.datasets.band_groups import flip_matrix, turned
from landslip.datasets.format import LANDSLIDE

Crop = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]
"""A normalised image (bands, side, side), its label and where it counts (side, side)."""
_EDGE_SIGMA_PX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPaste:
    """The share of crops that are pasted into, and the tiles whose landslides are pasted."""

    share: float
    donors: Sequence[int]

    def draw(self, generator: np.random.Generator) -> int | None:
        """Return the tile whose landslides a crop gets; None if it gets none."""
        if not self.donors or generator.random() >= self.share:
            return None
        return self.donors[int(generator.integers(len(self.donors)))]


def pasted(
    crop: Crop,
    donor: Crop,
    generator: np.random.Generator,
    directions: tuple[int, int] | None = None,
) -> Crop:
    """Return a crop with the counted landslides of another over it, mirrored or turned by a draw.

    The image is blended over a few pixels along their edges. What counts stays as it is. The bands
    at ``directions``, eastness and northness, turn with it.
    """
    turn, is_mirrored = int(generator.integers(4)), bool(generator.integers(2))
    image, label, counted = (
        np.rot90(part[..., ::-1] if is_mirrored else part, turn, axes=(-2, -1)) for part in donor
    )
    image = turned(image.astype(np.float32), directions, flip_matrix(turn + 4 * is_mirrored))
    landslide = (label == LANDSLIDE) & counted
    weight = cv2.GaussianBlur(landslide.astype(np.float32), (0, 0), _EDGE_SIGMA_PX) * counted
    blended = (crop[0] * (1.0 - weight) + image * weight).astype(np.float32)
    blended[:, ~crop[2]] = crop[0][:, ~crop[2]]
    return blended, np.where(weight > 0.5, np.uint8(LANDSLIDE), crop[1]), crop[2]
