"""What becomes of the paper's claims, in sentences that the figures choose."""

from collections.abc import Iterator
from itertools import product

from landslip.experiments.paper import DATES, METHODS, PaperMethod
from landslip.metrics.resampling import DefinedEstimate
from landslip.reporting.experiment.claims import (
    Claim,
    Finding,
    claim,
    compared,
    evidence,
    finding,
    key_at,
    open_because,
    seeds_text,
    undecided_because,
)
from landslip.reporting.experiment.contrasts import F1Contrast, SeedAgreement, Verdict, sign_of
from landslip.reporting.experiment.methods import (
    depth,
    encoder_label,
    encoders_differ,
    opponents,
    paper_method,
)
from landslip.reporting.experiment.observations import observations
from landslip.reporting.experiment.runs import PooledRunKey
from landslip.reporting.experiment.summary import ExperimentSummary, LearningCurve
from landslip.reporting.numbers import listing, points, signed_interval

_PAPER_DEPTH = 50
_RIVALS = {
    PaperMethod.SVM: "SVM",
    PaperMethod.UNET: "the improved U-Net",
    PaperMethod.ALBUNET: "AlbuNet",
}


def findings(summary: ExperimentSummary) -> list[Claim]:
    """Return the paper's claims and what becomes of each, and what else was found."""
    return [
        claim("Transfer of the ImageNet encoder helps", list(_transfer(summary))),
        *(_beats(summary, rival, words) for rival, words in _RIVALS.items()),
        claim(
            "Deeper encoders are better up to ResNet-50",
            list(_deeper(summary)),
        ),
        claim("ResNet-101 adds nothing to ResNet-50", list(_no_deeper(summary))),
        claim("Transfer matters most where training tiles are few", list(_few_tiles(summary))),
        *observations(summary),
    ]


def _transfer(summary: ExperimentSummary) -> Iterator[Finding]:
    leading = sorted(summary.transfer_pairs, key=lambda pair: pair[0] != summary.proposed)
    for (transferred, plain), place in product(leading, summary.places):
        contrast = summary.contrast(key_at(place, transferred), key_at(place, plain))
        if contrast is not None:
            name = summary.label(transferred)
            text = compared(
                contrast,
                f"transfer helped {name}",
                f"transfer harmed {name}",
                f"whether transfer helps {name}",
            )
            yield finding(summary, place, text, contrast.verdict, contrast.seeds)


def _beats(summary: ExperimentSummary, rival: PaperMethod, words: str) -> Claim:
    found = []
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is rival:
            for ours in opponents(summary.results, name):
                found += list(_duels(summary, ours, name))
    gains = [METHODS[PaperMethod.TRANSFERRED][date].f1 - METHODS[rival][date].f1 for date in DATES]
    printed = listing([str(gain) for gain in gains])
    return claim(f"Transferred LinkNet beats {words} (by {printed} points in the paper)", found)


def _duels(summary: ExperimentSummary, ours: str, theirs: str) -> Iterator[Finding]:
    for place in summary.places:
        contrast = summary.contrast(key_at(place, ours), key_at(place, theirs))
        if contrast is not None:
            one, other = summary.label(ours), summary.label(theirs)
            text = compared(
                contrast,
                f"{one} beat {other}",
                f"{other} beat {one}",
                f"which of {one} and {other} is better",
            )
            if encoders_differ(summary.method(ours), summary.method(theirs)):
                text += " Their encoders differ, as in the paper."
            yield finding(summary, place, text, contrast.verdict, contrast.seeds)


def _steps(summary: ExperimentSummary) -> Iterator[tuple[tuple[str, str], int, F1Contrast]]:
    """Yield the comparisons of each transferred LinkNet with the next shallower one."""
    for place in summary.places:
        for shallow, deep in zip(summary.depths, summary.depths[1:], strict=False):
            contrast = summary.contrast(key_at(place, deep), key_at(place, shallow))
            if contrast is not None:
                yield place, depth(summary.method(deep).encoder), contrast


def _deeper(summary: ExperimentSummary) -> Iterator[Finding]:
    for place, layers, contrast in _steps(summary):
        if layers <= _PAPER_DEPTH:
            deep, shallow = _encoders(summary, contrast)
            text = compared(
                contrast,
                f"{deep} beat {shallow}",
                f"{deep} was behind {shallow}",
                f"whether {deep} is better than {shallow}",
            )
            yield finding(summary, place, text, contrast.verdict, contrast.seeds)


