"""Runs compared on the same tiles, in families within which p is adjusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from landslip.experiment.report.runs import Run, RunKey, on_common_tiles
from landslip.scores.intervals import seed_scores
from landslip.scores.paired import Comparison, compare_f1, holm

LEVEL = 0.05
Pair = tuple[RunKey, RunKey]


class Verdict(Enum):
    """What a difference amounts to."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """F1 of one run minus that of another on the same tiles.

    Attributes:
        difference, low, high: the mean over seeds and its interval over tiles, in 0 to 1.
        p_value: adjusted for the ``family`` comparisons it was made with (Holm).
        seeds: in how many of the seeds that both have the first is ahead, and of how many.
    """

    one: RunKey
    other: RunKey
    difference: float
    low: float | None
    high: float | None
    p_value: float
    family: int
    tiles: int
    seeds: tuple[int, int]

    @property
    def verdict(self) -> Verdict:
        """Decided only where the interval leaves out 0 and the adjusted p is below 0.05."""
        if self.low is None or self.high is None or self.p_value >= LEVEL:
            return Verdict.UNDECIDED
        if self.low > 0:
            return Verdict.BETTER
        return Verdict.WORSE if self.high < 0 else Verdict.UNDECIDED

    @property
    def flipped(self) -> "Contrast":
        """The same seen from the other run."""
        ahead, of = self.seeds
        return Contrast(
            one=self.other,
            other=self.one,
            difference=-self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            p_value=self.p_value,
            family=self.family,
            tiles=self.tiles,
            seeds=(of - ahead, of),
        )


def compare_family(runs: dict[RunKey, Run], pairs: Sequence[Pair]) -> dict[Pair, Contrast]:
    """Compare pairs of runs and adjust their p together; a pair is compared once, either way.

    Pairs of which one was not run, or whose F1 is undefined, are left out.
    """
    wanted: dict[frozenset[RunKey], Pair] = {}
    for pair in pairs:
        if pair[0] != pair[1] and pair[0] in runs and pair[1] in runs:
            wanted.setdefault(frozenset(pair), pair)
    found: dict[Pair, tuple[Comparison, tuple[int, int]]] = {}
    for one, other in wanted.values():
        compared = _compared(runs[one], runs[other])
        if compared is not None:
            found[one, other] = compared
    adjusted = holm([comparison.p_value for comparison, _ in found.values()])
    return {
        pair: _contrast(pair, compared, p_value, len(found))
        for (pair, compared), p_value in zip(found.items(), adjusted, strict=True)
        if p_value is not None
    }


def _compared(one: Run, other: Run) -> tuple[Comparison, tuple[int, int]] | None:
    first, second = on_common_tiles([one, other])
    if first.shape[1] == 0:
        return None
    comparison = compare_f1(first, second)
    if comparison is None:
        return None
    by_seed = dict(zip(one.seeds, seed_scores(first)["f1"], strict=True))
    others = dict(zip(other.seeds, seed_scores(second)["f1"], strict=True))
    both = [(by_seed[seed], others[seed]) for seed in by_seed.keys() & others.keys()]
    ahead = sum(mine is not None and theirs is not None and mine > theirs for mine, theirs in both)
    return comparison, (ahead, len(both))


def _contrast(
    pair: Pair, compared: tuple[Comparison, tuple[int, int]], p_value: float, family: int
) -> Contrast:
    comparison, seeds = compared
    return Contrast(
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
