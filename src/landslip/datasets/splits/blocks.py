"""Divisions by square blocks of ground."""

from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.division import Division, Fold
from landslip.datasets.splits.separate import Relations, relations, separated


def divide_by_blocks(dataset: TileDataset, division: Division) -> list[Fold]:
    """Deal blocks of ground out and leave out what is too close to a test tile.

    A block is a square of ``block_tiles`` tiles a side; all tiles whose centres lie in it go one
    way, of whatever date. See `landslip.datasets.splits.separate.separated` for what is left out.

    Raises:
        InputError: tiles have no coordinates, or there are too few blocks.
    """
    related = relations(dataset, division.buffer_m)
    without = int((~related.ground.known).sum())
    if without:
        raise InputError(
            f"{dataset.path}: blocks of ground need tiles with coordinates, and {without} of "
            f"{len(dataset)} have none; use method: groups"
        )
    folds = []
    for dealt in division.deal(places(dataset, division, related)):
        splits, notes = separated(dealt, related)
        folds.append(Fold(splits=tuple(splits), notes=notes))
    return folds


def places(dataset: TileDataset, division: Division, related: Relations) -> list[str]:
    """Return each tile's block of ground, or its group where it has no coordinates."""
    if not related.ground.known.any():
        return dataset.groups
    blocks = related.ground.blocks(division.block_tiles * related.ground.tile_m)
    named = zip(blocks, dataset.groups, strict=True)
    return [f"group {group}" if block is None else block for block, group in named]
