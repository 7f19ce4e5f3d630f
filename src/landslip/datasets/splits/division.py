"""What a division of tiles is, asked for and made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.split_plan import SplitPlan, deal, deal_folds

Method = Literal["random", "groups", "blocks", "scene", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How tiles are to be divided; see `landslip.datasets.splits.divide.divide`.

    Attributes:
        method: ``random`` (by tile), ``groups`` (the tiles' own), ``blocks`` (of ground), ``scene``
            or ``event`` (one of them is the test).
        test_share: share of test tiles where there is one fold.
        val_share: share of validation tiles among those that are not tested.
        folds: 1 is one division; with more, each tile is tested in one of them.
        block_tiles: side of a block of ground, in tiles.
        buffer_m: on the ground, tiles nearer than this to a test tile are unused; None: one tile.
        only: the scenes or events that are held out, one after another; None: each of them.
    """

    method: Method
    test_share: float = 0.2
    val_share: float = 0.1
    seed: int = 0
    folds: int = 1
    block_tiles: int = 4
    buffer_m: float | None = None
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InputError(f"method is one of {', '.join(get_args(Method))}; got {self.method}")
        if not 0 < self.test_share < 1:
            raise InputError(f"test_share is over 0 and under 1; got {self.test_share}")
        if not 0 <= self.val_share < 1:
            raise InputError(f"val_share is 0 or more and under 1; got {self.val_share}")
        if self.folds < 1 or self.block_tiles < 1:
            raise InputError(
                "folds and block_tiles are 1 or more; "
                f"got folds {self.folds}, block_tiles {self.block_tiles}"
            )
        if self.buffer_m is not None and not self.buffer_m >= 0:
            raise InputError(f"buffer_m is 0 or more metres; got {self.buffer_m}")

    @property
    def plan(self) -> SplitPlan:
        """The shares and the seed."""
        return SplitPlan(test_share=self.test_share, val_share=self.val_share, seed=self.seed)

    def deal(self, groups: Sequence[str]) -> list[list[Split]]:
        """Deal tiles out by their groups, once or in folds."""
        if self.folds == 1:
            return [deal(groups, self.plan)]
        return deal_folds(groups, self.folds, self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One division of all tiles.

    Attributes:
        splits: what each tile is for, in the order of the dataset's index.
        notes: what people should know of it.
        held_out: the scene or event that is the test, or None.
    """

    splits: tuple[Split, ...]
    notes: tuple[str, ...] = ()
    held_out: str | None = None
