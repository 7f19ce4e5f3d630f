"""What a claim comes to over several data sets and splits, and comparisons put in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from landslip.metrics.resampling import IntervalEstimate
from landslip.reporting.experiment.contrasts import (
    LEVEL,
    F1Contrast,
    SeedAgreement,
    Verdict,
    sign_of,
)
from landslip.reporting.experiment.runs import PooledRunKey
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.numbers import counted, p_text, points, signed_interval


class Outcome(Enum):
    """What the figures say of a claim."""

    HOLDS = "holds"
    PARTLY = "holds in part, elsewhere undecided"
    FAILS = "does NOT hold"
    MIXED = "contradictory"
    UNDECIDED = "undecided"
    UNTESTED = "not tested"
    TOLD = "told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A sentence made from figures.

    Attributes:
        verdict: where it decides on a claim.
        mixed: it is of a split whose sides share ground, random or with leaks.
        seeds: how many seeds its comparison is of.
    """

    text: str
    verdict: Verdict | None = None
    mixed: bool = False
    seeds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim, what becomes of it, and the sentences that say why."""

    title: str
    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def badge(self) -> str:
        """The outcome with the number of comparisons for and against, and whether of one seed."""
        decided = _deciding(self.findings)
        parts = [_tally(decided)] if len(decided) > 1 else []
        if any(one.seeds == 1 for one in decided):
            parts.append("one seed")
        return f"{self.outcome.value} ({'; '.join(parts)})" if parts else self.outcome.value

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        if self.outcome is Outcome.TOLD:
            return f"{self.title}."
        return f"{self.title}: {self.badge}."


def claim(title: str, findings: Sequence[Finding]) -> Claim:
    """Judge a claim by its findings.

    Random splits, whose test tiles lie among the training tiles, and splits with leaks count only
    where there is nothing else. It holds where every comparison says so, and fails where none does
    and one says the opposite.
    """
    return Claim(title=title, outcome=_outcome(findings), findings=tuple(findings))


def told(title: str, findings: Sequence[Finding]) -> Claim:
    """Return sentences that decide on no claim of the paper."""
    outcome = Outcome.TOLD if findings else Outcome.UNTESTED
    return Claim(title=title, outcome=outcome, findings=tuple(findings))


def key_at(place: tuple[str, str], method: str) -> PooledRunKey:
    """Return a method's run on all training tiles of a data set and split."""
    return PooledRunKey(dataset=place[0], split=place[1], method=method)


def finding(
    summary: ExperimentSummary,
    place: tuple[str, str],
    text: str,
    verdict: Verdict | None = None,
    seeds: SeedAgreement | None = None,
) -> Finding:
    """Return a sentence that begins with data set and split."""
    dataset, split = place
    return Finding(
        text=f"{summary.title(dataset)}, split {split}: {text}",
        verdict=verdict,
        mixed=summary.is_mixed(dataset, split),
        seeds=None if seeds is None else seeds.of,
    )


def evidence(contrast: F1Contrast) -> str:
    """Return interval, p and seeds of a comparison, for brackets."""
    parts = (
        signed_interval(contrast.low, contrast.high),
        p_text(contrast.p_value),
        seeds_text(contrast.seeds),
    )
    return ", ".join(parts)


def seeds_text(seeds: SeedAgreement) -> str:
    """Return what single seeds say."""
    if seeds.of == 0:
        return "no seed in common"
    return f"ahead in {seeds.ahead} of {seeds.of} seeds" if seeds.of > 1 else "one seed"


def undecided_because(contrast: F1Contrast) -> str:
    """Return why a comparison decides nothing."""
    if not contrast.learned:
        return "one of them learned nothing, being no better than calling every pixel landslide"
    if sign_of(contrast.estimate) is Verdict.UNDECIDED or contrast.p_value < LEVEL:
        return open_because(contrast.estimate)
    if not contrast.provable:
        return f"{counted(contrast.tiles, 'tile')} are too few for the test to confirm anything"
    return "the interval leaves out 0, but the test does not confirm it"


def open_because(estimate: IntervalEstimate) -> str:
    """Return why an interval with its seeds decides nothing."""
    if estimate.low is None or estimate.high is None:
        return "one tile tells nothing of others"
    if estimate.low <= 0 <= estimate.high:
        return "the interval includes 0"
    return "the interval leaves out 0, but the seeds disagree"


def compared(contrast: F1Contrast, better: str, worse: str, open_: str) -> str:
    """Return the sentence that fits a comparison.

    Args:
        contrast: the comparison.
        better: words before ``by X points`` where the first is ahead.
        worse: the same where it is behind.
        open_: words before ``is undecided``.
    """
    gap = f"{abs(100 * contrast.difference):.1f} points of F1"
    if contrast.verdict is Verdict.BETTER:
        return f"{better} by {gap} ({evidence(contrast)})."
    if contrast.verdict is Verdict.WORSE:
        return f"{worse} by {gap} ({evidence(contrast)}): here the claim does NOT hold."
    difference = f"{points(contrast.difference)} points of F1"
    because = undecided_because(contrast)
    return f"{open_} is undecided: {difference} ({evidence(contrast)}); {because}."


def _deciding(findings: Sequence[Finding]) -> list[Finding]:
    judged = [one for one in findings if one.verdict is not None]
    return [one for one in judged if not one.mixed] or judged


def _outcome(findings: Sequence[Finding]) -> Outcome:
    found = {one.verdict for one in _deciding(findings)}
    if not found:
        return Outcome.UNTESTED
    if {Verdict.BETTER, Verdict.WORSE} <= found:
        return Outcome.MIXED
    if found == {Verdict.BETTER}:
        return Outcome.HOLDS
    if Verdict.WORSE in found:
        return Outcome.FAILS
    return Outcome.PARTLY if Verdict.BETTER in found else Outcome.UNDECIDED


def _tally(findings: Sequence[Finding]) -> str:
    names = {Verdict.BETTER: "for it", Verdict.WORSE: "against it", Verdict.UNDECIDED: "undecided"}
    counts = [
        (sum(one.verdict is verdict for one in findings), name) for verdict, name in names.items()
    ]
    return ", ".join(f"{number} {name}" for number, name in counts if number)
