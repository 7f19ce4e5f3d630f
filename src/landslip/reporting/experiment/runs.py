"""Runs of one method pooled: folds into one set of test tiles, seeds side by side, then scored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from operator import add
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from landslip.experiments.mean_mask import MEAN_MASK
from landslip.experiments.results import AdjustedArea, Results, RunFacts, RunKey, RunScores
from landslip.metrics import tile_scores
from landslip.metrics.bootstrap import DefinedEstimate, IntervalEstimate
from landslip.metrics.boundary import BoundaryCounts
from landslip.metrics.clustering import Clustering, landslide_clustering
from landslip.metrics.curves import (
    LIKELY,
    ProbabilityBins,
    average_precision,
    average_precision_interval,
    calibration_error,
    stored_bins,
    sum_by_group,
)
from landslip.metrics.objects import SizeClassCounts
from landslip.metrics.per_image import AVERAGES, per_image_intervals, per_image_scores
from landslip.metrics.pixels import SCORES
from landslip.metrics.tile_scores import (
    CountTable,
    SeedSpread,
    TileTable,
    f1_contrast,
    group_counts,
    independent_units,
    score_intervals,
    seed_scores,
    seed_spread,
)

_DEGENERATE_WITHIN_F1 = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRunKey:
    """What pooled runs share: all of their key but fold and seed."""

    dataset: str
    split: str
    method: str
    train_tiles: int | None = None
    target: str | None = None
    tune_tiles: int = 0

    @classmethod
    def of(cls, key: RunKey) -> "PooledRunKey":
        """Return the pool that a single run belongs to."""
        return cls(**{field.name: getattr(key, field.name) for field in fields(cls)})

    @property
    def tile_order(self) -> tuple[bool, int, int]:
        """Order by number of training tiles, all of them last, and of tiles for fine-tuning."""
        return self.train_tiles is None, self.train_tiles or 0, self.tune_tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRun:
    """A method on the test tiles of all folds, once for each seed.

    Attributes:
        seeds: those that tested every tile that any seed did.
        left_out: seeds that lack tiles because a fold of them failed.
        tile_ids: the tiles, sorted.
        counts: (seeds, tiles, 3) pixels tp, fp, fn; a tile tested in several folds is summed.
        groups: of each tile; intervals and tests draw whole ones.
        runs: the finished runs of each seed.
    """

    key: PooledRunKey
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    tile_ids: tuple[str, ...]
    counts: CountTable
    groups: tuple[str, ...]
    runs: tuple[tuple[RunFacts, ...], ...]

    @property
    def group_counts(self) -> CountTable:
        """The counts (seeds, groups, 3) summed over the tiles of each group."""
        return group_counts(self.counts, self.groups)

    @property
    def scores(self) -> list[list[RunScores]]:
        """The scores of each seed's runs."""
        return [[_scores(run) for run in runs] for runs in self.runs]

    @property
    def all_positive_f1(self) -> float:
        """F1 of calling every counted pixel of the tiles landslide, 2 L / (L + pixels)."""
        tested = [tile for run in self.runs[0] for tile in _scores(run).tiles]
        landslide = sum(tile.tp + tile.fn for tile in tested)
        pixels = sum(tile.tp + tile.fp + tile.fn + tile.tn for tile in tested)
        return 2 * landslide / max(landslide + pixels, 1)

    @property
    def degenerate_seeds(self) -> int:
        """Number of seeds that learned nothing.

        Their F1 is at most 0.01 above that of calling every pixel landslide. Always 0 on another
        data set, which the models were not trained on, and of the mean mask, which cannot fail.
        """
        if self.key.target is not None or self.key.method == MEAN_MASK:
            return 0
        limit = self.all_positive_f1 + _DEGENERATE_WITHIN_F1
        return sum(f1 is not None and f1 <= limit for f1 in seed_scores(self.counts)["f1"])

    @property
    def all_runs(self) -> list[RunFacts]:
        """The finished runs of all seeds."""
        return [run for runs in self.runs for run in runs]


