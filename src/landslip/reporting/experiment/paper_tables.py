"""The paper's tables 3, 4 and 5: the same figures of this experiment beside the printed ones."""

from collections.abc import Iterator, Sequence

from landslip.experiments.paper import (
    DATES,
    ENCODERS,
    METHODS,
    PaperScores,
    disagreements,
    f1_check,
)
from landslip.reporting.experiment.methods import encoder_label
from landslip.reporting.experiment.runs import PooledRunKey, PooledScores
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.experiment.tables import score_cell
from landslip.reporting.numbers import p_text, points, signed_span
from landslip.reporting.tables import ReportTable, TableCell, TableColumn, TableRow, text_cell

_OURS = tuple(
    TableColumn(title=title, better="high") for title in ("precision, %", "recall, %", "F1, %")
)
_SCORES = ("precision", "recall", "f1")
_MARK = "\u2020"
_GAIN_NOTE = (
    "The gain is that of the transferred network over the other, with its 95 % interval over test "
    "tiles and p adjusted for all comparisons of this data set and split."
)
_P_NOTE = (
    "Small print: 95 % interval over test tiles. p: permutation test over tiles, adjusted for all "
    "comparisons of the data set and split (Holm). Bold: the highest figure, whether or not the "
    "test tells it from others."
)
_DEPTH_NOTE = (
    "Small print: 95 % interval over test tiles. Grey: as printed in the paper, of another scene. "
    "Which differences are more than chance is told in the first section."
)
_PRINTED_NOTE = (
    "Grey: F1 as printed in the paper for its three dates, with precision and recall under it; "
    "those are other scenes, and only the order of methods can be compared. An encoder is named "
    f"where it is not that of the row. {_MARK} does not follow from the precision and recall "
    "printed with it; see the paper's own figures below."
)


def encoder_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 3, transferred LinkNet by encoder; None with fewer than two."""
    rows = []
    for dataset in summary.splits.get(split, ()):
        lines = _lines(summary, dataset, split, summary.depths)
        rows += [
            TableRow(
                group=summary.title(dataset),
                cells=(
                    TableCell(text=encoder_label(_encoder(summary, line))),
                    *_scores(line),
                    *_printed_apart(ENCODERS.get(_encoder(summary, line))),
                ),
            )
            for line in lines
            if len(lines) > 1
        ]
    if not rows:
        return None
    paper = tuple(
        TableColumn(title=title, group=f"printed in the paper, {DATES[0]}, %", quiet=True)
        for title in ("precision", "recall", "F1")
    )
    return ReportTable(
        caption=f"Table 3: depth of the transferred encoder, split {split}",
        columns=(TableColumn(title="Encoder", number=False), *_of_experiment(_OURS), *paper),
        rows=tuple(rows),
        group_title="Data set",
        notes=(_DEPTH_NOTE,),
    ).with_best()


def transfer_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 4, the encoder transferred or not; None where no pair was run."""
    rows: list[TableRow] = []
    for dataset in summary.splits.get(split, ()):
        for pair in summary.transfer_pairs:
            lines = _lines(summary, dataset, split, pair)
            if len(lines) == len(pair):
                rows += _pair_rows(summary, lines)
    if not rows:
        return None
    gain = TableColumn(title="gain in F1, points", group="this experiment")
    return ReportTable(
        caption=f"Table 4: LinkNet with its encoder transferred or not, split {split}",
        columns=(
            TableColumn(title="Method", number=False),
            *_of_experiment(_OURS),
            gain,
            *_paper_columns(),
        ),
        rows=tuple(rows),
        group_title="Data set",
        notes=(_GAIN_NOTE, _PRINTED_NOTE),
    ).with_best()


