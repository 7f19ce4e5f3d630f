"""Trains a network for each fold, and chooses epoch and threshold by what all predict together.

Every tile is predicted by the network that was not trained on it. What is chosen on these pooled
out-of-fold predictions is chosen on as many tiles as there are to train on, not on the tenth that
a validation split has.
"""

import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Tta
from landslip.datasets.format import IGNORE, LANDSLIDE
from landslip.metrics.curves import ProbabilityBins, bin_pixels
from landslip.metrics.pixels import PixelCounts, ThresholdCurve, count_pixels, sum_counts
from landslip.models.networks.architecture import multiple_of
from landslip.models.predictions import lower_bound, quantise, threshold_curve, write_tile_levels
from landslip.models.training.fit import (
    CHECKPOINTS,
    FitRequest,
    snapshot_file,
    train_epochs,
)
from landslip.models.training.folds import TrainingFold
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.prediction import predict_tile

OUT_OF_FOLD = "out_of_fold.npz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """What the networks of all folds predict for tiles that they were not trained on.

    Attributes:
        epoch: of the highest average precision of the pooled predictions, from 1.
        epochs: average precision by candidate epoch; None where it is undefined.
        threshold: that of the highest F1 of the pooled predictions; None without landslides.
        curve: of the pooled predictions.
        tta_curves: of the same with test-time augmentation, by its mode.
        tiles: (tile id, counts at the threshold), each tile once.
        bins: pixels of each tile by probability.
        members: the weights of each fold's network at the epoch.
        predictions: file of the probabilities.
        seconds_before: time of folds that were trained before the run was resumed.
        halves: whether the halves of each tile were left out in turn, instead of tiles.
    """

    epoch: int
    epochs: dict[int, float | None]
    threshold: float | None
    curve: ThresholdCurve
    tta_curves: dict[Tta, ThresholdCurve]
    tiles: tuple[tuple[str, PixelCounts], ...]
    bins: tuple[ProbabilityBins, ...]
    members: tuple[dict[str, torch.Tensor], ...]
    predictions: Path
    seconds_before: float
    halves: bool

    @property
    def counts(self) -> PixelCounts:
        """Counts over all tiles at the threshold."""
        return sum_counts(counts for _, counts in self.tiles)


def cross_fit(
    job: FitRequest,
    network: nn.Module,
    folds: Sequence[TrainingFold],
    *,
    epochs: tuple[int, ...],
    callbacks: TrainingCallbacks,
    with_tta: bool = True,
) -> OutOfFold:
    """Train a copy of ``network`` for each fold, in folders ``foldN`` of the job's; and predict.

    ``job.dataset`` has all labels of the scored tiles. ``epochs`` are the candidates, from 1; where
    there are several, folds have validation tiles. The training stops after the last of them. A job
    that is resumed continues in the fold in which it was interrupted.

    Raises:
        InputError: see `landslip.models.training.fit.train_epochs`.
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    seconds_before = 0.0
    for number, fold in enumerate(folds, start=1):
        folder = job.folder / f"fold{number}"
        if _is_finished(folder, epochs):
            seconds_before += _snapshot(folder, epochs[-1]).get("seconds", 0.0)
        else:
            own = replace(
                job,
                dataset=fold.training,
                folder=folder,
                last_epoch=epochs[-1],
                snapshots=epochs,
            )
            shown = _of_fold(callbacks, number, len(folds))
            trained = train_epochs(own, copy.deepcopy(network), shown)
            seconds_before += trained.module.seconds_before
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    folders = [job.folder / f"fold{number}" for number in range(1, len(folds) + 1)]
    scores = {epoch: _pooled(folders, epoch).average_precision() for epoch in epochs}
    epoch = max(epochs, key=lambda one: (scores[one] or 0.0, one))
    members = tuple(_snapshot(folder, epoch)["weights"] for folder in folders)
    file = job.folder / OUT_OF_FOLD
    levels, fold_of = _out_of_fold_levels(job, network, folds, members)
    tta_curves = {
        tta: _curve(job, _out_of_fold_levels(job, network, folds, members, tta)[0])
        for tta in ((Tta.FLIPS, Tta.DIHEDRAL) if with_tta else ())
    }
    names = {at: job.dataset.tile_ids[at] for at in sorted(levels)}
    write_tile_levels(
        file,
        {name: levels[at] for at, name in names.items()},
        folds=np.array([fold_of[at] for at in names]),
    )
    curve = _curve(job, levels)
    threshold = curve.best_threshold() if curve.has_landslides else None
    tiles, bins = [], []
    for at, name in names.items():
        tile, probability = job.dataset.tile(at), lower_bound(levels[at])
        truth, cut = tile.label == LANDSLIDE, job.threshold if threshold is None else threshold
        tiles.append((name, count_pixels(probability >= cut, truth, tile.counted)))
        bins.append(bin_pixels(probability, truth, tile.counted))
    return OutOfFold(
        epoch=epoch,
        epochs=scores,
        threshold=threshold,
        curve=curve,
        tta_curves=tta_curves,
        tiles=tuple(tiles),
        bins=tuple(bins),
        members=members,
        predictions=file,
        seconds_before=seconds_before,
        halves=len(levels) < sum(len(fold.positions) for fold in folds),
    )


