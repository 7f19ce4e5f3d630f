"""Scores of tiles seen off their centre, beside those of the same pixels seen as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import LANDSLIDE
from landslip.datasets.off_centre import OffCentreTiles
from landslip.metrics.bootstrap import DefinedEstimate
from landslip.metrics.pixels import PixelCounts, count_pixels, sum_counts
from landslip.metrics.tile_scores import f1_contrast, grouped_table


@dataclass(frozen=True, slots=True, kw_only=True)
class OffCentreEvaluation:
    """Pixels of each tile that its moved window shows, as predicted in place and off-centre.

    Attributes:
        centred: counts of these pixels where the window is the tile, by tile.
        off_centre: counts of the same pixels where the window is moved, by tile.
        surroundings: how many windows show what beyond the tile; see
            `landslip.datasets.off_centre.Surroundings`.
    """

    centred: tuple[PixelCounts, ...]
    off_centre: tuple[PixelCounts, ...]
    surroundings: dict[str, int]

    def difference(self, groups: Sequence[str]) -> DefinedEstimate | None:
        """F1 off-centre minus F1 centred, of all tiles' pixels, with its 95 % interval over groups.

        ``groups`` has that of each tile. None where either F1 is undefined.
        """
        off_centre, centred = (
            grouped_table(counts, groups) for counts in (self.off_centre, self.centred)
        )
        return f1_contrast([(1, off_centre), (-1, centred)])

    def as_dict(self, groups: Sequence[str]) -> dict[str, Any]:
        """Return counts and scores of both, and the `difference` of F1, ready for JSON."""
        difference = self.difference(groups)
        return {
            "centred": sum_counts(self.centred).as_dict(),
            "off_centre": sum_counts(self.off_centre).as_dict(),
            "f1_difference": None if difference is None else difference.model_dump(mode="json"),
            "surroundings": self.surroundings,
        }


def count_off_centre(
    tiles: OffCentreTiles,
    position: int,
    probabilities: tuple[NDArray[np.float32], NDArray[np.float32]],
    threshold: float,
) -> tuple[PixelCounts, PixelCounts]:
    """Count the pixels of a tile that its moved window shows.

    Args:
        tiles: the moved windows.
        position: of the tile.
        probabilities: of the tile as it is, and of its moved window, both (height, width).
        threshold: from which a pixel is landslide.

    Returns:
        The counts of the same pixels in the tile as it is, and in the window.
    """
    shown, window = tiles.shown(position), tiles.tile(position)
    landslide, counted = window.label[shown] == LANDSLIDE, window.counted[shown]
    centred, off_centre = (
        count_pixels(probability[part] >= threshold, landslide, counted)
        for probability, part in zip(probabilities, (tiles.own(position), shown), strict=True)
    )
    return centred, off_centre
