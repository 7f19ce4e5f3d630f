"""The paper's claims: a table of rules, the comparisons each rests on, and a verdict for each.

A comparison decides where its 95 % interval over groups of tiles excludes 0, its p-value, adjusted
for all comparisons of the data set and split, is below 0.05, and no seed disagrees.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import pairwise
from statistics import fmean

from landslip.experiments.mean_mask import MEAN_MASK
from landslip.experiments.paper import DATES, METHODS, PaperMethod
from landslip.reporting.experiment.contrasts import ContrastVerdict as Sign
from landslip.reporting.experiment.contrasts import F1Contrast, compare_apart, compare_gains
from landslip.reporting.experiment.methods import (
    encoder_depth,
    encoders_differ,
    opponents,
    paper_method,
)
from landslip.reporting.experiment.runs import PooledRunKey
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.numbers import EMPTY, counted, listing, p_value, point_interval, points
from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableRow,
    Tone,
    number_cell,
    number_columns,
    text_cell,
    text_columns,
)

_PAPER_DEPTH = 50
Place = tuple[str, str]


class ClaimVerdict(Enum):
    """What the comparisons say of a claim."""

    HOLDS = "holds"
    PARTLY = "holds in part"
    FAILS = "does not hold"
    UNDECIDED = "undecided"
    UNTESTED = "not tested"


_CLAIM_NOTE = (
    "A comparison supports or opposes a claim where its 95 % interval over groups of tiles "
    "excludes 0, its p-value, adjusted for all comparisons of the data set and split, is below "
    "0.05, and no seed disagrees. A claim holds where all comparisons support it, holds in part "
    "where some do, and does not hold where none supports and one opposes it. Random splits and "
    "splits with leaks count only where there is no other. A training that learned nothing decides "
    "nothing."
)
_COMPARISON_NOTE = (
    "F1 of the first minus that of the second, in percentage points, mean over seeds, with its "
    "95 % interval over groups of tiles. p: the larger of a permutation test's and the "
    "bootstrap's, adjusted within the data set and split (Holm); a dash where the interval alone "
    "decides. Seeds: those in which the first is ahead."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """A comparison with the names of what is compared.

    Attributes:
        place: data set and split.
        first, second: display names; the contrast is F1 of the first minus that of the second.
        is_mixed: test tiles may show what training tiles do; see `ExperimentSummary.is_mixed`.
    """

    place: str
    first: str
    second: str
    contrast: F1Contrast
    is_mixed: bool = False
    encoders_differ: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """A claim of the paper and how it is tested.

    Attributes:
        compared: the first and the second of each comparison, in words.
        comparisons: a comparison supports the claim where the first is higher, and opposes it where
            the second is.
    """

    claim: str
    compared: str
    comparisons: Callable[[ExperimentSummary], Iterator[ComparisonRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """A claim with its comparisons."""

    rule: ClaimRule
    comparisons: tuple[ComparisonRow, ...]

    @property
    def deciding(self) -> list[ComparisonRow]:
        """The comparisons that count: of splits that keep tiles apart, where there are any."""
        apart = [row for row in self.comparisons if not row.is_mixed]
        return apart or list(self.comparisons)

    def count(self, sign: Sign) -> int:
        """Return how many of the deciding comparisons say so."""
        return sum(row.contrast.verdict is sign for row in self.deciding)

    @property
    def verdict(self) -> ClaimVerdict:
        """Holds where all comparisons support the claim, fails where one opposes and none supports.

        Holds in part where some support it and others do not.
        """
        if not self.comparisons:
            return ClaimVerdict.UNTESTED
        supporting, opposing = self.count(Sign.HIGHER), self.count(Sign.LOWER)
        if supporting == len(self.deciding):
            return ClaimVerdict.HOLDS
        if supporting:
            return ClaimVerdict.PARTLY
        return ClaimVerdict.FAILS if opposing else ClaimVerdict.UNDECIDED


def run_at(place: Place, method: str) -> PooledRunKey:
    """Return the key of a method trained on all training tiles of a data set and split."""
    return PooledRunKey(dataset=place[0], split=place[1], method=method)


def _row(summary: ExperimentSummary, place: Place, first: str, second: str) -> ComparisonRow | None:
    contrast = summary.contrast(run_at(place, first), run_at(place, second))
    if contrast is None:
        return None
    return ComparisonRow(
        place=summary.place_title(place),
        first=summary.label(first),
        second=summary.label(second),
        contrast=contrast,
        is_mixed=summary.is_mixed(*place),
        encoders_differ=encoders_differ(summary.method(first), summary.method(second)),
    )


def _rows(summary: ExperimentSummary, first: str, second: str) -> Iterator[ComparisonRow]:
    """Yield the comparison of two methods on each data set and split where it was made."""
    rows = (_row(summary, place, first, second) for place in summary.places)
    return (row for row in rows if row is not None)


def _transfer(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    proposed_first = sorted(summary.transfer_pairs, key=lambda pair: pair[0] != summary.proposed)
    for transferred, plain in proposed_first:
        yield from _rows(summary, transferred, plain)


def _rivals(summary: ExperimentSummary, *, rival: PaperMethod) -> Iterator[ComparisonRow]:
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is rival:
            for ours in opponents(summary.results, name):
                yield from _rows(summary, ours, name)


def _deeper(summary: ExperimentSummary, *, beyond_paper: bool) -> Iterator[ComparisonRow]:
    """Yield transferred LinkNets against the next shallower one, up to the paper's depth.

    Beyond it, that of the paper's depth or more against the next deeper one.
    """
    for shallow, deep in pairwise(summary.encoder_depths):
        depths = [encoder_depth(summary.method(name).encoder) for name in (shallow, deep)]
        if not beyond_paper and depths[1] <= _PAPER_DEPTH:
            yield from _rows(summary, deep, shallow)
        elif beyond_paper and depths[1] > _PAPER_DEPTH <= depths[0]:
            yield from _rows(summary, shallow, deep)


def _few_tiles(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield the gain of transfer with the fewest tiles against that with the most.

    Numbers of tiles at which a training learned nothing are passed over while two others remain.
    """
    for place in summary.learning_places:
        for pairs in summary.gain_pairs(*place):
            able = [
                pair
                for pair in pairs
                if not any(summary.runs[key].degenerate_seeds for key in pair)
            ]
            few, *_, many = able if len(able) > 1 else pairs
            contrast = compare_gains(summary.runs, few, many)
            if contrast is not None:
                yield ComparisonRow(
                    place=summary.place_title(place),
                    first=f"gain of {summary.label(few[0].method)} with {tiles_text(few[0])}",
                    second=f"with {tiles_text(many[0])}",
                    contrast=contrast,
                    is_mixed=summary.is_mixed(*place),
                )


