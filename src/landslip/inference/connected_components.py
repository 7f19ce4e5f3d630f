"""Connected components of a mask that arrives in bands of rows, turned into polygons.

Pixels that share a side belong together (4-connectivity). A component that a later row may touch
is held as its corners and sums alone; it is traced once no later row can touch it. The band-wise
labelling is our own: cv2 and SciPy label whole arrays only.
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

_BAND_PX = 1 << 22
_TRACE_CORNERS = 1 << 21
_OPEN_CORNERS = 24_000_000
_SMALL_CHUNK = 1 << 16


class Polygonizer:
    """Turns rows of a mask into landslides.

    The landslides and their order (by their last corner) do not depend on how the rows are cut
    into bands.

    Memory holds the arrays of 4 million pixels at a time, however many are added at once; what
    `take` has not taken yet; and the corners of open components, 8 bytes each, up to
    ``open_corners`` of them: beyond that, the components with the most corners are spilled to a
    file. A landslide is traced in one piece, at about 60 bytes for each of its corners at that
    moment: this is not bounded.

    Attributes:
        regions: landslides that were finished, those under ``min_px`` too.
        single_px: of them, those of one pixel.
    """

    def __init__(
        self, folder: Path | None = None, *, min_px: int = 1, open_corners: int = _OPEN_CORNERS
    ) -> None:
        """Start at the top; without a folder for the spill file everything stays in memory."""
        self._spill_file = None if folder is None else _SpillFile(folder / ".corners.bin")
        self._min_px = min_px
        self.regions = self.single_px = 0
        self._max_open_corners = open_corners
        self._row = 0
        self._open: list[OpenComponent] = []
        self._last_row = np.empty(0, dtype=np.int32)
        self._finished: list[Landslides] = []

    def add(self, mask: NDArray[np.bool_], probability: NDArray[np.uint8]) -> None:
        """Add the next rows (rows, width): True is landslide; probability in levels of 1/250."""
        height, width = mask.shape
        if self._row == 0:
            self._last_row = np.zeros(width + 2, dtype=np.int32)
        rows = max(_BAND_PX // width, 1)
        for start in range(0, height, rows):
            self._add_band(mask[start : start + rows], probability[start : start + rows])
            self._row += min(rows, height - start)

    def take(self) -> list[Landslides]:
        """Return, in batches, the landslides that no later row can touch; each is returned once."""
        finished, self._finished = self._finished, []
        return finished

    def finish(self) -> list[Landslides]:
        """Return the remaining landslides, after the last row."""
        if self._open:
            below = np.zeros((1, len(self._last_row) - 2), dtype=np.uint8)
            self._add_band(below.astype(np.bool_), below)
        if self._spill_file is not None:
            self._spill_file.remove()
        return self.take()

    def _add_band(self, mask: NDArray[np.bool_], probability: NDArray[np.uint8]) -> None:
        if not self._open and not mask.any():
            return
        merged = merge_band(self._row, self._last_row, mask, probability, self._open)
        is_open = np.zeros(len(merged), dtype=np.bool_)
        is_open[merged.bottom] = True
        is_open[0] = False
        closed = np.flatnonzero(~is_open[1:]) + 1
        self.regions += len(closed)
        self.single_px += int(np.count_nonzero(merged.pixels[closed] == 1))
        closed = closed[merged.pixels[closed] >= self._min_px]
        closed = closed[np.argsort(merged.last_corners[closed])]
        batches = np.cumsum(merged.corner_counts[closed]) // _TRACE_CORNERS
        for batch in np.split(closed, np.flatnonzero(np.diff(batches)) + 1):
            if len(batch):
                self._finished.append(self._trace(batch, merged))
        self._open = open_components(merged, is_open)
        self._last_row = (np.cumsum(is_open, dtype=np.int32) * is_open)[merged.bottom]
        in_memory = sum(component.corners_in_memory for component in self._open)
        if self._spill_file is None or in_memory <= self._max_open_corners:
            return
        for component in sorted(self._open, key=lambda one: one.corners_in_memory, reverse=True):
            in_memory -= component.corners_in_memory
            component.spilled += [self._spill_file.append(chunk) for chunk in component.corners]
            component.corners = []
            if in_memory <= self._max_open_corners // 2:
                return

    def _trace(self, batch: NDArray[np.int64], merged: "MergedComponents") -> Landslides:
        index = np.full(len(merged), -1, dtype=np.int32)
        index[batch] = np.arange(len(batch))
        owners = index[merged.owners]
        corners, owners = merged.corners[owners >= 0], owners[owners >= 0]
        from_above = [
            (index[key], self._all_corners(component))
            for key, components in merged.from_above.items()
            if index[key] >= 0
            for component in components
        ]
        if from_above:
            sizes = [len(chunk) for _, chunk in from_above]
            indices = np.array([at for at, _ in from_above], dtype=np.int32)
            corners = np.concatenate([*(chunk for _, chunk in from_above), corners])
            owners = np.concatenate([np.repeat(indices, sizes), owners])
            order = np.argsort(corners, kind="stable")
            corners, owners = corners[order], owners[order]
        return Landslides(
            outlines=trace_outlines(corners, owners, len(batch)),
            pixels=merged.pixels[batch],
            probability_sums=merged.probability_sums[batch],
            probability_maxima=merged.probability_maxima[batch],
        )

    def _all_corners(self, component: "OpenComponent") -> NDArray[np.int64]:
        """Return all corners of a component and release them."""
        chunks = component.corners
        component.corners = []
        if self._spill_file is not None:
            chunks += [self._spill_file.read(*chunk) for chunk in component.spilled]
        return np.concatenate(chunks)


@dataclass(slots=True)
class OpenComponent:
    """A component that may continue below; spilled chunks are (start, count) in the spill file."""

    pixels: int
    probability_sum: int
    probability_max: int
    corners: list[NDArray[np.int64]]
    spilled: list[tuple[int, int]] = field(default_factory=list)

    @property
    def corners_in_memory(self) -> int:
        """How many corners memory holds."""
        return sum(map(len, self.corners))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedComponents:
    """The components of a band, merged with the open ones above; component 0 is the background.

    ``corners`` are the new ones, sorted; ``from_above`` holds the open components that are now
    parts of a component, ``bottom`` the component of each pixel of the last row (width + 2).
    """

    corners: NDArray[np.int64]
    owners: NDArray[np.int32]
    last_corners: NDArray[np.int64]
    pixels: NDArray[np.int64]
    probability_sums: NDArray[np.int64]
    probability_maxima: NDArray[np.uint8]
    from_above: dict[int, list[OpenComponent]]
    bottom: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.last_corners)

    @property
    def corner_counts(self) -> NDArray[np.int64]:
        """How many corners each component has."""
        counts = np.bincount(self.owners, minlength=len(self))
        for key, components in self.from_above.items():
            for component in components:
                counts[key] += component.corners_in_memory
                counts[key] += sum(count for _, count in component.spilled)
        return counts


def merge_band(
    row: int,
    above: NDArray[np.int32],
    mask: NDArray[np.bool_],
    probability: NDArray[np.uint8],
    open_above: list[OpenComponent],
) -> MergedComponents:
    """Label a band of a mask and merge its components with the open ones above.

    Args:
        row: of the scene in which the band starts.
        above: which open component, from 1, each pixel of the row above belongs to, 0 for none
            (width + 2, with a column on both sides).
        mask: True is landslide (rows, width).
        probability: in levels of 1/250 (rows, width).
        open_above: the open components.
    """
    padded = np.pad(mask.astype(np.uint8), ((0, 0), (1, 1)))
    count, labels = cv2.connectedComponents(padded, connectivity=4)
    count, labels = count - 1, labels.astype(np.int32, copy=False)

    # one graph of the band's labels and, numbered after them, the open components
    above = np.where(above > 0, above + count, 0).astype(np.int32)
    touching = (above > 0) & (labels[0] > 0)
    edges = (above[touching], labels[0][touching])
    nodes = count + 1 + len(open_above)
    graph = sparse.coo_array((np.ones(len(edges[0])), edges), shape=(nodes, nodes))
    component: NDArray[np.int32] = csgraph.connected_components(graph, directed=False)[1]
    components = int(component.max()) + 1

    corners, labels_of_corners = find_corners(np.vstack([above, labels]), row)
    owners = component[labels_of_corners]
    last_corners = np.zeros(components, dtype=np.int64)
    last_corners[owners] = corners
    from_above = defaultdict(list)
    for key, one in zip(component[count + 1 :].tolist(), open_above, strict=True):
        from_above[key].append(one)

    pixel_labels, levels = labels[:, 1:-1][mask], probability[mask]
    pixels = np.bincount(pixel_labels, minlength=count + 1)
    sums = np.bincount(pixel_labels, weights=levels, minlength=count + 1)
    maxima = np.zeros(components, dtype=np.uint8)
    np.maximum.at(maxima, component[pixel_labels], levels)
    above_maxima = np.array([one.probability_max for one in open_above], dtype=np.uint8)
    np.maximum.at(maxima, component[count + 1 :], above_maxima)
    return MergedComponents(
        corners=corners,
        owners=owners,
        last_corners=last_corners,
        pixels=_sum_by(component, np.append(pixels, [one.pixels for one in open_above])),
        probability_sums=_sum_by(
            component, np.append(sums, [one.probability_sum for one in open_above])
        ),
        probability_maxima=maxima,
        from_above=dict(from_above),
        bottom=component[labels[-1]],
    )


def open_components(merged: MergedComponents, is_open: NDArray[np.bool_]) -> list[OpenComponent]:
    """Return the components that may continue below; their small chunks are joined."""
    keys = np.flatnonzero(is_open)
    new = np.flatnonzero(is_open[merged.owners])
    new = new[np.argsort(merged.owners[new], kind="stable")]
    cuts = np.searchsorted(merged.owners[new], keys[1:])
    components = []
    for key, chunk in zip(keys.tolist(), np.split(merged.corners[new], cuts), strict=False):
        parts = merged.from_above.get(key, [])
        chunks = [one for part in parts for one in part.corners]
        small = np.concatenate([chunk, *(one for one in chunks if len(one) < _SMALL_CHUNK)])
        components.append(
            OpenComponent(
                pixels=int(merged.pixels[key]),
                probability_sum=int(merged.probability_sums[key]),
                probability_max=int(merged.probability_maxima[key]),
                corners=[small, *(one for one in chunks if len(one) >= _SMALL_CHUNK)],
                spilled=[one for part in parts for one in part.spilled],
            )
        )
    return components


def _sum_by(component: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.int64]:
    # doubles below 2 ** 53 hold whole numbers exactly
    return np.bincount(component, weights=values).astype(np.int64)


class _SpillFile:
    """A file of corners that memory does not hold."""

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