def methods_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return table 5, all methods; None where no whole run is in this split."""
    rows = [
        TableRow(
            group=summary.title(dataset),
            cells=(
                _method(summary, line),
                *_scores(line),
                score_cell(line.iou),
                _difference(summary, line),
                *_printed_cells(summary, line),
            ),
        )
        for dataset in summary.splits.get(split, ())
        for line in summary.lines_of(dataset, split)
    ]
    if not rows:
        return None
    more = (
        TableColumn(title="IoU, %", better="high"),
        TableColumn(title=f"F1 against {summary.label(summary.results.reference)}, points"),
    )
    return ReportTable(
        caption=f"Table 5: all methods, split {split}",
        columns=(
            TableColumn(title="Method", number=False),
            *_of_experiment((*_OURS, *more)),
            *_paper_columns(),
        ),
        rows=tuple(rows),
        group_title="Data set",
        notes=(_P_NOTE, _PRINTED_NOTE),
    ).with_best()


def disagreement_table() -> ReportTable:
    """Return the paper's figures that other figures of it contradict."""
    rows = tuple(
        TableRow(
            cells=(
                TableCell(text=check.what.rstrip(",")),
                TableCell(text=str(check.printed)),
                TableCell(text=str(check.computed)),
                TableCell(text=f"{check.how} this"),
            )
        )
        for check in disagreements()
    )
    return ReportTable(
        caption="Figures of the paper that disagree with others of it by more than rounding",
        columns=(
            TableColumn(title="Figure", number=False),
            TableColumn(title="printed"),
            TableColumn(title="computed"),
            TableColumn(title="from", number=False),
        ),
        rows=rows,
    )


def _method(summary: ExperimentSummary, line: PooledScores) -> TableCell:
    """Return a method's name, over a word of warning where its training failed."""
    idle, of = line.run.idle_seeds, len(line.run.seeds)
    seeds = f" in {idle} of {of} seeds" if of > 1 else ""
    return TableCell(
        text=summary.label(line.run.key.method),
        small=f"learned nothing{seeds}" if idle else "",
    )


def _lines(
    summary: ExperimentSummary, dataset: str, split: str, methods: Sequence[str]
) -> list[PooledScores]:
    found = (summary.line(dataset, split, method) for method in methods)
    return [line for line in found if line is not None]


def _encoder(summary: ExperimentSummary, line: PooledScores) -> str:
    return summary.method(line.run.key.method).encoder or ""


def _scores(line: PooledScores) -> Iterator[TableCell]:
    for name in _SCORES:
        yield score_cell(getattr(line, name))


def _pair_rows(summary: ExperimentSummary, lines: list[PooledScores]) -> Iterator[TableRow]:
    transferred, plain = lines
    gain = _contrast_cell(summary, transferred.run.key, plain.run.key)
    for line, last in ((plain, text_cell(None)), (transferred, gain)):
        yield TableRow(
            group=f"{summary.title(line.run.key.dataset)}, {_network(summary, line)}",
            cells=(
                TableCell(text="transferred" if last is gain else "not transferred"),
                *_scores(line),
                last,
                *_printed_cells(summary, line),
            ),
        )


def _network(summary: ExperimentSummary, line: PooledScores) -> str:
    facts = summary.method(line.run.key.method)
    arch = "LinkNet" if facts.arch == "linknet" else facts.arch
    return f"{arch} {encoder_label(facts.encoder)}"


def _difference(summary: ExperimentSummary, line: PooledScores) -> TableCell:
    key = line.run.key
    if key.method == summary.results.reference:
        return TableCell(text="reference")
    reference = PooledRunKey(dataset=key.dataset, split=key.split, method=summary.results.reference)
    return _contrast_cell(summary, key, reference)


def _contrast_cell(summary: ExperimentSummary, one: PooledRunKey, other: PooledRunKey) -> TableCell:
    contrast = summary.contrast(one, other)
    if contrast is None:
        return text_cell(None)
    interval = signed_span(contrast.low, contrast.high)
    small = ", ".join(part for part in (interval, p_text(contrast.p_value)) if part)
    return TableCell(text=points(contrast.difference), small=small)


def _of_experiment(columns: tuple[TableColumn, ...]) -> Iterator[TableColumn]:
    for column in columns:
        yield TableColumn(title=column.title, group="this experiment", better=column.better)


def _paper_columns() -> Iterator[TableColumn]:
    for date in DATES:
        yield TableColumn(title=date, group="printed in the paper, F1, %", quiet=True)


def _printed_cells(summary: ExperimentSummary, line: PooledScores) -> Iterator[TableCell]:
    known = summary.printed_as.get(line.run.key.method)
    for date in DATES:
        if known is None:
            yield text_cell(None)
            continue
        printed = METHODS[known.method][date]
        small = f"{printed.precision} / {printed.recall}"
        more = "" if known.exact else f", {encoder_label(known.encoder)}"
        mark = "" if f1_check("", printed).agrees else _MARK
        yield TableCell(text=f"{printed.f1}{mark}", small=small + more)


def _printed_apart(printed: PaperScores | None) -> Iterator[TableCell]:
    for name in _SCORES:
        yield text_cell(None if printed is None else str(getattr(printed, name)))
