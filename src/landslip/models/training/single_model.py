"""One model after a training in folds, and what its card says of them.

``refit`` trains once more, on all tiles, for the epochs that were chosen: the network that was
validated, with more tiles. It is the default, since the other two rest on more: ``distil`` learns
what the ensemble says of the training tiles, which all its members but one were trained on, and
``average`` takes the mean of weights, which holds only where the members have stayed in one basin
of the loss (Izmailov et al. 2018, doi 10.48550/arXiv.1803.05407; Wortsman et al. 2022, doi
10.48550/arXiv.2203.05482), as short fine-tunings do; decoders from random weights need not.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from landslip.core.choices import EngineName, Precision, SingleModel, Split
from landslip.datasets.format import TileDataset
from landslip.metrics.tile_scores import tile_intervals
from landslip.models.card import FoldsCard, TtaCard
from landslip.models.networks.architecture import multiple_of
from landslip.models.networks.ensemble import Ensemble
from landslip.models.predictions import TilePredictions
from landslip.models.training.cross_fitting import OutOfFold
from landslip.models.training.data import validation_loader
from landslip.models.training.fit import BestEpoch, FitRequest, fit, untrained
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.objects import with_found_objects
from landslip.models.training.prediction import predict_tile

_BATCH_PX = 8 * 256 * 256


def ensemble_of(network: nn.Module, members: Sequence[dict[str, torch.Tensor]]) -> Ensemble:
    """Return an ensemble of copies of a network with the members' weights."""
    networks = []
    for weights in members:
        networks.append(copy.deepcopy(network).cpu())
        networks[-1].load_state_dict(weights)
    return Ensemble(networks)


def mean_weights(members: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean of each tensor; of whole numbers, such as counters, the first member's."""
    return {
        name: torch.stack([member[name] for member in members]).mean(dim=0)
        if first.is_floating_point()
        else first
        for name, first in members[0].items()
    }


def fit_single(
    job: FitRequest,
    network: nn.Module,
    single: SingleModel,
    found: OutOfFold,
    callbacks: TrainingCallbacks,
) -> BestEpoch | None:
    """Train ``network`` in place as one model, with the epoch and threshold of the folds.

    ``job.dataset`` has all tiles as training tiles. Returns None in other processes than the main
    one.
    """
    threshold = job.threshold if found.threshold is None else found.threshold
    job = replace(job, threshold=threshold, last_epoch=found.epoch)
    if single is SingleModel.AVERAGE:
        network.load_state_dict(mean_weights(found.members))
        tiles = validation_loader(
            job.dataset,
            job.dataset.positions(Split.TRAIN),
            job.normalisation,
            multiple=multiple_of(job.config.arch),
            batch_px=_BATCH_PX,
        )
        update_bn(tiles, network)
        best: BestEpoch | None = untrained(job, network, found.epoch)
    else:
        is_taught = single is SingleModel.DISTIL
        teacher = ensemble_of(network, found.members) if is_taught else None
        best = fit(job, network, callbacks, teacher)
    if best is None:
        return None
    positions = {name: at for at, name in enumerate(job.dataset.tile_ids)}
    stored = TilePredictions(found.predictions, "train again")
    objects = with_found_objects(
        best.objects.card,
        job.dataset,
        ((positions[name], stored.probability(name)) for name in stored),
        [] if found.halves else [positions[name] for name in stored],  # a cut divides objects
        threshold,
    )
    return replace(
        best,
        threshold=threshold,
        counts=found.counts if found.threshold is not None else None,
        spread=found.curve.spread(),
        average_precision=found.curve.average_precision(),
        objects=objects,
    )


def folds_card(
    found: OutOfFold, dataset: TileDataset, folds: int, single: SingleModel
) -> FoldsCard:
    """Describe folds and the scores of what their networks predict, with intervals over groups."""
    group_of = dict(zip(dataset.tile_ids, dataset.groups, strict=True))
    groups = [group_of[name] for name, _ in found.tiles]
    tiles, average_precision = [one for _, one in found.tiles], found.curve.average_precision()
    intervals = tile_intervals(tiles, found.bins, groups, average_precision)
    return FoldsCard(
        folds=folds,
        tiles=len(found.tiles),
        groups=len(set(groups)),
        epochs=tuple(found.epochs.items()),
        single=single,
        average_precision=average_precision,
        intervals={name: one.ends for name, one in intervals.items()},
        halves=found.halves,
    )


def out_of_fold_tta_cards(found: OutOfFold, dataset: TileDataset) -> tuple[TtaCard, ...]:
    """Return the thresholds with test-time augmentation; none where no tile has a landslide."""
    curves = {mode: curve for mode, curve in found.tta_curves.items() if curve.has_landslides}
    thresholds = {mode: curve.best_threshold() for mode, curve in curves.items()}
    return tuple(
        TtaCard(
            mode=mode,
            threshold=thresholds[mode],
            f1=curve.counts(thresholds[mode]).f1,
            split="out_of_fold",
            tiles=len(found.tiles),
            pixels_sha256=dataset.card.pixels_sha256,
            split_sha256=dataset.card.split_sha256,
            engine=EngineName.TORCH.value,
            precision=Precision.FP32.value,
        )
        for mode, curve in curves.items()
    )


def highest_probability(job: FitRequest, network: nn.Module) -> float:
    """Return the highest probability of a network in evaluation mode in its training tiles."""
    network.eval()
    highest = 0.0
    for at in job.dataset.positions(Split.TRAIN):
        probability = predict_tile(
            network,
            job.dataset,
            at,
            job.normalisation,
            multiple=multiple_of(job.config.arch),
        )
        highest = max(highest, float(probability[job.dataset.tile(at).counted].max(initial=0.0)))
    return highest
