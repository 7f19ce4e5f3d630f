"""Divides the tiles of a dataset into training, validation and test tiles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan, assign, assign_folds
from landslip.datasets.splits.duplicates import DuplicatePair, merge_groups
from landslip.datasets.splits.spatial import (
    BLOCK_TILES,
    SpatialRelations,
    drop_related,
    spatial_relations,
)

DivisionMethod = Literal["random", "groups", "blocks", "scene", "event"]
MAX_HELD_OUT = 20
_MAX_UNUSED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How tiles are to be divided; see `divide`.

    ``test_share`` counts where there is one fold, ``val_share`` among tiles not tested; with more
    folds each tile is tested in one of them. Tiles within ``buffer_m`` of a test tile are unused;
    None: the side of a tile. ``only`` has the scenes or events to hold out; None: each in turn.
    """

    method: DivisionMethod
    test_share: float = 0.2
    val_share: float = 0.1
    seed: int = 0
    folds: int = 1
    block_tiles: int = BLOCK_TILES
    buffer_m: float | None = None
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        methods = get_args(DivisionMethod)
        if self.method not in methods:
            raise InputError(f"method is one of {', '.join(methods)}; got {self.method}")
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

    def assign(
        self, groups: Sequence[str], landslide_px: Sequence[int] | None = None
    ) -> list[list[Split]]:
        """Assign a split to each tile by its group, once or in folds, stratified by landslides."""
        plan = SplitPlan(test_share=self.test_share, val_share=self.val_share, seed=self.seed)
        if self.folds == 1:
            return [assign(groups, plan, landslide_px)]
        return assign_folds(groups, self.folds, plan, landslide_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One division of all tiles, in the order of the index; ``held_out`` is a scene or event."""

    splits: tuple[Split, ...]
    notes: tuple[str, ...] = ()
    held_out: str | None = None


def divide(
    dataset: TileDataset, division: Division, duplicates: Sequence[DuplicatePair] = ()
) -> tuple[Fold, ...]:
    """Divide the tiles of a dataset, once or in folds.

    - ``random`` assigns single tiles.
    - ``groups`` assigns the dataset's groups, which are never divided.
    - ``blocks`` assigns square areas, all dates of a block together. Tiles too close to a test tile
      are left out, see `landslip.datasets.splits.spatial.drop_related`.
    - ``scene`` and ``event`` hold out one after another, see `_hold_out`.

    ``random`` and ``groups`` keep ``duplicates``, tiles with the same content, in one split.

    Raises:
        InputError: the tiles do not allow it.
    """
    match division.method:
        case "random":
            folds = _divide_groups(dataset, dataset.tile_ids, division, duplicates)
        case "groups":
            folds = _divide_groups(dataset, dataset.groups, division, duplicates)
        case "blocks":
            folds = _divide_blocks(dataset, division)
        case "scene" | "event":
            folds = _hold_out(dataset, division)
    return tuple(_checked(dataset, fold, division) for fold in folds)


def _divide_groups(
    dataset: TileDataset, names: list[str], division: Division, duplicates: Sequence[DuplicatePair]
) -> list[Fold]:
    groups = merge_groups(names, duplicates)
    merged = len(set(names)) - len(set(groups))
    notes: tuple[str, ...] = ()
    if merged:
        kind = "tiles" if division.method == "random" else "groups"
        notes = (f"{merged} {kind} are merged with others of the same content",)
    assigned = division.assign(groups, dataset.index.get("landslide_px"))
    return [Fold(splits=tuple(splits), notes=notes) for splits in assigned]


def _divide_blocks(dataset: TileDataset, division: Division) -> list[Fold]:
    """Assign blocks of ``block_tiles`` tiles a side; a tile belongs to the block of its centre."""
    related = spatial_relations(dataset, division.buffer_m)
    without = int((~related.footprints.known).sum())
    if without:
        raise InputError(
            f"{dataset.path}: method: blocks needs tiles with coordinates, and {without} of "
            f"{len(dataset)} have none; use method: groups"
        )
    folds = []
    blocks, landslide_px = (
        _block_names(dataset, division, related),
        dataset.index.get("landslide_px"),
    )
    for assigned in division.assign(blocks, landslide_px):
        splits, notes = drop_related(assigned, related)
        folds.append(Fold(splits=tuple(splits), notes=notes))
    return folds


def _block_names(dataset: TileDataset, division: Division, related: SpatialRelations) -> list[str]:
    """Return each tile's block, or its group where it has no coordinates."""
    if not related.footprints.known.any():
        return dataset.groups
    blocks = related.footprints.blocks(division.block_tiles * related.footprints.tile_m)
    named = zip(blocks, dataset.groups, strict=True)
    return [f"group {group}" if block is None else block for block, group in named]


def _hold_out(dataset: TileDataset, division: Division) -> list[Fold]:
    """Test on one scene (or event) after another; the others are for training and validation.

    Tiles of others on the test area, or within the buffer of it, are unused. Where that would take
    more than half of them, the scenes show the same area: then blocks are assigned too, in as many
    folds as the division has. The held-out scene is tested on the test blocks alone, and the others
    are used outside them and their buffer. Validation tiles are drawn by blocks, or by groups where
    tiles have no coordinates.
    """
    method = division.method
    names = ["none" if name is None else str(name) for name in dataset.column(method)]
    available = sorted(set(names))
    if len(available) < 2:
        raise InputError(
            f"{dataset.path}: holding out one {method} needs tiles of two or more; got "
            f"{available}; join datasets, or use another method"
        )
    for name in sorted(set(division.only or ()) - set(available)):
        raise InputError(
            f"{dataset.path}: only: {name} is no {method} of it "
            f"({', '.join(available[:MAX_HELD_OUT])})"
        )
    chosen = sorted(set(division.only or available))
    if len(chosen) > MAX_HELD_OUT:
        raise InputError(
            f"{dataset.path}: at most {MAX_HELD_OUT} {method}s are held out in turn; got "
            f"{len(chosen)}; name some by only, or use another method"
        )
    related = spatial_relations(dataset, division.buffer_m)
    blocks, landslide_px = (
        _block_names(dataset, division, related),
        dataset.index.get("landslide_px"),
    )
    plan = SplitPlan(test_share=0, val_share=division.val_share, seed=division.seed)
    without = int((~related.footprints.known).sum())
    unchecked = (
        f"{without} of {len(names)} tiles have no coordinates: whether they overlap others on the "
        "ground is not known"
    )
    folds = []
    for held_out in chosen:
        is_tested = [name == held_out for name in names]
        others = [at for at, test in enumerate(is_tested) if not test]
        rest = iter(assign([blocks[at] for at in others], plan, _selected(landslide_px, others)))
        splits, notes = drop_related(
            [Split.TEST if test else next(rest) for test in is_tested], related
        )
        if splits.count(Split.UNUSED) <= _MAX_UNUSED * len(others):
            notes = (unchecked, *notes) if without else notes
            folds.append(Fold(splits=tuple(splits), notes=notes, held_out=held_out))
            continue
        for assigned in division.assign(blocks, landslide_px):
            sides = [
                split if test == (split is Split.TEST) else Split.UNUSED
                for test, split in zip(is_tested, assigned, strict=True)
            ]
            splits, notes = drop_related(sides, related)
            note = (
                f"others show the same ground as {held_out}, so that blocks are held out too: it "
                f"is tested on {splits.count(Split.TEST)} of its {sum(is_tested)} tiles, and tiles "
                "of others there are unused"
            )
            folds.append(Fold(splits=tuple(splits), notes=(note, *notes), held_out=held_out))
    return folds


def _selected(values: Sequence[int] | None, positions: list[int]) -> list[int] | None:
    return None if values is None else [values[at] for at in positions]


def _checked(dataset: TileDataset, fold: Fold, division: Division) -> Fold:
    """Return the fold with notes on what its splits lack; refuse one without train or test."""
    if Split.TRAIN not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to train on ({division.method}, "
            f"{' '.join(fold.notes) or 'no tile left out'}); use smaller shares, blocks or buffer"
        )
    if Split.TEST not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to test on, of {len(dataset)} ({division.method}); "
            "use more tiles, groups or blocks, or fewer folds"
        )
    notes = list(fold.notes)
    contents = dataset.with_split(fold.splits, division.method).card.splits
    tested = contents.get(Split.TEST)
    if tested is not None and not tested.landslide_tiles:
        notes.append(f"none of the {tested.tiles} test tiles shows landslide")
    if division.val_share > 0 and Split.VALIDATION not in fold.splits:
        notes.append("no tile is left for validation")
    return replace(fold, notes=tuple(notes))
