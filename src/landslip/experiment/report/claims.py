"""What a claim comes to over several data sets and splits, and comparisons put in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from landslip.experiment.report.contrasts import Contrast, Verdict
from landslip.experiment.report.numbers import p_text, points, signed_span
from landslip.experiment.report.runs import RunKey
from landslip.experiment.report.summary import RANDOM, Summary
from landslip.scores.intervals import Estimate


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
    """A sentence made from figures; ``verdict`` where it decides on a claim."""

    text: str
    verdict: Verdict | None = None
    random: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim, what becomes of it, and the sentences that say why."""

    title: str
    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def badge(self) -> str:
        """The outcome with the number of comparisons for and against, of several."""
        decided = _deciding(self.findings)
        of = f" ({_tally(decided)})" if len(decided) > 1 else ""
        return f"{self.outcome.value}{of}"

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        if self.outcome is Outcome.TOLD:
            return f"{self.title}."
        return f"{self.title}: {self.badge}."


def claim(title: str, findings: Sequence[Finding]) -> Claim:
    """Judge a claim by its findings.

    Random splits, whose test tiles lie among the training tiles, count only where there is nothing
    else. It holds where every comparison says so, and fails where none does and one says the
    opposite.
    """
    return Claim(title=title, outcome=_outcome(findings), findings=tuple(findings))


def told(title: str, findings: Sequence[Finding]) -> Claim:
    """Return sentences that decide on no claim of the paper."""
    outcome = Outcome.TOLD if findings else Outcome.UNTESTED
    return Claim(title=title, outcome=outcome, findings=tuple(findings))


def key_at(place: tuple[str, str], method: str) -> RunKey:
    """Return a method's run on all training tiles of a data set and split."""
    return RunKey(dataset=place[0], split=place[1], method=method)


def finding(
    summary: Summary, place: tuple[str, str], text: str, verdict: Verdict | None = None
) -> Finding:
    """Return a sentence that begins with data set and split."""
    dataset, split = place
    return Finding(
        text=f"{summary.title(dataset)}, split {split}: {text}",
        verdict=verdict,
        random=summary.split_method(dataset, split) == RANDOM,
    )


def evidence(contrast: Contrast) -> str:
    """Return interval, p and seeds of a comparison, for brackets."""
    ahead, of = contrast.seeds
    parts = [f"95 % interval {signed_span(contrast.low, contrast.high)}"]
    if contrast.low is None:
        parts = ["no interval: one tile"]
    parts.append(p_text(contrast.p_value))
    if of > 1:
        parts.append(f"ahead in {ahead} of {of} seeds")
    return ", ".join(parts)


def undecided_because(contrast: Contrast) -> str:
    """Return why a comparison decides nothing."""
    if contrast.low is None or contrast.high is None:
        return "one tile tells nothing of others"
    if contrast.low <= 0 <= contrast.high:
        return "the interval includes 0"
    return "the interval leaves out 0, but the test does not confirm it"


def compared(contrast: Contrast, better: str, worse: str, open_: str) -> str:
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


def sign_of(estimate: Estimate) -> Verdict:
    """Return what an interval alone says of a difference."""
    if estimate.low is None or estimate.high is None:
        return Verdict.UNDECIDED
    if estimate.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if estimate.high < 0 else Verdict.UNDECIDED


def _deciding(findings: Sequence[Finding]) -> list[Finding]:
    judged = [one for one in findings if one.verdict is not None]
    return [one for one in judged if not one.random] or judged


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
