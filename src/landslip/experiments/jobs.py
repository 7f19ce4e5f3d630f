"""Makes a worker's job of a cell."""

from functools import cache
from pathlib import Path
from typing import Any

from landslip import __version__
from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.experiments.config import ExperimentConfig, MethodConfig
from landslip.experiments.divide import Divided, Divisions, transfer_split
from landslip.experiments.job import MODEL, Job
from landslip.experiments.plan import source_of
from landslip.experiments.results import CellKey
from landslip.models.training.recipe import TrainConfig


def make_job(config: ExperimentConfig, key: CellKey, divisions: Divisions, cells: Path) -> Job:
    """Return the job of a cell, to be made in ``cells``.

    Raises:
        InputError: the division has too few training tiles for it.
    """
    if key.target is not None:
        return _transfer_job(config, key, divisions, cells)
    method = config.methods[key.method]
    divided = divisions[key.dataset, key.split]
    splits = _limited(divided, key, key.fold, key.train_tiles)
    training = config.train_config(key.method, key.seed)
    svm = method.svm if method.arch == "svm" else None
    return Job(
        key=key,
        dataset=divided.dataset.path,
        splits=splits,
        split_method=divided.config.method,
        training=training,
        svm=svm,
        engine=config.engine,
        precision=config.precision,
        out=cells / key.slug,
        made_from=_made_from(config, method, divided, splits, training),
    )


def _transfer_job(config: ExperimentConfig, key: CellKey, divisions: Divisions, cells: Path) -> Job:
    """Return the job of a model on another data set, as it is or tuned on some of its tiles."""
    transfer = next(
        one
        for one in config.transfers
        if (one.source, one.split, one.target) == (key.dataset, key.split, key.target)
        and key.method in one.methods
        and key.tune_tiles in one.tune_tiles
    )
    divided = divisions[transfer.target, transfer_split(transfer.folds)]
    splits = _limited(divided, key, key.target_fold, key.tune_tiles)
    source = source_of(key)
    training = config.train_config(key.method, key.seed)
    if key.tune_tiles == 0 or training is None:
        training = None
    else:
        stated = training.model_dump() | transfer.training
        training = TrainConfig.model_validate(stated | {"encoder_weights": "none"})
    method = config.methods[key.method]
    made_from = _made_from(config, method, divided, splits, training)
    source_job = make_job(config, source, divisions, cells) if source is not None else None
    if source_job is None:
        raise InputError(f"{key.slug}: a transfer begins from a cell")
    return Job(
        key=key,
        dataset=divided.dataset.path,
        splits=splits,
        split_method=divided.config.method,
        training=training,
        start=source_job.out / MODEL,
        engine=config.engine,
        precision=config.precision,
        out=cells / key.slug,
        made_from=made_from | {"source": source_job.made_from},
    )


def _limited(
    divided: Divided, key: CellKey, fold: int, train_tiles: int | None
) -> tuple[Split, ...]:
    """Return a fold's sides with no more than so many training tiles."""
    splits = divided.folds[fold].splits
    if train_tiles is None:
        return splits
    if train_tiles == 0:
        return tuple(Split.UNUSED if side is Split.TRAIN else side for side in splits)
    view = divided.dataset.with_split(splits, divided.config.method)
    try:
        return tuple(view.limited(train_tiles, key.seed).splits)
    except InputError as error:
        raise InputError(f"cell {key.slug}: {error}; ask for fewer") from error


def _made_from(
    config: ExperimentConfig,
    method: MethodConfig,
    divided: Divided,
    splits: tuple[Split, ...],
    training: TrainConfig | None,
) -> dict[str, Any]:
    """Return what decides how a cell comes out, by name; files by their content."""
    made_from: dict[str, Any] = {
        "pixels": divided.dataset.card.pixels_sha256,
        "division": divided.dataset.with_split(splits, divided.config.method).card.split_sha256,
        "precision": f"{config.engine} {config.precision}",
        "version": __version__,
    }
    if method.arch == "svm":
        made_from["svm"] = method.svm.model_dump(mode="json")
    if training is not None:
        made_from["training"] = training.model_dump(
            mode="json", exclude={"workers", "encoder_weights"}
        )
        made_from["encoder weights"] = _content(training.encoder_weights)
    return made_from


@cache
def _content(weights: str) -> str:
    """Return a file's digest, or the word that stands for weights."""
    path = Path(weights)
    return sha256_of(path) if path.is_file() else weights
