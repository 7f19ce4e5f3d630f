"""The threshold of an SVM's score, from tiles that it was not fitted on."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.cross_validation import held_out_folds
from landslip.metrics.pixels import ThresholdCurve
from landslip.models.predictions import threshold_curve
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import predicted_tiles

FOLDS = 5


def out_of_fold_scores(
    dataset: TileDataset, held_out: Sequence[list[int]], settings: SvmSettings
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each tile's position and score (height, width), by an SVM of the other folds."""
    for fold in held_out:
        rest = sorted(set(chain(*held_out)) - set(fold))
        yield from predicted_tiles(fit_svm(dataset, rest, settings), dataset, fold)


def out_of_fold_curve(
    dataset: TileDataset, positions: list[int], settings: SvmSettings, folds: int = FOLDS
) -> ThresholdCurve:
    """Return the threshold curve of scores of SVMs that were fitted without the scored tiles.

    For datasets without validation tiles. The tiles at ``positions`` are divided into folds of
    groups, fewer where there are fewer groups; each fold is scored by an SVM of the others. The
    curve is empty where there is one group, or where a fold's SVM would have one class.
    """
    folds = min(folds, len({dataset.groups[at] for at in positions}))
    if folds < 2:
        return ThresholdCurve()
    landslide_px = dataset.column("landslide_px")
    held_out = held_out_folds(dataset, positions, folds=folds, seed=settings.seed)
    for fold in held_out:
        rest = sorted(set(positions) - set(fold))
        if not any(landslide_px[at] for at in rest) or not dataset.has_background(rest):
            return ThresholdCurve()
    return threshold_curve(dataset, out_of_fold_scores(dataset, held_out, settings))
