"""Chooses how to calibrate, and tells what it brings on tiles that were not fitted on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landslip.models.calibration.counts import LogitCounts, summed
from landslip.models.calibration.curve import Calibration
from landslip.models.calibration.figures import Scored, scored
from landslip.models.calibration.fit import fit
from landslip.models.calibration.method import FITTED, Method

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """A curve, and what probabilities are worth without and with it.

    Attributes:
        method: the curve was fitted by.
        curve: fitted to all tiles.
        folds: of tiles; 0 where there are too few to set some aside.
        before: the network's own probabilities.
        after: by method, each tile under a curve fitted to the other folds; empty without folds.
    """

    method: Method
    curve: Calibration
    folds: int
    before: Scored
    after: dict[Method, Scored]


def deal(groups: Sequence[str], *, seed: int, folds: int = FOLDS) -> list[int]:
    """Deal tiles out to folds at random, whole groups of them where there is more than one.

    Args:
        groups: of each tile: what is near it on the ground.
        seed: of the order among groups of one size; the largest are dealt first, each to the fold
            with the fewest tiles.
        folds: as many, or fewer where there are fewer groups (of tiles, where all are one group).

    Returns:
        the fold of each tile, from 0.
    """
    units = list(groups) if len(set(groups)) > 1 else [str(at) for at in range(len(groups))]
    tiles = Counter(units)
    names = sorted(tiles)
    sizes = [0] * min(folds, len(names))
    fold_of = {}
    shuffled = [names[at] for at in np.random.default_rng(seed).permutation(len(names))]
    for name in sorted(shuffled, key=lambda name: -tiles[name]):
        fold = sizes.index(min(sizes))
        fold_of[name] = fold
        sizes[fold] += tiles[name]
    return [fold_of[unit] for unit in units]


def choose(folds: Sequence[LogitCounts], method: Method) -> Choice:
    """Fit a curve to all folds and score it on each fold, fitted to the others.

    Without folds to set aside, ``auto`` is temperature, which has the fewest parameters.

    Args:
        folds: pixels of the tiles of each fold.
        method: ``auto`` takes the one with the lowest log loss on tiles not fitted on.

    Raises:
        InputError: there is no landslide pixel, or no other.
    """
    every = summed(list(folds))
    wanted = FITTED if method is Method.AUTO else (method,)
    rest = [summed([other for other in folds if other is not fold]) for fold in folds]
    can_validate = all(part.landslides and part.others for part in rest)
    after = {way: _held_out(folds, rest, way) for way in wanted} if can_validate else {}
    chosen = min(after, key=lambda way: after[way].log_loss) if after else wanted[0]
    return Choice(
        method=chosen,
        curve=fit(every, chosen),
        folds=len(folds) if after else 0,
        before=scored(every, None),
        after=after,
    )


def _held_out(folds: Sequence[LogitCounts], rest: Sequence[LogitCounts], way: Method) -> Scored:
    first, *others = (scored(fold, fit(part, way)) for fold, part in zip(folds, rest, strict=True))
    return sum(others, first)
