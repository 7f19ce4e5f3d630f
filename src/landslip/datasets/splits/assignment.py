"""Random assignment of groups of tiles to training, validation and test splits, or to folds."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def assign(
    groups: Sequence[str], plan: SplitPlan, landslide_px: Sequence[int] | None = None
) -> list[Split]:
    """Assign a split to each tile, given each tile's group; a group is never divided.

    Groups are shuffled by the seed. Groups with landslide pixels come first: from the largest area
    on, each split takes its fraction of their tiles and of their landslide pixels together, and at
    least one group where there are enough. Those without fill the test split, then the validation
    split, each up to its fraction of all tiles: the group that crosses the limit is included if
    that is nearer to it. A fraction above 0 gets at least one group where possible. Without
    ``landslide_px`` of each tile, all are as if without.

    Raises:
        InputError: there are too few groups for the fractions.
    """
    units = _Groups.of(groups, landslide_px)
    order = units.shuffled(plan.seed)
    test, rest = _take(order, units, plan.test_share)
    validation, train = _take(rest, units, plan.val_share)
    if plan.test_share < 1 and plan.val_share < 1 and not train:
        raise InputError(
            f"no tile is left to train on: {len(groups)} tiles in {len(units.sizes)} groups, "
            f"test share {plan.test_share}, validation share {plan.val_share}; "
            "use smaller groups, smaller shares or more tiles"
        )
    split_of = dict.fromkeys(test, Split.TEST) | dict.fromkeys(validation, Split.VALIDATION)
    return [split_of.get(int(group), Split.TRAIN) for group in units.members]


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


def assign_folds(
    groups: Sequence[str],
    folds: int,
    plan: SplitPlan,
    landslide_px: Sequence[int] | None = None,
) -> list[list[Split]]:
    """Assign splits ``folds`` times so that each tile is tested once; a group is never divided.

    Groups are shuffled by the seed. Those with landslide pixels, from the largest area on, are
    added one by one to the fold with the fewest of their tiles and pixels, then the others to the
    fold with the fewest tiles. In each fold the plan's fraction of the other tiles is for
    validation, see `assign`; its test fraction is not used.

    Raises:
        InputError: there are fewer groups than folds, or too few to train on.
    """
    units = _Groups.of(groups, landslide_px)
    if len(units.sizes) < folds:
        raise InputError(
            f"{folds} folds need at least {folds} groups of tiles; got {len(units.sizes)} (of "
            f"{len(groups)} tiles); use fewer folds or smaller groups"
        )
    fold_of = np.zeros(len(units.sizes), dtype=np.int64)
    loads, fold_sizes = np.zeros(folds), np.zeros(folds, dtype=np.int64)
    order = units.shuffled(plan.seed)
    by_area = units.by_area(order, folds)
    for group, weight in zip(by_area, units.weights(by_area), strict=True):
        fold_of[group] = np.lexsort((fold_sizes, loads))[0]
        loads[fold_of[group]] += weight
        fold_sizes[fold_of[group]] += units.sizes[group]
    for group in order:
        if not units.landslide_px[group]:
            fold_of[group] = np.argmin(fold_sizes)
            fold_sizes[fold_of[group]] += units.sizes[group]
    without_test = SplitPlan(test_share=0, val_share=plan.val_share, seed=plan.seed)
    assigned = []
    for fold in range(folds):
        tested = fold_of[units.members] == fold
        others = np.flatnonzero(~tested).tolist()
        others_px = None if landslide_px is None else [landslide_px[at] for at in others]
        rest = iter(assign([groups[at] for at in others], without_test, others_px))
        assigned.append([Split.TEST if test else next(rest) for test in tested])
    return assigned


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Groups:
    """Groups of tiles, numbered in the order of their names.

    Attributes:
        members: (tiles,) the group of each tile.
        sizes: (groups,) number of tiles.
        landslide_px: (groups,) number of landslide pixels.
    """

    members: NDArray[np.intp]
    sizes: NDArray[np.intp]
    landslide_px: NDArray[np.float64]

    @classmethod
    def of(cls, groups: Sequence[str], landslide_px: Sequence[int] | None) -> "_Groups":
        names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
        pixels = np.zeros(len(members)) if landslide_px is None else np.asarray(landslide_px)
        return cls(
            members=members,
            sizes=np.bincount(members, minlength=len(names)),
            landslide_px=np.bincount(members, pixels, len(names)).astype(np.float64),
        )

    def shuffled(self, seed: int) -> list[int]:
        """Return all groups in an order of the seed."""
        order = np.random.default_rng(seed).permutation(len(self.sizes))
        return [int(group) for group in order]

    def by_area(self, order: list[int], block: int) -> list[int]:
        """Return the groups with landslide by falling area, shuffled in blocks of a number."""
        rank = {group: at for at, group in enumerate(order)}
        falling = sorted(
            (group for group in order if self.landslide_px[group]),
            key=lambda group: -self.landslide_px[group],
        )
        blocks = [
            sorted(falling[at : at + block], key=rank.__getitem__)
            for at in range(0, len(falling), block)
        ]
        return [group for members in blocks for group in members]

    def weights(self, groups: list[int]) -> NDArray[np.float64]:
        """Return the mean of each group's fraction of their tiles and of their landslide pixels."""
        sizes, pixels = self.sizes[groups], self.landslide_px[groups]
        weights: NDArray[np.float64] = (sizes / sizes.sum() + pixels / pixels.sum()) / 2
        return weights


def _take(order: list[int], units: _Groups, share: float) -> tuple[list[int], list[int]]:
    """Divide an order of groups into a fraction of them and the rest; see `assign`."""
    if share == 0 or not order:
        return [], order
    if share == 1:
        return order, []
    taken = _take_landslides(order, units, share)
    free = [group for group in order if not units.landslide_px[group]]
    wanted = share * units.sizes[order].sum() - units.sizes[taken].sum()
    reached = np.cumsum([0, *units.sizes[free]])
    taken += free[: int(np.argmin(np.abs(reached - wanted)))]
    taken = (taken or order[:1])[: len(order) - 1]
    chosen = set(taken)
    return taken, [group for group in order if group not in chosen]


def _take_landslides(order: list[int], units: _Groups, share: float) -> list[int]:
    """Return a fraction of the groups with landslide: one at least, and never all of them.

    Along the order by area, a group is taken where what is taken then stays nearer to the fraction
    of what was passed.
    """
    least = max(min(share, 1 - share), 1 / len(order))
    by_area = units.by_area(order, math.ceil(1 / least))
    if len(by_area) < 2:
        return []
    weights = units.weights(by_area)
    taken, reached = [], 0.0
    for group, weight, passed in zip(by_area, weights, np.cumsum(weights), strict=True):
        if reached + weight / 2 <= share * passed:
            taken.append(group)
            reached += weight
    if not taken:
        taken = [by_area[int(np.argmin(np.abs(weights - share)))]]
    return taken[: len(by_area) - 1]
