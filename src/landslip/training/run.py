"""Trains a network on a dataset and writes a model folder."""

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landslip.choices import Split
from landslip.dataset.format import TileDataset
from landslip.errors import InputError, OutputExistsError
from landslip.networks.architecture import Architecture
from landslip.networks.build import build_network
from landslip.normalise import Normalisation, band_statistics
from landslip.output import move_into_place, refuse_existing
from landslip.training.fit import LOGS, Fit, fit
from landslip.training.module import Watcher
from landslip.training.recipe import TrainConfig
from landslip.training.save import Trained, write_model

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train on, where to, and what to do with an earlier run.

    Attributes:
        resume: go on with an interrupted run of the same dataset and configuration.
        overwrite: replace a model, and throw away an interrupted run.
        watcher: told how it goes.
    """

    dataset: TileDataset
    out: Path
    config: TrainConfig
    resume: bool = False
    overwrite: bool = False
    watcher: Watcher = field(default_factory=Watcher)


def train(request: TrainRequest) -> None:
    """Train, and write the model folder ``request.out``.

    While it runs, checkpoints and TensorBoard logs are in a folder beside it, ``NAME.training``,
    from which an interrupted run is resumed.

    Raises:
        InputError: the dataset cannot be trained on, or the configuration is wrong.
        OutputExistsError: a model or an interrupted run is there already.
    """
    started = time.monotonic()
    config = request.config
    dataset = request.dataset
    positions = _check_trainable(dataset)
    refuse_existing(request.out, overwrite=request.overwrite)
    statistics = band_statistics(dataset, positions)
    architecture = Architecture(
        arch=config.arch,
        encoder=config.encoder,
        bands=dataset.card.bands,
        first_layer=config.first_layer,
    )
    network = build_network(architecture, encoder_weights=config.encoder_weights, seed=config.seed)
    folder = _run_folder(request, dataset)
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=statistics.mean, std=statistics.std
    )
    job = Fit(dataset=dataset, normalisation=normalisation, config=config, folder=folder)
    best = fit(job, network, request.watcher)
    trained = Trained(
        network=network,
        architecture=architecture,
        dataset=dataset,
        statistics=statistics,
        config=config,
        best=best,
        seconds=time.monotonic() - started,
    )
    _finish(trained, folder, request.out)


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


def _run_folder(request: TrainRequest, dataset: TileDataset) -> Path:
    """Make the folder of the run, or take up the one of an interrupted run that is the same."""
    folder = request.out.with_name(f"{request.out.name}.training")
    same = {
        "config": request.config.model_dump(mode="json", exclude={"workers"}),
        "pixels_sha256": dataset.card.pixels_sha256,
        "split_sha256": dataset.card.split_sha256,
    }
    if request.overwrite and not request.resume:
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        _check_same_run(folder, same, resume=request.resume)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps(same, indent=2) + "\n")
    return folder


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
        changed = [key for key in new if old.get(key) != new[key]] or ["dataset"]
        raise InputError(
            f"{folder}: the interrupted run had another {', '.join(changed)}; resume with the same "
            "dataset and settings, or throw it away by --overwrite"
        )


def _finish(trained: Trained, folder: Path, out: Path) -> None:
    """Write the model beside its place, rename it into it, and remove the run's folder."""
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    write_model(trained, stage, out.name)
    shutil.copytree(folder / LOGS, stage / LOGS)
    move_into_place(stage, out)
    shutil.rmtree(folder)