def _no_deeper(summary: ExperimentSummary) -> Iterator[Finding]:
    for place, layers, contrast in _steps(summary):
        if layers <= _PAPER_DEPTH or depth(summary.method(contrast.other.method).encoder) < 50:
            continue
        deep, shallow = _encoders(summary, contrast)
        gap = f"{abs(100 * contrast.difference):.1f} points of F1 ({evidence(contrast)})"
        if contrast.verdict is Verdict.BETTER:
            text = f"{deep} beat {shallow} by {gap}: here the claim does NOT hold."
            yield finding(summary, place, text, Verdict.WORSE, contrast.seeds)
        elif contrast.verdict is Verdict.WORSE:
            text = f"{deep} was behind {shallow} by {gap}."
            yield finding(summary, place, text, Verdict.BETTER, contrast.seeds)
        else:
            text = (
                f"{deep} and {shallow} cannot be told apart: {points(contrast.difference)} points "
                f"of F1 ({evidence(contrast)}); "
                f"{undecided_because(contrast)}."
            )
            yield finding(summary, place, text, Verdict.UNDECIDED, contrast.seeds)


def _encoders(summary: ExperimentSummary, contrast: F1Contrast) -> tuple[str, str]:
    deep, shallow = (
        encoder_label(summary.method(key.method).encoder) for key in (contrast.one, contrast.other)
    )
    return deep, shallow


def _few_tiles(summary: ExperimentSummary) -> Iterator[Finding]:
    for place in summary.curve_places:
        courses = {course.method: course for course in summary.curves(*place)}
        for transferred, plain in summary.transfer_pairs:
            if transferred in courses and plain in courses:
                yield from _few_tiles_of(summary, place, courses[transferred], courses[plain])


def _few_tiles_of(
    summary: ExperimentSummary,
    place: tuple[str, str],
    transferred: LearningCurve,
    plain: LearningCurve,
) -> Iterator[Finding]:
    others = {key.train_tiles: key for key in plain.keys}
    pairs = [
        (key, others[key.train_tiles]) for key in transferred.keys if key.train_tiles in others
    ]
    if len(pairs) < 2:
        return
    gains = ", ".join(_gain(summary, pair) for pair in pairs)
    lead = f"{summary.label(transferred.method)} gained by transfer {gains}."
    able = [pair for pair in pairs if not any(summary.runs[key].idle_seeds for key in pair)]
    if len(able) < 2:
        text = f"{lead} Too many of these trainings learned nothing to compare the gains."
        yield finding(summary, place, text, Verdict.UNDECIDED)
        return
    few, many = able[0], able[-1]
    found = summary.gain_contrast(few, many)
    if found is not None:
        more, seeds = found
        text = f"{lead} {_more_gain(more, seeds, _tiles(few[0]), _tiles(many[0]))}"
        yield finding(summary, place, text, sign_of(more, seeds), seeds)


def _gain(summary: ExperimentSummary, pair: tuple[PooledRunKey, PooledRunKey]) -> str:
    contrast = summary.contrast(*pair)
    gain = (
        "nothing that is defined" if contrast is None else f"{points(contrast.difference)} points"
    )
    return f"{gain} with {_tiles(pair[0])}"


def _tiles(key: PooledRunKey) -> str:
    if key.train_tiles is None:
        return "all tiles"
    return f"{key.train_tiles} tiles" if key.train_tiles > 1 else "1 tile"


def _more_gain(more: DefinedEstimate, seeds: SeedAgreement, few: str, many: str) -> str:
    interval = f"{signed_interval(more.low, more.high)}, {seeds_text(seeds)}"
    gap = f"{abs(100 * more.value):.1f} points"
    verdict = sign_of(more, seeds)
    if verdict is Verdict.BETTER:
        return f"With {few} it gained {gap} more than with {many} ({interval})."
    if verdict is Verdict.WORSE:
        return (
            f"With {few} it gained {gap} less than with {many} ({interval}): here the claim does "
            "NOT hold."
        )
    return (
        f"Whether it gains more with {few} than with {many} is undecided: {points(more.value)} "
        f"points ({interval}); {open_because(more)}."
    )