def pool_runs(results: Results) -> dict[PooledRunKey, PooledRun]:
    """Pool the finished runs of an experiment, in their order."""
    pools: dict[PooledRunKey, dict[int, list[RunFacts]]] = {}
    for run in (*results.cells, *results.baselines):
        if run.scores is not None:
            seeds = pools.setdefault(PooledRunKey.of(run.key), {})
            seeds.setdefault(run.key.seed, []).append(run)
    return {key: _pooled(key, seeds) for key, seeds in pools.items()}


def _pooled(key: PooledRunKey, seeds: dict[int, list[RunFacts]]) -> PooledRun:
    tables: dict[int, dict[str, NDArray[np.int64]]] = {}
    for seed, runs in sorted(seeds.items()):
        table: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(3, np.int64))
        for tile in (tile for run in runs for tile in _scores(run).tiles):
            table[tile.tile_id] += np.array([tile.tp, tile.fp, tile.fn], dtype=np.int64)
        tables[seed] = table
    tile_ids = sorted({name for table in tables.values() for name in table})
    complete = tuple(seed for seed, table in tables.items() if len(table) == len(tile_ids))
    if not complete:  # no seed finished every fold: take what the most complete one tested
        fullest = max(tables.values(), key=len)
        tile_ids = sorted(fullest)
        complete = tuple(seed for seed, table in tables.items() if {*tile_ids} <= {*table})
    counts = [[tables[seed][name] for name in tile_ids] for seed in complete]
    group_of = {
        tile.tile_id: tile.tile_id if tile.group is None else tile.group
        for runs in seeds.values()
        for run in runs
        for tile in _scores(run).tiles
    }
    return PooledRun(
        key=key,
        seeds=complete,
        left_out=tuple(seed for seed in tables if seed not in complete),
        tile_ids=tuple(tile_ids),
        counts=np.array(counts, dtype=np.int64).reshape(len(complete), len(tile_ids), 3),
        groups=tuple(independent_units([group_of[name] for name in tile_ids])),
        runs=tuple(tuple(seeds[seed]) for seed in complete),
    )


def _scores(run: RunFacts) -> RunScores:
    if run.scores is None:
        raise ValueError(f"{run.key.slug} has no scores")
    return run.scores


def tile_clustering(runs: Iterable[PooledRun]) -> Clustering | None:
    """Return how much alike the landslide fractions of a group's tested tiles are, over all runs.

    The runs are tested on one dataset. None where no two tiles are of one group.
    """
    tiles = {
        tile.tile_id: tile
        for run in runs
        for parts in run.scores
        for one in parts
        for tile in one.tiles
    }
    groups = [tile_id if tile.group is None else tile.group for tile_id, tile in tiles.items()]
    return landslide_clustering([tile.counts for tile in tiles.values()], groups)


