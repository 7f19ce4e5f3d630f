"""Leaves tiles out that would tell of the ground that others are tested on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.ground import Ground, Pairs, ground_of
from landslip.datasets.splits.landslides import shared_landslides

_SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """Pairs (n, 2) of tiles' positions that may not stand on two sides of a division.

    Attributes:
        ground: where the tiles lie.
        buffer_m: how near is too near.
        near: tiles nearer to each other than the buffer.
        overlapping: tiles that share ground.
        landslide: tiles that show parts of one landslide, or lie on one that does.
    """

    ground: Ground
    buffer_m: float
    near: Pairs
    overlapping: Pairs
    landslide: Pairs


def relations(dataset: TileDataset, buffer_m: float | None) -> Relations:
    """Return how tiles are related; ``buffer_m`` is the side of a tile where it is None.

    Two tiles share a landslide where its labels run over the edge from one to the other in any
    scene. What holds for a tile holds for those of other dates that lie on more than half of it.
    """
    ground = ground_of(dataset)
    buffer_m = ground.tile_m if buffer_m is None else buffer_m
    overlapping, shares = ground.overlapping()
    same_place = overlapping[shares > _SAME_PLACE]
    return Relations(
        ground=ground,
        buffer_m=buffer_m,
        near=ground.near(buffer_m),
        overlapping=overlapping,
        landslide=_landslide_pairs(shared_landslides(dataset), same_place),
    )


def separated(splits: list[Split], related: Relations) -> tuple[list[Split], tuple[str, ...]]:
    """Leave out the tiles that are too close to those that count, and say how many.

    Training and validation tiles nearer than the buffer to a test tile, on ground that it shows, or
    with a part of a landslide that it shows, become unused; then training tiles that share ground
    or a landslide with a validation tile do.
    """
    side = np.array([split.value for split in splits], dtype="U8")
    fitted = (Split.TRAIN, Split.VALIDATION)
    close = _partners(side, Split.TEST, fitted, (related.near, related.overlapping))
    linked = _partners(side, Split.TEST, fitted, (related.landslide,)) & ~close
    side[close | linked] = Split.UNUSED.value
    pairs = (related.overlapping, related.landslide)
    beside = _partners(side, Split.VALIDATION, (Split.TRAIN,), pairs)
    side[beside] = Split.UNUSED.value
    notes = (
        (close, f"lie within {related.buffer_m:.0f} m of a test tile"),
        (linked, "share a landslide with a test tile"),
        (beside, "share ground or a landslide with a validation tile"),
    )
    told = (f"{tiles.sum()} tiles are left out: they {why}" for tiles, why in notes if tiles.any())
    return [Split(name) for name in side], tuple(told)


def _partners(
    side: NDArray[np.str_], of: Split, among: tuple[Split, ...], pairs: tuple[Pairs, ...]
) -> NDArray[np.bool_]:
    """Return which tiles of some splits are paired with a tile of another."""
    one, other = np.concatenate([*pairs, *(pair[:, ::-1] for pair in pairs)]).T
    found = np.zeros(len(side), dtype=np.bool_)
    found[other[side[one] == of.value]] = True
    found &= np.isin(side, [split.value for split in among])
    return found


def _landslide_pairs(landslides: list[NDArray[np.intp]], same_place: Pairs) -> Pairs:
    """Return the pairs of tiles that share a landslide, on whatever date each of them is."""
    beside: dict[int, set[int]] = {}
    for one, other in same_place.tolist():
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    pairs: set[tuple[int, int]] = set()
    for tiles in landslides:
        shown = sorted({*tiles.tolist()}.union(*(beside.get(at, set()) for at in tiles.tolist())))
        pairs |= {(one, other) for at, one in enumerate(shown) for other in shown[at + 1 :]}
    return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)
