"""What the experiment found, in sentences that its figures choose."""

from collections.abc import Iterator
from itertools import product
from statistics import fmean

from landslip.experiment.paper import DATES, METHODS, PaperMethod
from landslip.experiment.report.claims import (
    Claim,
    Finding,
    claim,
    compared,
    evidence,
    is_random,
    told,
    undecided_because,
    where,
)
from landslip.experiment.report.contrasts import Contrast, Verdict
from landslip.experiment.report.numbers import listed, percent, points, signed_span, span
from landslip.experiment.report.roles import depth, encoder_label, paper_method
from landslip.experiment.report.runs import RunKey
from landslip.experiment.report.summary import RANDOM, Course, Summary
from landslip.scores.intervals import Estimate

_PAPER_DEPTH = 50
_LIKE = 0.05
_RIVALS = {
    PaperMethod.SVM: "SVM",
    PaperMethod.UNET: "the improved U-Net",
    PaperMethod.ALBUNET: "AlbuNet",
}


def findings(summary: Summary) -> list[Claim]:
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
        told("Random splits beside splits that keep tiles apart", list(_random(summary))),
        told("Other networks beside the paper's", list(_others(summary))),
        told("How the fourth band's filters are begun", list(_first_layer(summary))),
        told("Models on another data set", list(_elsewhere(summary))),
    ]


def _key(place: tuple[str, str], method: str) -> RunKey:
    return RunKey(dataset=place[0], split=place[1], method=method)


def _transfer(summary: Summary) -> Iterator[Finding]:
    leading = sorted(summary.transfer_pairs, key=lambda pair: pair[0] != summary.proposed)
    for (transferred, plain), place in product(leading, summary.places):
        contrast = summary.contrast(_key(place, transferred), _key(place, plain))
        if contrast is not None:
            name = summary.label(transferred)
            text = compared(
                contrast,
                f"transfer helped {name}",
                f"transfer harmed {name}",
                f"whether transfer helps {name}",
            )
            yield _finding(summary, place, text, contrast.verdict)


def _beats(summary: Summary, rival: PaperMethod, words: str) -> Claim:
    found = []
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is rival and summary.proposed is not None:
            found += list(_duels(summary, summary.proposed, name))
    gains = [METHODS[PaperMethod.TRANSFERRED][date].f1 - METHODS[rival][date].f1 for date in DATES]
    printed = listed([str(gain) for gain in gains])
    return claim(f"Transferred LinkNet beats {words} (by {printed} points in the paper)", found)


def _duels(summary: Summary, ours: str, theirs: str) -> Iterator[Finding]:
    for place in summary.places:
        contrast = summary.contrast(_key(place, ours), _key(place, theirs))
        if contrast is not None:
            one, other = summary.label(ours), summary.label(theirs)
            text = compared(
                contrast,
                f"{one} beat {other}",
                f"{other} beat {one}",
                f"which of {one} and {other} is better",
            )
            yield _finding(summary, place, text, contrast.verdict)


def _steps(summary: Summary) -> Iterator[tuple[tuple[str, str], int, Contrast]]:
    """Yield the comparisons of each transferred LinkNet with the next shallower one."""
    for place in summary.places:
        for shallow, deep in zip(summary.depths, summary.depths[1:], strict=False):
            contrast = summary.contrast(_key(place, deep), _key(place, shallow))
            if contrast is not None:
                yield place, depth(summary.method(deep).encoder), contrast


def _deeper(summary: Summary) -> Iterator[Finding]:
    for place, layers, contrast in _steps(summary):
        if layers <= _PAPER_DEPTH:
            deep, shallow = _encoders(summary, contrast)
            text = compared(
                contrast,
                f"{deep} beat {shallow}",
                f"{deep} was behind {shallow}",
                f"whether {deep} is better than {shallow}",
            )
            yield _finding(summary, place, text, contrast.verdict)


def _no_deeper(summary: Summary) -> Iterator[Finding]:
    for place, layers, contrast in _steps(summary):
        if layers <= _PAPER_DEPTH or depth(summary.method(contrast.other.method).encoder) < 50:
            continue
        deep, shallow = _encoders(summary, contrast)
        gap = f"{abs(100 * contrast.difference):.1f} points of F1 ({evidence(contrast)})"
        if contrast.verdict is Verdict.BETTER:
            text = f"{deep} beat {shallow} by {gap}: here the claim does NOT hold."
            yield _finding(summary, place, text, Verdict.WORSE)
        elif contrast.verdict is Verdict.WORSE:
            text = f"{deep} was behind {shallow} by {gap}."
            yield _finding(summary, place, text, Verdict.BETTER)
        else:
            text = (
                f"{deep} and {shallow} cannot be told apart: {points(contrast.difference)} points "
                f"of F1 ({evidence(contrast)}); {undecided_because(contrast)}."
            )
            yield _finding(summary, place, text, Verdict.UNDECIDED)


