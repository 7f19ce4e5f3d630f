"""Writes a trained network as a model folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from landslip import __version__
from landslip.core.choices import EngineName, Split, ThresholdSource, Tta
from landslip.core.files import sha256_of
from landslip.core.messages import Message, message
from landslip.datasets.band_groups import directions_of
from landslip.datasets.contents import few_landslides
from landslip.datasets.format import TileDataset, position_prior
from landslip.datasets.normalisation import BandStatistics
from landslip.models.calibration.objects import ObjectSource, fit_object_confidence, too_few
from landslip.models.card import (
    FoldsCard,
    InputCard,
    ModelCard,
    ParentModelCard,
    TrainingCard,
    TtaCard,
    mlm_properties,
)
from landslip.models.engines.choose import open_engine
from landslip.models.engines.tta import TtaEngine
from landslip.models.evaluation import predicted_tiles, result_warning, tta_card
from landslip.models.folder import CARD, ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import parameter_count
from landslip.models.predictions import threshold_curve
from landslip.models.training.cross_fitting import OutOfFold
from landslip.models.training.fit import BestEpoch
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.single_model import ensemble_of
from landslip.models.weights import save_weights, torch_version

ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialModel:
    """The network that training starts with, and what belongs to it.

    Attributes:
        config: with the settings that describe the network replaced by what it is.
        statistics: of the training tiles; mean and standard deviation are the parent's, if there is
            one, since its weights were learnt with them.
        threshold: kept if there are no validation tiles to choose another.
        parent: the model it was taken from; None for a new network.
    """

    network: nn.Module
    architecture: Architecture
    config: TrainConfig
    statistics: BandStatistics
    threshold: float = 0.5
    parent: ParentModelCard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A trained network, and what its card says.

    Attributes:
        name: of the model.
        dataset: it was trained on.
        initial: what training began with; its network is the trained one.
        best: the epoch that was chosen.
        encoder_weights_sha256: None: of no file.
        seconds: that training took.
        threshold_source: what the threshold was chosen on.
        folds: None: it was not trained in folds.
        tta: thresholds with test-time augmentation that were chosen in folds.
        notes: what should be known of it.
        members: networks in it.
    """

    name: str
    dataset: TileDataset
    initial: InitialModel
    best: BestEpoch
    encoder_weights_sha256: str | None
    seconds: float
    threshold_source: ThresholdSource
    folds: FoldsCard | None = None
    tta: tuple[TtaCard, ...] = ()
    notes: tuple[Message, ...] = ()
    members: int = 1

    def ensemble(self, members: Sequence[dict[str, torch.Tensor]]) -> "TrainingResult":
        """Return the ensemble of the networks of all folds, by their weights."""
        network = ensemble_of(self.initial.network, members)
        folds = None if self.folds is None else self.folds.model_copy(update={"single": None})
        return replace(
            self,
            name=f"{self.name}-{ENSEMBLE}",
            initial=replace(self.initial, network=network),
            folds=folds,
            members=len(members),
        )


def threshold_source(
    start: ModelFolder | None, best: BestEpoch, found: OutOfFold | None
) -> ThresholdSource:
    """Return what a threshold was chosen on."""
    if found is not None and found.threshold is not None:
        return ThresholdSource.OUT_OF_FOLD
    if found is None and best.counts is not None and best.counts.tp + best.counts.fn > 0:
        return ThresholdSource.VALIDATION
    return ThresholdSource.NONE if start is None else ThresholdSource.START


