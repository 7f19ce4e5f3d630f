"""Trains a network on a dataset and writes a model folder."""

import json
import shutil
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from landslip import __version__
from landslip.core.choices import Split
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import move_into_place, refuse_existing, sha256_of
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import BandStatistics, Normalisation, band_statistics
from landslip.models.card import (
    InputCard,
    ModelCard,
    ParentModelCard,
    TrainingCard,
    mlm_properties,
)
from landslip.models.folder import (
    CARD,
    WEIGHTS,
    ModelFolder,
    check_compatible,
    check_value_range,
)
from landslip.models.networks.architecture import NO_ENCODER, Architecture
from landslip.models.networks.build import build_network, parameter_count
from landslip.models.training.distributed import (
    DistributedSettings,
    end_with_main_process,
    this_process,
)
from landslip.models.training.fit import LOGS, BestEpoch, FitRequest, fit, training_loader_of
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.weights import load_network, save_weights, torch_version

NEW_THRESHOLD = 0.5
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialModel:
    """A network, its normalisation and threshold, and the configuration that goes with them.

    Attributes:
        statistics: of the training tiles; mean and standard deviation are the model's, where there
            is one, since its weights were learnt with them.
        threshold: kept where there are no validation tiles to choose another.
        model: what it was taken from; None for a new network.
    """

    network: nn.Module
    architecture: Architecture
    config: TrainConfig
    statistics: BandStatistics
    threshold: float = NEW_THRESHOLD
    model: ParentModelCard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrainedNetwork:
    """A trained network and all that its card tells; ``start`` is the model it began from."""

    network: nn.Module
    architecture: Architecture
    dataset: TileDataset
    statistics: BandStatistics
    config: TrainConfig
    best: BestEpoch
    seconds: float
    start: ParentModelCard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train on, where to, and what to do with an earlier run.

    Attributes:
        start: begin with this model's weights, normalisation and threshold; None: a new network.
        resume: go on with an interrupted run of the same dataset and configuration.
        overwrite: replace a model, and throw away an interrupted run.
        watcher: told how it goes.
        scale: on how many devices.
    """

    dataset: TileDataset
    out: Path
    config: TrainConfig
    start: ModelFolder | None = None
    resume: bool = False
    overwrite: bool = False
    watcher: TrainingCallbacks = field(default_factory=TrainingCallbacks)
    scale: DistributedSettings = field(default_factory=DistributedSettings)


def train(request: TrainRequest) -> None:
    """Train, and write the model folder ``request.out``.

    While it runs, checkpoints and TensorBoard logs are in a folder beside it, ``NAME.training``,
    from which an interrupted run is resumed.

    On several devices of a machine, Lightning starts the program once more for each of the others.
    Those run up to here, take their share of every batch, and end here.

    Raises:
        InputError: the dataset cannot be trained on, the configuration is wrong, one of them does
            not fit the model to start from, or the devices are not there.
        ModelError: that model is damaged, or takes values in other units.
        OutputExistsError: a model or an interrupted run is there already.
    """
    started = time.monotonic()
    dataset, process = request.dataset, this_process(request.scale)
    positions = _check_trainable(dataset)
    if process.first:
        refuse_existing(request.out, overwrite=request.overwrite)
    start = _start(request, band_statistics(dataset, positions))
    folder = request.out.with_name(f"{request.out.name}.training")
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=start.statistics.mean, std=start.statistics.std
    )
    job = FitRequest(
        dataset=dataset,
        normalisation=normalisation,
        config=start.config,
        folder=folder,
        threshold=start.threshold,
        resume=request.resume,
        scale=request.scale,
        process=process,
    )
    training_loader_of(job)  # raises what is wrong before anything is written
    if process.first:
        _make_run_folder(request, start, folder)
    else:
        end_with_main_process()
    best = fit(job, start.network, request.watcher)
    if best is None:
        raise SystemExit(0)  # what comes after is for the first process
    trained = _TrainedNetwork(
        network=start.network,
        architecture=start.architecture,
        dataset=dataset,
        statistics=start.statistics,
        config=start.config,
        best=best,
        seconds=best.seconds_before + time.monotonic() - started,
        start=start.model,
    )
    _finish(trained, folder, request.out)


def _start(request: TrainRequest, statistics: BandStatistics) -> InitialModel:
    if request.start is None:
        return untrained_model(request.dataset, request.config, statistics)
    return pretrained_model(request.start, request.dataset, request.config, statistics)


def _check_trainable(dataset: TileDataset) -> list[int]:
    """Return the positions of the training tiles, once they are found fit to train on."""
    positions = dataset.positions(Split.TRAIN)
    if not positions:
        raise InputError(
            f"{dataset.path}: there is no tile to train on (splits: {dataset.card.tiles}); make "
            "the dataset with a --test-share under 1"
        )
    if not any(dataset.index["landslide_px"][at] for at in positions):
        raise InputError(
            f"{dataset.path}: no training tile has a landslide pixel, so there is nothing to learn"
        )
    return positions


def _make_run_folder(request: TrainRequest, start: InitialModel, folder: Path) -> None:
    """Make the folder of the run, or take up the one of an interrupted run that is the same."""
    same = {
        "config": start.config.model_dump(mode="json", exclude={"workers"}),
        "pixels_sha256": request.dataset.card.pixels_sha256,
        "split_sha256": request.dataset.card.split_sha256,
    }
    if start.model is not None:
        same["start_sha256"] = start.model.weights_sha256
    if request.overwrite and not request.resume:
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        _check_same_run(folder, same, resume=request.resume)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps(same, indent=2) + "\n")


def _check_same_run(folder: Path, same: dict[str, Any], *, resume: bool) -> None:
    if not resume:
        raise OutputExistsError(
            f"{folder}: an interrupted run is there; go on with it by --resume, or throw it away "
            "by --overwrite"
        )
    file = folder / RUN_FILE
    before = json.loads(file.read_text()) if file.is_file() else same
    if before != same:
        old, new = before.get("config", {}), same["config"]
        changed = [key for key in new if old.get(key) != new[key]]
        if before.get("start_sha256") != same.get("start_sha256"):
            changed.append("model to start from")
        changed = changed or ["dataset"]
        raise InputError(
            f"{folder}: the interrupted run had another {', '.join(changed)}; resume with the same "
            "dataset and settings, or throw it away by --overwrite"
        )


def _finish(trained: _TrainedNetwork, folder: Path, out: Path) -> None:
    """Write the model beside its place, rename it into it, and remove the run's folder."""
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    write_model(trained, stage, out.name)
    shutil.copytree(folder / LOGS, stage / LOGS)
    move_into_place(stage, out)
    shutil.rmtree(folder)


