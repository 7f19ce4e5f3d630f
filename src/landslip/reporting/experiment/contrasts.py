"""Runs compared on the same tiles, in families within which p is adjusted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from landslip.metrics.resampling import DefinedEstimate, IntervalEstimate
from landslip.metrics.tile_scores import CountTable, F1Comparison, compare_f1, holm, seed_scores
from landslip.reporting.experiment.runs import PooledRun, PooledRunKey, on_common_tiles

LEVEL = 0.05
_ROUNDING = 1e-12
RunPair = tuple[PooledRunKey, PooledRunKey]


class Verdict(Enum):
    """What a difference amounts to."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedAgreement:
    """In how many of the seeds that all runs have a difference is above 0, and in how many below.

    Seeds with equal scores are neither.
    """

    ahead: int
    behind: int
    of: int

    @property
    def flipped(self) -> "SeedAgreement":
        """The same seen from the other run."""
        return SeedAgreement(ahead=self.behind, behind=self.ahead, of=self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class F1Difference:
    """F1 of one run minus that of another, with its interval.

    Attributes:
        paired: both were tested on the same tiles, drawn together; else each has its own draws.
    """

    estimate: DefinedEstimate
    paired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class F1Contrast:
    """F1 of one run minus that of another on the same tiles.

    Attributes:
        difference, low, high: the mean over seeds and its interval over tiles, in 0 to 1.
        p_value: adjusted for the ``family`` comparisons it was made with (Holm).
        seeds: what single seeds say.
        learned: neither run has a seed that learned nothing; see `Run.idle_seeds`.
    """

    one: PooledRunKey
    other: PooledRunKey
    difference: float
    low: float | None
    high: float | None
    p_value: float
    family: int
    tiles: int
    seeds: SeedAgreement
    learned: bool = True

    @property
    def verdict(self) -> Verdict:
        """Decided where the interval leaves out 0, adjusted p is below 0.05 and no seed opposes.

        A training that failed tells nothing of the method, so that it decides nothing either.
        """
        if self.p_value >= LEVEL or not self.learned:
            return Verdict.UNDECIDED
        return sign_of(self.estimate, self.seeds)

    @property
    def provable(self) -> bool:
        """Whether the test could reach 0.05 on so few tiles, were every tile on one side."""
        return bool(self.family * 2.0 ** (1 - self.tiles) < LEVEL)

    @property
    def estimate(self) -> DefinedEstimate:
        """The difference with its interval."""
        return DefinedEstimate(value=self.difference, low=self.low, high=self.high)

    @property
    def flipped(self) -> "F1Contrast":
        """The same seen from the other run."""
        return F1Contrast(
            one=self.other,
            other=self.one,
            difference=-self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            p_value=self.p_value,
            family=self.family,
            tiles=self.tiles,
            seeds=self.seeds.flipped,
            learned=self.learned,
        )


def compare_family(
    runs: dict[PooledRunKey, PooledRun], pairs: Sequence[RunPair]
) -> dict[RunPair, F1Contrast]:
    """Compare pairs of runs and adjust their p together; a pair is compared once, either way.

    Pairs of which one was not run, or whose F1 is undefined, are left out.
    """
    wanted: dict[frozenset[PooledRunKey], RunPair] = {}
    for pair in pairs:
        if pair[0] != pair[1] and pair[0] in runs and pair[1] in runs:
            wanted.setdefault(frozenset(pair), pair)
    found: dict[RunPair, tuple[F1Comparison, SeedAgreement]] = {}
    for one, other in wanted.values():
        compared = _compared(runs[one], runs[other])
        if compared is not None:
            found[one, other] = compared
    adjusted = holm([comparison.p_value for comparison, _ in found.values()])
    made = {
        pair: _adjusted_contrast(pair, compared, p_value, len(found))
        for (pair, compared), p_value in zip(found.items(), adjusted, strict=True)
        if p_value is not None
    }
    return {pair: _with_learning(runs, contrast) for pair, contrast in made.items()}


def _with_learning(runs: dict[PooledRunKey, PooledRun], contrast: F1Contrast) -> F1Contrast:
    learned = not any(runs[key].idle_seeds for key in (contrast.one, contrast.other))
    return replace(contrast, learned=learned)


def sign_of(estimate: IntervalEstimate, seeds: SeedAgreement | None = None) -> Verdict:
    """Return what an interval says of a difference; nothing where a seed says the opposite."""
    if estimate.low is None or estimate.high is None:
        return Verdict.UNDECIDED
    if estimate.low > 0 and not (seeds and seeds.behind):
        return Verdict.BETTER
    if estimate.high < 0 and not (seeds and seeds.ahead):
        return Verdict.WORSE
    return Verdict.UNDECIDED


def seeds_of(
    runs: Sequence[PooledRun], tables: Sequence[CountTable], weights: Sequence[int]
) -> SeedAgreement:
    """Return what single seeds say of a weighted sum of F1s, one table of counts a run."""
    weighted = [
        {
            seed: weight * f1
            for seed, f1 in zip(run.seeds, seed_scores(table)["f1"], strict=True)
            if f1 is not None
        }
        for run, table, weight in zip(runs, tables, weights, strict=True)
    ]
    shared = set(weighted[0]).intersection(*weighted[1:])
    sums = [sum(by_seed[seed] for by_seed in weighted) for seed in shared]
    return SeedAgreement(
        ahead=sum(one > _ROUNDING for one in sums),
        behind=sum(one < -_ROUNDING for one in sums),
        of=len(sums),
    )


def _compared(one: PooledRun, other: PooledRun) -> tuple[F1Comparison, SeedAgreement] | None:
    first, second = on_common_tiles([one, other])
    if first.shape[1] == 0:
        return None
    comparison = compare_f1(first, second)
    if comparison is None:
        return None
    return comparison, seeds_of([one, other], [first, second], (1, -1))


def _adjusted_contrast(
    pair: RunPair, compared: tuple[F1Comparison, SeedAgreement], p_value: float, family: int
) -> F1Contrast:
    comparison, seeds = compared
    return F1Contrast(
        one=pair[0],
        other=pair[1],
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        p_value=p_value,
        family=family,
        tiles=comparison.tiles,
        seeds=seeds,
    )
