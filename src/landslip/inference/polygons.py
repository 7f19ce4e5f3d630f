"""Landslides of a mask that arrives in bands of rows, from top to bottom.

Pixels that share a side belong together. A landslide that a later row may touch is kept as its
corners and sums alone; it is traced once, when no later row can touch it any more.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.inference.growing import Band, Groups, Growing, grouped, grown
from landslip.inference.landslides import Landslides
from landslip.inference.outlines import traced

_BAND_PX = 1 << 22
_TRACE_CORNERS = 1 << 21
_OPEN_CORNERS = 24_000_000


class PolygonCollector:
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
        self._growing: list[Growing] = []
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
        band = Band(row=self._row, above=self._last, found=found, probability=probability)
        groups = grouped(band, self._growing)
        growing = groups.growing
        self._close(np.flatnonzero(~growing[1:]) + 1, groups)
        self._growing = grown(groups)
        key = np.cumsum(growing, dtype=np.int32) * growing
        self._last = key[groups.bottom]
        self._spill()

    def _close(self, ended: NDArray[np.int64], groups: Groups) -> None:
        """Trace the groups that have ended, a limited number of corners at a time."""
        kept = ended[groups.sums.pixels[ended] >= self._min_px]
        kept = kept[np.argsort(groups.last[kept])]
        batch = np.cumsum(groups.sizes[kept]) // _TRACE_CORNERS
        for part in np.split(kept, np.flatnonzero(np.diff(batch)) + 1):
            if len(part):
                self._done.append(self._finished(part, groups))

    def _finished(self, part: NDArray[np.int64], groups: Groups) -> Landslides:
        corners, owners = self._gathered(part, groups)
        return Landslides(
            outlines=traced(corners, owners, len(part)),
            pixels=groups.sums.pixels[part],
            probability_sums=groups.sums.totals[part],
            probability_maxima=groups.sums.highest[part],
        )

    def _gathered(
        self, part: NDArray[np.int64], groups: Groups
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

    def _corners_of(self, landslide: Growing) -> NDArray[np.int64]:
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
