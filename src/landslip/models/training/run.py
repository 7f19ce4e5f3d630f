"""Trains a network on a dataset and writes a model folder."""

import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from landslip.core.bands import after_name
from landslip.core.choices import Arch, SingleModel, Split
from landslip.core.errors import InputError, LandslipWarning, OutputExistsError, argument
from landslip.core.files import move_into_place, refuse_existing, sha256_of
from landslip.core.messages import message
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import (
    BandStatistics,
    Normalisation,
    band_statistics,
    sampled_pixels,
)
from landslip.models.card import ParentModelCard
from landslip.models.folder import WEIGHTS, ModelFolder, check_compatible, check_values
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.two_date_linknet import (
    TwoDateLinkNet,
    bands_by_date,
    spectral_and_terrain,
)
from landslip.models.networks.weights_download import NO_WEIGHTS
from landslip.models.training.cross_fitting import OUT_OF_FOLD, OutOfFold, cross_fit
from landslip.models.training.distributed import (
    DistributedSettings,
    end_with_main_process,
    this_process,
)
from landslip.models.training.fit import (
    CHECKPOINTS,
    LAST,
    LOGS,
    BestEpoch,
    FitRequest,
    fit,
    training_tiles,
)
from landslip.models.training.folds import (
    TrainingFold,
    all_for_training,
    candidate_epochs,
    cross_validation,
    tuning_folds,
)
from landslip.models.training.interrupted_run import (
    RUN_FILE,
    TrainingRunRecord,
    read_run,
    run_folder,
)
from landslip.models.training.model_writer import (
    ENSEMBLE,
    InitialModel,
    TrainingResult,
    threshold_source,
    training_notes,
    write_model,
)
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.single_model import (
    fit_single,
    folds_card,
    highest_probability,
    out_of_fold_tta_cards,
)
from landslip.models.weights import load_network


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train on, the model folder to write, and what to do with an earlier run.

    Attributes:
        start: fine-tune this model, with its normalisation; None: a new network. Without validation
            tiles its threshold is chosen on the tuning tiles, each of them left out in turn.
        folds: train as many networks, each without a fold of the training and validation tiles;
            their pooled predictions choose epoch and threshold. Writes their ensemble and
            out-of-fold predictions into the model folder, too.
        only_scores: the folds choose nothing but the threshold: the epoch is the last one, there
            are no thresholds with test-time augmentation, and no ensemble. What they predict then
            says without bias what such a training gives.
        single: how one model is made of them.
        resume: continue an interrupted run of the same dataset and configuration.
        overwrite: replace a model, and discard an interrupted run.
        force: only warn of a dataset that does not look like the training data of ``start``.
        callbacks: called as training goes on.
        distributed: number of devices and nodes.
    """

    dataset: TileDataset
    out: Path
    config: TrainConfig
    start: ModelFolder | None = None
    folds: int = 1
    only_scores: bool = False
    single: SingleModel = SingleModel.REFIT
    resume: bool = False
    overwrite: bool = False
    force: bool = False
    callbacks: TrainingCallbacks = field(default_factory=TrainingCallbacks)
    distributed: DistributedSettings = field(default_factory=DistributedSettings)


def train(request: TrainRequest) -> None:
    """Train, and write the model folder ``request.out``.

    During training, checkpoints and TensorBoard logs are in a folder beside it, ``NAME.training``,
    from which an interrupted run is resumed.

    On several devices of a machine, Lightning runs the program once more for each of the others.
    Those run up to this call, process their part of every batch, and end here.

    Raises:
        InputError: the dataset cannot be trained on, the configuration is wrong, one of them is
            not compatible with the model to start from, or there are fewer devices.
        ModelError: that model is damaged, or takes values in other units.
        OutputExistsError: a model or an interrupted run already exists.
    """
    started = time.monotonic()
    dataset, process = request.dataset, this_process(request.distributed)
    _check_tiles(dataset, warns=process.is_main)
    fitted = all_for_training(dataset) if request.folds > 1 else dataset
    if process.is_main:
        refuse_existing(request.out, overwrite=request.overwrite)
    folder = run_folder(request.out)
    before = read_run(request.out) if request.resume and (folder / RUN_FILE).is_file() else None
    run = _run_record(request)
    if before is not None:  # before a network is built, for which weights might be downloaded
        before.check(run, folder)
        run = before
    folds = _folds(request)
    statistics = band_statistics(fitted, fitted.positions(Split.TRAIN))
    if request.start is None:
        # a checkpoint holds all weights
        has_checkpoint = before is not None and (folder / CHECKPOINTS / LAST).is_file()
        initial = _new_model(dataset, request.config, statistics, is_resumed=has_checkpoint)
    else:
        initial = _pretrained_model(request, request.start, statistics)
    job = FitRequest(
        dataset=fitted,
        normalisation=Normalisation(
            radiometry=dataset.card.radiometry,
            mean=initial.statistics.mean,
            std=initial.statistics.std,
        ),
        config=initial.config,
        folder=folder,
        threshold=initial.threshold,
        resume=request.resume,
        distributed=request.distributed,
        process=process,
    )
    for part in (fitted, *(fold.training for fold in folds)):
        training_tiles(replace(job, dataset=part))  # raises before anything is written
    if process.is_main:
        _prepare_run_folder(request, run, folder)
    else:
        end_with_main_process()
    best, found = _fit(request, job, initial.network, folds)
    if best is None:
        raise SystemExit(0)  # the main process does the rest
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    seconds = best.seconds_before + time.monotonic() - started
    if found is not None:
        seconds += found.seconds_before
    # without validation tiles nothing else says whether the threshold is reached
    is_tuned = found is not None and request.folds == 1
    highest = highest_probability(job, initial.network) if is_tuned else None
    trained = TrainingResult(
        name=request.out.name,
        dataset=dataset,
        initial=initial,
        best=best,
        encoder_weights_sha256=run.encoder_weights_sha256,
        seconds=seconds,
        threshold_source=threshold_source(request.start, best, found),
        folds=None if found is None else folds_card(found, dataset, len(folds), request.single),
        tta=() if found is None else out_of_fold_tta_cards(found, dataset),
        notes=training_notes(dataset, initial.config, best, found, highest),
    )
    write_model(trained, stage)
    if found is not None:
        shutil.copyfile(found.predictions, stage / OUT_OF_FOLD)
    if found is not None and request.folds > 1 and not request.only_scores:
        (stage / ENSEMBLE).mkdir()
        write_model(trained.ensemble(found.members), stage / ENSEMBLE)
    _copy_logs(folder, stage / LOGS)
    move_into_place(stage, request.out)
    shutil.rmtree(folder)


def _check_tiles(dataset: TileDataset, *, warns: bool) -> None:
    """Refuse a dataset that a network cannot learn from; warn of landslides alone to validate."""
    positions = dataset.positions(Split.TRAIN)
    if not positions:
        raise InputError(
            f"{dataset.path}: there is no training tile (splits: {dataset.card.tiles}); make the "
            f"dataset with {argument('test_share')} below 1"
        )
    if not any(dataset.index["landslide_px"][at] for at in positions):
        raise InputError(f"{dataset.path}: no training tile has a landslide pixel to learn from")
    if not dataset.has_background(positions):
        raise InputError(
            f"{dataset.path}: every labelled pixel of the training tiles is landslide, and a model "
            "learns from background too; make the dataset with labels of both"
        )
    validation = dataset.positions(Split.VALIDATION)
    if warns and validation and not dataset.has_background(validation):
        note = message("evaluation.landslide_only")
        warnings.warn(f"{dataset.path}: {note.text()}", LandslipWarning, stacklevel=3)


def _fit(
    request: TrainRequest, job: FitRequest, network: nn.Module, folds: Sequence[TrainingFold]
) -> tuple[BestEpoch | None, OutOfFold | None]:
    """Train ``network`` in place, after copies of it in folds if there are any."""
    if not folds:
        return fit(job, network, request.callbacks), None
    epochs = candidate_epochs(job.config.epochs)
    found = cross_fit(
        job,
        network,
        folds,
        epochs=epochs[-1:] if request.folds == 1 or request.only_scores else epochs,
        with_tta=not request.only_scores,
        callbacks=request.callbacks,
    )
    return fit_single(job, network, request.single, found, request.callbacks), found


def _run_record(request: TrainRequest) -> TrainingRunRecord:
    """Describe the inputs of the run; of a model to start from comes all about the network."""
    config, start, data = request.config, request.start, request.dataset.card
    if start is not None:
        config = config.model_copy(
            update=_network_settings(_continued(start, request.dataset, config))
        )
    weights = Path(config.encoder_weights)
    has_weights_file = weights.is_file() and config.arch is not Arch.IMPROVED_UNET
    return TrainingRunRecord(
        config=config,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        start_sha256=None if start is None else start.card.files[WEIGHTS],
        start=None if start is None else str(start.path.absolute()),
        encoder_weights_sha256=sha256_of(weights) if has_weights_file else None,
        folds=request.folds,
        single=request.single,
        devices=request.distributed.devices,
        nodes=request.distributed.nodes,
        strategy=request.distributed.strategy,
    )


def _network_settings(architecture: Architecture) -> dict[str, object]:
    """Return the settings that describe a network whose weights come from a model."""
    own = architecture.model_dump(exclude={"bands", "version"})
    return own | {"encoder_weights": NO_WEIGHTS}


def _continued(model: ModelFolder, dataset: TileDataset, config: TrainConfig) -> Architecture:
    """Return a model's architecture, or that of two dates which begins as it, if it is stated."""
    own = model.card.architecture
    wants_two = "arch" in config.model_fields_set and config.arch is Arch.TWO_DATE_LINKNET
    if not wants_two or own.arch is not Arch.LINKNET:
        return own
    bands_by_date(dataset.bands.names)  # raises where there is no earlier date
    return Architecture(
        **own.model_dump(exclude={"version", "bands", "arch"}),
        arch=Arch.TWO_DATE_LINKNET,
        bands=dataset.bands.names,
    )


