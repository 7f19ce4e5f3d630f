"""Tiles that show the same: the same pixels, the same ground, or the same picture."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.copies import copies
from landslip.datasets.splits.crops import crops
from landslip.datasets.splits.ground import TOUCHING_SHARE, ground_of
from landslip.datasets.splits.windows import touching_windows

Kind = Literal["pixels", "ground", "picture", "part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two tiles that show the same.

    Attributes:
        kind: ``pixels``: they are equal; ``ground``: their places overlap; ``picture``: one is a
            changed copy of the other; ``part``: parts of them show one picture.
        one: position of the first tile.
        other: position of the second, which is larger.
        measure: of ``ground`` the share of the smaller tile, else the correlation.
    """

    kind: Kind
    one: int
    other: int
    measure: float


def tiles_alike(dataset: TileDataset) -> tuple[Alike, ...]:
    """Find all pairs of tiles that show the same, each told by the first kind that holds.

    It does not depend on a division: for several of one dataset, look once. A thousand tiles take
    a minute, ten thousand some hundred times that.
    """
    kinds: tuple[tuple[Kind, list[tuple[int, int, float]]], ...] = (
        ("pixels", _equal(dataset)),
        ("ground", _same_ground(dataset)),
        ("picture", copies(dataset)),
        ("part", crops(dataset)),
    )
    found: dict[tuple[int, int], Alike] = {}
    for kind, pairs in kinds:
        for one, other, measure in pairs:
            alike = Alike(kind=kind, one=one, other=other, measure=measure)
            found.setdefault((one, other), alike)
    return tuple(found[pair] for pair in sorted(found))


def united(groups: Sequence[str], alike: Sequence[Alike]) -> list[str]:
    """Return groups of tiles that also hold together tiles that show the same.

    Groups that such tiles link become one, named by its first.
    """
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    one, other = members[[pair.one for pair in alike]], members[[pair.other for pair in alike]]
    links = coo_array((np.ones(len(alike)), (one, other)), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    return [str(names[first[component[member]]]) for member in members]


def pixels_digest(stored: NDArray[Any]) -> bytes:
    """Return a digest that two tiles share where shape, data type and every pixel are the same."""
    digest = hashlib.sha256(repr((stored.shape, stored.dtype)).encode())
    digest.update(np.ascontiguousarray(stored).data)
    return digest.digest()


def _equal(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles with equal pixels; tiles of one value do not count."""
    same: dict[bytes, list[int]] = defaultdict(list)
    for at in range(len(dataset)):
        stored = dataset.tile(at).stored
        if np.any(stored != stored[:, :1, :1]):
            same[pixels_digest(stored)].append(at)
    return [(*pair, 1.0) for tiles in same.values() for pair in combinations(tiles, 2)]


def _same_ground(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that overlap, by their coordinates or in the pixels of their scene."""
    placed, shares = ground_of(dataset).overlapping()
    found = list(zip(*placed.T.tolist(), shares.tolist(), strict=True))
    pairs, shares = touching_windows(dataset)
    cut = shares > TOUCHING_SHARE
    return found + list(zip(*pairs[cut].T.tolist(), shares[cut].tolist(), strict=True))