def on_common_tiles(runs: Sequence[PooledRun]) -> list[CountTable]:
    """Return the counts (seeds, groups, 3) of the tiles that all runs were tested on.

    They are summed over the groups of the first run, in one order.
    """
    tables = [TileTable(tile_ids=run.tile_ids, counts=run.counts) for run in runs]
    group_of = dict(zip(runs[0].tile_ids, runs[0].groups, strict=True))
    shared = tile_scores.common_tiles(tables)
    groups = independent_units([group_of[name] for name in shared])
    return [group_counts(table.of(shared), groups) for table in tables]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreEstimate:
    """A score: its mean over seeds, its interval over groups of tiles, and the score of each seed.

    What is undefined is None, e.g. the precision where nothing was detected.
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
class OffCentreEstimate:
    """F1 of the pixels that moved windows show, in place and off-centre, means over seeds.

    Attributes:
        centred, off_centre: with their intervals over groups.
        difference: off-centre minus centred, with its interval; None where one is undefined.
        surroundings: number of windows by what they show beyond the tile.
    """

    centred: IntervalEstimate
    off_centre: IntervalEstimate
    difference: DefinedEstimate | None
    surroundings: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledScores:
    """A pooled run with its scores.

    Attributes:
        likely_calibration_error: over pixels of a probability of 0.1 or more.
        per_image: f1, iou, class_f1 and class_iou; see `landslip.metrics.per_image`.
        off_centre: None where a run was not tested off-centre.
        by_size: landslides and predicted objects by size, summed over folds and seeds; of files of
            earlier versions the predicted ones are 0.
        false_per_km2: false objects per tested area; None where the area is not known.
        false_fraction: false objects of all objects in the result.
        area: mean over folds and seeds; None where no run has one.
        bins: pixels by probability, summed over folds and seeds.
    """

    run: PooledRun
    precision: ScoreEstimate
    recall: ScoreEstimate
    f1: ScoreEstimate
    iou: ScoreEstimate
    average_precision: ScoreEstimate
    calibration_error: ScoreEstimate
    likely_calibration_error: ScoreEstimate
    per_image: Mapping[str, ScoreEstimate]
    off_centre: OffCentreEstimate | None
    boundary_f1: ScoreEstimate
    by_size: tuple[SizeClassCounts, ...]
    false_per_km2: float | None
    false_fraction: float | None
    area: AdjustedArea | None
    bins: ProbabilityBins

    @property
    def method(self) -> str:
        """The method that was run."""
        return self.run.key.method


def score_pooled_run(run: PooledRun) -> PooledScores:
    """Score a pooled run."""
    seeds = run.scores
    scores = [one for parts in seeds for one in parts]
    estimates, by_seed = score_intervals(run.group_counts), seed_scores(run.counts)
    pixels = {
        name: ScoreEstimate(
            value=estimates[name].value,
            low=estimates[name].low,
            high=estimates[name].high,
            by_seed=tuple(by_seed[name]),
        )
        for name in SCORES
    }
    bins = [
        reduce(
            add,
            (
                stored_bins(one.curves.landslide, one.curves.other, one.curves.mean_probability)
                for one in parts
            ),
        )
        for parts in seeds
    ]
    by_size = (
        SizeClassCounts(
            parts[0].at_least_px,
            parts[0].under_px,
            *(
                sum(getattr(part, name) or 0 for part in parts)
                for name in ("landslides", "detected", "found", "false")
            ),
        )
        for parts in zip(*(one.objects.by_size for one in scores), strict=True)
    )
    false = sum(one.objects.false for one in scores)
    areas_km2 = [one.objects.searched_km2 for one in scores]
    known_km2 = [area for area in areas_km2 if area is not None]
    areas = [one.area for one in scores if one.area is not None]
    return PooledScores(
        run=run,
        **pixels,
        average_precision=_average_precision(run, bins),
        calibration_error=_over_seeds(calibration_error(one) for one in bins),
        likely_calibration_error=_over_seeds(
            calibration_error(one, at_least=LIKELY) for one in bins
        ),
        per_image=_per_image(seeds),
        off_centre=_off_centre(seeds),
        boundary_f1=_over_seeds(_boundary(parts).f1 for parts in seeds),
        by_size=tuple(by_size),
        false_per_km2=_ratio(false, sum(known_km2)) if len(known_km2) == len(areas_km2) else None,
        false_fraction=_ratio(false, sum(one.objects.found for one in scores)),
        area=_mean_area(areas) if areas else None,
        bins=reduce(add, bins),
    )


def _average_precision(run: PooledRun, bins: Sequence[ProbabilityBins]) -> ScoreEstimate:
    """Return that of each seed's finest bins; its interval where all runs have some by tile."""
    finest = []
    for own, parts in zip(bins, run.scores, strict=True):
        ranked = [one.curves.ranking for one in parts if one.curves.ranking is not None]
        finest.append(_ranking(ranked) if len(ranked) == len(parts) else own)
    score = _over_seeds(average_precision(one) for one in finest)
    if not all(one.tile_curves for parts in run.scores for one in parts):
        return score
    group_of = dict(zip(run.tile_ids, run.groups, strict=True))
    units = []
    for parts in run.scores:
        tiles = [tile for one in parts for tile in zip(one.tiles, one.tile_curves, strict=True)]
        curves = [
            stored_bins(one.landslide, one.other, np.zeros(len(one.other))) for _, one in tiles
        ]
        groups = sum_by_group(curves, [group_of[tile.tile_id] for tile, _ in tiles])
        units.append(list(groups.values()))
    estimate = average_precision_interval(units, score.value)
    return replace(score, low=estimate.low, high=estimate.high)


