"""Landslides sorted by size on disk, a part in memory at a time.

Landslides are written to plain files in runs, each sorted. In the end all runs are cut at the same
keys, so that what lies between two cuts fits in memory and is sorted there.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from landslip.inference.landslides import Landslides, joined_landslides
from landslip.inference.outlines import Outlines

_RUN_POINTS = 1 << 20
_BLOCK_POINTS = 1 << 12
_BATCH_POINTS = 1 << 19
_ROW_BITS = 28


class LandslideSorter:
    """Takes landslides in any order and gives them sorted.

    By pixels, the most first, then by the top row and the left column, then by the first pixel.
    Memory holds about a million points at a time, or one landslide where it has more, and 16 bytes
    for every 4096 points; the folder holds 8 to 17 bytes for each.
    """

    def __init__(self, folder: Path) -> None:
        """Begin without any.

        Args:
            folder: of the files, which stay there.
        """
        self._runs = _Runs(folder)
        self._waiting: list[Landslides] = []
        self._waiting_points = 0

    def append(self, landslides: Landslides) -> None:
        """Take landslides in."""
        self._waiting.append(landslides)
        self._waiting_points += len(landslides.outlines.points)
        if self._waiting_points >= _RUN_POINTS:
            self._write_run()

    def sorted(self) -> Iterator[Landslides]:
        """Give all landslides in order, in batches that are the same however they came."""
        self._write_run()
        return _evenly(self._runs.sorted())

    def _write_run(self) -> None:
        run = joined_landslides(self._waiting)
        self._waiting, self._waiting_points = [], 0
        if len(run):
            self._runs.append(_largest_first(run))


class _Runs:
    """Sorted runs of landslides in files, one file a column."""

    def __init__(self, folder: Path) -> None:
        self._pixels = _Column(folder / "pixels", np.int64)
        self._sums = _Column(folder / "sums", np.int64)
        self._maxima = _Column(folder / "maxima", np.uint8)
        self._keys = _Column(folder / "keys", np.int64)
        self._polygons = _Column(folder / "polygons", np.int64)
        self._rings = _Column(folder / "rings", np.int64)
        self._points = _Column(folder / "points", np.int32)
        self._polygons.append(np.zeros(1, np.int64))
        self._rings.append(np.zeros(1, np.int64))
        self._ends = [0]
        self._blocks: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def append(self, run: Landslides) -> None:
        """Write a sorted run."""
        outlines, keys = run.outlines, _keys(run)
        starts = np.flatnonzero(np.diff(outlines.starts // _BLOCK_POINTS, prepend=-1))
        block_ends = np.append(outlines.starts[starts[1:]], len(outlines.points))
        self._blocks.append((keys[starts], block_ends - outlines.starts[starts]))
        self._ends.append(self._ends[-1] + len(run))
        self._polygons.append(outlines.polygons[1:] + self._rings.length - 1)
        self._rings.append(outlines.rings[1:] + self._points.length // 2)
        self._points.append(outlines.points.ravel())
        for column, values in (
            (self._pixels, run.pixels),
            (self._sums, run.probability_sums),
            (self._maxima, run.probability_maxima),
            (self._keys, keys),
        ):
            column.append(values)

    def sorted(self) -> Iterator[Landslides]:
        """Give all landslides in order, in batches that fit in memory."""
        splits = self._splits()
        cuts = [
            first + np.searchsorted(self._keys.read(first, end), splits)
            for first, end in zip(self._ends[:-1], self._ends[1:], strict=True)
        ]
        bounds = np.column_stack([self._ends[:-1], *np.transpose(cuts), self._ends[1:]])
        for at in range(len(splits) + 1):
            ranges = [(int(run[at]), int(run[at + 1])) for run in bounds]
            together = joined_landslides(
                [self._read(*some) for some in ranges if some[0] < some[1]]
            )
            if len(together):
                yield _largest_first(together)

    def _splits(self) -> NDArray[np.int64]:
        """Return keys between which lie about as many points as memory is to hold."""
        if not self._blocks:
            return np.empty(0, dtype=np.int64)
        keys = np.concatenate([keys for keys, _ in self._blocks])
        order = np.argsort(keys, kind="stable")
        points = np.cumsum(np.concatenate([points for _, points in self._blocks])[order])
        return np.unique(keys[order][np.flatnonzero(np.diff(points // _RUN_POINTS)) + 1])

    def _read(self, first: int, end: int) -> Landslides:
        polygons = self._polygons.read(first, end + 1)
        rings = self._rings.read(int(polygons[0]), int(polygons[-1]) + 1)
        points = self._points.read(2 * int(rings[0]), 2 * int(rings[-1]))
        return Landslides(
            outlines=Outlines(
                points=points.reshape(-1, 2),
                rings=rings - rings[0],
                polygons=polygons - polygons[0],
            ),
            pixels=self._pixels.read(first, end),
            probability_sums=self._sums.read(first, end),
            probability_maxima=self._maxima.read(first, end),
        )


class _Column:
    """Numbers in a file."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self.length = 0

    def append(self, values: NDArray[Any]) -> None:
        with self._path.open("ab") as file:
            values.astype(self._dtype, copy=False).tofile(file)
        self.length += len(values)

    def read(self, first: int, end: int) -> NDArray[Any]:
        offset = first * self._dtype.itemsize
        return np.fromfile(self._path, self._dtype, end - first, offset=offset)


def _largest_first(landslides: Landslides) -> Landslides:
    """Sort by pixels, the most first, then by top row, left column, and the first pixel."""
    outlines = landslides.outlines
    first_col, top = outlines.points[outlines.starts].T
    left = np.minimum.reduceat(outlines.points[:, 0], outlines.starts)
    return landslides.take(np.lexsort((first_col, left, top, -landslides.pixels)))


def _keys(landslides: Landslides) -> NDArray[np.int64]:
    """Return numbers that rise as pixels fall and, within one count, as top rows rise."""
    top = landslides.outlines.points[landslides.outlines.starts, 1].astype(np.int64)
    keys: NDArray[np.int64] = top - (landslides.pixels << _ROW_BITS)
    return keys


def _evenly(batches: Iterator[Landslides]) -> Iterator[Landslides]:
    """Cut the same landslides into the same batches, however they come."""
    key, before = 0, 0
    rest: list[Landslides] = []
    for landslides in batches:
        ends = before + np.append(landslides.outlines.starts[1:], len(landslides.outlines.points))
        keys = ends // _BATCH_POINTS
        cuts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        for first, end in itertools.pairwise(cuts):
            if keys[first] != key and rest:
                yield joined_landslides(rest)
                rest = []
            key = int(keys[first])
            rest.append(landslides.take(np.arange(first, end)))
        before = int(ends[-1])
    if rest:
        yield joined_landslides(rest)
