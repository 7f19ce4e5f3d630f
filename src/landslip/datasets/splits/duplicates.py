"""Tiles of the same content, and the groups that they link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DuplicateKind = Literal["pixels", "ground", "picture", "part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatePair:
    """Two tiles of the same content.

    Attributes:
        kind: ``pixels``: they are equal; ``ground``: their footprints overlap; ``picture``: one is
            a changed copy of the other; ``part``: they are overlapping crops of one picture.
        one, other: positions of the tiles, the smaller first.
        measure: for ``ground`` the common fraction of the smaller tile, else the correlation.
    """

    kind: DuplicateKind
    one: int
    other: int
    measure: float


def merge_groups(groups: Sequence[str], duplicates: Sequence[DuplicatePair]) -> list[str]:
    """Return each tile's group, with groups that duplicates link merged into one.

    A merged group has the name of its first.
    """
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    one = members[[pair.one for pair in duplicates]]
    other = members[[pair.other for pair in duplicates]]
    links = coo_array((np.ones(len(duplicates)), (one, other)), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    return [str(names[first[component[member]]]) for member in members]