def tiles_text(key: PooledRunKey) -> str:
    """Return the number of training tiles in words."""
    return "all tiles" if key.train_tiles is None else counted(key.train_tiles, "tile")


_OURS = METHODS[PaperMethod.TRANSFERRED]
_OPPONENTS = "transferred LinkNet (of the same encoder, or as the paper paired them) against {}"
CLAIM_RULES = (
    ClaimRule(
        claim="Transfer of the ImageNet encoder helps",
        compared="each network with a transferred encoder against one trained from scratch",
        comparisons=_transfer,
    ),
    *(
        ClaimRule(
            claim=f"Transferred LinkNet beats {name} (by "
            f"{listing([str(_OURS[date].f1 - METHODS[rival][date].f1) for date in DATES])} points "
            "in the paper)",
            compared=_OPPONENTS.format(name),
            comparisons=partial(_rivals, rival=rival),
        )
        for rival, name in (
            (PaperMethod.SVM, "SVM"),
            (PaperMethod.UNET, "the improved U-Net"),
            (PaperMethod.ALBUNET, "AlbuNet"),
        )
    ),
    ClaimRule(
        claim="Deeper encoders are better up to ResNet-50",
        compared="each transferred LinkNet up to ResNet-50 against the next shallower one",
        comparisons=partial(_deeper, beyond_paper=False),
    ),
    ClaimRule(
        claim="ResNet-101 adds nothing to ResNet-50",
        compared="transferred LinkNet with ResNet-50 against the next deeper one",
        comparisons=partial(_deeper, beyond_paper=True),
    ),
    ClaimRule(
        claim="Transfer matters most where training tiles are few",
        compared="gain of transfer with the fewest training tiles against that with the most",
        comparisons=_few_tiles,
    ),
)


def judge_claims(summary: ExperimentSummary) -> list[JudgedClaim]:
    """Return the paper's claims with their comparisons."""
    return [
        JudgedClaim(rule=rule, comparisons=tuple(rule.comparisons(summary))) for rule in CLAIM_RULES
    ]


