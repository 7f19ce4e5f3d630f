"""Tables beyond the paper's: seeds, objects, probabilities, area, training tiles, transfers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from landslip.reporting.experiment.lines import Detected, Line
from landslip.reporting.experiment.numbers import (
    counted,
    figure_cell,
    percent,
    points,
    score_cell,
    share_cell,
)
from landslip.reporting.experiment.runs import RunKey
from landslip.reporting.experiment.summary import Course, Summary
from landslip.reporting.experiment.table import Cell, Column, Row, Table, words

_METHOD = Column(title="Method", number=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """A table of one row a data set and method."""

    caption: str
    columns: tuple[Column, ...]
    cells: Callable[[Line], Iterator[Cell]]
    notes: tuple[str, ...] = ()
    wanted: Callable[[Line], bool] = lambda _: True


def seeds_table(summary: Summary, split: str) -> Table | None:
    """Return F1 by seed, and its spread."""
    seeds = [str(seed) for seed in summary.seeds]
    columns = (*(Column(title=f"seed {seed}, %") for seed in seeds), Column(title="sd, points"))
    return _by_method(
        summary,
        split,
        _Layout(
            caption=f"F1 by seed, split {split}",
            columns=columns,
            cells=lambda line: _seed_cells(summary, line),
        ),
    )


def objects_table(summary: Summary, split: str) -> Table | None:
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
            Column(title=size, group="landslides detected, %, by size", better="high")
            for size in sizes
        ),
        Column(title="share of objects, %", group="false objects", better="low"),
        Column(title="per km²", group="false objects", better="low"),
        Column(title=f"outline F1 within {tolerance} px, %", better="high"),
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


def probability_table(summary: Summary, split: str) -> Table | None:
    """Return average precision and calibration by method."""
    columns = (
        Column(title="average precision, %", better="high"),
        Column(title="expected calibration error, points", better="low"),
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


def area_table(summary: Summary, split: str) -> Table | None:
    """Return the area of landslides: mapped, adjusted for errors, and by the labels."""
    columns = (
        Column(title="mapped"),
        Column(title="adjusted"),
        Column(title="by the labels"),
        Column(title="adjusted less labels, points"),
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


def _outside(summary: Summary, split: str) -> str:
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


def first_layer_table(summary: Summary) -> Table | None:
    """Return the ways of beginning the first layer; None where one only was run."""
    rows = [
        Row(
            group=f"{summary.title(dataset)}, split {split}",
            cells=(
                words(summary.method(name).first_layer),
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
        Column(title="Fourth band's filters", number=False),
        Column(title="F1, %", better="high"),
        Column(title="average precision, %", better="high"),
    )
    return Table(
        caption="How the filters of a band that ImageNet does not know are begun",
        columns=columns,
        rows=tuple(rows),
        group_title="Data set",
    ).with_best()


def curve_table(summary: Summary, dataset: str, split: str) -> Table:
    """Return F1 by number of training tiles."""
    courses = summary.curves(dataset, split)
    numbers = sorted({key.train_tiles or 0 for course in courses for key in course.keys}, key=_last)
    titles = [f"{number} tiles" if number else "all tiles" for number in numbers]
    rows = tuple(
        _course_row(summary, course, {key.train_tiles or 0: key for key in course.keys}, numbers)
        for course in courses
    )
    return Table(
        caption=f"F1 by number of training tiles, {summary.title(dataset)}, split {split}, %",
        columns=(_METHOD, *(Column(title=title, better="high") for title in titles)),
        rows=rows,
    ).with_best()


def route_table(summary: Summary, source: str, split: str, target: str) -> Table:
    """Return F1 on another data set by number of its tiles that models were tuned on."""
    courses = summary.journeys(source, split, target)
    numbers = sorted({key.tune_tiles for course in courses for key in course.keys})
    titles = ["as it is" if not number else counted(number, "tile") for number in numbers]
    rows = tuple(
        _course_row(summary, course, {key.tune_tiles: key for key in course.keys}, numbers)
        for course in courses
    )
    return Table(
        caption=f"F1 on {summary.title(target)} of models of {summary.title(source)}, by number "
        "of its tiles they were tuned on, %",
        columns=(_METHOD, *(Column(title=title, better="high") for title in titles)),
        rows=rows,
    ).with_best()


def _by_method(summary: Summary, split: str, layout: _Layout) -> Table | None:
    rows = tuple(
        Row(
            group=summary.title(dataset),
            cells=(Cell(text=summary.label(line.run.key.method)), *layout.cells(line)),
        )
        for dataset in summary.splits.get(split, ())
        for line in summary.lines_of(dataset, split)
        if layout.wanted(line)
    )
    if not rows:
        return None
    return Table(
        caption=layout.caption,
        columns=(_METHOD, *layout.columns),
        rows=rows,
        group_title="Data set",
        notes=layout.notes,
    ).with_best()


def _seed_cells(summary: Summary, line: Line) -> Iterator[Cell]:
    by_seed = dict(zip(line.run.seeds, line.f1.by_seed, strict=True))
    for seed in summary.seeds:
        yield share_cell(by_seed.get(seed))
    spread = line.f1.spread
    yield share_cell(None if spread is None else spread.sd, 2)


def _size(found: Detected) -> str:
    if found.under_px is None:
        return f"{found.at_least_px} px and more"
    return f"{found.at_least_px} to {found.under_px - 1} px"


def _object_cells(line: Line) -> Iterator[Cell]:
    for found in line.by_size:
        share = percent(found.share)
        one_seed = found.landslides // len(line.run.seeds)
        yield Cell(text=share, small=f"of {one_seed:,}", value=found.share)
    yield share_cell(line.false_share)
    yield figure_cell(line.false_per_km2)
    yield score_cell(line.boundary_f1, interval=False)


def _probability_cells(line: Line) -> Iterator[Cell]:
    yield score_cell(line.average_precision, interval=False)
    yield score_cell(line.calibration_error, interval=False)


def _area_cells(line: Line) -> Iterator[Cell]:
    if line.area is None:
        return
    area = line.area
    yield share_cell(area.mapped_share, 2)
    yield Cell(
        text=percent(area.adjusted_share, 2), small=f"± {percent(1.96 * area.standard_error, 2)}"
    )
    yield share_cell(area.reference_share, 2)
    yield Cell(text=points(area.adjusted_share - area.reference_share, 2))


def _last(number: int) -> tuple[bool, int]:
    return number == 0, number


def _course_row(
    summary: Summary, course: Course, keys: dict[int, RunKey], numbers: list[int]
) -> Row:
    lines = [summary.lines[keys[number]] if number in keys else None for number in numbers]
    cells = (words(None) if line is None else score_cell(line.f1) for line in lines)
    return Row(cells=(Cell(text=summary.label(course.method)), *cells))
