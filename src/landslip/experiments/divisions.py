"""Divisions of the datasets of an experiment; those that leak are refused."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import split_digest
from landslip.datasets.splits.division import Division, Fold, divide
from landslip.datasets.splits.duplicates import DuplicatePair
from landslip.datasets.splits.leaks import (
    describe_leaks,
    find_duplicates,
    find_leaks,
    overlap_between,
    refuse_leaks,
)
from landslip.datasets.splits.tile_groups import TileGroups, tile_groups
from landslip.experiments.cache import read_cache, write_cache
from landslip.experiments.config import ExperimentConfig, SplitConfig, TransferConfig

DUPLICATES = "alike"
_DUPLICATES_VERSION = 1  # to be raised when duplicates are found in another way

Divisions = Mapping[tuple[str, str], "DatasetDivision"]
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDivision:
    """The folds of a dataset under one split configuration.

    ``groups`` are those of the dataset, the same under every configuration.
    """

    dataset: TileDataset
    config: SplitConfig
    folds: tuple[Fold, ...]
    groups: TileGroups

    def digest(self, fold: int) -> str:
        """Return the digest of a fold."""
        return split_digest(self.dataset.tile_ids, self.folds[fold].splits)


def needed_divisions(config: ExperimentConfig) -> list[tuple[str, str]]:
    """Return the pairs of dataset and split that some run needs, in order."""
    pairs: dict[tuple[str, str], None] = {}
    for runs in config.runs:
        pairs |= dict.fromkeys(product(*config.datasets_and_splits(runs)))
    for transfer in config.transfers:
        pairs[transfer.source, transfer.split] = None
    return list(pairs)


def transfer_split(folds: int) -> str:
    """Return the name of the split of a transfer's target."""
    return f"tuning-{folds}-fold"


def divide_all(
    config: ExperimentConfig, datasets: Mapping[str, TileDataset], out: Path, log: Log
) -> dict[tuple[str, str], DatasetDivision]:
    """Divide every dataset by every split that some run needs, also those of transfer targets.

    Tiles of the same content are cached in the folder ``out``.

    Raises:
        InputError: a dataset does not allow a split, or tiles leak across it.
    """
    splits = {pair: config.splits[pair[1]] for pair in needed_divisions(config)}
    for transfer in config.transfers:
        tuning = SplitConfig(method="random", folds=transfer.folds, val_share=0.0)
        splits[transfer.target, transfer_split(transfer.folds)] = tuning
    duplicates: dict[str, tuple[DuplicatePair, ...]] = {}
    groups: dict[str, TileGroups] = {}
    divisions = {}
    for (dataset, split), split_config in splits.items():
        if dataset not in duplicates:
            log(f"data set {dataset}: tiles of the same content ...")
            duplicates[dataset] = _duplicates(datasets[dataset], out / f"{dataset}.json")
            groups[dataset] = tile_groups(datasets[dataset], duplicates[dataset])
        try:
            folds = _divide(datasets[dataset], split_config, duplicates[dataset])
        except InputError as error:
            raise InputError(f"split {split} of data set {dataset}: {error}") from error
        first, number = folds[0].splits, len(folds)
        counts = ", ".join(f"{first.count(side)} {side.value}" for side in Split)
        in_folds = "" if number == 1 else f"{number} folds, the first with "
        log(f"data set {dataset}, split {split}: {in_folds}{counts}")
        divisions[dataset, split] = DatasetDivision(
            dataset=datasets[dataset], config=split_config, folds=folds, groups=groups[dataset]
        )
    for transfer in config.transfers:
        _check_transfer(transfer, divisions)
    return divisions


def _duplicates(dataset: TileDataset, file: Path) -> tuple[DuplicatePair, ...]:
    measured_on = {"way": _DUPLICATES_VERSION, "pixels": dataset.card.pixels_sha256}
    cached = read_cache(file, "alike", measured_on)
    if cached is not None:
        return tuple(DuplicatePair(**pair) for pair in cached)
    duplicates = find_duplicates(dataset)
    write_cache(file, "alike", [asdict(pair) for pair in duplicates], measured_on)
    return duplicates


def _divide(
    dataset: TileDataset, config: SplitConfig, duplicates: tuple[DuplicatePair, ...]
) -> tuple[Fold, ...]:
    division = Division(**config.model_dump(exclude={"leaks", "select"}))
    folds = []
    for fold in divide(dataset, division, duplicates if config.leaks == "regroup" else ()):
        sides = fold.splits
        if config.selection_folds > 1:
            sides = tuple(Split.TRAIN if side is Split.VALIDATION else side for side in sides)
        if config.leaks != "warn":
            refuse_leaks(dataset, sides, duplicates)
        note = describe_leaks(find_leaks(dataset, sides, duplicates))
        folds.append(replace(fold, splits=sides, notes=(*fold.notes, note)))
    return tuple(folds)


def _check_transfer(
    transfer: TransferConfig, divisions: dict[tuple[str, str], DatasetDivision]
) -> None:
    """Refuse a transfer to tiles of the training's content, or note it in the target's folds."""
    source = divisions[transfer.source, transfer.split]
    key = transfer.target, transfer_split(transfer.folds)
    target = divisions[key]
    where = f"transfer from {transfer.source} to {transfer.target}"
    ours, theirs = source.dataset.bands, target.dataset.bands
    is_tuned = any(transfer.tune_tiles)
    if ours != theirs if is_tuned else not set(ours.names) <= set(theirs.names):
        raise InputError(
            f"{where}: both need the same bands{' in the same order' if is_tuned else ''}; got "
            f"{ours} and {theirs}; make the target's by take"
        )
    splits = source.folds[0].splits
    fitted = [at for at, split in enumerate(splits) if split in (Split.TRAIN, Split.VALIDATION)]
    overlap = overlap_between(source.dataset, fitted, target.dataset)
    if not overlap:
        return
    if transfer.leaks == "refuse":
        raise InputError(
            f"{where}: {overlap}; take another data set, or accept them with leaks: warn in the "
            "transfer, which reports them"
        )
    note = f"for models of {transfer.source}: {overlap}"
    folds = tuple(replace(fold, notes=(*fold.notes, note)) for fold in target.folds)
    divisions[key] = replace(target, folds=folds)
