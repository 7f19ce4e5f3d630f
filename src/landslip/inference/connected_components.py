"""Landslides that grow as bands of rows come: what of a band belongs to which.

Landslides of a mask that arrives in bands of rows, from top to bottom.

Pixels that share a side belong together. A landslide that a later row may touch is kept as its
corners and sums alone; it is traced once, when no later row can touch it any more.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from landslip.inference.outlines import Landslides, find_corners, trace_outlines

_SMALL = 1 << 16


@dataclass(slots=True)
class OpenComponent:
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
class ComponentSums:
    """Counts of pixels, and sums and maxima of the probability under them."""

    pixels: NDArray[np.int64]
    totals: NDArray[np.int64]
    highest: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskBand:
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
class BandComponents:
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
    sums: ComponentSums
    members: dict[int, list[OpenComponent]]
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


def merge_band(band: MaskBand, growing: list[OpenComponent]) -> BandComponents:
    """Find what belongs together in a band and to the landslides that grow above it."""
    labels, count = _labelled(band.found)
    above = np.where(band.above > 0, band.above + count, 0).astype(np.int32)
    group = _group_of_each(above, labels[0], count + 1 + len(growing))
    groups = int(group.max()) + 1
    corners, owners = find_corners(np.vstack([above, labels]), band.row)
    last = np.zeros(groups, dtype=np.int64)
    last[group[owners]] = corners
    members = defaultdict(list)
    for key, landslide in zip(group[count + 1 :].tolist(), growing, strict=True):
        members[key].append(landslide)
    sums = _sums(labels[:, 1:-1][band.found], count, band.probability[band.found])
    return BandComponents(
        corners=corners,
        owners=group[owners],
        last=last,
        sums=_sums_of_groups(group, sums, growing),
        members=dict(members),
        bottom=group[labels[-1]],
    )


def open_components(groups: BandComponents) -> list[OpenComponent]:
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


def _sums(labels: NDArray[np.int32], count: int, probability: NDArray[np.uint8]) -> ComponentSums:
    """Return the sums of each label; of label 0 they are 0."""
    highest = np.zeros(count + 1, dtype=np.uint8)
    np.maximum.at(highest, labels, probability)
    return ComponentSums(
        pixels=np.bincount(labels, minlength=count + 1),
        totals=_added(labels, probability, count + 1),
        highest=highest,
    )


def _sums_of_groups(
    group: NDArray[np.int32], sums: ComponentSums, growing: list[OpenComponent]
) -> ComponentSums:
    """Add up the labels of a band and the landslides that grow above it."""
    count = int(group.max()) + 1
    highest = np.zeros(count, dtype=np.uint8)
    above = np.array([one.highest for one in growing], dtype=np.uint8)
    np.maximum.at(highest, group, np.append(sums.highest, above))
    pixels = np.append(sums.pixels, np.array([one.pixels for one in growing], dtype=np.int64))
    totals = np.append(sums.totals, np.array([one.total for one in growing], dtype=np.int64))
    return ComponentSums(
        pixels=_added(group, pixels, count),
        totals=_added(group, totals, count),
        highest=highest,
    )


def _added(
    group: NDArray[np.int32], values: NDArray[np.int64] | NDArray[np.uint8], groups: int
) -> NDArray[np.int64]:
    # floats below 2 ** 53 hold whole numbers exactly
    return np.bincount(group, weights=values, minlength=groups).astype(np.int64)


def _as_one(group: int, new: NDArray[np.int64], groups: BandComponents) -> OpenComponent:
    """Return a group as one landslide; small pieces are put together, so that they stay few."""
    members = groups.members.get(group, [])
    pieces = [piece for member in members for piece in member.corners]
    small = np.concatenate([new, *(piece for piece in pieces if len(piece) < _SMALL)])
    return OpenComponent(
        pixels=int(groups.sums.pixels[group]),
        total=int(groups.sums.totals[group]),
        highest=int(groups.sums.highest[group]),
        corners=[small, *(piece for piece in pieces if len(piece) >= _SMALL)],
        spilt=[piece for member in members for piece in member.spilt],
    )


_BAND_PX = 1 << 22
_TRACE_CORNERS = 1 << 21
_OPEN_CORNERS = 24_000_000


class Polygonizer:
    """Turns rows of a mask into landslides.

    What comes out, and its order (by their last corner), does not depend on how the rows are cut
    into bands.

    Memory holds the arrays of 4 million pixels at a time, however many are added at once; what
    `take` has not taken yet; and the corners of open landslides, 8 bytes each, up to
    ``open_corners`` of them: past that, landslides with the most corners wait in a file. A
    landslide is traced in one piece, at about 60 bytes for each of its corners at that moment:
    this is not bounded.
    """

    def __init__(
        self, folder: Path | None = None, *, min_px: int = 1, open_corners: int = _OPEN_CORNERS
    ) -> None:
        """Begin at the top of the scene.

        Args:
            folder: where corners wait that memory is not to hold; with None it holds all.
            min_px: landslides of fewer pixels are dropped.
            open_corners: how many corners of open landslides memory holds.
        """
        self._file = None if folder is None else _CornerFile(folder / ".corners.bin")
        self._min_px = min_px
        self._most_held = open_corners
        self._row = 0
        self._growing: list[OpenComponent] = []
        self._last = np.empty(0, dtype=np.int32)
        self._done: list[Landslides] = []

    def add(self, found: NDArray[np.bool_], probability: NDArray[np.uint8]) -> None:
        """Add the next rows.

        Args:
            found: the mask (rows, width).
            probability: of each pixel, in steps of 1/250 (rows, width).
        """
        height, width = found.shape
        if self._row == 0:
            self._last = np.zeros(width + 2, dtype=np.int32)
        rows = max(_BAND_PX // width, 1)
        for start in range(0, height, rows):
            self._add(found[start : start + rows], probability[start : start + rows])
            self._row += min(rows, height - start)

    def take(self) -> list[Landslides]:
        """Give away, in batches, the landslides that no later row can touch."""
        done, self._done = self._done, []
        return done

    def finish(self) -> list[Landslides]:
        """Give away the rest: no more rows come."""
        if self._growing:
            below = np.zeros((1, len(self._last) - 2), dtype=np.uint8)
            self._add(below.astype(np.bool_), below)
        if self._file is not None:
            self._file.remove()
        return self.take()

    def _add(self, found: NDArray[np.bool_], probability: NDArray[np.uint8]) -> None:
        if not self._growing and not found.any():
            return
        band = MaskBand(row=self._row, above=self._last, found=found, probability=probability)
        groups = merge_band(band, self._growing)
        growing = groups.growing
        self._close(np.flatnonzero(~growing[1:]) + 1, groups)
        self._growing = open_components(groups)
        key = np.cumsum(growing, dtype=np.int32) * growing
        self._last = key[groups.bottom]
        self._spill()

    def _close(self, ended: NDArray[np.int64], groups: BandComponents) -> None:
        """Trace the groups that have ended, a limited number of corners at a time."""
        kept = ended[groups.sums.pixels[ended] >= self._min_px]
        kept = kept[np.argsort(groups.last[kept])]
        batch = np.cumsum(groups.sizes[kept]) // _TRACE_CORNERS
        for part in np.split(kept, np.flatnonzero(np.diff(batch)) + 1):
            if len(part):
                self._done.append(self._finished(part, groups))

    def _finished(self, part: NDArray[np.int64], groups: BandComponents) -> Landslides:
        corners, owners = self._gathered(part, groups)
        return Landslides(
            outlines=trace_outlines(corners, owners, len(part)),
            pixels=groups.sums.pixels[part],
            probability_sums=groups.sums.totals[part],
            probability_maxima=groups.sums.highest[part],
        )

    def _gathered(
        self, part: NDArray[np.int64], groups: BandComponents
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return all corners of some groups, sorted by place, and the index of each group."""
        index = np.full(len(groups), -1, dtype=np.int32)
        index[part] = np.arange(len(part))
        owners = index[groups.owners]
        corners, owners = groups.corners[owners >= 0], owners[owners >= 0]
        waiting = [
            (index[group], self._corners_of(member))
            for group, members in groups.members.items()
            if index[group] >= 0
            for member in members
        ]
        if not waiting:
            return corners, owners
        indices = np.array([at for at, _ in waiting], dtype=np.int32)
        corners = np.concatenate([*(some for _, some in waiting), corners])
        owners = np.concatenate([np.repeat(indices, [len(some) for _, some in waiting]), owners])
        order = np.argsort(corners, kind="stable")
        return corners[order], owners[order]

    def _corners_of(self, landslide: OpenComponent) -> NDArray[np.int64]:
        """Return all its corners, and hold them no longer."""
        pieces = landslide.corners
        landslide.corners = []
        if self._file is not None:
            pieces += [self._file.read(*piece) for piece in landslide.spilt]
        return np.concatenate(pieces)

    def _spill(self) -> None:
        """Where memory holds too many corners, bring the largest landslides' to the file."""
        held = sum(landslide.held for landslide in self._growing)
        if self._file is None or held <= self._most_held:
            return
        for landslide in sorted(self._growing, key=lambda one: one.held, reverse=True):
            held -= landslide.held
            landslide.spilt += [self._file.append(piece) for piece in landslide.corners]
            landslide.corners = []
            if held <= self._most_held // 2:
                return


class _CornerFile:
    """A file that corners wait in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = 0

    def append(self, corners: NDArray[np.int64]) -> tuple[int, int]:
        """Write corners; return where they start and how many they are."""
        with self._path.open("ab" if self._end else "wb") as file:
            corners.tofile(file)
        start, self._end = self._end, self._end + len(corners)
        return start, len(corners)

    def read(self, start: int, count: int) -> NDArray[np.int64]:
        return np.fromfile(self._path, np.int64, count, offset=start * 8)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
