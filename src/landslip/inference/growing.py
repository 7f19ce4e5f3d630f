"""Landslides that grow as bands of rows come: what of a band belongs to which."""

from collections import defaultdict
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from landslip.inference.outlines import corners_of

_SMALL = 1 << 16


@dataclass(slots=True)
class Growing:
    """A landslide that may go on below.

    Attributes:
        corners: those so far that are in memory.
        spilt: those that are not, as (start, count) in the file of corners.
    """

    pixels: int
    total: int
    highest: int
    corners: list[NDArray[np.int64]]
    spilt: list[tuple[int, int]] = field(default_factory=list)

    @property
    def held(self) -> int:
        """How many corners are in memory."""
        return sum(map(len, self.corners))

    @property
    def size(self) -> int:
        """How many corners there are."""
        return self.held + sum(count for _, count in self.spilt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Counts of pixels, and sums and maxima of the probability under them."""

    pixels: NDArray[np.int64]
    totals: NDArray[np.int64]
    highest: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The next rows of a mask.

    Attributes:
        row: of the scene in which they start.
        above: which of the growing landslides, from 1, each pixel of the row above belongs to, 0
            for none (width + 2, with a column on both sides).
        found: the mask (rows, width).
        probability: in steps of 1/250 (rows, width).
    """

    row: int
    above: NDArray[np.int32]
    found: NDArray[np.bool_]
    probability: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What belongs together once a band has come; group 0 is what is not landslide.

    Attributes:
        corners: new ones, sorted by place.
        owners: the group of each corner.
        last: the last new corner of each group.
        sums: of each group.
        members: the landslides that grew above the band and are now parts of a group.
        bottom: the group of each pixel of the band's last row (width + 2).
    """

    corners: NDArray[np.int64]
    owners: NDArray[np.int32]
    last: NDArray[np.int64]
    sums: Sums
    members: dict[int, list[Growing]]
    bottom: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.last)

    @property
    def growing(self) -> NDArray[np.bool_]:
        """Whether a later row may touch each group."""
        growing = np.zeros(len(self), dtype=np.bool_)
        growing[self.bottom] = True
        growing[0] = False
        return growing

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many corners each group has."""
        sizes = np.bincount(self.owners, minlength=len(self))
        for group, members in self.members.items():
            sizes[group] += sum(member.size for member in members)
        return sizes


def grouped(band: Band, growing: list[Growing]) -> Groups:
    """Find what belongs together in a band and to the landslides that grow above it."""
    labels, count = _labelled(band.found)
    above = np.where(band.above > 0, band.above + count, 0).astype(np.int32)
    group = _group_of_each(above, labels[0], count + 1 + len(growing))
    groups = int(group.max()) + 1
    corners, owners = corners_of(np.vstack([above, labels]), band.row)
    last = np.zeros(groups, dtype=np.int64)
    last[group[owners]] = corners
    members = defaultdict(list)
    for key, landslide in zip(group[count + 1 :].tolist(), growing, strict=True):
        members[key].append(landslide)
    sums = _sums(labels[:, 1:-1][band.found], count, band.probability[band.found])
    return Groups(
        corners=corners,
        owners=group[owners],
        last=last,
        sums=_sums_of_groups(group, sums, growing),
        members=dict(members),
        bottom=group[labels[-1]],
    )


def grown(groups: Groups) -> list[Growing]:
    """Return the groups that may grow on, each as one landslide."""
    growing = groups.growing
    keys = np.flatnonzero(growing)
    new = np.flatnonzero(growing[groups.owners])
    new = new[np.argsort(groups.owners[new], kind="stable")]
    cuts = np.searchsorted(groups.owners[new], keys[1:])
    pieces = np.split(groups.corners[new], cuts)
    return [_as_one(key, piece, groups) for key, piece in zip(keys.tolist(), pieces, strict=False)]


def _labelled(found: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return the labels of a band with an empty column on both sides, and how many there are."""
    padded = np.pad(found.astype(np.uint8), ((0, 0), (1, 1)))
    count, labels = cv2.connectedComponents(padded, connectivity=4)
    return labels.astype(np.int32, copy=False), count - 1


def _group_of_each(
    above: NDArray[np.int32], labels: NDArray[np.int32], nodes: int
) -> NDArray[np.int32]:
    """Return the group of each node: 0, the labels of a band, and what grows above it."""
    both = (above > 0) & (labels > 0)
    pairs = (above[both], labels[both])
    graph = sparse.coo_array((np.ones(len(pairs[0])), pairs), shape=(nodes, nodes))
    group: NDArray[np.int32] = csgraph.connected_components(graph, directed=False)[1]
    return group


def _sums(labels: NDArray[np.int32], count: int, probability: NDArray[np.uint8]) -> Sums:
    """Return the sums of each label; of label 0 they are 0."""
    highest = np.zeros(count + 1, dtype=np.uint8)
    np.maximum.at(highest, labels, probability)
    return Sums(
        pixels=np.bincount(labels, minlength=count + 1),
        totals=_added(labels, probability, count + 1),
        highest=highest,
    )


def _sums_of_groups(group: NDArray[np.int32], sums: Sums, growing: list[Growing]) -> Sums:
    """Add up the labels of a band and the landslides that grow above it."""
    count = int(group.max()) + 1
    highest = np.zeros(count, dtype=np.uint8)
    above = np.array([one.highest for one in growing], dtype=np.uint8)
    np.maximum.at(highest, group, np.append(sums.highest, above))
    pixels = np.append(sums.pixels, np.array([one.pixels for one in growing], dtype=np.int64))
    totals = np.append(sums.totals, np.array([one.total for one in growing], dtype=np.int64))
    return Sums(
        pixels=_added(group, pixels, count),
        totals=_added(group, totals, count),
        highest=highest,
    )


def _added(
    group: NDArray[np.int32], values: NDArray[np.int64] | NDArray[np.uint8], groups: int
) -> NDArray[np.int64]:
    # floats below 2 ** 53 hold whole numbers exactly
    return np.bincount(group, weights=values, minlength=groups).astype(np.int64)


def _as_one(group: int, new: NDArray[np.int64], groups: Groups) -> Growing:
    """Return a group as one landslide; small pieces are put together, so that they stay few."""
    members = groups.members.get(group, [])
    pieces = [piece for member in members for piece in member.corners]
    small = np.concatenate([new, *(piece for piece in pieces if len(piece) < _SMALL)])
    return Growing(
        pixels=int(groups.sums.pixels[group]),
        total=int(groups.sums.totals[group]),
        highest=int(groups.sums.highest[group]),
        corners=[small, *(piece for piece in pieces if len(piece) >= _SMALL)],
        spilt=[piece for member in members for piece in member.spilt],
    )
