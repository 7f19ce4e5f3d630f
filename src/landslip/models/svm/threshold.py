"""The threshold of an SVM's score, from tiles that it was not fitted on."""

from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.splits.cross_validation import held_out_folds
from landslip.metrics.pixels import ThresholdCurve
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import predicted_tiles

FOLDS = 5


def out_of_fold_curve(
    dataset: TileDataset, positions: list[int], settings: SvmSettings, folds: int = FOLDS
) -> ThresholdCurve:
    """Return the threshold curve of scores of SVMs that were fitted without the scored tiles.

    For datasets without validation tiles. The tiles at ``positions`` are divided into folds of
    groups, fewer where there are fewer groups; each fold is scored by an SVM of the others. The
    curve is empty where there is one group, or where a fold's SVM would have one class.
    """
    curve = ThresholdCurve()
    folds = min(folds, len({dataset.groups[at] for at in positions}))
    landslide_px = dataset.column("landslide_px")
    held_out = (
        held_out_folds(dataset, positions, folds=folds, seed=settings.seed) if folds > 1 else []
    )
    for fold in held_out:
        rest = sorted(set(positions) - set(fold))
        if not any(landslide_px[at] for at in rest) or not dataset.has_background(rest):
            return ThresholdCurve()
        model = fit_svm(dataset, rest, settings)
        for position, score in predicted_tiles(model, dataset, fold):
            tile = dataset.tile(position)
            curve.add(score, tile.label == LANDSLIDE, tile.counted)
    return curve
