"""Random assignment of groups of tiles to training, validation and test splits, or to folds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landslip.core.choices import Split
from landslip.core.errors import InputError, argument


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """Fractions of test tiles (of all) and of validation tiles (of the rest), and the seed."""

    test_share: float = 0.2
    val_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, share in (("test_share", self.test_share), ("val_share", self.val_share)):
            if not 0 <= share <= 1:
                raise InputError(f"{argument(name)} is between 0 and 1; got {share}")


def assign(groups: Sequence[str], plan: SplitPlan) -> list[Split]:
    """Assign a split to each tile, given each tile's group; a group is never divided.

    Groups are shuffled by the seed and fill the test split, then the validation split, each up to
    its fraction of tiles: the group that crosses the limit is included if that is nearer to it. A
    fraction above 0 gets at least one group where possible.

    Raises:
        InputError: there are too few groups for the fractions.
    """
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    sizes = np.bincount(members, minlength=len(names))
    order = [int(group) for group in np.random.default_rng(plan.seed).permutation(len(names))]
    test, rest = _take(order, sizes, plan.test_share)
    validation, train = _take(rest, sizes, plan.val_share)
    if plan.test_share < 1 and plan.val_share < 1 and not train:
        raise InputError(
            f"no tile is left to train on: {len(groups)} tiles in {len(names)} groups, "
            f"test share {plan.test_share}, validation share {plan.val_share}; "
            "use smaller groups, smaller shares or more tiles"
        )
    split_of = dict.fromkeys(test, Split.TEST) | dict.fromkeys(validation, Split.VALIDATION)
    return [split_of.get(int(group), Split.TRAIN) for group in members]


def split_digest(tile_ids: Sequence[str], splits: Sequence[Split]) -> str:
    """Return a digest that changes when any tile changes its split."""
    lines = sorted(f"{split.value}\t{tile}" for tile, split in zip(tile_ids, splits, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def limited_to(
    tile_ids: Sequence[str],
    splits: Sequence[Split],
    landslide: Sequence[bool],
    *,
    number: int,
    seed: int,
) -> list[Split]:
    """Keep ``number`` training tiles, drawn by the seed; the others become unused.

    A smaller number gives a subset of a larger one. The first drawn tile with landslide is always
    kept.

    Raises:
        InputError: there are fewer training tiles.
    """
    train = [at for at, split in enumerate(splits) if split is Split.TRAIN]
    if not 1 <= number <= len(train):
        raise InputError(f"{number} training tiles were requested, and there are {len(train)}")
    train.sort(key=lambda at: tile_ids[at])
    order = [train[at] for at in np.random.default_rng(seed).permutation(len(train))]
    first = next((at for at in order if landslide[at]), order[0])
    order.sort(key=lambda at: at != first)
    unused = {*order[number:]}
    return [Split.UNUSED if at in unused else split for at, split in enumerate(splits)]


def assign_folds(groups: Sequence[str], folds: int, plan: SplitPlan) -> list[list[Split]]:
    """Assign splits ``folds`` times so that each tile is tested once; a group is never divided.

    Groups are shuffled by the seed and added one by one to the fold with the fewest tiles. In each
    fold the plan's fraction of the other tiles is for validation; its test fraction is not used.

    Raises:
        InputError: there are fewer groups than folds, or too few to train on.
    """
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    if len(names) < folds:
        raise InputError(
            f"{folds} folds need at least {folds} groups of tiles; got {len(names)} (of "
            f"{len(groups)} tiles); use fewer folds or smaller groups"
        )
    sizes, fold_sizes = np.bincount(members, minlength=len(names)), np.zeros(folds, dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for group in np.random.default_rng(plan.seed).permutation(len(names)):
        fold_of[group] = np.argmin(fold_sizes)
        fold_sizes[fold_of[group]] += sizes[group]
    without_test = SplitPlan(test_share=0, val_share=plan.val_share, seed=plan.seed)
    assigned = []
    for fold in range(folds):
        tested = fold_of[members] == fold
        others = [group for group, test in zip(groups, tested, strict=True) if not test]
        rest = iter(assign(others, without_test))
        assigned.append([Split.TEST if test else next(rest) for test in tested])
    return assigned


def _take(order: list[int], sizes: np.ndarray, share: float) -> tuple[list[int], list[int]]:
    """Divide an order of groups where its cumulative size is nearest to a fraction of the total."""
    if share == 0 or not order:
        return [], order
    reached = np.cumsum([sizes[group] for group in order])
    count = int(np.argmin(np.abs(reached - share * reached[-1]))) + 1
    if share < 1:
        count = min(count, len(order) - 1)
    return order[:count], order[count:]
