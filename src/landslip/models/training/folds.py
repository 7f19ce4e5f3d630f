"""Folds of a training: which tiles each network learns from, and which it is then scored on."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.messages import message
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.splits.cross_validation import held_out_folds
from landslip.datasets.splits.duplicates import DuplicatePair

LEAVE_ONE_OUT_TILES = 8
_TUNING_FOLDS = 5
_MAX_CANDIDATES = 8
_MAX_SEARCHED = 3000  # tiles; the search takes ten minutes then, and grows with their square


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFold:
    """A part of the labels to learn from, and the rest to be scored on.

    Attributes:
        training: its training tiles are learnt from; its validation tiles show the progress.
        scored: the same tiles with the labels to score by.
        positions: of the tiles to score.
    """

    training: TileDataset
    scored: TileDataset
    positions: list[int]


def all_for_training(dataset: TileDataset) -> TileDataset:
    """Return a dataset whose validation tiles are training tiles."""
    sides = [Split.TRAIN if side is Split.VALIDATION else side for side in dataset.splits]
    return dataset.with_split(sides, dataset.card.split_method)


def cross_validation(
    dataset: TileDataset, folds: int, seed: int, *, only_scores: bool = False
) -> list[TrainingFold]:
    """Divide training and validation tiles into folds of groups; test tiles stay out.

    Each fold's tiles are its validation tiles; see
    `landslip.datasets.splits.cross_validation.held_out_folds`. Tiles of the same content (see
    `landslip.datasets.splits.leaks.find_duplicates`) are in one fold, and warned of where their
    groups differ; among more than 3000 tiles they are not searched for, which is warned of, too.
    With ``only_scores`` a fold's tiles do not show the progress, and groups are trusted to be all
    that depends on each other.

    Raises:
        InputError: there are fewer groups than folds, or one of them has all landslides.
    """
    pool = all_for_training(dataset)
    positions = pool.positions(Split.TRAIN)
    duplicates: list[DuplicatePair] = []
    if len(dataset) > _MAX_SEARCHED and not only_scores:
        note = message("warning.folds_not_searched", tiles=len(dataset), most=_MAX_SEARCHED)
        warnings.warn(f"{dataset.path}: {note.text()}", LandslipWarning, stacklevel=3)
    elif not only_scores:
        from landslip.datasets.splits.leaks import find_duplicates  # needs shapely

        found = find_duplicates(dataset)
        duplicates = [pair for pair in found if {pair.one, pair.other} <= set(positions)]
    apart = [pair for pair in duplicates if dataset.groups[pair.one] != dataset.groups[pair.other]]
    if apart:
        names = dataset.tile_ids[apart[0].one], dataset.tile_ids[apart[0].other]
        note = message("warning.folds_regrouped", pairs=len(apart), one=names[0], other=names[1])
        warnings.warn(f"{dataset.path}: {note.text()}", LandslipWarning, stacklevel=3)
    held_out = held_out_folds(dataset, positions, folds=folds, seed=seed, duplicates=duplicates)
    landslide_px = dataset.column("landslide_px")
    for fold in held_out:
        rest = sorted(set(positions) - set(fold))
        if not any(landslide_px[at] for at in rest) or not dataset.has_background(rest):
            raise InputError(
                f"{argument('folds', folds)}: landslides or background are in the groups of one "
                f"fold only, of {len(positions)} tiles; use fewer folds, or more tiles"
            )
    side = Split.UNUSED if only_scores else Split.VALIDATION
    return [_without(pool, fold, side) for fold in held_out]


def tuning_folds(dataset: TileDataset, seed: int) -> tuple[TrainingFold, ...]:
    """Divide the tiles that a model is fine-tuned on, where none is for validation.

    Up to `LEAVE_ONE_OUT_TILES` groups are left out one by one, more in five folds; where all tiles
    are one group, each is its own here. Where that would leave a network without landslides or
    without background, as with one tile, each tile is cut in two along the line that halves its
    landslide pixels, and its halves are left out in turn: the network sees the whole tile but not
    the labels of that half. None where neither is possible.
    """
    positions = dataset.positions(Split.TRAIN)
    landslide_px = dataset.column("landslide_px")
    groups = {dataset.groups[at] for at in positions}
    named = [dataset.groups[at] if len(groups) > 1 else str(at) for at in positions]
    if len(set(named)) <= LEAVE_ONE_OUT_TILES:
        held_out = [
            [at for at, name in zip(positions, named, strict=True) if name == group]
            for group in sorted(set(named))
        ]
    elif len(groups) > 1:
        held_out = held_out_folds(dataset, positions, folds=_TUNING_FOLDS, seed=seed)
    else:
        order = np.random.default_rng(seed).permutation(positions)
        held_out = [sorted(part.tolist()) for part in np.array_split(order, _TUNING_FOLDS)]
    rests = [sorted(set(positions) - set(fold)) for fold in held_out]
    if all(any(landslide_px[at] for at in rest) and dataset.has_background(rest) for rest in rests):
        return tuple(_without(dataset, fold, Split.UNUSED) for fold in held_out)
    halves = {at: _halves(dataset.tile(at).label == LANDSLIDE) for at in positions}
    parts = [
        dataset.with_hidden_labels({at: halves[at][half] for at in positions}) for half in (0, 1)
    ]
    if not all(_has_both(part, positions) for part in parts):
        return ()
    return tuple(
        TrainingFold(training=parts[half], scored=parts[1 - half], positions=positions)
        for half in (0, 1)
    )


def candidate_epochs(epochs: int) -> tuple[int, ...]:
    """Return the epochs, from 1, of which one may be chosen: at most 8, in the last half."""
    first = epochs // 2 + 1
    chosen = np.linspace(first, epochs, min(_MAX_CANDIDATES, epochs - first + 1))
    return tuple(int(epoch) for epoch in chosen.round())


def _without(dataset: TileDataset, fold: list[int], side: Split) -> TrainingFold:
    sides, left_out = dataset.splits, set(fold)
    sides = [side if at in left_out else one for at, one in enumerate(sides)]
    training = dataset.with_split(sides, dataset.card.split_method)
    return TrainingFold(training=training, scored=dataset, positions=fold)


def _halves(landslide: NDArray[np.bool_]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the two parts of a tile (height, width), of as many landslide pixels each."""
    cuts = []
    for axis in (0, 1):
        reached = np.cumsum(landslide.sum(axis=1 - axis))
        side, total = len(reached), int(reached[-1])
        cut = side // 2 if total == 0 else int(np.argmin(np.abs(2 * reached - total))) + 1
        cut = min(max(cut, 1), side - 1)
        cuts.append((min(int(reached[cut - 1]), total - int(reached[cut - 1])), axis, cut))
    _, axis, cut = max(cuts, key=lambda one: one[0])
    whole = slice(None)
    first, second = slice(0, cut), slice(cut, None)
    return ((first, whole), (second, whole)) if axis == 0 else ((whole, first), (whole, second))


def _has_both(dataset: TileDataset, positions: list[int]) -> bool:
    tiles = [dataset.tile(at) for at in positions]
    return all(
        any((tile.counted & ((tile.label == LANDSLIDE) == of)).any() for tile in tiles)
        for of in (True, False)
    )