def untrained_model(
    dataset: TileDataset, config: TrainConfig, statistics: BandStatistics
) -> InitialModel:
    """Begin with a new network, its encoder's weights as configured.

    Raises:
        InputError: the encoder or its weights cannot be used.
    """
    architecture = Architecture(
        arch=config.arch,
        encoder=config.encoder,
        bands=dataset.card.bands,
        first_layer=config.first_layer,
    )
    network = build_network(architecture, encoder_weights=config.encoder_weights, seed=config.seed)
    return InitialModel(
        network=network, architecture=architecture, config=config, statistics=statistics
    )


def pretrained_model(
    model: ModelFolder, dataset: TileDataset, config: TrainConfig, statistics: BandStatistics
) -> InitialModel:
    """Begin with a model's network and weights; its normalisation and threshold come along.

    The configuration's settings of a new network, such as the encoder's weights, are set to what
    the model is.

    Raises:
        InputError: bands are not the model's in its order, or the configuration states another
            network.
        ModelError: units do not fit, values are far from the model's, or its weights are damaged.
    """
    _check_same_network(model, config)
    _check_same_bands(model, dataset)
    medians = np.array(statistics.quantiles)[:, 1:2]
    check_value_range(model.card, medians, str(dataset.path))
    known = model.card.architecture
    kept = {"arch": known.arch, "encoder": known.encoder, "first_layer": known.first_layer}
    return InitialModel(
        network=load_network(model),
        architecture=known,
        config=config.model_copy(update={**kept, "encoder_weights": "none"}),
        statistics=replace(statistics, mean=model.card.input.mean, std=model.card.input.std),
        threshold=model.card.threshold,
        model=ParentModelCard(name=model.card.name, weights_sha256=model.card.files[WEIGHTS]),
    )


