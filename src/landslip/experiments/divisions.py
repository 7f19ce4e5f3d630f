"""Divides the data sets of an experiment, and refuses divisions that leak."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import split_digest
from landslip.datasets.splits.division import Division, Fold, divide
from landslip.datasets.splits.leaks import (
    DuplicatePair,
    describe_leaks,
    find_duplicates,
    find_leaks,
    overlap_between,
    refuse_leaks,
)
from landslip.experiments.cache import read_cache
from landslip.experiments.config import ExperimentConfig, SplitConfig, TransferConfig

DUPLICATES = "alike"
_DUPLICATES_VERSION = 1  # raised when tiles that show the same are found in another way

Divisions = Mapping[tuple[str, str], "DatasetDivision"]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDivision:
    """A data set's folds by one way of dividing."""

    dataset: TileDataset
    config: SplitConfig
    folds: tuple[Fold, ...]

    def digest(self, fold: int) -> str:
        """Return the digest of a fold."""
        return split_digest(self.dataset.tile_ids, self.folds[fold].splits)


def needed_divisions(config: ExperimentConfig) -> list[tuple[str, str]]:
    """Return the pairs of data set and split that some cell needs, in order."""
    pairs: dict[tuple[str, str], None] = {}
    for runs in config.runs:
        for dataset, split in product(*config.datasets_and_splits(runs)):
            pairs[dataset, split] = None
    for transfer in config.transfers:
        pairs[transfer.source, transfer.split] = None
    return list(pairs)


def divide_all(
    config: ExperimentConfig, datasets: Mapping[str, TileDataset], out: Path, tell: Tell
) -> dict[tuple[str, str], DatasetDivision]:
    """Divide every data set in every way that some cell needs, transfer targets among them.

    Which tiles show the same is kept in the folder ``out``.

    Raises:
        InputError: a data set cannot be divided so, or tiles leak across a division.
    """
    wanted = {pair: config.splits[pair[1]] for pair in needed_divisions(config)}
    for transfer in config.transfers:
        tuning = SplitConfig(method="random", folds=transfer.folds, val_share=0.0)
        wanted[transfer.target, transfer_split(transfer.folds)] = tuning
    alike: dict[str, tuple[DuplicatePair, ...]] = {}
    divisions = {}
    for (dataset, split), known in wanted.items():
        if dataset not in alike:
            tell(f"data set {dataset}: tiles that show the same ...")
            alike[dataset] = _duplicates(datasets[dataset], out / f"{dataset}.json")
        try:
            divided = _divided(datasets[dataset], known, alike[dataset])
        except InputError as error:
            raise InputError(f"split {split} of data set {dataset}: {error}") from error
        tell(f"data set {dataset}, split {split}: {_counts(divided)}")
        divisions[dataset, split] = divided
    for transfer in config.transfers:
        _check_transfer(transfer, divisions)
    return divisions


def transfer_split(folds: int) -> str:
    """Return the name that the division of a transfer's target goes by."""
    return f"tuning-{folds}-fold"


def _duplicates(dataset: TileDataset, file: Path) -> tuple[DuplicatePair, ...]:
    """Return the tiles that show the same, from the file where they were written before."""
    pixels = dataset.card.pixels_sha256
    kept = read_cache(file, "alike", way=_DUPLICATES_VERSION, pixels=pixels)
    if kept is not None:
        return tuple(DuplicatePair(**pair) for pair in kept)
    found = find_duplicates(dataset)
    file.parent.mkdir(exist_ok=True)
    pairs = [asdict(pair) for pair in found]
    file.write_text(
        json.dumps({"way": _DUPLICATES_VERSION, "pixels": pixels, "alike": pairs}, indent=1) + "\n"
    )
    return found


def _divided(
    dataset: TileDataset, config: SplitConfig, alike: tuple[DuplicatePair, ...]
) -> DatasetDivision:
    division = Division(**config.model_dump(exclude={"leaks"}))
    folds = []
    together = alike if config.leaks == "mend" else ()
    for fold in divide(dataset, division, duplicates=together):
        if config.leaks != "tell":
            refuse_leaks(dataset, fold.splits, alike)
        note = describe_leaks(find_leaks(dataset, fold.splits, alike))
        folds.append(replace(fold, notes=(*fold.notes, note)))
    return DatasetDivision(dataset=dataset, config=config, folds=tuple(folds))


def _check_transfer(
    transfer: TransferConfig, divisions: dict[tuple[str, str], DatasetDivision]
) -> None:
    """Refuse a transfer to tiles that show what its models were trained on, or note it."""
    source = divisions[transfer.source, transfer.split]
    key = transfer.target, transfer_split(transfer.folds)
    target = divisions[key]
    ours, theirs = source.dataset.bands, target.dataset.bands
    tuned = any(transfer.tune_tiles)
    if ours != theirs if tuned else not set(ours.names) <= set(theirs.names):
        raise InputError(
            f"transfer from {transfer.source} to {transfer.target}: both need the same bands"
            f"{' in the same order' if tuned else ''}; got {ours} and {theirs}; make the target's "
            "by take"
        )
    used = [
        at
        for at, side in enumerate(source.folds[0].splits)
        if side in (Split.TRAIN, Split.VALIDATION)
    ]
    shared = overlap_between(source.dataset, used, target.dataset)
    if not shared:
        return
    if transfer.leaks == "refuse":
        raise InputError(
            f"transfer from {transfer.source} to {transfer.target}: {shared}; take another data "
            "set, or let the report tell of it by leaks: tell in the transfer"
        )
    note = f"for models of {transfer.source}: {shared}"
    folds = tuple(replace(fold, notes=(*fold.notes, note)) for fold in target.folds)
    divisions[key] = replace(target, folds=folds)


def _counts(divided: DatasetDivision) -> str:
    """Return how many tiles each side has, for people."""
    number = len(divided.folds)
    sides = [[fold.splits.count(side) for side in Split] for fold in divided.folds]
    shown = ", ".join(f"{count} {side.value}" for side, count in zip(Split, sides[0], strict=True))
    return shown if number == 1 else f"{number} folds, the first with {shown}"
