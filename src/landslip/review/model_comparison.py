"""Two models on the same tiles: scores of each, and whether one is better than the other.

Pixels and objects are counted over all tiles, each model at its own threshold. Intervals are 95 %
bootstrap intervals over blocks of ground, those of differences with the same blocks for both. One
model is better than the other only where the intervals of the differences of F1 and of average
precision are both above 0: F1 alone rises with another threshold, too, and where labels are
careless it rises because more is mapped; average precision then does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from landslip.core.records import StrictModel
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.metrics.bootstrap import IntervalEstimate, Resampling
from landslip.metrics.curves import (
    ProbabilityBins,
    average_precision_difference,
    bin_pixels,
    sum_by_group,
)
from landslip.metrics.objects import ObjectCounts, count_objects
from landslip.metrics.pixels import PixelCounts, ThresholdCurve, count_pixels
from landslip.metrics.tile_scores import compare_f1, grouped_table, tile_intervals

ComparisonVerdict = Literal["better", "F1 alone", "worse", "not distinguishable"]
Probability = NDArray[np.float32]


class ModelScores(StrictModel):
    """A model's scores on tiles.

    Attributes:
        threshold: of the model; where it was chosen without each fold in turn, their mean.
        f1: of pixels, with ``precision``, ``recall``, and ``average_precision``, which needs no
            threshold.
        landslides: objects of the labels.
        detected: of them, those of which the model maps half or more.
        found: objects that the model maps.
        false: of them, those less than half of which is landslide.
    """

    threshold: float
    f1: IntervalEstimate
    precision: IntervalEstimate
    recall: IntervalEstimate
    average_precision: IntervalEstimate
    landslides: int
    detected: int
    found: int
    false: int


class ModelComparison(StrictModel):
    """A new model beside the one that it was made of, on the same tiles.

    Attributes:
        before: the earlier model.
        after: the new one.
        f1: after minus before.
        average_precision: after minus before.
        p_value: that the two do not differ in F1; None: undefined.
        tiles: that both were scored on.
        blocks: of ground, which intervals are over.
        verdict: by the intervals of both differences; ``F1 alone``: average precision is not shown
            to be higher.
    """

    before: ModelScores
    after: ModelScores
    f1: IntervalEstimate
    average_precision: IntervalEstimate
    p_value: float | None
    tiles: int
    blocks: int
    verdict: ComparisonVerdict


@dataclass(slots=True)
class TileScores:
    """Counts of one model over tiles, in the order in which they were added."""

    groups: list[str] = field(default_factory=list)
    tiles: list[PixelCounts] = field(default_factory=list)
    bins: list[ProbabilityBins] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    curve: ThresholdCurve = field(default_factory=ThresholdCurve)
    thresholds: list[float] = field(default_factory=list)

    def scores(self, how: Resampling) -> ModelScores:
        """Return the scores, with intervals over the groups."""
        average = self.curve.average_precision()
        found = tile_intervals(self.tiles, self.bins, self.groups, average, how)
        return ModelScores(
            threshold=float(np.mean(self.thresholds)),
            f1=found["f1"],
            precision=found["precision"],
            recall=found["recall"],
            average_precision=found["average_precision"],
            landslides=sum(self.objects.landslides),
            detected=sum(self.objects.detected),
            found=self.objects.found,
            false=self.objects.false,
        )


def score_tiles(
    dataset: TileDataset,
    probabilities: Mapping[int, Probability],
    thresholds: Mapping[int, float],
) -> TileScores:
    """Count the pixels and objects of tiles by their positions, in order of these.

    Args:
        dataset: with the labels.
        probabilities: of each tile (height, width).
        thresholds: of each tile.
    """
    found, groups = TileScores(), dataset.groups
    for at in sorted(probabilities):
        tile, probability = dataset.tile(at), probabilities[at]
        truth, predicted = tile.label == LANDSLIDE, probability >= thresholds[at]
        found.groups.append(groups[at])
        found.thresholds.append(thresholds[at])
        found.tiles.append(count_pixels(predicted, truth, tile.counted))
        found.bins.append(bin_pixels(probability, truth, tile.counted))
        found.objects += count_objects(predicted, truth, tile.counted)
        found.curve.add(probability, truth, tile.counted)
    return found


def cross_fitted_thresholds(
    dataset: TileDataset, probabilities: Mapping[int, Probability], folds: Mapping[int, int]
) -> dict[int, float]:
    """Return the threshold of each tile, chosen on the predictions of all folds but its own.

    ``folds`` has the fold of each tile by its position.
    """
    curves = {fold: ThresholdCurve() for fold in set(folds.values())}
    for at, probability in probabilities.items():
        tile = dataset.tile(at)
        curves[folds[at]].add(probability, tile.label == LANDSLIDE, tile.counted)
    chosen = {
        fold: ThresholdCurve(
            np.sum([one.histograms for key, one in curves.items() if key != fold], axis=0)
        ).best_threshold()
        for fold in curves
    }
    return {at: chosen[fold] for at, fold in folds.items()}


def compare_models(
    before: TileScores, after: TileScores, how: Resampling | None = None
) -> ModelComparison:
    """Compare a new model with the one before, scored on the same tiles in one order."""
    how = how or Resampling()
    tables = [grouped_table(one.tiles, one.groups) for one in (after, before)]
    difference = compare_f1(tables[0], tables[1], how)
    mean_after, mean_before = (one.curve.average_precision() for one in (after, before))
    is_defined = mean_after is not None and mean_before is not None
    bins = [list(sum_by_group(one.bins, one.groups).values()) for one in (after, before)]
    f1 = (
        IntervalEstimate(value=None)
        if difference is None
        else IntervalEstimate(value=difference.difference, low=difference.low, high=difference.high)
    )
    average = average_precision_difference(
        bins[0],
        bins[1],
        (mean_after or 0.0) - (mean_before or 0.0) if is_defined else None,
        how,
    )
    return ModelComparison(
        before=before.scores(how),
        after=after.scores(how),
        f1=f1,
        average_precision=average,
        p_value=None if difference is None else difference.p_value,
        tiles=len(after.tiles),
        blocks=len(set(after.groups)),
        verdict=_verdict(f1, average),
    )


def _verdict(f1: IntervalEstimate, average_precision: IntervalEstimate) -> ComparisonVerdict:
    low, high = f1.ends or (0.0, 0.0)
    if low > 0:
        ranks_better = average_precision.ends is not None and average_precision.ends[0] > 0
        return "better" if ranks_better else "F1 alone"
    return "worse" if high < 0 else "not distinguishable"
