"""The baseline of every experiment: the mean mask of the training tiles, which sees no image.

Its probability at a place of a test tile is the fraction of training tiles that have landslide at
that place; its threshold is chosen on the validation tiles, as that of a network. By how much a
method beats it is what images add to the place in the tile. On tiles of a regular grid it is no
better than calling every pixel landslide.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.position_prior import mean_mask, resized
from landslip.datasets.splits.tile_groups import tile_groups
from landslip.experiments.results import MethodFacts, RunScores
from landslip.experiments.scoring import score_run
from landslip.experiments.selection import count_tiles
from landslip.models.predictions import threshold_curve

MEAN_MASK = "mean mask"
"""Name of the method; that of an experiment's own methods has no space."""
ARCH = "mean-mask"
FACTS = MethodFacts(
    label="mean mask, sees no image",
    arch=ARCH,
    notes=("the fraction of training tiles that have landslide at a place of the tile",),
)


class MeanMaskPredictions:
    """The mean mask as the prediction of tiles, by their names."""

    def __init__(self, mask: NDArray[np.float32], shapes: dict[str, tuple[int, int]]) -> None:
        """Predict tiles of some shapes (height, width) by a mean mask, which is resized to them."""
        self._mask = mask
        self._shapes = shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def probability(self, tile_id: str) -> NDArray[np.float32]:
        """Return a tile's probability (height, width)."""
        return resized(self._mask, self._shapes[tile_id])


def score_mean_mask(fitted: TileDataset, tested: TileDataset, boundary_px: int) -> RunScores | None:
    """Score the mean mask of a dataset's training tiles on the test tiles of a dataset.

    The threshold is that of the highest F1 on the validation tiles, or on the training tiles where
    no validation tile has a landslide. None without training or test tiles.
    """
    trained, test = fitted.positions(Split.TRAIN), tested.positions(Split.TEST)
    if not trained or not test:
        return None
    tiles = (fitted.tile(at) for at in trained)
    masks = ((tile.counted & (tile.label == LANDSLIDE), tile.counted) for tile in tiles)
    mask = mean_mask(masks, [fitted.shape(at) for at in trained])

    def predicted(positions: list[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        return ((at, resized(mask, fitted.shape(at))) for at in positions)

    validated = fitted.positions(Split.VALIDATION)
    curve = threshold_curve(fitted, predicted(validated))
    if not curve.has_landslides:
        curve = threshold_curve(fitted, predicted(trained))
    threshold = curve.best_threshold()
    shapes = {tested.tile_ids[at]: tested.shape(at) for at in test}
    groups = tile_groups(fitted).names
    counts = count_tiles(fitted, predicted(validated), threshold)
    validation = [
        one.model_copy(update={"group": groups[at]})
        for one, at in zip(counts, validated, strict=True)
    ]
    predictions = MeanMaskPredictions(mask, shapes)
    return score_run(tested, predictions, validation, threshold, boundary_px)
