"""The paper's tables 3, 4 and 5: scores of this experiment beside the printed ones."""

from collections.abc import Iterator, Sequence

from landslip.core.choices import Tta
from landslip.experiments.paper import DATES, ENCODERS, METHODS, disagreements, f1_check
from landslip.reporting.experiment.claims import run_at
from landslip.reporting.experiment.methods import encoder_label
from landslip.reporting.experiment.runs import PooledScores
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.experiment.tables import score_cell
from landslip.reporting.numbers import EMPTY, p_value, point_interval, points
from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableRow,
    number_columns,
    text_cell,
    text_columns,
)

_PRINTED_SCORES = ("precision", "recall", "f1")
_SCORES = ("average_precision", "f1", "precision", "recall")
_OURS = number_columns(
    "average precision, %",
    "F1, %",
    "precision, %",
    "recall, %",
    group="this experiment",
    better="high",
)
_PAPER = number_columns(*DATES, group="printed in the paper, F1, %", quiet=True)
_MARK = "\u2020"
_GAIN_NOTE = (
    "The gain is that of the transferred network over the other, with its 95 % interval over "
    "groups of tiles and p adjusted for all comparisons of this data set and split."
)
_P_NOTE = (
    "Small print: 95 % interval over groups of tiles. p: the larger of a permutation test's and "
    "the bootstrap's, adjusted for all comparisons of the data set and split (Holm). Bold: the "
    "highest score, significant or not."
)
_DEPTH_NOTE = (
    "Small print: 95 % interval over groups of tiles. Grey: as printed in the paper, for another "
    "scene. "
    "Which differences are significant is in the table of comparisons."
)
_PRINTED_NOTE = (
    "Grey: F1 as printed in the paper for its three dates, over precision and recall; those are "
    "other scenes, and only the order of methods can be compared. An encoder is named where it is "
    f"not that of the row. {_MARK} contradicts the precision and recall printed with it; see the "
    "paper's own figures below."
)


def encoder_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 3, transferred LinkNet by encoder; None with fewer than two."""
    rows = []
    weights = {}
    for dataset in summary.splits.get(split, ()):
        scores = _scores_of(summary, dataset, split, summary.encoder_depths)
        for one in scores if len(scores) > 1 else ():
            facts = summary.method(one.method)
            encoder = facts.encoder or ""
            printed = ENCODERS.get(encoder)
            paper = [
                None if printed is None else str(getattr(printed, name)) for name in _PRINTED_SCORES
            ]
            cells = (
                TableCell(text=encoder_label(encoder)),
                *_score_cells(one),
                *map(text_cell, paper),
            )
            rows.append(TableRow(group=summary.title(dataset), cells=cells))
            if facts.weights:
                origin = facts.weights.replace(encoder, "").strip("_-. ")
                weights[encoder_label(encoder)] = origin
    if not rows:
        return None
    notes = [_DEPTH_NOTE]
    if len({*weights.values()}) > 1:
        origins = ", ".join(f"{encoder} {origin}" for encoder, origin in weights.items())
        notes.append(f"The pretrained weights differ in origin as well as in depth: {origins}.")
    group = f"printed in the paper, {DATES[0]}, %"
    paper_columns = number_columns("precision", "recall", "F1", group=group, quiet=True)
    return ReportTable(
        caption=f"Depth of the transferred encoder (the paper's table 3), split {split}",
        columns=text_columns("Encoder") + _OURS + paper_columns,
        rows=tuple(rows),
        group_title="Data set",
        notes=tuple(notes),
    ).with_best()


def transfer_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 4, the encoder transferred or not; None where no pair was run."""
    rows = []
    for dataset in summary.splits.get(split, ()):
        for pair in summary.transfer_pairs:
            scores = _scores_of(summary, dataset, split, pair)
            if len(scores) < len(pair):
                continue
            facts = summary.method(pair[0])
            arch = "LinkNet" if facts.arch == "linknet" else facts.arch
            group = f"{summary.title(dataset)}, {arch} {encoder_label(facts.encoder)}"
            if facts.tta is not Tta.NONE:
                group += f" ({facts.tta.value})"
            gain = _contrast_cell(summary, (dataset, split), *pair)
            for name, one, last in (
                ("not transferred", scores[1], text_cell(None)),
                ("transferred", scores[0], gain),
            ):
                cells = TableCell(text=name), *_score_cells(one), last, *_printed(summary, one)
                rows.append(TableRow(group=group, cells=cells))
    gain_column = number_columns("gain in F1, points", group="this experiment")
    table = ReportTable(
        caption=f"LinkNet with its encoder transferred or not (the paper's table 4), split {split}",
        columns=text_columns("Method") + _OURS + gain_column + _PAPER,
        rows=tuple(rows),
        group_title="Data set",
        notes=(_GAIN_NOTE, _PRINTED_NOTE),
    )
    return table.with_best().unless_empty()


