"""How many landslides the splits of a dataset hold, and whether they are enough."""

from collections.abc import Mapping, Sequence
from typing import Any

from landslip.core.choices import Split
from landslip.core.messages import Message, message
from landslip.core.records import StrictModel

MIN_LANDSLIDE_TILES = 5
MIN_LANDSLIDE_PX = 2000
"""A split with fewer landslide tiles, groups of them or pixels gets a warning."""


class SplitContents(StrictModel):
    """Tiles of a split, and the landslides that they show.

    Attributes:
        tiles: number of tiles.
        groups: number of groups of tiles.
        landslide_tiles: tiles with a valid and labelled landslide pixel.
        landslide_groups: groups with such a tile.
        landslide_px: number of these pixels.
        landslide_objects: connected regions of them (8-neighbourhood), counted in each tile; None:
            not counted, in datasets of earlier versions.
    """

    tiles: int
    groups: int
    landslide_tiles: int
    landslide_groups: int
    landslide_px: int
    landslide_objects: int | None


def split_contents(index: Mapping[str, Sequence[Any]]) -> dict[str, SplitContents]:
    """Return the contents of each split by its name, from the columns of an index.

    Empty where it does not state the tiles' landslide pixels.
    """
    if "landslide_px" not in index:
        return {}
    pixels, objects = index["landslide_px"], index.get("landslide_objects")
    groups = [
        tile if group is None else group
        for tile, group in zip(
            index["tile_id"], index.get("group", [None] * len(pixels)), strict=True
        )
    ]
    contents = {}
    for name in sorted(set(index["split"])):
        tiles = [at for at, split in enumerate(index["split"]) if split == name]
        shown = [at for at in tiles if pixels[at]]
        contents[name] = SplitContents(
            tiles=len(tiles),
            groups=len({groups[at] for at in tiles}),
            landslide_tiles=len(shown),
            landslide_groups=len({groups[at] for at in shown}),
            landslide_px=sum(pixels[at] for at in tiles),
            landslide_objects=None if objects is None else sum(objects[at] or 0 for at in tiles),
        )
    return contents


def few_landslides(contents: Mapping[str, SplitContents]) -> tuple[Message, ...]:
    """Return a warning for each split whose landslides are too few to learn from or to score."""
    return tuple(
        message(
            f"dataset.{'few' if found.landslide_tiles else 'none'}_{name}",
            tiles=found.tiles,
            landslide_tiles=found.landslide_tiles,
            pixels=found.landslide_px,
            min_tiles=MIN_LANDSLIDE_TILES,
            min_pixels=MIN_LANDSLIDE_PX,
        )
        for name, found in contents.items()
        if name != Split.UNUSED
        and (found.landslide_tiles < MIN_LANDSLIDE_TILES or found.landslide_px < MIN_LANDSLIDE_PX)
    )


def missing_splits(
    contents: Mapping[str, SplitContents], *, test_share: float, val_share: float
) -> tuple[Message, ...]:
    """Return a warning for each split that a fraction was asked for and that has no tile."""
    known = [found for name, found in contents.items() if name != Split.UNUSED]
    asked = {Split.TEST: test_share, Split.VALIDATION: val_share if test_share < 1 else 0.0}
    return tuple(
        message(
            f"dataset.missing_{split.value}",
            share=share,
            tiles=sum(found.tiles for found in known),
            groups=sum(found.groups for found in known),
        )
        for split, share in asked.items()
        if share and known and split not in contents
    )
