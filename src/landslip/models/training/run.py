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
from landslip.core.errors import InputError, OutputExistsError, argument
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
from landslip.models.training.fit import LOGS, BestEpoch, FitRequest, fit, training_tiles
from landslip.models.training.module import TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.weights import load_network, save_weights, torch_version

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train on, the model folder to write, and what to do with an earlier run.

    Attributes:
        start: fine-tune this model, with its normalisation and threshold; None: a new network.
        resume: continue an interrupted run of the same dataset and configuration.
        overwrite: replace a model, and discard an interrupted run.
        callbacks: called as training goes on.
        distributed: number of devices and nodes.
    """

    dataset: TileDataset
    out: Path
    config: TrainConfig
    start: ModelFolder | None = None
    resume: bool = False
    overwrite: bool = False
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
    if process.is_main:
        refuse_existing(request.out, overwrite=request.overwrite)
    statistics = band_statistics(dataset, positions)
    if request.start is None:
        initial = _new_model(dataset, request.config, statistics)
    else:
        initial = _pretrained_model(request.start, dataset, request.config, statistics)
    folder = request.out.with_name(f"{request.out.name}.training")
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
        _prepare_run_folder(request, initial, folder)
    else:
        end_with_main_process()
    best = fit(job, initial.network, request.callbacks)
    if best is None:
        raise SystemExit(0)  # the main process does the rest
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    seconds = best.seconds_before + time.monotonic() - started
    _write_model(request, initial, best, seconds, stage)
    shutil.copytree(folder / LOGS, stage / LOGS)
    move_into_place(stage, request.out)
    shutil.rmtree(folder)


def _new_model(
    dataset: TileDataset, config: TrainConfig, statistics: BandStatistics
) -> InitialModel:
    """Build a new network, its encoder's weights as configured."""
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


def _pretrained_model(
    model: ModelFolder, dataset: TileDataset, config: TrainConfig, statistics: BandStatistics
) -> InitialModel:
    """Load a model's network for fine-tuning, once dataset and configuration suit it."""
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
    check_value_range(card, np.array(statistics.quantiles)[:, 1:2], str(dataset.path))
    settings = own | {"first_layer": architecture.first_layer, "encoder_weights": "none"}
    return InitialModel(
        network=load_network(model),
        architecture=architecture,
        config=config.model_copy(update=settings),
        statistics=replace(statistics, mean=card.input.mean, std=card.input.std),
        threshold=card.threshold,
        parent=ParentModelCard(name=card.name, weights_sha256=card.files[WEIGHTS]),
    )


def _prepare_run_folder(request: TrainRequest, initial: InitialModel, folder: Path) -> None:
    """Make the folder of the run, or reuse that of an interrupted run with the same inputs."""
    file = folder / RUN_FILE
    inputs: dict[str, Any] = {
        "config": initial.config.model_dump(mode="json", exclude={"workers"}),
        "pixels_sha256": request.dataset.card.pixels_sha256,
        "split_sha256": request.dataset.card.split_sha256,
    }
    if initial.parent is not None:
        inputs["start_sha256"] = initial.parent.weights_sha256
    if request.overwrite and not request.resume:
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        if not request.resume:
            raise OutputExistsError(
                f"{folder}: an interrupted run exists; continue it with {argument('resume', True)}"
                f", or discard it with {argument('overwrite', True)}"
            )
        before = json.loads(file.read_text()) if file.is_file() else inputs
        if before != inputs:
            old, new = before.get("config", {}), inputs["config"]
            changed = [key for key in new if old.get(key) != new[key]]
            if before.get("start_sha256") != inputs.get("start_sha256"):
                changed.append("model to start from")
            raise InputError(
                f"{folder}: the interrupted run had another {', '.join(changed or ['dataset'])}; "
                "resume with the same dataset and settings, or discard it with "
                f"{argument('overwrite', True)}"
            )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(inputs, indent=2) + "\n")


def _write_model(
    request: TrainRequest, initial: InitialModel, best: BestEpoch, seconds: float, folder: Path
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
    )
    weights = Path(config.encoder_weights)
    has_weights_file = weights.is_file() and initial.architecture.encoder != NO_ENCODER
    training = TrainingCard(
        config=config.model_dump(mode="json"),
        encoder_weights_sha256=sha256_of(weights) if has_weights_file else None,
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
        metrics={} if best.counts is None else {"val": best.counts.as_dict()},
        files={file: sha256_of(folder / file) for file in files},
        stac=mlm_properties(name, initial.architecture, inputs, parameters, torch_version()),
    )
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")