def write_model(model: TrainingResult, folder: Path) -> None:
    """Write weights, graph and card into an empty folder.

    The graph, which runs without torch, is left out where OpenVINO is not installed.
    """
    initial, best = model.initial, model.best
    files = [save_weights(initial.network, folder)]
    if find_spec("openvino") is not None:
        from landslip.models.engines.openvino import export_graph

        files += export_graph(initial.network, len(initial.architecture.bands), folder)
    name, config, data = model.name, initial.config, model.dataset.card
    inputs = InputCard(
        **data.model_dump(include=set(InputCard.model_fields)),
        multiple=initial.architecture.multiple,
        mean=initial.statistics.mean,
        std=initial.statistics.std,
        quantiles=initial.statistics.quantiles,
        correlations=initial.statistics.correlations,
    )
    training = TrainingCard(
        config=config.model_dump(mode="json"),
        encoder_weights_sha256=model.encoder_weights_sha256,
        dataset_source=data.source,
        dataset_tiles=data.tiles,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        split_method=data.split_method,
        epoch=best.epoch,
        epochs=config.epochs,
        precision=best.precision,
        device=best.device,
        seconds=round(model.seconds, 1),
        torch_version=torch_version(),
        started_from=initial.parent,
        folds=model.folds,
    )
    scored = Split.VALIDATION.value if model.folds is None else "out_of_fold"
    parameters = parameter_count(initial.network)
    card = ModelCard(
        name=name,
        code_version=__version__,
        architecture=initial.architecture,
        input=inputs,
        threshold=best.threshold,
        threshold_source=model.threshold_source,
        members=model.members,
        training=training,
        objects=best.objects.card,
        metrics={}
        if best.counts is None
        else {scored: best.counts.as_dict() | {"average_precision": best.average_precision}},
        probabilities={} if best.spread is None else {scored: best.spread},
        notes=model.notes,
        tta=model.tta,
        files={file: sha256_of(folder / file) for file in files},
        stac=mlm_properties(name, initial.architecture, inputs, parameters, torch_version()),
    )
    if model.folds is None:
        tta = _tta_cards(ModelFolder(folder, card), model.dataset)
        card = card.model_copy(update={"tta": tta})
    if too_few(best.objects.samples) is None:
        source = ObjectSource(
            data=data,
            split=scored,
            tiles=best.objects.tiles,
            threshold=card.threshold,
            table=None,
            min_area_px=card.min_area_px,
            seed=config.seed,
        )
        confidence = fit_object_confidence(best.objects.samples, source)
        card = card.model_copy(update={"object_confidence": confidence})
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")


def _tta_cards(model: ModelFolder, dataset: TileDataset) -> tuple[TtaCard, ...]:
    """Choose thresholds with test-time augmentation on the validation tiles.

    There is none where no tile has a landslide.
    """
    validation = dataset.positions(Split.VALIDATION)
    if not any(dataset.index["landslide_px"][at] for at in validation):
        return ()
    plain, cards = open_engine(model, EngineName.TORCH), []
    for mode in (Tta.FLIPS, Tta.DIHEDRAL):
        turning = directions_of(model.card.bands)
        engine = TtaEngine(plain, mode, model.card.input.pixel_bytes, turning)
        predicted = predicted_tiles(engine, model.card, dataset, validation)
        curve = threshold_curve(dataset, predicted)
        cards.append(tta_card(engine, dataset, Split.VALIDATION, curve))
    return tuple(cards)


def position_notes(dataset: TileDataset, config: TrainConfig) -> tuple[Message, ...]:
    """Return the warning that a network can learn the place in a tile instead of the ground."""
    prior = None if config.moves_tiles else position_prior(dataset)
    if prior is None or not prior.is_strong:
        return ()
    return (message("warning.place_learned", f1=prior.f1, chance=prior.f1_by_chance),)


def training_notes(
    dataset: TileDataset,
    config: TrainConfig,
    best: BestEpoch,
    found: OutOfFold | None = None,
    highest: float | None = None,
) -> tuple[Message, ...]:
    """Return what should be known of a model: how it was chosen, and what it finds.

    ``found``: by the networks of folds; ``highest``: the highest probability of a fine-tuned model
    in the tiles that it was tuned on.
    """
    contents, validation = dataset.contents, dataset.positions(Split.VALIDATION)
    tiles = len(validation) if found is None else len(found.tiles)
    few = few_landslides({k: v for k, v in contents.items() if k == Split.TRAIN})
    notes = [*position_notes(dataset, config), *few]
    if highest is not None and found is not None and found.threshold is not None:
        key = "training.tuned_by_halves" if found.halves else "training.tuned_by_folds"
        notes.append(message(key, tiles=tiles, threshold=best.threshold))
    if highest is not None and highest < best.threshold:
        notes.append(
            message("warning.threshold_not_reached", threshold=best.threshold, highest=highest)
        )
    if not validation and found is None:
        return (*notes, message("warning.no_validation", threshold=best.threshold))
    if best.counts is None or best.counts.tp + best.counts.fn == 0:
        return (
            *notes,
            message("warning.validation_without_landslides", tiles=tiles, threshold=best.threshold),
        )
    notes += few_landslides({k: v for k, v in contents.items() if k == Split.VALIDATION})
    if best.spread is not None and best.spread.warning is not None:
        notes.append(message("training.of_validation", note=best.spread.warning))
    result = result_warning(best.counts, tiles)
    if result is not None and result.is_warning:
        notes.append(message("warning.of_validation", note=result))
    return tuple(notes)
