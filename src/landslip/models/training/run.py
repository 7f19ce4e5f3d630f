"""Trains a network on a dataset and writes a model folder."""

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landslip.core.choices import Split
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import move_into_place, refuse_existing
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import BandStatistics, Normalisation, band_statistics
from landslip.models.folder import Model
from landslip.models.training.fit import LOGS, Fit, fit, training_of
from landslip.models.training.module import Watcher
from landslip.models.training.process import follow_first, this_process
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.save import Trained, write_model
from landslip.models.training.scale import Scale
from landslip.models.training.start import Start, from_model, new_network

RUN_FILE = "run.json"


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
    start: Model | None = None
    resume: bool = False
    overwrite: bool = False
    watcher: Watcher = field(default_factory=Watcher)
    scale: Scale = field(default_factory=Scale)


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
    job = Fit(
        dataset=dataset,
        normalisation=normalisation,
        config=start.config,
        folder=folder,
        threshold=start.threshold,
        resume=request.resume,
        scale=request.scale,
        process=process,
    )
    training_of(job)  # raises what is wrong before anything is written
    if process.first:
        _make_run_folder(request, start, folder)
    else:
        follow_first()
    best = fit(job, start.network, request.watcher)
    if best is None:
        raise SystemExit(0)  # what comes after is for the first process
    trained = Trained(
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


def _start(request: TrainRequest, statistics: BandStatistics) -> Start:
    if request.start is None:
        return new_network(request.dataset, request.config, statistics)
    return from_model(request.start, request.dataset, request.config, statistics)


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


def _make_run_folder(request: TrainRequest, start: Start, folder: Path) -> None:
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


def _finish(trained: Trained, folder: Path, out: Path) -> None:
    """Write the model beside its place, rename it into it, and remove the run's folder."""
    stage = folder / "model"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    write_model(trained, stage, out.name)
    shutil.copytree(folder / LOGS, stage / LOGS)
    move_into_place(stage, out)
    shutil.rmtree(folder)