def methods_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 5, all methods; None where none was run on all tiles of this split."""
    reference = summary.results.reference
    rows = []
    for scores in summary.split_scores(split):
        dataset, name = scores.run.key.dataset, scores.method
        degenerate, seeds = scores.run.degenerate_seeds, len(scores.run.seeds)
        which = f" in {degenerate} of {seeds} seeds" if seeds > 1 else ""
        difference = TableCell(text="reference")
        if name != reference:
            difference = _contrast_cell(summary, (dataset, split), name, reference)
        cells = (
            TableCell(
                text=summary.label(name), small=f"learned nothing{which}" if degenerate else ""
            ),
            *_score_cells(scores),
            score_cell(scores.iou),
            difference,
            *(_printed(summary, scores) if summary.printed_methods else ()),
        )
        rows.append(TableRow(group=summary.title(dataset), cells=cells))
    iou = number_columns("IoU, %", group="this experiment", better="high")
    against = f"F1 against {summary.label(reference)}, points"
    against_column = number_columns(against, group="this experiment")
    printed = _PAPER if summary.printed_methods else ()
    table = ReportTable(
        caption=f"All methods (the paper's table 5), split {split}",
        columns=text_columns("Method") + _OURS + iou + against_column + printed,
        rows=tuple(rows),
        group_title="Data set",
        notes=(_P_NOTE, _PRINTED_NOTE) if printed else (_P_NOTE,),
    )
    return table.with_best().unless_empty()


def disagreement_table() -> ReportTable:
    """Return the paper's figures that other figures of it contradict."""
    texts = (
        (check.what.rstrip(","), str(check.printed), str(check.computed), f"{check.how} this")
        for check in disagreements()
    )
    rows = (TableRow(cells=tuple(TableCell(text=text) for text in row)) for row in texts)
    return ReportTable(
        caption="Figures of the paper that disagree with others of it by more than rounding",
        columns=(
            *text_columns("Figure"),
            *number_columns("printed", "computed"),
            *text_columns("from"),
        ),
        rows=tuple(rows),
    )


def _scores_of(
    summary: ExperimentSummary, dataset: str, split: str, methods: Sequence[str]
) -> list[PooledScores]:
    scores = (summary.scores_of(dataset, split, method) for method in methods)
    return [one for one in scores if one is not None]


def _score_cells(scores: PooledScores) -> Iterator[TableCell]:
    for name in _SCORES:
        yield score_cell(getattr(scores, name))


def _contrast_cell(
    summary: ExperimentSummary, place: tuple[str, str], one: str, other: str
) -> TableCell:
    contrast = summary.contrast(run_at(place, one), run_at(place, other))
    if contrast is None:
        return text_cell(None)
    interval = point_interval(contrast.estimate.low, contrast.estimate.high)
    p = p_value(contrast.p_value)
    p = f"p {p}" if p.startswith("<") else f"p = {p}"
    small = p if interval == EMPTY else f"{interval}, {p}"
    return TableCell(text=points(contrast.estimate.value), small=small)


def _printed(summary: ExperimentSummary, scores: PooledScores) -> Iterator[TableCell]:
    """Yield the paper's F1 of a method by date, over its precision and recall."""
    role = summary.printed_methods.get(scores.method)
    for date in DATES:
        if role is None:
            yield text_cell(None)
            continue
        printed = METHODS[role.method][date]
        encoder = "" if role.exact else f", {encoder_label(role.encoder)}"
        mark = "" if f1_check("", printed).agrees else _MARK
        yield TableCell(
            text=f"{printed.f1}{mark}", small=f"{printed.precision} / {printed.recall}{encoder}"
        )