def _encoders(summary: Summary, contrast: Contrast) -> tuple[str, str]:
    deep, shallow = (
        encoder_label(summary.method(key.method).encoder) for key in (contrast.one, contrast.other)
    )
    return deep, shallow


def _few_tiles(summary: Summary) -> Iterator[Finding]:
    for place in summary.curve_places:
        courses = {course.method: course for course in summary.curves(*place)}
        for transferred, plain in summary.transfer_pairs:
            if transferred in courses and plain in courses:
                yield from _few_tiles_of(summary, place, courses[transferred], courses[plain])


def _few_tiles_of(
    summary: Summary, place: tuple[str, str], transferred: Course, plain: Course
) -> Iterator[Finding]:
    others = {key.train_tiles: key for key in plain.keys}
    pairs = [
        (key, others[key.train_tiles]) for key in transferred.keys if key.train_tiles in others
    ]
    if len(pairs) < 2:
        return
    few, many = pairs[0], pairs[-1]
    more = summary.gain_contrast(few, many)
    if more is not None:
        gains = ", ".join(_gain(summary, pair) for pair in pairs)
        text = f"{summary.label(transferred.method)} gained by transfer {gains}. " + _more_gain(
            more, _tiles(few[0]), _tiles(many[0])
        )
        yield _finding(summary, place, text, sign_of(more))


def _gain(summary: Summary, pair: tuple[RunKey, RunKey]) -> str:
    contrast = summary.contrast(*pair)
    gain = (
        "nothing that is defined" if contrast is None else f"{points(contrast.difference)} points"
    )
    return f"{gain} with {_tiles(pair[0])}"


def _tiles(key: RunKey) -> str:
    if key.train_tiles is None:
        return "all tiles"
    return f"{key.train_tiles} tiles" if key.train_tiles > 1 else "1 tile"


def _more_gain(more: Estimate, few: str, many: str) -> str:
    interval = f"95 % interval {signed_span(more.low, more.high)}"
    gap = f"{abs(100 * more.value):.1f} points"
    verdict = sign_of(more)
    if verdict is Verdict.BETTER:
        return f"With {few} it gained {gap} more than with {many} ({interval})."
    if verdict is Verdict.WORSE:
        return (
            f"With {few} it gained {gap} less than with {many} ({interval}): here the claim does "
            "NOT hold."
        )
    return (
        f"Whether it gains more with {few} than with {many} is undecided: {points(more.value)} "
        f"points ({interval}); the interval includes 0."
    )


def sign_of(estimate: Estimate) -> Verdict:
    """Return what an interval alone says of a difference."""
    if estimate.low is None or estimate.high is None:
        return Verdict.UNDECIDED
    if estimate.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if estimate.high < 0 else Verdict.UNDECIDED


def _random(summary: Summary) -> Iterator[Finding]:
    for dataset, split in summary.places:
        if summary.split_method(dataset, split) != RANDOM:
            continue
        for other_dataset, other in summary.places:
            apart = summary.split_method(other_dataset, other) != RANDOM
            if other_dataset == dataset and apart:
                yield from _random_beside(summary, dataset, split, other)


def _random_beside(summary: Summary, dataset: str, split: str, other: str) -> Iterator[Finding]:
    gaps = {}
    for line in summary.lines_of(dataset, split):
        method = line.run.key.method
        gap = summary.apart(line.run.key, _key((dataset, other), method))
        if gap is not None:
            gaps[method] = gap
    if not gaps:
        return
    leading = summary.proposed if summary.proposed in gaps else next(iter(gaps))
    pair = _key((dataset, split), leading), _key((dataset, other), leading)
    higher = sum(gap.value > 0 for gap in gaps.values())
    yield Finding(
        text=f"{summary.title(dataset)}: {_random_text(summary, pair, gaps[leading])}"
        f"{_trained_on(summary, pair)} The random split gives the higher F1 for {higher} of "
        f"{len(gaps)} methods."
    )


def _random_text(summary: Summary, pair: tuple[RunKey, RunKey], gap: Estimate) -> str:
    (split, other), name = (key.split for key in pair), summary.label(pair[0].method)
    interval = f"95 % interval {signed_span(gap.low, gap.high)}, tiles of both drawn apart"
    size = f"{abs(100 * gap.value):.1f} points of F1"
    verdict = sign_of(gap)
    if verdict is Verdict.BETTER:
        why = _WHY.get(summary.split_method(pair[1].dataset, other), _NEIGHBOURS)
        return f"split {split} gives {name} {size} more than split {other} ({interval}). {why}"
    if verdict is Verdict.WORSE:
        return (
            f"split {split} gives {name} {size} less than split {other} ({interval}): the tiles "
            f"that split {other} tests are easier ones, and what neighbours lend cannot be told."
        )
    return (
        f"between split {split} and split {other} no difference can be shown for {name}: "
        f"{points(gap.value)} points of F1 ({interval}); the interval includes 0. That is no "
        "proof that neighbours of training tiles lend nothing."
    )


