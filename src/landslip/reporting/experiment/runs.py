"""Cells of one method pooled: folds into one set of test tiles, seeds side by side."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from landslip.experiments.results import (
    AdjustedArea,
    Results,
    RunFacts,
    RunKey,
    RunScores,
    TileCounts,
)
from landslip.metrics import tile_scores
from landslip.metrics.boundary import BoundaryCounts
from landslip.metrics.curves import (
    ProbabilityBins,
    average_precision,
    calibration_error,
    stored_bins,
)
from landslip.metrics.pixels import SCORES
from landslip.metrics.tile_scores import (
    CountTable,
    SeedSpread,
    TileTable,
    score_intervals,
    seed_scores,
    seed_spread,
)

_NO_BETTER = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRunKey:
    """What cells of one run share: all of their key but fold and seed."""

    dataset: str
    split: str
    method: str
    train_tiles: int | None = None
    target: str | None = None
    tune_tiles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRun:
    """A method on the test tiles of all folds, once for each seed.

    Attributes:
        seeds: those that tested every tile that any seed did.
        left_out: seeds that lack tiles, since a fold of them failed.
        tile_ids: the tiles, sorted.
        counts: (seeds, tiles, 3) pixels tp, fp, fn; a tile tested in several folds is summed.
        cells: the finished cells of each seed.
    """

    key: PooledRunKey
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    tile_ids: tuple[str, ...]
    counts: CountTable
    cells: tuple[tuple[RunFacts, ...], ...]

    @property
    def scores(self) -> list[list[RunScores]]:
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
    def all_cells(self) -> list[RunFacts]:
        """The finished cells of all seeds."""
        return [cell for cells in self.cells for cell in cells]


def run_key(key: RunKey) -> PooledRunKey:
    """Return the run that a cell belongs to."""
    return PooledRunKey(
        dataset=key.dataset,
        split=key.split,
        method=key.method,
        train_tiles=key.train_tiles,
        target=key.target,
        tune_tiles=key.tune_tiles,
    )


def pool_runs(results: Results) -> dict[PooledRunKey, PooledRun]:
    """Pool the finished cells of an experiment by run, in the order of the cells."""
    found: dict[PooledRunKey, dict[int, list[RunFacts]]] = {}
    for cell in results.cells:
        if cell.scores is not None:
            seeds = found.setdefault(run_key(cell.key), {})
            seeds.setdefault(cell.key.seed, []).append(cell)
    return {key: _pooled(key, seeds) for key, seeds in found.items()}


def on_common_tiles(runs: Sequence[PooledRun]) -> list[CountTable]:
    """Return the counts of the tiles that all runs were tested on, in one order."""
    tables = [TileTable(tile_ids=run.tile_ids, counts=run.counts) for run in runs]
    return tile_scores.on_common_tiles(tables)


def _pooled(key: PooledRunKey, seeds: Mapping[int, list[RunFacts]]) -> PooledRun:
    tables = {seed: _by_tile(cells) for seed, cells in sorted(seeds.items())}
    tile_ids = sorted({name for table in tables.values() for name in table})
    complete = tuple(seed for seed, table in tables.items() if len(table) == len(tile_ids))
    if not complete:  # no seed finished every fold: what the fullest one tested
        fullest = max(tables.values(), key=len)
        tile_ids = sorted(fullest)
        complete = tuple(seed for seed, table in tables.items() if {*tile_ids} <= {*table})
    counts = [[tables[seed][name] for name in tile_ids] for seed in complete]
    return PooledRun(
        key=key,
        seeds=complete,
        left_out=tuple(seed for seed in tables if seed not in complete),
        tile_ids=tuple(tile_ids),
        counts=np.array(counts, dtype=np.int64).reshape(len(complete), len(tile_ids), 3),
        cells=tuple(tuple(seeds[seed]) for seed in complete),
    )


def _by_tile(cells: Iterable[RunFacts]) -> dict[str, NDArray[np.int64]]:
    table: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(3, np.int64))
    for cell in cells:
        for tile in _scores(cell).tiles:
            table[tile.tile_id] += _numbers(tile)
    return dict(table)


def _numbers(tile: TileCounts) -> NDArray[np.int64]:
    return np.array([tile.tp, tile.fp, tile.fn], dtype=np.int64)


def _scores(cell: RunFacts) -> RunScores:
    if cell.scores is None:
        raise ValueError(f"{cell.key.slug} has no scores")
    return cell.scores


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreEstimate:
    """A score: its mean over seeds, its interval over tiles, and what each seed gave.

    What is undefined is None, e.g. a precision where nothing was found.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    by_seed: tuple[float | None, ...] = ()

    @property
    def spread(self) -> SeedSpread | None:
        """Mean and spread over the seeds in which it is defined."""
        return seed_spread(self.by_seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeClassDetection:
    """Landslides of a size class, summed over folds and seeds, and how many were detected."""

    at_least_px: int
    under_px: int | None
    landslides: int
    detected: int

    @property
    def share(self) -> float | None:
        """Detected of all; None where there is none."""
        return self.detected / self.landslides if self.landslides else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledScores:
    """A run with its scores.

    Attributes:
        by_size: the landslides of the labels by size.
        false_per_km2: false objects of the result by searched area; None where it is not known.
        false_share: false objects of all in the result.
        area: mean over folds and seeds; None where no cell has one.
        bins: pixels by probability, summed over folds and seeds.
    """

    run: PooledRun
    precision: ScoreEstimate
    recall: ScoreEstimate
    f1: ScoreEstimate
    iou: ScoreEstimate
    average_precision: ScoreEstimate
    calibration_error: ScoreEstimate
    boundary_f1: ScoreEstimate
    by_size: tuple[SizeClassDetection, ...]
    false_per_km2: float | None
    false_share: float | None
    area: AdjustedArea | None
    bins: ProbabilityBins


def score_run(run: PooledRun) -> PooledScores:
    """Score a run."""
    seeds = run.scores
    bins = [_summed_bins(cells) for cells in seeds]
    cells = [cell for parts in seeds for cell in parts]
    pixels = _pixel_scores(run)
    return PooledScores(
        run=run,
        precision=pixels["precision"],
        recall=pixels["recall"],
        f1=pixels["f1"],
        iou=pixels["iou"],
        average_precision=_of_seeds(average_precision(one) for one in bins),
        calibration_error=_of_seeds(calibration_error(one) for one in bins),
        boundary_f1=_of_seeds(_boundary(cells).f1 for cells in seeds),
        by_size=tuple(_by_size(cells)),
        false_per_km2=_false_per_km2(cells),
        false_share=_share(_false(cells), sum(cell.objects.found for cell in cells)),
        area=_mean_area([cell.area for cell in cells if cell.area is not None]),
        bins=reduce(add, bins),
    )


def _pixel_scores(run: PooledRun) -> dict[str, ScoreEstimate]:
    estimates, by_seed = score_intervals(run.counts), seed_scores(run.counts)
    measured = {}
    for name in SCORES:
        known, seeds = estimates[name], tuple(by_seed[name])
        measured[name] = ScoreEstimate(
            value=known.value, low=known.low, high=known.high, by_seed=seeds
        )
    return measured


def _of_seeds(values: Iterable[float | None]) -> ScoreEstimate:
    by_seed = tuple(values)
    spread = seed_spread(by_seed)
    return ScoreEstimate(value=None if spread is None else spread.mean, by_seed=by_seed)


def _summed_bins(cells: list[RunScores]) -> ProbabilityBins:
    parts = (cell.curves for cell in cells)
    bins = [stored_bins(part.landslide, part.other, part.mean_probability) for part in parts]
    return reduce(add, bins)


def _boundary(cells: list[RunScores]) -> BoundaryCounts:
    parts = (cell.boundary for cell in cells)
    counts = [
        BoundaryCounts(
            found=part.found,
            found_near=part.found_near,
            known=part.known,
            known_near=part.known_near,
        )
        for part in parts
    ]
    return reduce(add, counts)


def _by_size(cells: list[RunScores]) -> Iterator[SizeClassDetection]:
    for parts in zip(*(cell.objects.by_size for cell in cells), strict=True):
        yield SizeClassDetection(
            at_least_px=parts[0].at_least_px,
            under_px=parts[0].under_px,
            landslides=sum(part.landslides for part in parts),
            detected=sum(part.detected for part in parts),
        )


def _false(cells: list[RunScores]) -> int:
    return sum(cell.objects.false for cell in cells)


def _false_per_km2(cells: list[RunScores]) -> float | None:
    searched = [cell.objects.searched_km2 for cell in cells]
    known = [area for area in searched if area is not None]
    return _share(_false(cells), sum(known)) if len(known) == len(searched) else None


def _mean_area(areas: list[AdjustedArea]) -> AdjustedArea | None:
    if not areas:
        return None
    return AdjustedArea(
        mapped_share=fmean(area.mapped_share for area in areas),
        adjusted_share=fmean(area.adjusted_share for area in areas),
        standard_error=fmean(area.standard_error for area in areas),
        reference_share=fmean(area.reference_share for area in areas),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