def _check_same_network(model: ModelFolder, config: TrainConfig) -> None:
    known, stated = model.card.architecture, config.model_fields_set
    arch = config.arch if "arch" in stated else known.arch
    encoder = config.encoder if "encoder" in stated else known.encoder
    wanted = Architecture(arch=arch, encoder=encoder)
    if (wanted.arch, wanted.encoder) != (known.arch, known.encoder):
        raise InputError(
            f"{model.path}: training goes on with the network it starts from, {known.arch} with "
            f"encoder {known.encoder}, and the settings state {wanted.arch} with encoder "
            f"{wanted.encoder}; leave arch and encoder out"
        )


def _check_same_bands(model: ModelFolder, dataset: TileDataset) -> None:
    check_compatible(model.card, dataset.bands, dataset.card.radiometry, str(dataset.path))
    if dataset.bands != model.card.bands:
        raise InputError(
            f"{dataset.path}: training that starts from a model needs its bands, no others, in "
            f"their order, {model.card.bands}, and the dataset has {dataset.bands}; make the "
            "dataset with these bands"
        )


def write_model(trained: _TrainedNetwork, folder: Path, name: str) -> None:
    """Write weights, graph and card into an empty folder.

    The graph, which runs without torch, is left out where OpenVINO is not installed.
    """
    files = [save_weights(trained.network, folder)]
    if find_spec("openvino") is not None:
        from landslip.models.engines.openvino import export_graph

        files += export_graph(trained.network, len(trained.architecture.bands), folder)
    known = _input_card(trained)
    card = ModelCard(
        name=name,
        code_version=__version__,
        architecture=trained.architecture,
        input=known,
        threshold=trained.best.threshold,
        training=_training_card(trained),
        metrics={} if trained.best.counts is None else {"val": trained.best.counts.as_dict()},
        files={file: sha256_of(folder / file) for file in files},
        stac=mlm_properties(
            name, trained.architecture, known, parameter_count(trained.network), torch_version()
        ),
    )
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")


def _input_card(trained: _TrainedNetwork) -> InputCard:
    known = trained.dataset.card
    return InputCard(
        bands=known.bands,
        units=known.units,
        dtype=known.dtype,
        scale=known.scale,
        offset=known.offset,
        nodata=known.nodata,
        resolution_m=known.resolution_m,
        tile_size=known.tile_size,
        multiple=trained.architecture.multiple,
        mean=trained.statistics.mean,
        std=trained.statistics.std,
        quantiles=trained.statistics.quantiles,
    )


def _training_card(trained: _TrainedNetwork) -> TrainingCard:
    weights = Path(trained.config.encoder_weights)
    pretrained = weights.is_file() and trained.architecture.encoder != NO_ENCODER
    known = trained.dataset.card
    return TrainingCard(
        config=trained.config.model_dump(mode="json"),
        encoder_weights_sha256=sha256_of(weights) if pretrained else None,
        dataset_source=known.source,
        dataset_tiles=known.tiles,
        pixels_sha256=known.pixels_sha256,
        split_sha256=known.split_sha256,
        split_method=known.split_method,
        epoch=trained.best.epoch,
        epochs=trained.config.epochs,
        precision=trained.best.precision,
        device=trained.best.device,
        seconds=round(trained.seconds, 1),
        torch_version=torch_version(),
        started_from=trained.start,
    )