def _ranking(parts: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> ProbabilityBins:
    """Return the pixels of all folds of a seed in the bins that rank them."""
    landslide, other = np.sum(parts, axis=0)
    return stored_bins(landslide, other, np.zeros(len(other)))


def _mean_area(areas: list[AdjustedArea]) -> AdjustedArea:
    """Return the means over runs; those by error rates only where each run has them."""

    def mean(name: str) -> float | None:
        values = [getattr(area, name) for area in areas]
        return None if None in values else fmean(values)

    return AdjustedArea.model_validate({name: mean(name) for name in AdjustedArea.model_fields})


def _per_image(seeds: Sequence[Sequence[RunScores]]) -> dict[str, ScoreEstimate]:
    """Return the scores averaged over images or classes; folds are one set of images."""
    tiles = [[tile for one in runs for tile in one.tiles] for runs in seeds]
    images = [[tile.counts for tile in one] for one in tiles]
    groups = independent_units([tile.group or tile.tile_id for tile in tiles[0]])
    intervals = per_image_intervals(images, groups)
    scores = [per_image_scores(one) for one in images]
    return {
        name: replace(
            _over_seeds(getattr(one, name) for one in scores),
            low=intervals[name].low,
            high=intervals[name].high,
        )
        for name in AVERAGES
    }


def _off_centre(seeds: Sequence[Sequence[RunScores]]) -> OffCentreEstimate | None:
    """Return the scores off-centre; None where a run has none."""
    scores = [[one.off_centre for one in runs] for runs in seeds]
    known = [[one for one in runs if one is not None] for runs in scores]
    if [*map(len, known)] != [*map(len, scores)]:
        return None
    tiles = [tile for one in known[0] for tile in one.centred]
    groups = independent_units([tile.group or tile.tile_id for tile in tiles])
    centred, off_centre = (
        group_counts(
            np.array(
                [
                    [(tile.tp, tile.fp, tile.fn) for one in runs for tile in getattr(one, name)]
                    for runs in known
                ],
                dtype=np.int64,
            ),
            groups,
        )
        for name in ("centred", "off_centre")
    )
    return OffCentreEstimate(
        centred=score_intervals(centred)["f1"],
        off_centre=score_intervals(off_centre)["f1"],
        difference=f1_contrast([(1, off_centre), (-1, centred)]),
        surroundings=dict(sum((Counter(one.surroundings) for one in known[0]), Counter())),
    )


def _over_seeds(values: Iterable[float | None]) -> ScoreEstimate:
    by_seed = tuple(values)
    spread = seed_spread(by_seed)
    return ScoreEstimate(value=None if spread is None else spread.mean, by_seed=by_seed)


def _boundary(scores: list[RunScores]) -> BoundaryCounts:
    names = ("found", "found_near", "known", "known_near")
    sums = {name: sum(getattr(one.boundary, name) for one in scores) for name in names}
    return BoundaryCounts(**sums)


def _ratio(part: float, total: float) -> float | None:
    return part / total if total else None