def highest_rows(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield the method of the highest F1 against the reference, or the reference's runner-up."""
    for place in summary.places:
        scored = [
            score
            for score in summary.all_scores(*place)
            if score.f1.value is not None and score.method != MEAN_MASK
        ]
        ranked = sorted(scored, key=lambda score: -(score.f1.value or 0))
        others = [score.method for score in ranked[1:]]
        if others:
            reference = summary.results.reference
            other = reference if reference in others else others[0]
            row = _row(summary, place, ranked[0].method, other)
            if row is not None:
                yield row


def other_network_rows(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield networks beyond the paper's against the LinkNets that they are compared with."""
    leading = summary.proposed or summary.results.reference
    for name, facts in summary.results.methods.items():
        if paper_method(facts) is None and name not in (leading, MEAN_MASK):
            for ours in opponents(summary.results, name) or [leading]:
                yield from _rows(summary, name, ours)


def first_layer_rows(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield the ways of initialising the filters of a further band against the proposed one."""
    for name in summary.first_layers:
        if summary.proposed not in (None, name):
            yield from _rows(summary, name, summary.proposed)


def split_rows(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield each method under a random split against one that keeps tiles apart."""
    for dataset, split, other in summary.random_and_apart:
        for scores in summary.all_scores(dataset, split):
            name = scores.method
            pair = run_at((dataset, split), name), run_at((dataset, other), name)
            contrast = compare_apart(summary.runs, *pair)
            if contrast is not None:
                tiles = [
                    fmean(run.trained_on for run in summary.runs[key].all_runs) for key in pair
                ]
                yield ComparisonRow(
                    place=f"{summary.title(dataset)}: {split} minus {other}",
                    first=f"{summary.label(name)}, split {split} ({tiles[0]:.0f} training tiles)",
                    second=f"split {other} ({tiles[1]:.0f} training tiles)",
                    contrast=contrast,
                )


def mean_mask_rows(summary: ExperimentSummary) -> Iterator[ComparisonRow]:
    """Yield each method against the mean mask of its training tiles, which sees no image."""
    for name in summary.trained_methods:
        yield from _rows(summary, name, MEAN_MASK)


def learning_rows(summary: ExperimentSummary, place: Place) -> Iterator[ComparisonRow]:
    """Yield the gain of transfer at each number of training tiles."""
    for pairs in summary.gain_pairs(*place):
        for transferred, plain in pairs:
            contrast = summary.contrast(transferred, plain)
            if contrast is not None:
                yield ComparisonRow(
                    place=tiles_text(transferred),
                    first=summary.label(transferred.method),
                    second=summary.label(plain.method),
                    contrast=contrast,
                )


def transfer_rows(
    summary: ExperimentSummary, source: str, split: str, target: str
) -> Iterator[ComparisonRow]:
    """Yield models on another data set: against their own test tiles, then as fine-tuned."""
    for method, keys in summary.curves(source, split, target).items():
        first = keys[0]
        home = run_at((source, split), method)
        apart = compare_apart(summary.runs, first, home) if not first.tune_tiles else None
        contrasts = [
            (first, f"on {summary.title(source)}", apart),
            *((key, tuning_text(first), summary.contrast(key, first)) for key in keys[1:]),
        ]
        for key, second, contrast in contrasts:
            if contrast is not None:
                yield ComparisonRow(
                    place=summary.label(method),
                    first=tuning_text(key),
                    second=second,
                    contrast=contrast,
                )


def tuning_text(key: PooledRunKey) -> str:
    """Return the number of tiles of another data set that a model was fine-tuned on, in words."""
    return f"fine-tuned on {counted(key.tune_tiles, 'tile')}" if key.tune_tiles else "as trained"


def claim_table(claims: Sequence[JudgedClaim]) -> ReportTable:
    """Return the verdict on each claim, with the comparisons that it counts."""
    tones: dict[ClaimVerdict, Tone] = {
        ClaimVerdict.HOLDS: "good",
        ClaimVerdict.PARTLY: "open",
        ClaimVerdict.FAILS: "bad",
        ClaimVerdict.UNDECIDED: "open",
    }
    rows = []
    for claim in claims:
        verdict, seeds = claim.verdict, [row.contrast.seeds for row in claim.deciding]
        counts = [claim.count(sign) if claim.comparisons else None for sign in Sign]
        small = "one seed" if any(one is not None and one.total == 1 for one in seeds) else ""
        cells = (
            TableCell(text=claim.rule.claim),
            TableCell(text=claim.rule.compared),
            *(number_cell(count, 0) for count in counts),
            TableCell(text=verdict.value, small=small, tone=tones.get(verdict, "")),
        )
        rows.append(TableRow(cells=cells))
    return ReportTable(
        caption="The paper's claims",
        columns=(
            *text_columns("Claim", "Compared"),
            *number_columns("for", "against", "undecided", group="comparisons"),
            *text_columns("Verdict"),
        ),
        rows=tuple(rows),
        notes=(_CLAIM_NOTE,),
    )


def comparison_table(
    caption: str, groups: Iterable[tuple[str, Iterable[ComparisonRow]]], *notes: str
) -> ReportTable | None:
    """Return comparisons with their intervals, in groups; None without any."""
    rows = []
    for group, row in ((group, row) for group, comparisons in groups for row in comparisons):
        contrast, seeds, estimate = row.contrast, row.contrast.seeds, row.contrast.estimate
        interval = point_interval(estimate.low, estimate.high)
        small = "no interval" if interval == EMPTY else interval
        reason = contrast.reason if contrast.paired else contrast.reason or "different test tiles"
        cells = (
            TableCell(text=row.place),
            TableCell(text=row.first),
            TableCell(text=row.second, small="another encoder" if row.encoders_differ else ""),
            TableCell(text=points(estimate.value), small=small),
            TableCell(text=p_value(contrast.p_value)),
            text_cell(None if seeds is None else f"{seeds.above} of {seeds.total}"),
            TableCell(text=contrast.verdict.value, small=reason),
        )
        rows.append(TableRow(group=group, cells=cells))
    return ReportTable(
        caption=caption,
        columns=(
            *text_columns("Where", "First", "Second"),
            *number_columns("difference, points", "p", "seeds"),
            *text_columns("First is"),
        ),
        rows=tuple(rows),
        group_title="Claim",
        notes=(_COMPARISON_NOTE, *notes),
    ).unless_empty()
