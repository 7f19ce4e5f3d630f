"""Groups of tiles that depend on each other, over which intervals and tests are taken."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.duplicates import DuplicatePair, merge_groups

GroupKind = Literal["groups", "blocks", "tiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGroups:
    """The group of each tile of a dataset.

    Attributes:
        names: of the groups, one a tile, in the order of the index.
        kind: ``groups``: those of the dataset; tiles without one are in spatial blocks where their
            location is known. ``blocks``: spatial ones. ``tiles``: nothing is known, each tile is
            its own group.
    """

    names: tuple[str, ...]
    kind: GroupKind

    def of(self, positions: Sequence[int]) -> "TileGroups":
        """Return the groups of some tiles; each is its own where all are of one group."""
        names = tuple(self.names[at] for at in positions)
        if len(set(names)) > 1:
            return TileGroups(names=names, kind=self.kind)
        return TileGroups(names=tuple(str(at) for at in range(len(names))), kind="tiles")


def tile_groups(dataset: TileDataset, duplicates: Sequence[DuplicatePair] = ()) -> TileGroups:
    """Return the groups of a dataset's tiles.

    A tile that shares its group with no other one is in a square block of 4 tiles a side, all dates
    and scenes together, if its location is known. Groups with tiles of the same content, where such
    ``duplicates`` are known, become one.
    """
    groups = dataset.groups
    tiles_of = Counter(groups)
    single = [tiles_of[group] == 1 for group in groups]
    kind: GroupKind = "groups" if not all(single) else "tiles"
    if any(single) and any(place is not None for place in dataset.column("geometry")):
        from landslip.datasets.splits.spatial import BLOCK_TILES, tile_footprints  # slow to import

        footprints = tile_footprints(dataset)
        blocks = footprints.blocks(BLOCK_TILES * footprints.tile_m)
        groups = [
            group if block is None or not alone else f"block {block}"
            for group, block, alone in zip(groups, blocks, single, strict=True)
        ]
        kind = "blocks" if kind == "tiles" else kind
    if duplicates:
        groups = merge_groups(groups, duplicates)
    if kind == "tiles" and len(set(groups)) < len(groups):
        kind = "groups"
    return TileGroups(names=tuple(groups), kind=kind)
