"""What was found beyond the paper's claims, in sentences that the figures choose."""

from collections.abc import Iterator
from itertools import product
from statistics import fmean

from landslip.experiments.results import MethodFacts
from landslip.reporting.experiment.claims import (
    Claim,
    Finding,
    evidence,
    finding,
    key_at,
    told,
    undecided_because,
)
from landslip.reporting.experiment.contrasts import F1Contrast, F1Difference, Verdict, sign_of
from landslip.reporting.experiment.methods import encoders_differ, opponents, paper_method
from landslip.reporting.experiment.runs import PooledRunKey, PooledScores
from landslip.reporting.experiment.summary import RANDOM, ExperimentSummary, LearningCurve
from landslip.reporting.numbers import counted, percent, points, score_interval, signed_interval

_LIKE = 0.05


def observations(summary: ExperimentSummary) -> list[Claim]:
    """Return what is told without a claim to judge."""
    return [
        told("The highest F1", list(_highest(summary))),
        told("Random splits beside splits that keep tiles apart", list(_random(summary))),
        told("Other networks beside the paper's", list(_others(summary))),
        told("How the fourth band's filters are begun", list(_first_layer(summary))),
        told("Models on another data set", list(_elsewhere(summary))),
    ]


def _highest(summary: ExperimentSummary) -> Iterator[Finding]:
    for place in summary.places:
        scored = [line for line in summary.lines_of(*place) if line.f1.value is not None]
        if len(scored) > 1:
            ranked = sorted(scored, key=lambda line: -(line.f1.value or 0))
            yield finding(summary, place, _highest_text(summary, ranked))


def _highest_text(summary: ExperimentSummary, ranked: list[PooledScores]) -> str:
    """Return who is first, and how sure it is beside the reference, or the reference's next."""
    first, reference = ranked[0], summary.results.reference
    score, name = first.f1, summary.label(first.run.key.method)
    text = (
        f"{name} has the highest F1 of {len(ranked)} methods, {percent(score.value)} % "
        f"({score_interval(score.low, score.high)}); being picked as the highest favours it."
    )
    rivals = [line.run.key for line in ranked[1:]]
    other = next((key for key in rivals if key.method == reference), rivals[0])
    contrast = summary.contrast(first.run.key, other)
    return text if contrast is None else f"{text} {_beside(summary, contrast)}"


def _random(summary: ExperimentSummary) -> Iterator[Finding]:
    for dataset, split in summary.places:
        if summary.split_method(dataset, split) != RANDOM:
            continue
        for other_dataset, other in summary.places:
            apart = summary.split_method(other_dataset, other) != RANDOM
            if other_dataset == dataset and apart:
                yield from _random_beside(summary, dataset, split, other)


def _random_beside(
    summary: ExperimentSummary, dataset: str, split: str, other: str
) -> Iterator[Finding]:
    gaps = {}
    for line in summary.lines_of(dataset, split):
        method = line.run.key.method
        gap = summary.apart(line.run.key, key_at((dataset, other), method))
        if gap is not None:
            gaps[method] = gap
    if not gaps:
        return
    leading = summary.proposed if summary.proposed in gaps else next(iter(gaps))
    pair = key_at((dataset, split), leading), key_at((dataset, other), leading)
    higher = sum(gap.estimate.value > 0 for gap in gaps.values())
    yield Finding(
        text=f"{summary.title(dataset)}: {_random_text(summary, pair, gaps[leading])}"
        f"{_trained_on(summary, pair)} The random split gives the higher F1 for {higher} of "
        f"{len(gaps)} methods."
    )


def _random_text(
    summary: ExperimentSummary, pair: tuple[PooledRunKey, PooledRunKey], gap: F1Difference
) -> str:
    (split, other), name = (key.split for key in pair), summary.label(pair[0].method)
    found = gap.estimate
    tiles = "the same tiles in both" if gap.paired else "tiles of both drawn apart"
    between = f"{signed_interval(found.low, found.high)}, {tiles}"
    size = f"{abs(100 * found.value):.1f} points of F1"
    verdict = sign_of(found)
    if verdict is Verdict.BETTER:
        why = _WHY.get(summary.split_method(pair[1].dataset, other), _NEIGHBOURS)
        more = "" if gap.paired else f" {_OTHER_TILES}"
        return f"split {split} gives {name} {size} more than split {other} ({between}). {why}{more}"
    if verdict is Verdict.WORSE:
        why = "other training tiles" if gap.paired else "easier tiles or other training tiles"
        return (
            f"split {split} gives {name} {size} less than split {other} ({between}). Split {other} "
            f"has {why}, and what neighbours lend cannot be told from that."
        )
    return (
        f"between split {split} and split {other} no difference can be shown for {name}: "
        f"{points(found.value)} points of F1 ({between}). That is no proof that neighbours of "
        "training tiles lend nothing."
    )


