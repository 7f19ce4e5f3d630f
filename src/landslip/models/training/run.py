"""Trains a network on a dataset and writes a model folder."""

import shutil
import time
import warnings
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from landslip import __version__
from landslip.core.choices import Arch, EngineName, Split, Tta
from landslip.core.errors import InputError, LandslipWarning, OutputExistsError, argument
from landslip.core.files import move_into_place, refuse_existing, sha256_of
from landslip.core.messages import Message, message
from landslip.datasets.contents import few_landslides
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import (
    BandStatistics,
    Normalisation,
    band_statistics,
    sampled_pixels,
)
from landslip.metrics.pixels import ThresholdCurve
from landslip.models.card import (
    InputCard,
    ModelCard,
    ParentModelCard,
    TrainingCard,
    TtaCard,
    mlm_properties,
)
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import predicted_tiles, result_warning, tta_card
from landslip.models.folder import (
    CARD,
    WEIGHTS,
    ModelFolder,
    check_compatible,
    check_values,
)
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network, parameter_count
from landslip.models.networks.weights_download import NO_WEIGHTS
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
from landslip.models.training.interrupted_run import (
    RUN_FILE,
    TrainingRunRecord,
    read_run,
    run_folder,
)
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.weights import load_network, save_weights, torch_version


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train on, the model folder to write, and what to do with an earlier run.

    Attributes:
        start: fine-tune this model, with its normalisation and threshold; None: a new network.
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
    resume: bool = False
    overwrite: bool = False
    force: bool = False
    callbacks: TrainingCallbacks = field(default_factory=TrainingCallbacks)
    distributed: DistributedSettings = field(default_factory=DistributedSettings)


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
    if validation and process.is_main and not dataset.has_background(validation):
        note = message("evaluation.landslide_only")
        warnings.warn(f"{dataset.path}: {note.text()}", LandslipWarning, stacklevel=2)
    if process.is_main:
        refuse_existing(request.out, overwrite=request.overwrite)
    folder = run_folder(request.out)
    before = read_run(request.out) if request.resume and (folder / RUN_FILE).is_file() else None
    run = _run_record(request)
    if before is not None:  # before a network is built, for which weights might be downloaded
        before.check(run, folder)
        run = before
    statistics = band_statistics(dataset, positions)
    if request.start is None:
        # a checkpoint holds all weights
        has_checkpoint = before is not None and (folder / CHECKPOINTS / LAST).is_file()
        initial = _new_model(dataset, request.config, statistics, is_resumed=has_checkpoint)
    else:
        initial = _pretrained_model(request, request.start, statistics)
    job = FitRequest(
        dataset=dataset,
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
    training_tiles(job)  # raises before anything is written
    if process.is_main:
        _prepare_run_folder(request, run, folder)
    else:
        end_with_main_process()
    best = fit(job, initial.network, request.callbacks)
    if best is None:
        raise SystemExit(0)  # the main process does the rest
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    seconds = best.seconds_before + time.monotonic() - started
    _write_model(request, run, initial, best, seconds, stage)
    shutil.copytree(folder / LOGS, stage / LOGS)
    move_into_place(stage, request.out)
    shutil.rmtree(folder)


def _run_record(request: TrainRequest) -> TrainingRunRecord:
    """Describe the inputs of the run; of a model to start from comes all about the network."""
    config, start, data = request.config, request.start, request.dataset.card
    if start is not None:
        config = config.model_copy(update=_network_settings(start))
    weights = Path(config.encoder_weights)
    has_weights_file = weights.is_file() and config.arch is not Arch.IMPROVED_UNET
    return TrainingRunRecord(
        config=config,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        start_sha256=None if start is None else start.card.files[WEIGHTS],
        start=None if start is None else str(start.path.absolute()),
        encoder_weights_sha256=sha256_of(weights) if has_weights_file else None,
        devices=request.distributed.devices,
        nodes=request.distributed.nodes,
        strategy=request.distributed.strategy,
    )


def _network_settings(model: ModelFolder) -> dict[str, object]:
    """Return the settings that describe the network, of a model to start from."""
    own = model.card.architecture.model_dump(exclude={"bands", "version"})
    return own | {"encoder_weights": NO_WEIGHTS}


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
    card, architecture = model.card, model.card.architecture
    own = architecture.model_dump(include={"arch", "encoder"})
    wanted = Architecture(**(own | config.model_dump(include=set(own) & config.model_fields_set)))
    if (wanted.arch, wanted.encoder) != (architecture.arch, architecture.encoder):
        raise InputError(
            f"{model.path}: training continues with this model's network, {architecture.arch} with "
            f"encoder {architecture.encoder}, and the settings state {wanted.arch} with encoder "
            f"{wanted.encoder}; leave arch and encoder out"
        )
    check_compatible(card, dataset.bands, dataset.card.radiometry, str(dataset.path))
    if dataset.bands != card.bands:
        raise InputError(
            f"{dataset.path}: fine-tuning needs exactly the model's bands in their order, "
            f"{card.bands}, and the dataset has {dataset.bands}; make the dataset with these bands"
        )
    values = sampled_pixels(dataset, dataset.positions(Split.TRAIN))
    for note in check_values(card, values, dataset.bands, str(dataset.path), force=request.force):
        warnings.warn(note.text(), LandslipWarning, stacklevel=2)
    return InitialModel(
        network=load_network(model),
        architecture=architecture,
        config=config.model_copy(update=_network_settings(model)),
        statistics=replace(statistics, mean=card.input.mean, std=card.input.std),
        threshold=card.threshold,
        parent=ParentModelCard(name=card.name, weights_sha256=card.files[WEIGHTS]),
    )


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


def training_notes(dataset: TileDataset, best: BestEpoch) -> tuple[Message, ...]:
    """Return what should be known of a model: how it was chosen, and what it finds."""
    contents, validation = dataset.contents, dataset.positions(Split.VALIDATION)
    tiles = len(validation)
    notes = list(few_landslides({k: v for k, v in contents.items() if k == Split.TRAIN}))
    if not validation:
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


def _write_model(
    request: TrainRequest,
    run: TrainingRunRecord,
    initial: InitialModel,
    best: BestEpoch,
    seconds: float,
    folder: Path,
) -> None:
    """Write weights, graph and card into an empty folder.

    The graph, which runs without torch, is left out where OpenVINO is not installed.
    """
    files = [save_weights(initial.network, folder)]
    if find_spec("openvino") is not None:
        from landslip.models.engines.openvino import export_graph

        files += export_graph(initial.network, len(initial.architecture.bands), folder)
    name, config, data = request.out.name, initial.config, request.dataset.card
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
        encoder_weights_sha256=run.encoder_weights_sha256,
        dataset_source=data.source,
        dataset_tiles=data.tiles,
        pixels_sha256=data.pixels_sha256,
        split_sha256=data.split_sha256,
        split_method=data.split_method,
        epoch=best.epoch,
        epochs=config.epochs,
        precision=best.precision,
        device=best.device,
        seconds=round(seconds, 1),
        torch_version=torch_version(),
        started_from=initial.parent,
    )
    parameters = parameter_count(initial.network)
    card = ModelCard(
        name=name,
        code_version=__version__,
        architecture=initial.architecture,
        input=inputs,
        threshold=best.threshold,
        training=training,
        objects=best.objects,
        metrics={}
        if best.counts is None
        else {"val": best.counts.as_dict() | {"average_precision": best.average_precision}},
        probabilities={} if best.spread is None else {"val": best.spread},
        notes=training_notes(request.dataset, best),
        files={file: sha256_of(folder / file) for file in files},
        stac=mlm_properties(name, initial.architecture, inputs, parameters, torch_version()),
    )
    card = card.model_copy(update={"tta": _tta_card(ModelFolder(folder, card), request.dataset)})
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")


def _tta_card(model: ModelFolder, dataset: TileDataset) -> TtaCard | None:
    """Choose the threshold of probabilities by test-time augmentation on the validation tiles.

    None: there are none with landslides.
    """
    validation, curve = dataset.positions(Split.VALIDATION), ThresholdCurve()
    if not any(dataset.index["landslide_px"][at] for at in validation):
        return None
    engine = open_engine(model, EngineName.TORCH, tta=Tta.FLIPS)
    for position, probability in predicted_tiles(engine, model.card, dataset, validation):
        tile = dataset.tile(position)
        curve.add(probability, tile.label == LANDSLIDE, tile.counted)
    return tta_card(engine, dataset, Split.VALIDATION, curve)
