"""Counts of methods by tile: the table that intervals and tests are made from.

A table is (seeds, tiles, 3): pixels found rightly (tp), found wrongly (fp) and missed (fn) of each
test tile, under each seed that the method was trained with. Scores of a table are means over seeds
of the score of the counts summed over tiles; they are never averaged over tiles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.pixels import Counts

Table = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileTable:
    """A method's counts with the names of the tiles.

    Attributes:
        tile_ids: the tiles tested under every seed, sorted.
        counts: (seeds, tiles, 3) tp, fp, fn.
    """

    tile_ids: tuple[str, ...]
    counts: Table

    def of(self, tile_ids: Sequence[str]) -> Table:
        """Return the counts of some of the tiles, in that order."""
        place = {name: at for at, name in enumerate(self.tile_ids)}
        return self.counts[:, [place[name] for name in tile_ids]]


def pooled(folds: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """Return the counts of all folds' test tiles by tile.

    Raises:
        ValueError: a tile is tested in two folds.
    """
    tiles: dict[str, Counts] = {}
    for fold in folds:
        twice = sorted(tiles.keys() & fold.keys())
        if twice:
            raise ValueError(f"a tile is tested in one fold; {twice[0]} is in two")
        tiles |= fold
    return tiles


def tile_table(seeds: Sequence[Mapping[str, Counts]]) -> TileTable:
    """Return a method's counts, given by tile for each seed; tiles that a seed lacks are left out.

    Raises:
        ValueError: there is no seed.
    """
    if not seeds:
        raise ValueError("a table of counts needs at least one seed")
    shared = sorted(set(seeds[0]).intersection(*seeds[1:]))
    rows = [[(by[name].tp, by[name].fp, by[name].fn) for name in shared] for by in seeds]
    counts = np.array(rows, dtype=np.int64).reshape(len(seeds), len(shared), 3)
    return TileTable(tile_ids=tuple(shared), counts=counts)


def on_common_tiles(tables: Sequence[TileTable]) -> list[Table]:
    """Return the counts of the tiles that all tables hold, in one order."""
    shared = sorted(set(tables[0].tile_ids).intersection(*(table.tile_ids for table in tables[1:])))
    return [table.of(shared) for table in tables]


def f1(sums: NDArray[np.number]) -> NDArray[np.float64]:
    """2 tp / (2 tp + fp + fn) of (..., 3) counts; NaN where the denominator is 0."""
    tp, fp, fn = np.moveaxis(sums, -1, 0)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def ratios(sums: NDArray[np.number]) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall, f1 and iou of (..., 3) counts; NaN where a denominator is 0."""
    tp, fp, fn = np.moveaxis(sums, -1, 0)
    return {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": f1(sums),
        "iou": _ratio(tp, tp + fp + fn),
    }


def _ratio(numerator: NDArray[np.number], denominator: NDArray[np.number]) -> NDArray[np.float64]:
    nothing = np.full(np.shape(denominator), np.nan)
    ratio: NDArray[np.float64] = np.divide(
        numerator, denominator, out=nothing, where=denominator != 0
    )
    return ratio