_NEIGHBOURS = (
    "So much of the random split's score may come from test tiles that lie beside training tiles "
    "and look like them; on new ground expect the lower figure."
)
_WHY = {
    "scene": "So much may be lost on a scene that no training tile comes from; on a new scene "
    "expect the lower figure.",
    "event": "So much may be lost on an event that no training tile comes from; on a new event "
    "expect the lower figure.",
}
_OTHER_TILES = "The two test other tiles, so that some of it may be harder ground."


def _trained_on(summary: ExperimentSummary, pair: tuple[PooledRunKey, PooledRunKey]) -> str:
    """Return a sentence where the two were trained on different numbers of tiles."""
    first, second = (fmean(cell.trained_on for cell in summary.runs[key].all_cells) for key in pair)
    if abs(first - second) <= _LIKE * max(first, second):
        return ""
    return f" It was trained on {first:.0f} tiles there and on {second:.0f} here."


def _others(summary: ExperimentSummary) -> Iterator[Finding]:
    leading = summary.proposed or summary.results.reference
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is not None or name == leading:
            continue
        for ours, place in product(opponents(summary.results, name) or [leading], summary.places):
            contrast = summary.contrast(key_at(place, name), key_at(place, ours))
            if contrast is not None:
                yield finding(summary, place, _beside(summary, contrast))


def _beside(summary: ExperimentSummary, contrast: F1Contrast) -> str:
    one, other = summary.label(contrast.one.method), summary.label(contrast.other.method)
    gap = f"{abs(100 * contrast.difference):.1f} points of F1 ({evidence(contrast)})"
    more = " Their encoders differ." if encoders_differ(*_facts(summary, contrast)) else ""
    if contrast.verdict is Verdict.BETTER:
        return f"{one} was better than {other}, by {gap}.{more}"
    if contrast.verdict is Verdict.WORSE:
        return f"{one} was worse than {other}, by {gap}.{more}"
    return (
        f"{one} and {other} cannot be told apart: {points(contrast.difference)} points of F1 "
        f"({evidence(contrast)}); {undecided_because(contrast)}.{more}"
    )


def _facts(summary: ExperimentSummary, contrast: F1Contrast) -> tuple[MethodFacts, MethodFacts]:
    return summary.method(contrast.one.method), summary.method(contrast.other.method)


def _first_layer(summary: ExperimentSummary) -> Iterator[Finding]:
    for name in summary.first_layers:
        if name == summary.proposed or summary.proposed is None:
            continue
        for place in summary.places:
            contrast = summary.contrast(key_at(place, name), key_at(place, summary.proposed))
            if contrast is not None:
                yield finding(summary, place, _beside(summary, contrast))


def _elsewhere(summary: ExperimentSummary) -> Iterator[Finding]:
    for source, split, target in summary.routes:
        for course in summary.journeys(source, split, target):
            yield Finding(
                text=f"From {summary.title(source)} to {summary.title(target)}: "
                + " ".join(_journey(summary, course))
            )


def _journey(summary: ExperimentSummary, course: LearningCurve) -> Iterator[str]:
    first = course.keys[0]
    name, score = summary.label(course.method), summary.lines[first].f1
    reached = f"{percent(score.value)} % ({score_interval(score.low, score.high)})"
    if first.tune_tiles == 0:
        yield f"{name} reached an F1 of {reached} without a tile of it.{_from_home(summary, first)}"
    else:
        tiles = counted(first.tune_tiles, "tile")
        yield f"{name} reached an F1 of {reached} when tuned on {tiles} of it."
    for key in course.keys[1:]:
        contrast = summary.contrast(key, first)
        if contrast is not None:
            yield _tuned(key, contrast)


def _from_home(summary: ExperimentSummary, key: PooledRunKey) -> str:
    home = key_at((key.dataset, key.split), key.method)
    gap = summary.apart(key, home)
    if gap is None:
        return ""
    found = gap.estimate
    between = signed_interval(found.low, found.high)
    size = f"{abs(100 * found.value):.1f} points"
    verdict = sign_of(found)
    if verdict is Verdict.WORSE:
        return (
            f" That is {size} less than at home ({between}); how much of it the model loses on new "
            "ground, and how much is harder ground, cannot be told apart without a model of there."
        )
    if verdict is Verdict.BETTER:
        return f" That is {size} more than at home ({between}): this ground may be easier."
    return f" No difference from home can be shown ({points(found.value)} points, {between})."


def _tuned(key: PooledRunKey, contrast: F1Contrast) -> str:
    tiles = counted(key.tune_tiles, "tile")
    if contrast.other.tune_tiles:
        tiles += f" instead of {contrast.other.tune_tiles}"
    gap = f"{abs(100 * contrast.difference):.1f} points ({evidence(contrast)})"
    if contrast.verdict is Verdict.BETTER:
        return f"Tuning on {tiles} added {gap}."
    if contrast.verdict is Verdict.WORSE:
        return f"Tuning on {tiles} cost {gap}."
    return (
        f"What tuning on {tiles} does is undecided: {points(contrast.difference)} points "
        f"({evidence(contrast)}); {undecided_because(contrast)}."
    )
