"""Which cells an experiment is made of; nothing is read or run here."""

from collections.abc import Iterator, Mapping
from itertools import product

from landslip.core.errors import InputError
from landslip.experiments.config import ExperimentConfig, RunsConfig, TransferConfig
from landslip.experiments.results import CellKey

FoldCounts = Mapping[tuple[str, str], int]


def needed_divisions(config: ExperimentConfig) -> list[tuple[str, str]]:
    """Return the pairs of data set and split that some cell needs, in order."""
    pairs: dict[tuple[str, str], None] = {}
    for runs in config.runs:
        for dataset, split in product(*_datasets_and_splits(config, runs)):
            pairs[dataset, split] = None
    for transfer in config.transfers:
        pairs[transfer.source, transfer.split] = None
    return list(pairs)


def plan_cells(config: ExperimentConfig, folds: FoldCounts) -> list[CellKey]:
    """Return every cell once, those that others begin from before them.

    Within a block of runs the seed changes last, so that what is there after a while holds every
    method.

    Args:
        config: the experiment.
        folds: how many folds each pair of data set and split has.

    Raises:
        InputError: a transfer asks for an SVM to be tuned.
    """
    cells: dict[CellKey, None] = {}
    for runs in config.runs:
        cells |= dict.fromkeys(_cells_of(config, runs, folds))
    for transfer in config.transfers:
        cells |= dict.fromkeys(_transfer_cells(config, transfer))
    return list(cells)


def source_of(key: CellKey) -> CellKey | None:
    """Return the cell whose model another one begins from, if any."""
    if key.target is None:
        return None
    return key.model_copy(update={"target": None, "target_fold": 0, "tune_tiles": 0})


def _datasets_and_splits(
    config: ExperimentConfig, runs: RunsConfig
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return runs.datasets or tuple(config.datasets), runs.splits or tuple(config.splits)


def _cells_of(config: ExperimentConfig, runs: RunsConfig, folds: FoldCounts) -> Iterator[CellKey]:
    datasets, splits = _datasets_and_splits(config, runs)
    seeds = runs.seeds or config.seeds
    methods = runs.methods or tuple(config.methods)
    for seed, dataset, split in product(seeds, datasets, splits):
        for fold in range(folds[dataset, split]):
            for tiles, method in product(runs.train_tiles, methods):
                yield CellKey(
                    dataset=dataset,
                    split=split,
                    fold=fold,
                    method=method,
                    seed=seed,
                    train_tiles=None if tiles == "all" else tiles,
                )


def _transfer_cells(config: ExperimentConfig, transfer: TransferConfig) -> Iterator[CellKey]:
    for method in transfer.methods:
        if config.methods[method].arch == "svm":
            raise InputError(
                f"transfers: {method} is an SVM, which cannot be tuned; name networks there"
            )
    for seed, method in product(transfer.seeds or config.seeds, transfer.methods):
        source = CellKey(dataset=transfer.source, split=transfer.split, method=method, seed=seed)
        yield source
        for tiles, fold in product(transfer.tune_tiles, range(transfer.folds)):
            yield source.model_copy(
                update={"target": transfer.target, "target_fold": fold, "tune_tiles": tiles}
            )
