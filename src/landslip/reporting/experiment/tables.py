"""Tables beyond the paper's: seeds, objects, probabilities, area, training tiles, transfers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

from landslip.experiments.results import DatasetFacts, FoldFacts, RunFacts, SplitFacts
from landslip.reporting.experiment.runs import (
    PooledRunKey,
    PooledScores,
    ScoreEstimate,
    SizeClassDetection,
)
from landslip.reporting.experiment.summary import ExperimentSummary, LearningCurve
from landslip.reporting.numbers import counted, duration, percent, points, span
from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableColumn,
    TableRow,
    number_cell,
    percent_cell,
    text_cell,
)

_METHOD = TableColumn(title="Method", number=False)


def score_cell(score: ScoreEstimate, *, interval: bool = True) -> TableCell:
    """Return a score in percent over its interval."""
    return TableCell(
        text=percent(score.value),
        small=span(score.low, score.high) if interval else "",
        value=score.value,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """A table of one row a data set and method."""

    caption: str
    columns: tuple[TableColumn, ...]
    cells: Callable[[PooledScores], Iterator[TableCell]]
    notes: tuple[str, ...] = ()
    wanted: Callable[[PooledScores], bool] = lambda _: True


def seeds_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return F1 by seed, and its spread."""
    seeds = [str(seed) for seed in summary.seeds]
    columns = (
        *(TableColumn(title=f"seed {seed}, %") for seed in seeds),
        TableColumn(title="sd, points"),
    )
    return _by_method(
        summary,
        split,
        _Layout(
            caption=f"F1 by seed, split {split}",
            columns=columns,
            cells=lambda line: _seed_cells(summary, line),
        ),
    )


def objects_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return landslides as objects and outlines, by method."""
    lines = [
        line
        for dataset in summary.splits.get(split, ())
        for line in summary.lines_of(dataset, split)
    ]
    if not lines:
        return None
    sizes = [_size(found) for found in lines[0].by_size]
    tolerance = lines[0].run.scores[0][0].boundary.tolerance_px
    columns = (
        *(
            TableColumn(title=size, group="landslides detected, %, by size", better="high")
            for size in sizes
        ),
        TableColumn(title="share of objects, %", group="false objects", better="low"),
        TableColumn(title="per km²", group="false objects", better="low"),
        TableColumn(title=f"outline F1 within {tolerance} px, %", better="high"),
    )
    note = (
        "A landslide is detected where at least half of its pixels are found; an object of the "
        "result is false where less than half of its pixels are landslide. Tiles cut landslides at "
        "their edges: the parts count as landslides of their own. Shares are means over seeds."
    )
    return _by_method(
        summary,
        split,
        _Layout(
            caption=f"Landslides as objects, split {split}",
            columns=columns,
            cells=_object_cells,
            notes=(note,),
        ),
    )


def probability_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return average precision and calibration by method."""
    columns = (
        TableColumn(title="average precision, %", better="high"),
        TableColumn(title="expected calibration error, points", better="low"),
    )
    note = (
        "The calibration error is the mean distance between stated probability and share of "
        "landslide, over 20 equal bins weighted by pixels. What an SVM gives as probability is "
        "its distance from the boundary put through the logistic function, fitted to nothing."
    )
    return _by_method(
        summary,
        split,
        _Layout(
            caption=f"Probabilities, split {split}",
            columns=columns,
            cells=_probability_cells,
            notes=(note,),
        ),
    )


