"""What a division of tiles is, asked for and made."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan, assign, assign_folds
from landslip.datasets.splits.leaks import DuplicatePair, merge_groups
from landslip.datasets.splits.spatial import SpatialRelations, drop_related, spatial_relations

DivisionMethod = Literal["random", "groups", "blocks", "scene", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How tiles are to be divided; see `landslip.datasets.splits.division.divide`.

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

    method: DivisionMethod
    test_share: float = 0.2
    val_share: float = 0.1
    seed: int = 0
    folds: int = 1
    block_tiles: int = 4
    buffer_m: float | None = None
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(DivisionMethod):
            raise InputError(
                f"method is one of {', '.join(get_args(DivisionMethod))}; got {self.method}"
            )
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

    def assign(self, groups: Sequence[str]) -> list[list[Split]]:
        """Deal tiles out by their groups, once or in folds."""
        if self.folds == 1:
            return [assign(groups, self.plan)]
        return assign_folds(groups, self.folds, self.plan)


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


def divide(
    dataset: TileDataset, division: Division, together: Sequence[DuplicatePair] = ()
) -> tuple[Fold, ...]:
    """Divide a dataset's tiles, once or in folds.

    - ``random`` deals tiles one by one.
    - ``groups`` deals the dataset's own groups, which stay whole.
    - ``blocks`` deals square blocks of ground, all dates of a block together; see
      `landslip.datasets.splits.spatial.drop_related` for the tiles left out at their edges.
    - ``scene`` and ``event`` hold out one after another; see `landslip.datasets.splits.division`.

    Args:
        dataset: the tiles.
        division: how to divide them.
        together: pairs of tiles that show the same, which ``random`` and ``groups`` are to keep on
            one side; the other methods do not look at them.

    Raises:
        InputError: the tiles do not allow it.
    """
    match division.method:
        case "random":
            folds = _by_name(dataset.tile_ids, division, together)
        case "groups":
            folds = _by_name(dataset.groups, division, together)
        case "blocks":
            folds = divide_by_blocks(dataset, division)
        case "scene" | "event":
            folds = hold_out(dataset, division)
    return tuple(_checked(dataset, fold, division) for fold in folds)


def _by_name(names: list[str], division: Division, together: Sequence[DuplicatePair]) -> list[Fold]:
    """Deal tiles out by their names or groups."""
    kept = merge_groups(names, together)
    joined = len(set(names)) - len(set(kept))
    notes: tuple[str, ...] = ()
    if joined:
        what = "tiles" if division.method == "random" else "groups"
        notes = (f"{joined} {what} go with others that show the same",)
    return [Fold(splits=tuple(splits), notes=notes) for splits in division.assign(kept)]


def _checked(dataset: TileDataset, fold: Fold, division: Division) -> Fold:
    """Return the fold with notes of what its sides lack.

    Raises:
        InputError: nothing is left to train or to test on.
    """
    if Split.TRAIN not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to train on ({division.method}, "
            f"{' '.join(fold.notes) or 'no tile left out'}); use smaller shares, blocks or buffer"
        )
    if Split.TEST not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to test on, of {len(dataset)} ({division.method}); "
            "more tiles, groups or blocks are needed, or fewer folds"
        )
    notes = list(fold.notes)
    landslide = dataset.column("landslide_px")
    tested = [at for at, split in enumerate(fold.splits) if split is Split.TEST]
    if not any(landslide[at] for at in tested):
        notes.append(f"none of the {len(tested)} test tiles shows landslide")
    if division.val_share > 0 and Split.VALIDATION not in fold.splits:
        notes.append("no tile is left for validation")
    return replace(fold, notes=tuple(notes))


def divide_by_blocks(dataset: TileDataset, division: Division) -> list[Fold]:
    """Deal blocks of ground out and leave out what is too close to a test tile.

    A block is a square of ``block_tiles`` tiles a side; all tiles whose centres lie in it go one
    way, of whatever date. See `landslip.datasets.splits.spatial.drop_related` for what is left out.

    Raises:
        InputError: tiles have no coordinates, or there are too few blocks.
    """
    related = spatial_relations(dataset, division.buffer_m)
    without = int((~related.ground.known).sum())
    if without:
        raise InputError(
            f"{dataset.path}: blocks of ground need tiles with coordinates, and {without} of "
            f"{len(dataset)} have none; use method: groups"
        )
    folds = []
    for dealt in division.assign(block_names(dataset, division, related)):
        splits, notes = drop_related(dealt, related)
        folds.append(Fold(splits=tuple(splits), notes=notes))
    return folds


def block_names(dataset: TileDataset, division: Division, related: SpatialRelations) -> list[str]:
    """Return each tile's block of ground, or its group where it has no coordinates."""
    if not related.ground.known.any():
        return dataset.groups
    blocks = related.ground.blocks(division.block_tiles * related.ground.tile_m)
    named = zip(blocks, dataset.groups, strict=True)
    return [f"group {group}" if block is None else block for block, group in named]