_NEIGHBOURS = (
    "So much of the random split's score may come from test tiles that lie beside training tiles "
    "and look like them; on new ground expect the lower figure."
)
_WHY = {
    "scene": "So much is lost on a scene that no training tile comes from; on a new scene expect "
    "the lower figure.",
    "event": "So much is lost on an event that no training tile comes from; on a new event expect "
    "the lower figure.",
}


def _trained_on(summary: Summary, pair: tuple[RunKey, RunKey]) -> str:
    """Return a sentence where the two were trained on different numbers of tiles."""
    first, second = (fmean(cell.trained_on for cell in summary.runs[key].all_cells) for key in pair)
    if abs(first - second) <= _LIKE * max(first, second):
        return ""
    return f" It was trained on {first:.0f} tiles there and on {second:.0f} here."


def _others(summary: Summary) -> Iterator[Finding]:
    ours = summary.proposed or summary.results.reference
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is not None or name == ours:
            continue
        for place in summary.places:
            contrast = summary.contrast(_key(place, name), _key(place, ours))
            if contrast is not None:
                text = _beside(summary, contrast)
                yield _finding(summary, place, text, None)


def _beside(summary: Summary, contrast: Contrast) -> str:
    one, other = summary.label(contrast.one.method), summary.label(contrast.other.method)
    gap = f"{abs(100 * contrast.difference):.1f} points of F1 ({evidence(contrast)})"
    if contrast.verdict is Verdict.BETTER:
        return f"{one} was better than {other}, by {gap}."
    if contrast.verdict is Verdict.WORSE:
        return f"{one} was worse than {other}, by {gap}."
    return (
        f"{one} and {other} cannot be told apart: {points(contrast.difference)} points of F1 "
        f"({evidence(contrast)})."
    )


def _first_layer(summary: Summary) -> Iterator[Finding]:
    for name in summary.first_layers:
        if name == summary.proposed or summary.proposed is None:
            continue
        for place in summary.places:
            contrast = summary.contrast(_key(place, name), _key(place, summary.proposed))
            if contrast is not None:
                yield _finding(summary, place, _beside(summary, contrast), None)


def _elsewhere(summary: Summary) -> Iterator[Finding]:
    for source, split, target in summary.routes:
        for course in summary.journeys(source, split, target):
            yield Finding(
                text=f"From {summary.title(source)} to {summary.title(target)}: "
                + " ".join(_journey(summary, course))
            )


def _journey(summary: Summary, course: Course) -> Iterator[str]:
    first = course.keys[0]
    name, score = summary.label(course.method), summary.lines[first].f1
    interval = span(score.low, score.high)
    reached = f"{percent(score.value)} %" + (f" (95 % interval {interval})" if interval else "")
    if first.tune_tiles == 0:
        yield f"{name} reached an F1 of {reached} without a tile of it.{_from_home(summary, first)}"
    else:
        yield f"{name} reached an F1 of {reached} when tuned on {first.tune_tiles} of its tiles."
    for key in course.keys[1:]:
        contrast = summary.contrast(key, first)
        if contrast is not None:
            yield _tuned(key, contrast)


def _from_home(summary: Summary, key: RunKey) -> str:
    home = _key((key.dataset, key.split), key.method)
    gap = summary.apart(key, home)
    if gap is None:
        return ""
    interval = f"95 % interval {signed_span(gap.low, gap.high)}"
    size = f"{abs(100 * gap.value):.1f} points"
    verdict = sign_of(gap)
    if verdict is Verdict.WORSE:
        return (
            f" That is {size} less than at home ({interval}): the model does not carry over whole."
        )
    if verdict is Verdict.BETTER:
        return f" That is {size} more than at home ({interval}): these landslides are easier."
    return f" No difference from home can be shown ({points(gap.value)} points, {interval})."


def _tuned(key: RunKey, contrast: Contrast) -> str:
    tiles = "1 tile" if key.tune_tiles == 1 else f"{key.tune_tiles} tiles"
    gap = f"{abs(100 * contrast.difference):.1f} points ({evidence(contrast)})"
    if contrast.verdict is Verdict.BETTER:
        return f"Tuning on {tiles} added {gap}."
    if contrast.verdict is Verdict.WORSE:
        return f"Tuning on {tiles} cost {gap}."
    return (
        f"What tuning on {tiles} does is undecided: {points(contrast.difference)} points "
        f"({evidence(contrast)})."
    )


def _finding(
    summary: Summary, place: tuple[str, str], text: str, verdict: Verdict | None
) -> Finding:
    return Finding(
        text=f"{where(summary, *place)}: {text}",
        verdict=verdict,
        random=is_random(summary, *place),
    )