def area_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return the area of landslides: mapped, adjusted for errors, and by the labels."""
    columns = (
        TableColumn(title="mapped"),
        TableColumn(title="adjusted"),
        TableColumn(title="by the labels"),
        TableColumn(title="adjusted less labels, points"),
    )
    note = (
        "Error-adjusted area (Olofsson et al. 2014, doi 10.1016/j.rse.2014.02.015): the map of the "
        "test tiles, corrected by the confusion matrix of the validation tiles. ± is 1.96 standard "
        "errors, the chance in validation and in test tiles both, from drawing tiles anew. It "
        "takes the two as tiles of one kind, each independent of the others; groups of like tiles "
        "and held-out scenes or events are not so. A network's threshold was chosen on the same "
        "validation tiles. Means over folds and seeds; with several folds ± is wider than need be."
    )
    return _by_method(
        summary,
        split,
        _Layout(
            caption=f"Share of landslide in the test area, %, split {split}",
            columns=columns,
            cells=_area_cells,
            notes=(note, _outside(summary, split)),
            wanted=lambda line: line.area is not None,
        ),
    )


def _outside(summary: ExperimentSummary, split: str) -> str:
    """Return in how many rows the estimate does not agree with the labels."""
    lines = [
        line
        for dataset in summary.splits.get(split, ())
        for line in summary.lines_of(dataset, split)
    ]
    areas = [line.area for line in lines if line.area is not None]
    outside = sum(
        abs(area.adjusted_share - area.reference_share) > 1.96 * area.standard_error
        for area in areas
    )
    more = ", more often than 1 in 20: here ± cannot be relied on"
    often = more if 20 * outside > len(areas) else ""
    return f"The labels' share lies outside ± in {outside} of {counted(len(areas), 'row')}{often}."


def first_layer_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return the ways of beginning the first layer; None where one only was run."""
    rows = [
        TableRow(
            group=f"{summary.title(dataset)}, split {split}",
            cells=(
                text_cell(summary.method(name).first_layer),
                score_cell(line.f1),
                score_cell(line.average_precision),
            ),
        )
        for dataset, split in summary.places
        for name in summary.first_layers
        if (line := summary.line(dataset, split, name)) is not None
    ]
    if not rows:
        return None
    columns = (
        TableColumn(title="Fourth band's filters", number=False),
        TableColumn(title="F1, %", better="high"),
        TableColumn(title="average precision, %", better="high"),
    )
    return ReportTable(
        caption="How the filters of a band that ImageNet does not know are begun",
        columns=columns,
        rows=tuple(rows),
        group_title="Data set",
    ).with_best()


def curve_table(summary: ExperimentSummary, dataset: str, split: str) -> ReportTable:
    """Return F1 by number of training tiles."""
    courses = summary.curves(dataset, split)
    numbers = sorted({key.train_tiles or 0 for course in courses for key in course.keys}, key=_last)
    titles = [f"{number} tiles" if number else "all tiles" for number in numbers]
    rows = tuple(
        _course_row(summary, course, {key.train_tiles or 0: key for key in course.keys}, numbers)
        for course in courses
    )
    return ReportTable(
        caption=f"F1 by number of training tiles, {summary.title(dataset)}, split {split}, %",
        columns=(_METHOD, *(TableColumn(title=title, better="high") for title in titles)),
        rows=rows,
    ).with_best()


def tuning_table(summary: ExperimentSummary, source: str, split: str, target: str) -> ReportTable:
    """Return F1 on another data set by number of its tiles that models were tuned on."""
    courses = summary.journeys(source, split, target)
    numbers = sorted({key.tune_tiles for course in courses for key in course.keys})
    titles = ["as it is" if not number else counted(number, "tile") for number in numbers]
    rows = tuple(
        _course_row(summary, course, {key.tune_tiles: key for key in course.keys}, numbers)
        for course in courses
    )
    return ReportTable(
        caption=f"F1 on {summary.title(target)} of models of {summary.title(source)}, by number "
        "of its tiles they were tuned on, %",
        columns=(_METHOD, *(TableColumn(title=title, better="high") for title in titles)),
        rows=rows,
    ).with_best()


