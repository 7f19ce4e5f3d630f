"""Plans the runs of an experiment, and the job of each; nothing is executed here."""

from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from landslip import __version__
from landslip.core.choices import Split, Tta
from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.experiments.config import ExperimentConfig, MethodConfig
from landslip.experiments.divisions import DatasetDivision, Divisions, transfer_split
from landslip.experiments.results import RunKey
from landslip.experiments.run_folder import MODEL, RunJob
from landslip.models.training.recipe import TrainConfig

FoldCounts = Mapping[tuple[str, str], int]


def plan_runs(config: ExperimentConfig, folds: FoldCounts) -> list[RunKey]:
    """Return every run once, each after the run whose model it starts from.

    Within an entry of ``runs`` the seed changes last, so that an unfinished experiment has all
    methods.

    Raises:
        InputError: a transfer asks for an SVM.
    """
    keys: dict[RunKey, None] = {}
    for runs in config.runs:
        seeds, methods = runs.seeds or config.seeds, runs.methods or tuple(config.methods)
        for seed, dataset, split in product(seeds, *config.datasets_and_splits(runs)):
            for fold, tiles, method in product(
                range(folds[dataset, split]), runs.train_tiles, methods
            ):
                key = RunKey(
                    dataset=dataset,
                    split=split,
                    fold=fold,
                    method=method,
                    seed=seed,
                    train_tiles=None if tiles == "all" else tiles,
                )
                keys[key] = None
    for transfer in config.transfers:
        for method in transfer.methods:
            if config.methods[method].arch == "svm":
                raise InputError(
                    f"transfers: {method} is an SVM, which cannot be fine-tuned; "
                    "name networks there"
                )
        for seed, method in product(transfer.seeds or config.seeds, transfer.methods):
            source = RunKey(dataset=transfer.source, split=transfer.split, method=method, seed=seed)
            keys[source] = None
            for tiles, fold in product(transfer.tune_tiles, range(transfer.folds)):
                tuned = {"target": transfer.target, "target_fold": fold, "tune_tiles": tiles}
                keys[source.model_copy(update=tuned)] = None
    return list(keys)


def source_of(key: RunKey) -> RunKey | None:
    """Return the run whose model another one starts from, if any."""
    if key.target is None:
        return None
    return key.model_copy(update={"target": None, "target_fold": 0, "tune_tiles": 0})


def make_job(config: ExperimentConfig, key: RunKey, divisions: Divisions, runs: Path) -> RunJob:
    """Return the job of a run, whose folder is in ``runs``.

    Raises:
        InputError: the division has too few training tiles for it.
    """
    method, training = config.methods[key.method], config.train_config(key.method, key.seed)
    source = source_of(key)
    if source is None:
        division = divisions[key.dataset, key.split]
        splits = _limited(division, key, key.fold, key.train_tiles)
        source_job = None
    else:
        transfer = next(
            one
            for one in config.transfers
            if (one.source, one.split, one.target) == (key.dataset, key.split, key.target)
            and key.method in one.methods
            and key.tune_tiles in one.tune_tiles
        )
        division = divisions[transfer.target, transfer_split(transfer.folds)]
        splits = _limited(division, key, key.target_fold, key.tune_tiles)
        source_job = make_job(config, source, divisions, runs)
        if key.tune_tiles == 0 or training is None:
            training = None
        else:
            stated = training.model_dump() | transfer.training
            training = TrainConfig.model_validate(stated | {"encoder_weights": "none"})
    made_from = _made_from(config, method, division, splits, training)
    folds = division.config.selection_folds
    if folds > 1:
        made_from["selection"] = f"{folds} folds"
    if source_job is not None:
        made_from["source"] = source_job.made_from
        if training is not None:
            made_from["threshold"] = "tuning tiles left out in turn"
    return RunJob(
        key=key,
        dataset=division.dataset.path,
        splits=splits,
        split_method=division.config.method,
        training=training,
        svm=method.svm if method.arch == "svm" else None,
        start=None if source_job is None else source_job.out / MODEL,
        folds=folds,
        engine=config.engine,
        precision=config.precision,
        tta=method.tta,
        out=runs / key.slug,
        made_from=made_from,
    )


def _limited(
    division: DatasetDivision, key: RunKey, fold: int, train_tiles: int | None
) -> tuple[Split, ...]:
    """Return a fold's splits with at most so many training tiles."""
    splits = division.folds[fold].splits
    if train_tiles is None:
        return splits
    if train_tiles == 0:
        return tuple(Split.UNUSED if split is Split.TRAIN else split for split in splits)
    divided = division.dataset.with_split(splits, division.config.method)
    try:
        return tuple(divided.limited(train_tiles, key.seed).splits)
    except InputError as error:
        raise InputError(f"run {key.slug}: {error}; ask for fewer") from error


def _made_from(
    config: ExperimentConfig,
    method: MethodConfig,
    division: DatasetDivision,
    splits: tuple[Split, ...],
    training: TrainConfig | None,
) -> dict[str, Any]:
    """Return everything that decides a run's result, by name; files by their content."""
    divided = division.dataset.with_split(splits, division.config.method)
    made_from: dict[str, Any] = {
        "pixels": division.dataset.card.pixels_sha256,
        "division": divided.card.split_sha256,
        "precision": f"{config.engine} {config.precision}",
        "version": __version__,
    }
    if method.arch == "svm":
        made_from["svm"] = method.svm.model_dump(mode="json")
        made_from["threshold"] = "tiles not fitted on"
    if method.tta is not Tta.NONE:
        made_from["test-time augmentation"] = method.tta.value
    if training is not None:
        made_from["training"] = training.model_dump(
            mode="json", exclude={"workers", "encoder_weights"}
        )
        made_from["encoder weights"] = _content(training.encoder_weights)
    return made_from


@cache
def _content(weights: str) -> str:
    """Return the digest of a file of weights, or the name of weights to download."""
    path = Path(weights)
    return sha256_of(path) if path.is_file() else weights