MAX_HELD_OUT = 20
_MAX_UNUSED = 0.5


def hold_out(dataset: TileDataset, division: Division) -> list[Fold]:
    """Test on each scene (or event) in turn; the others are for training and validation.

    Tiles of others on the ground of the test, or within the buffer of it, are unused. Where that
    would take more than half of them, the scenes show the same ground: then blocks of ground are
    dealt out too, in as many folds as the division has. The held-out scene is tested on the test
    blocks alone, and the others are used outside of them and their buffer. Validation tiles are
    drawn by blocks of ground, or by groups where tiles have no coordinates.

    Raises:
        InputError: there are fewer than two to choose from, too many, or not those asked for.
    """
    names = _names(dataset, division.method)
    chosen = _chosen(names, division, str(dataset.path))
    related = spatial_relations(dataset, division.buffer_m)
    tiles = _HoldOut(
        names=names,
        blocks=block_names(dataset, division, related),
        related=related,
        division=division,
    )
    folds = []
    for name in chosen:
        alone = tiles.whole(name)
        folds += tiles.on_test_ground(name) if alone is None else [alone]
    return folds


@dataclass(frozen=True, slots=True, kw_only=True)
class _HoldOut:
    """Each tile's scene (or event), its place, and how it is related to others."""

    names: list[str]
    blocks: list[str]
    related: SpatialRelations
    division: Division

    def whole(self, name: str) -> Fold | None:
        """Test on all tiles of a scene; None where too few tiles of others would be left."""
        rest = [place for of, place in zip(self.names, self.blocks, strict=True) if of != name]
        known = self.division
        plan = SplitPlan(test_share=0, val_share=known.val_share, seed=known.seed)
        dealt = iter(assign(rest, plan))
        splits, notes = drop_related(
            [Split.TEST if of == name else next(dealt) for of in self.names], self.related
        )
        if splits.count(Split.UNUSED) > _MAX_UNUSED * len(rest):
            return None
        return Fold(splits=tuple(splits), notes=(*self._blind(), *notes), held_out=name)

    def on_test_ground(self, name: str) -> list[Fold]:
        """Test on a scene's tiles on the test blocks; train on those of others elsewhere."""
        folds = []
        for dealt in self.division.assign(self.blocks):
            sides = [
                _side(split, held=of == name) for of, split in zip(self.names, dealt, strict=True)
            ]
            splits, notes = drop_related(sides, self.related)
            note = (
                f"others show the same ground as {name}, so ground is held out too: it is tested "
                f"on {splits.count(Split.TEST)} of its {self.names.count(name)} tiles, and no "
                "other's tile there is used"
            )
            folds.append(Fold(splits=tuple(splits), notes=(note, *notes), held_out=name))
        return folds

    def _blind(self) -> tuple[str, ...]:
        without = int((~self.related.ground.known).sum())
        if not without:
            return ()
        note = (
            f"{without} of {len(self.names)} tiles have no coordinates: whether they show ground "
            "that others show cannot be told"
        )
        return (note,)


def _side(split: Split, *, held: bool) -> Split:
    """Return what a tile is for, by its block's side and whether its scene is held out."""
    return split if held == (split is Split.TEST) else Split.UNUSED


def _names(dataset: TileDataset, method: str) -> list[str]:
    return ["none" if name is None else str(name) for name in dataset.column(method)]


def _chosen(names: list[str], division: Division, path: str) -> list[str]:
    method, known = division.method, sorted(set(names))
    if len(known) < 2:
        raise InputError(
            f"{path}: to hold out one {method}, tiles of two or more are needed; got {known}; "
            "join datasets, or use another method"
        )
    missing = sorted(set(division.only or ()) - set(known))
    if missing:
        raise InputError(
            f"{path}: only: {missing[0]} is no {method} of it ({', '.join(known[:MAX_HELD_OUT])})"
        )
    chosen = sorted(set(division.only or known))
    if len(chosen) > MAX_HELD_OUT:
        raise InputError(
            f"{path}: {len(chosen)} times one {method} would be held out, and at most "
            f"{MAX_HELD_OUT} can be; name some by only, or use another method"
        )
    return chosen