def _is_finished(folder: Path, epochs: tuple[int, ...]) -> bool:
    """Whether a fold has been trained; its checkpoints are removed in the end."""
    has_all = all(snapshot_file(folder, epoch).is_file() for epoch in epochs)
    return has_all and not (folder / CHECKPOINTS).exists()


def _snapshot(folder: Path, epoch: int) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(snapshot_file(folder, epoch), weights_only=True)
    return found


def _pooled(folders: Sequence[Path], epoch: int) -> ThresholdCurve:
    """Return the validation curve of all folds' networks at an epoch."""
    histograms = [_snapshot(folder, epoch)["histograms"].numpy() for folder in folders]
    return ThresholdCurve(np.sum(histograms, axis=0))


def _out_of_fold_levels(
    job: FitRequest,
    network: nn.Module,
    folds: Sequence[TrainingFold],
    members: Sequence[dict[str, torch.Tensor]],
    tta: Tta = Tta.NONE,
) -> tuple[dict[int, NDArray[np.uint16]], dict[int, int]]:
    """Return the levels of each tile by its position, and the fold, from 1, that predicted it.

    Of a tile whose halves are left out in turn, each half is of the network that did not see its
    labels, and the fold is the last one.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    levels: dict[int, NDArray[np.uint16]] = {}
    fold_of: dict[int, int] = {}
    member = copy.deepcopy(network).to(device).eval()
    for number, (fold, weights) in enumerate(zip(folds, members, strict=True), start=1):
        member.load_state_dict(weights)
        for at in fold.positions:
            probability = predict_tile(
                member,
                fold.scored,
                at,
                job.normalisation,
                multiple=multiple_of(job.config.arch),
                tta=tta,
            )
            found = quantise(probability)
            if at in levels:
                is_scored = fold.scored.tile(at).label != IGNORE
                levels[at][is_scored] = found[is_scored]
            else:
                levels[at] = found
            fold_of[at] = number
    return levels, fold_of


def _curve(job: FitRequest, levels: dict[int, NDArray[np.uint16]]) -> ThresholdCurve:
    return threshold_curve(job.dataset, ((at, lower_bound(of)) for at, of in levels.items()))


def _of_fold(callbacks: TrainingCallbacks, fold: int, folds: int) -> TrainingCallbacks:
    """Return callbacks that report the epochs and steps of one fold among all."""

    def on_epoch(result: EpochResult) -> None:
        callbacks.on_epoch(replace(result, fold=fold, folds=folds))

    def on_step(done: float, total: float) -> None:
        callbacks.on_step((fold - 1) * total + done, folds * total)

    return TrainingCallbacks(on_epoch=on_epoch, on_step=on_step)
