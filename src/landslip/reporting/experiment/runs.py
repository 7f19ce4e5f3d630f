"""Cells of one method pooled: folds into one set of test tiles, seeds side by side."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.experiments.results import CellFacts, CellKey, CellScores, Results, TileCounts
from landslip.metrics import tiles
from landslip.metrics.intervals import seed_scores
from landslip.metrics.tiles import Table, TileTable

_NO_BETTER = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """What cells of one run share: all of their key but fold and seed."""

    dataset: str
    split: str
    method: str
    train_tiles: int | None = None
    target: str | None = None
    tune_tiles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A method on the test tiles of all folds, once for each seed.

    Attributes:
        seeds: those that tested every tile that any seed did.
        left_out: seeds that lack tiles, since a fold of them failed.
        tile_ids: the tiles, sorted.
        counts: (seeds, tiles, 3) pixels tp, fp, fn; a tile tested in several folds is summed.
        cells: the finished cells of each seed.
    """

    key: RunKey
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    tile_ids: tuple[str, ...]
    counts: Table
    cells: tuple[tuple[CellFacts, ...], ...]

    @property
    def scores(self) -> list[list[CellScores]]:
        """The scores of each seed's cells."""
        return [[_scores(cell) for cell in cells] for cells in self.cells]

    @property
    def marking_all(self) -> float:
        """F1 of calling every counted pixel of the tiles landslide, 2 L / (L + pixels)."""
        tested = [tile for cell in self.cells[0] for tile in _scores(cell).tiles]
        landslide = sum(tile.tp + tile.fn for tile in tested)
        pixels = sum(tile.tp + tile.fp + tile.fn + tile.tn for tile in tested)
        return 2 * landslide / max(landslide + pixels, 1)

    @property
    def idle_seeds(self) -> int:
        """In how many seeds it learned nothing: no better than calling every pixel landslide.

        Within a point of F1. What was not trained on the tiles' own data set had nothing to learn
        from them: 0.
        """
        if self.key.target is not None:
            return 0
        most = self.marking_all + _NO_BETTER
        return sum(f1 is not None and f1 <= most for f1 in seed_scores(self.counts)["f1"])

    @property
    def all_cells(self) -> list[CellFacts]:
        """The finished cells of all seeds."""
        return [cell for cells in self.cells for cell in cells]


def run_key(key: CellKey) -> RunKey:
    """Return the run that a cell belongs to."""
    return RunKey(
        dataset=key.dataset,
        split=key.split,
        method=key.method,
        train_tiles=key.train_tiles,
        target=key.target,
        tune_tiles=key.tune_tiles,
    )


def pool_runs(results: Results) -> dict[RunKey, Run]:
    """Pool the finished cells of an experiment by run, in the order of the cells."""
    found: dict[RunKey, dict[int, list[CellFacts]]] = {}
    for cell in results.cells:
        if cell.scores is not None:
            seeds = found.setdefault(run_key(cell.key), {})
            seeds.setdefault(cell.key.seed, []).append(cell)
    return {key: _pooled(key, seeds) for key, seeds in found.items()}


def on_common_tiles(runs: Sequence[Run]) -> list[Table]:
    """Return the counts of the tiles that all runs were tested on, in one order."""
    tables = [TileTable(tile_ids=run.tile_ids, counts=run.counts) for run in runs]
    return tiles.on_common_tiles(tables)


def _pooled(key: RunKey, seeds: Mapping[int, list[CellFacts]]) -> Run:
    tables = {seed: _by_tile(cells) for seed, cells in sorted(seeds.items())}
    tile_ids = sorted({name for table in tables.values() for name in table})
    complete = tuple(seed for seed, table in tables.items() if len(table) == len(tile_ids))
    if not complete:  # no seed finished every fold: what the fullest one tested
        fullest = max(tables.values(), key=len)
        tile_ids = sorted(fullest)
        complete = tuple(seed for seed, table in tables.items() if {*tile_ids} <= {*table})
    counts = [[tables[seed][name] for name in tile_ids] for seed in complete]
    return Run(
        key=key,
        seeds=complete,
        left_out=tuple(seed for seed in tables if seed not in complete),
        tile_ids=tuple(tile_ids),
        counts=np.array(counts, dtype=np.int64).reshape(len(complete), len(tile_ids), 3),
        cells=tuple(tuple(seeds[seed]) for seed in complete),
    )


def _by_tile(cells: Iterable[CellFacts]) -> dict[str, NDArray[np.int64]]:
    table: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(3, np.int64))
    for cell in cells:
        for tile in _scores(cell).tiles:
            table[tile.tile_id] += _numbers(tile)
    return dict(table)


def _numbers(tile: TileCounts) -> NDArray[np.int64]:
    return np.array([tile.tp, tile.fp, tile.fn], dtype=np.int64)


def _scores(cell: CellFacts) -> CellScores:
    if cell.scores is None:
        raise ValueError(f"{cell.key.slug} has no scores")
    return cell.scores