def _by_method(summary: ExperimentSummary, split: str, layout: _Layout) -> ReportTable | None:
    rows = tuple(
        TableRow(
            group=summary.title(dataset),
            cells=(TableCell(text=summary.label(line.run.key.method)), *layout.cells(line)),
        )
        for dataset in summary.splits.get(split, ())
        for line in summary.lines_of(dataset, split)
        if layout.wanted(line)
    )
    if not rows:
        return None
    return ReportTable(
        caption=layout.caption,
        columns=(_METHOD, *layout.columns),
        rows=rows,
        group_title="Data set",
        notes=layout.notes,
    ).with_best()


def _seed_cells(summary: ExperimentSummary, line: PooledScores) -> Iterator[TableCell]:
    by_seed = dict(zip(line.run.seeds, line.f1.by_seed, strict=True))
    for seed in summary.seeds:
        yield percent_cell(by_seed.get(seed))
    spread = line.f1.spread
    yield percent_cell(None if spread is None else spread.sd, 2)


def _size(found: SizeClassDetection) -> str:
    if found.under_px is None:
        return f"{found.at_least_px} px and more"
    return f"{found.at_least_px} to {found.under_px - 1} px"


def _object_cells(line: PooledScores) -> Iterator[TableCell]:
    for found in line.by_size:
        share = percent(found.share)
        one_seed = found.landslides // len(line.run.seeds)
        yield TableCell(text=share, small=f"of {one_seed:,}", value=found.share)
    yield percent_cell(line.false_share)
    yield number_cell(line.false_per_km2)
    yield score_cell(line.boundary_f1, interval=False)


def _probability_cells(line: PooledScores) -> Iterator[TableCell]:
    yield score_cell(line.average_precision, interval=False)
    yield score_cell(line.calibration_error, interval=False)


def _area_cells(line: PooledScores) -> Iterator[TableCell]:
    if line.area is None:
        return
    area = line.area
    yield percent_cell(area.mapped_share, 2)
    yield TableCell(
        text=percent(area.adjusted_share, 2), small=f"± {percent(1.96 * area.standard_error, 2)}"
    )
    yield percent_cell(area.reference_share, 2)
    yield TableCell(text=points(area.adjusted_share - area.reference_share, 2))


def _last(number: int) -> tuple[bool, int]:
    return number == 0, number


def _course_row(
    summary: ExperimentSummary,
    course: LearningCurve,
    keys: dict[int, PooledRunKey],
    numbers: list[int],
) -> TableRow:
    lines = [summary.lines[keys[number]] if number in keys else None for number in numbers]
    cells = (text_cell(None) if line is None else score_cell(line.f1) for line in lines)
    return TableRow(cells=(TableCell(text=summary.label(course.method)), *cells))


def cost_table(summary: ExperimentSummary) -> ReportTable:
    """Return what each method costs."""
    columns = (
        TableColumn(title="Method", number=False),
        TableColumn(title="encoder's weights", number=False),
        TableColumn(title="parameters, million"),
        TableColumn(title="GFLOP a tile of 256 × 256 px"),
        TableColumn(title="inference, MPix/s", better="high"),
        TableColumn(title="training, mean of a run"),
        TableColumn(title="epoch kept"),
        TableColumn(title="trained on", number=False),
    )
    rows = tuple(_cost_row(summary, name) for name in summary.results.methods)
    notes = tuple(
        f"{facts.label}: {note}"
        for facts in summary.results.methods.values()
        for note in facts.notes
    )
    return ReportTable(
        caption="Methods and what they cost", columns=columns, rows=rows, notes=notes
    ).with_best()


def dataset_table(summary: ExperimentSummary) -> ReportTable:
    """Return the data sets."""
    columns = (
        TableColumn(title="Data set", number=False),
        TableColumn(title="tiles"),
        TableColumn(title="side, px"),
        TableColumn(title="pixel, m"),
        TableColumn(title="bands", number=False),
        TableColumn(title="landslide, %"),
        TableColumn(title="pixels' digest", number=False),
        TableColumn(title="source and notes", number=False),
    )
    rows = tuple(_dataset_row(facts) for facts in summary.results.datasets.values())
    return ReportTable(caption="Data sets", columns=columns, rows=rows)


