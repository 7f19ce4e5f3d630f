"""Differences of F1 between pooled runs, with p-values adjusted within families."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from landslip.experiments.mean_mask import MEAN_MASK
from landslip.metrics.bootstrap import DefinedEstimate
from landslip.metrics.tile_scores import (
    CountTable,
    compare_f1,
    f1_contrast,
    group_counts,
    holm,
    seed_scores,
    unpaired_difference,
)
from landslip.reporting.experiment.runs import PooledRun, PooledRunKey, on_common_tiles

LEVEL = 0.05
_ROUNDING = 1e-12
RunPair = tuple[PooledRunKey, PooledRunKey]
PooledRuns = dict[PooledRunKey, PooledRun]


class ContrastVerdict(Enum):
    """What a difference amounts to."""

    HIGHER = "higher"
    LOWER = "lower"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedAgreement:
    """In how many of the seeds that all runs share a difference is above 0, and below 0."""

    above: int
    below: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class F1Contrast:
    """F1 of one run minus that of another.

    Attributes:
        estimate: mean difference over seeds with its interval over groups, in -1 to 1.
        groups: number of groups of tiles that both were tested on; a tile whose group is unknown
            is one.
        seeds: signs of single seeds; None for runs on different tiles.
        p_value: that of `landslip.metrics.tile_scores.F1Comparison`, adjusted for its ``family``
            of comparisons (Holm); None where the interval alone decides.
        degenerate: a run has a seed that learned nothing; see `PooledRun.degenerate_seeds`.
        paired: both were tested on the same tiles; else the groups of each are drawn apart.
    """

    first: PooledRunKey
    second: PooledRunKey
    estimate: DefinedEstimate
    groups: int
    seeds: SeedAgreement | None = None
    p_value: float | None = None
    family: int = 1
    degenerate: bool = False
    paired: bool = True

    @property
    def verdict(self) -> ContrastVerdict:
        """Decided where the interval excludes 0, adjusted p is below 0.05 and no seed disagrees.

        A degenerate training says nothing about its method, so that it decides nothing.
        """
        low, high = self.estimate.low, self.estimate.high
        if self.degenerate or not (self.p_value is None or self.p_value < LEVEL):
            return ContrastVerdict.UNDECIDED
        if low is not None and low > 0 and not (self.seeds and self.seeds.below):
            return ContrastVerdict.HIGHER
        if high is not None and high < 0 and not (self.seeds and self.seeds.above):
            return ContrastVerdict.LOWER
        return ContrastVerdict.UNDECIDED

    @property
    def provable(self) -> bool:
        """Whether the test could reach 0.05 on so few groups if all of them agreed."""
        return bool(self.family * 2.0 ** (1 - self.groups) < LEVEL)

    @property
    def reason(self) -> str:
        """Why nothing is decided; empty where it is."""
        if self.verdict is not ContrastVerdict.UNDECIDED:
            return ""
        low, high = self.estimate.low, self.estimate.high
        if self.degenerate:
            return "a training learned nothing"
        if low is None or high is None:
            return "a single group of test tiles"
        if low <= 0 <= high:
            return "the interval includes 0"
        if self.p_value is not None and self.p_value >= LEVEL:
            return "not significant" if self.provable else "too few groups of tiles for a test"
        return "the seeds disagree"

    @property
    def flipped(self) -> "F1Contrast":
        """The same seen from the other run."""
        low, high, seeds = self.estimate.low, self.estimate.high, self.seeds
        return replace(
            self,
            first=self.second,
            second=self.first,
            estimate=DefinedEstimate(
                value=-self.estimate.value,
                low=None if high is None else -high,
                high=None if low is None else -low,
            ),
            seeds=seeds and replace(seeds, above=seeds.below, below=seeds.above),
        )


def compare_family(runs: PooledRuns, pairs: Sequence[RunPair]) -> dict[RunPair, F1Contrast]:
    """Compare pairs of runs and adjust their p-values together.

    A pair is compared once, in either order. Pairs of which one was not run, or whose F1 is
    undefined, are left out.
    """
    unique: dict[frozenset[PooledRunKey], RunPair] = {}
    for pair in pairs:
        if pair[0] != pair[1] and pair[0] in runs and pair[1] in runs:
            unique.setdefault(frozenset(pair), pair)
    contrasts = []
    for pair in unique.values():
        pooled = [runs[key] for key in pair]
        first, second = on_common_tiles(pooled)
        comparison = compare_f1(first, second) if first.shape[1] else None
        if comparison is not None:
            low, high = comparison.low, comparison.high
            contrast = F1Contrast(
                first=pair[0],
                second=pair[1],
                estimate=DefinedEstimate(value=comparison.difference, low=low, high=high),
                groups=comparison.units,
                seeds=_seed_agreement(pooled, [first, second], (1, -1)),
                p_value=comparison.p_value,
                degenerate=any(run.degenerate_seeds for run in pooled),
            )
            contrasts.append(contrast)
    adjusted = holm([contrast.p_value for contrast in contrasts])
    return {
        (contrast.first, contrast.second): replace(contrast, p_value=p_value, family=len(contrasts))
        for contrast, p_value in zip(contrasts, adjusted, strict=True)
        if p_value is not None
    }


def compare_gains(runs: PooledRuns, few: RunPair, many: RunPair) -> F1Contrast | None:
    """Return by how much the gain within the first pair exceeds that within the second.

    Interval and seeds decide, without a p-value. None where a run is missing or the runs share no
    tile.
    """
    keys, weights = (*few, *many), (1, -1, -1, 1)
    if any(key not in runs for key in keys):
        return None
    pooled = [runs[key] for key in keys]
    tables = on_common_tiles(pooled)
    groups = tables[0].shape[1]
    estimate = f1_contrast(list(zip(weights, tables, strict=True))) if groups else None
    if estimate is None:
        return None
    return F1Contrast(
        first=few[0],
        second=many[0],
        estimate=estimate,
        groups=groups,
        seeds=_seed_agreement(pooled, tables, weights),
        degenerate=any(run.degenerate_seeds for run in pooled),
    )


def compare_apart(runs: PooledRuns, first: PooledRunKey, second: PooledRunKey) -> F1Contrast | None:
    """Compare runs of different splits or data sets; the interval alone decides.

    Paired where both tested the very same tiles, as with folds that test every tile once.
    """
    if first not in runs or second not in runs:
        return None
    one, other = runs[first], runs[second]
    same_data = (first.target or first.dataset) == (second.target or second.dataset)
    paired = same_data and one.tile_ids == other.tile_ids
    estimate = (
        f1_contrast([(1, one.group_counts), (-1, group_counts(other.counts, one.groups))])
        if paired
        else unpaired_difference(one.group_counts, other.group_counts)
    )
    if estimate is None:
        return None
    return F1Contrast(
        first=first,
        second=second,
        estimate=estimate,
        groups=min(len(set(one.groups)), len(set(other.groups))),
        paired=paired,
    )


def _seed_agreement(
    runs: Sequence[PooledRun], tables: Sequence[CountTable], weights: Sequence[int]
) -> SeedAgreement:
    """Return the signs of a weighted sum of F1s by seed, one table of counts a run.

    The mean mask, which has no seed, is beside each seed of the others.
    """
    every = sorted({seed for run in runs for seed in run.seeds})
    weighted = []
    for run, table, weight in zip(runs, tables, weights, strict=True):
        scores, seeds = seed_scores(table)["f1"], run.seeds
        if run.key.method == MEAN_MASK:
            scores, seeds = scores * len(every), tuple(every)
        by_seed = zip(seeds, scores, strict=True)
        weighted.append({seed: weight * f1 for seed, f1 in by_seed if f1 is not None})
    shared = set(weighted[0]).intersection(*weighted[1:])
    sums = [sum(by_seed[seed] for by_seed in weighted) for seed in shared]
    return SeedAgreement(
        above=sum(one > _ROUNDING for one in sums),
        below=sum(one < -_ROUNDING for one in sums),
        total=len(sums),
    )