def _new_model(
    dataset: TileDataset, config: TrainConfig, statistics: BandStatistics, *, is_resumed: bool
) -> InitialModel:
    """Build a new network, its encoder's weights as configured, or as a checkpoint has them."""
    architecture = Architecture(
        arch=config.arch,
        encoder=config.encoder,
        bands=dataset.card.bands,
        first_layer=config.first_layer,
        head=config.head,
        encoder_levels=config.encoder_levels,
        decoder_width=config.decoder_width,
    )
    weights = NO_WEIGHTS if is_resumed else config.encoder_weights
    network = build_network(architecture, encoder_weights=weights, seed=config.seed)
    return InitialModel(
        network=network, architecture=architecture, config=config, statistics=statistics
    )


def _pretrained_model(
    request: TrainRequest, model: ModelFolder, statistics: BandStatistics
) -> InitialModel:
    """Load a model's network for fine-tuning, once dataset and configuration suit it."""
    dataset, config = request.dataset, request.config
    card, architecture = model.card, _continued(model, dataset, config)
    own = architecture.model_dump(include={"arch", "encoder"})
    wanted = Architecture(**(own | config.model_dump(include=set(own) & config.model_fields_set)))
    if (wanted.arch, wanted.encoder) != (architecture.arch, architecture.encoder):
        raise InputError(
            f"{model.path}: training continues with this model's network, {architecture.arch} with "
            f"encoder {architecture.encoder}, and the settings state {wanted.arch} with encoder "
            f"{wanted.encoder}; leave {argument('arch')} and {argument('encoder')} out"
        )
    if card.members > 1:
        raise InputError(
            f"{model.path}: an ensemble of {card.members} networks cannot be trained further; "
            "start from the single model, in the folder that the ensemble is in"
        )
    check_compatible(card, dataset.bands, dataset.card.radiometry, str(dataset.path))
    is_grown = architecture.arch is not card.architecture.arch
    names = dataset.bands.names
    if (spectral_and_terrain(names) if is_grown else names) != card.bands.names:
        raise InputError(
            f"{dataset.path}: fine-tuning needs exactly the model's bands in their order, "
            f"{card.bands}, and the dataset has {dataset.bands}; make the dataset with these bands"
        )
    values = sampled_pixels(dataset, dataset.positions(Split.TRAIN))
    values = values[list(dataset.bands.positions_of(card.bands))]
    for note in check_values(card, values, card.bands, str(dataset.path), force=request.force):
        warnings.warn(note.text(), LandslipWarning, stacklevel=2)
    own_band = [card.bands.names.index(after_name(name) if is_grown else name) for name in names]
    return InitialModel(
        network=_begun_as(model, architecture, config.seed) if is_grown else load_network(model),
        architecture=architecture,
        config=config.model_copy(update=_network_settings(architecture)),
        statistics=replace(
            statistics,
            mean=tuple(card.input.mean[at] for at in own_band),
            std=tuple(card.input.std[at] for at in own_band),
        ),
        threshold=card.threshold,
        parent=ParentModelCard(name=card.name, weights_sha256=card.files[WEIGHTS]),
    )