def split_table(summary: ExperimentSummary) -> ReportTable:
    """Return the splits with their folds and digests."""
    sides = ("train", "val", "test", "unused")
    columns = (
        TableColumn(title="Split", number=False),
        TableColumn(title="fold"),
        *(TableColumn(title=side, group="tiles") for side in sides),
        TableColumn(title="digest", number=False),
        TableColumn(title="notes", number=False),
    )
    rows = tuple(
        _fold_row(facts, at, fold, sides, summary.title(facts.dataset))
        for facts in summary.results.splits
        for at, fold in enumerate(facts.folds)
    )
    notes = tuple(
        dict.fromkeys(f"{facts.split}: {facts.description}" for facts in summary.results.splits)
    )
    return ReportTable(
        caption="Splits", columns=columns, rows=rows, group_title="Data set", notes=notes
    )


def _cost_row(summary: ExperimentSummary, name: str) -> TableRow:
    facts = summary.method(name)
    cells = [cell for cell in summary.results.cells if cell.key.method == name and _whole(cell)]
    seconds = [cell.train_seconds for cell in cells if cell.train_seconds is not None]
    millions = None if facts.parameters is None else facts.parameters / 1e6
    return TableRow(
        cells=(
            TableCell(text=facts.label),
            text_cell(facts.weights or ("none" if facts.encoder else None)),
            number_cell(millions),
            number_cell(facts.gflop_per_tile),
            TableCell(
                text=number_cell(facts.mpix_per_s, 2).text,
                small=facts.engine or "",
                value=facts.mpix_per_s,
            ),
            text_cell(duration(fmean(seconds)) if seconds else None),
            text_cell(_epochs(cells)),
            text_cell(_devices(cells)),
        )
    )


def _whole(cell: RunFacts) -> bool:
    return cell.state == "done" and cell.key.target is None and cell.key.train_tiles is None


def _epochs(cells: list[RunFacts]) -> str:
    kept = [cell.epoch for cell in cells if cell.epoch is not None]
    asked = sorted({cell.epochs for cell in cells if cell.epochs is not None})
    if not kept or not asked:
        return ""
    first, last = min(kept), max(kept)
    text = f"{first}" if first == last else f"{first} to {last}"
    return f"{text} of {', '.join(map(str, asked))}"


def _devices(cells: list[RunFacts]) -> str:
    found = dict.fromkeys(
        " ".join(part for part in (cell.device, cell.precision) if part) for cell in cells
    )
    return ", ".join(device for device in found if device)


def _dataset_row(facts: DatasetFacts) -> TableRow:
    more = [*facts.notes]
    if len(facts.scenes) > 1:
        more.append(f"{len(facts.scenes)} scenes")
    if facts.events:
        more.append(f"events: {', '.join(facts.events)}")
    return TableRow(
        cells=(
            TableCell(text=facts.title),
            number_cell(facts.tiles, 0),
            number_cell(facts.tile_size, 0),
            text_cell(None if facts.resolution_m is None else f"{facts.resolution_m:g}"),
            TableCell(text=f"{', '.join(facts.bands)} ({facts.units})"),
            percent_cell(facts.landslide_share),
            TableCell(text=facts.pixels_sha256[:12]),
            TableCell(text="; ".join([facts.source, *more])),
        )
    )


def _fold_row(
    facts: SplitFacts, at: int, fold: FoldFacts, sides: tuple[str, ...], title: str
) -> TableRow:
    return TableRow(
        group=title,
        cells=(
            TableCell(text=facts.split),
            TableCell(text=str(at)),
            *(number_cell(fold.tiles.get(side, 0), 0) for side in sides),
            TableCell(text=fold.sha256[:12]),
            text_cell("; ".join(fold.notes)),
        ),
    )
