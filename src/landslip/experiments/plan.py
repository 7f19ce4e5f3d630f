"""Which cells an experiment is made of; nothing is read or run here."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from landslip import __version__
from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.experiments.config import (
    ExperimentConfig,
    MethodConfig,
    RunsConfig,
    TransferConfig,
)
from landslip.experiments.divisions import DatasetDivision, Divisions, transfer_split
from landslip.experiments.results import RunKey
from landslip.experiments.run_folder import MODEL, RunJob
from landslip.models.training.recipe import TrainConfig

FoldCounts = Mapping[tuple[str, str], int]


def plan_runs(config: ExperimentConfig, folds: FoldCounts) -> list[RunKey]:
    """Return every cell once, those that others begin from before them.

    Within a block of runs the seed changes last, so that what is there after a while holds every
    method.

    Args:
        config: the experiment.
        folds: how many folds each pair of data set and split has.

    Raises:
        InputError: a transfer asks for an SVM to be tuned.
    """
    cells: dict[RunKey, None] = {}
    for runs in config.runs:
        cells |= dict.fromkeys(_runs_of(config, runs, folds))
    for transfer in config.transfers:
        cells |= dict.fromkeys(_transfer_runs(config, transfer))
    return list(cells)


def source_of(key: RunKey) -> RunKey | None:
    """Return the cell whose model another one begins from, if any."""
    if key.target is None:
        return None
    return key.model_copy(update={"target": None, "target_fold": 0, "tune_tiles": 0})


def _runs_of(config: ExperimentConfig, runs: RunsConfig, folds: FoldCounts) -> Iterator[RunKey]:
    datasets, splits = config.datasets_and_splits(runs)
    seeds = runs.seeds or config.seeds
    methods = runs.methods or tuple(config.methods)
    for seed, dataset, split in product(seeds, datasets, splits):
        for fold in range(folds[dataset, split]):
            for tiles, method in product(runs.train_tiles, methods):
                yield RunKey(
                    dataset=dataset,
                    split=split,
                    fold=fold,
                    method=method,
                    seed=seed,
                    train_tiles=None if tiles == "all" else tiles,
                )


def _transfer_runs(config: ExperimentConfig, transfer: TransferConfig) -> Iterator[RunKey]:
    for method in transfer.methods:
        if config.methods[method].arch == "svm":
            raise InputError(
                f"transfers: {method} is an SVM, which cannot be tuned; name networks there"
            )
    for seed, method in product(transfer.seeds or config.seeds, transfer.methods):
        source = RunKey(dataset=transfer.source, split=transfer.split, method=method, seed=seed)
        yield source
        for tiles, fold in product(transfer.tune_tiles, range(transfer.folds)):
            yield source.model_copy(
                update={"target": transfer.target, "target_fold": fold, "tune_tiles": tiles}
            )


def make_job(config: ExperimentConfig, key: RunKey, divisions: Divisions, cells: Path) -> RunJob:
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
    return RunJob(
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


def _transfer_job(
    config: ExperimentConfig, key: RunKey, divisions: Divisions, cells: Path
) -> RunJob:
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
    return RunJob(
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
    divided: DatasetDivision, key: RunKey, fold: int, train_tiles: int | None
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
    divided: DatasetDivision,
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