def _begun_as(model: ModelFolder, architecture: Architecture, seed: int) -> nn.Module:
    """Return a network of two dates that computes what a model of one date does."""
    network = build_network(architecture, seed=seed)
    if isinstance(network, TwoDateLinkNet):
        network.load_state_dict(network.state_of_one_date(load_network(model).state_dict()))
    return network


def _prepare_run_folder(request: TrainRequest, run: TrainingRunRecord, folder: Path) -> None:
    """Make the folder of the run, or keep that of an interrupted run that is resumed."""
    if request.overwrite and not request.resume:
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and not request.resume:
        raise OutputExistsError(
            f"{folder}: an interrupted run exists; continue it with {argument('resume', True)}"
            f", or discard it with {argument('overwrite', True)}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RUN_FILE
    if not file.is_file():  # other processes of a resumed run read it meanwhile
        file.write_text(run.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _folds(request: TrainRequest) -> Sequence[TrainingFold]:
    """Return the folds to train in first; none where validation tiles choose the threshold.

    Raises:
        InputError: there are too few tiles for them, or several devices.
    """
    dataset, seed = request.dataset, request.config.seed
    is_alone = request.distributed.processes == 1
    if request.folds > 1:
        if not is_alone:
            raise InputError(
                f"{argument('folds', request.folds)}: folds are trained on one device; leave "
                f"{argument('devices')} and {argument('num_nodes')} out"
            )
        return cross_validation(dataset, request.folds, seed, only_scores=request.only_scores)
    is_tuned = request.start is not None and not dataset.positions(Split.VALIDATION)
    return tuning_folds(dataset, seed) if is_tuned and is_alone else ()


def _copy_logs(folder: Path, out: Path) -> None:
    """Copy the logs of a run, those of folds into folders of their own."""
    for logs in (folder / LOGS, *sorted(folder.glob(f"fold*/{LOGS}"))):
        if logs.is_dir():
            name = "." if logs.parent == folder else logs.parent.name
            shutil.copytree(logs, out / name, dirs_exist_ok=True)
