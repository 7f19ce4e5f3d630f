"""Tables of an experiment: scores, learning curves, costs, data, and what was run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from landslip.reporting.experiment.claims import tiles_text, tuning_text
from landslip.reporting.experiment.runs import (
    PooledRun,
    PooledRunKey,
    PooledScores,
    ScoreEstimate,
)
from landslip.reporting.experiment.summary import ExperimentSummary, LearningCurve
from landslip.reporting.numbers import (
    EMPTY,
    between,
    counted,
    duration,
    fixed,
    percentage,
    points,
    whole,
)
from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableColumn,
    TableRow,
    number_cell,
    number_columns,
    percent_cell,
    text_cell,
    text_columns,
)

_METHOD = text_columns("Method")


def score_cell(score: ScoreEstimate, *, interval: bool = True) -> TableCell:
    """Return a score in percent over its interval."""
    spread = between(percentage(score.low), percentage(score.high))
    small = spread if interval and spread != EMPTY else ""
    return TableCell(text=percentage(score.value), small=small, value=score.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScoreLayout:
    """A table of one row a data set and method."""

    caption: str
    columns: tuple[TableColumn, ...]
    cells: Callable[[PooledScores], Iterator[TableCell]]
    notes: tuple[str, ...] = ()
    shown: Callable[[PooledScores], bool] = lambda _: True


def _by_method(summary: ExperimentSummary, split: str, layout: _ScoreLayout) -> ReportTable | None:
    rows = tuple(
        TableRow(
            group=summary.title(dataset),
            cells=(TableCell(text=summary.label(scores.method)), *layout.cells(scores)),
        )
        for dataset in summary.splits.get(split, ())
        for scores in summary.all_scores(dataset, split)
        if layout.shown(scores)
    )
    if not rows:
        return None
    return ReportTable(
        caption=f"{layout.caption}, split {split}",
        columns=_METHOD + layout.columns,
        rows=rows,
        group_title="Data set",
        notes=layout.notes,
    ).with_best()


def seeds_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return F1 by seed, and its spread."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        by_seed = dict(zip(scores.run.seeds, scores.f1.by_seed, strict=True))
        for seed in summary.seeds:
            yield percent_cell(by_seed.get(seed))
        spread = scores.f1.spread
        yield percent_cell(None if spread is None else spread.sd, 2)

    columns = number_columns(*(f"seed {seed}, %" for seed in summary.seeds), "sd, points")
    return _by_method(
        summary, split, _ScoreLayout(caption="F1 by seed", columns=columns, cells=cells)
    )


_OBJECT_NOTE = (
    "A landslide is detected where at least half of its pixels are; a detected object is false "
    "where less than half of its pixels are landslide. Tile edges cut landslides: the parts count "
    "as landslides of their own. Means over seeds."
)


def objects_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return detection of landslides as objects, and the accuracy of outlines, by method."""
    scores = [
        one
        for dataset in summary.splits.get(split, ())
        for one in summary.all_scores(dataset, split)
    ]
    if not scores:
        return None
    sizes = [
        f"{size.at_least_px} px and more"
        if size.under_px is None
        else f"{size.at_least_px} to {size.under_px - 1} px"
        for size in scores[0].by_size
    ]
    tolerance = scores[0].run.scores[0][0].boundary.tolerance_px
    columns = (
        *number_columns(*sizes, group="landslides detected, %, by size", better="high"),
        *number_columns("of all objects, %", "per km²", group="false objects", better="low"),
        *number_columns(f"boundary F1 within {tolerance} px, %", better="high"),
    )
    layout = _ScoreLayout(
        caption="Landslides as objects", columns=columns, cells=_object_cells, notes=(_OBJECT_NOTE,)
    )
    return _by_method(summary, split, layout)


def _object_cells(scores: PooledScores) -> Iterator[TableCell]:
    for size in scores.by_size:
        one_seed = size.landslides // len(scores.run.seeds)
        yield TableCell(
            text=percentage(size.fraction), small=f"of {whole(one_seed)}", value=size.fraction
        )
    yield percent_cell(scores.false_fraction)
    yield number_cell(scores.false_per_km2)
    yield score_cell(scores.boundary_f1, interval=False)


_PROBABILITY_NOTE = (
    "The expected calibration error is the mean distance between stated probability and observed "
    "fraction of landslide, over 20 equal bins weighted by pixels. An SVM states its distance from "
    "the decision boundary through the logistic function, which is not fitted."
)


def probability_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return average precision and calibration by method."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        yield score_cell(scores.average_precision, interval=False)
        yield score_cell(scores.calibration_error, interval=False)

    columns = (
        *number_columns("average precision, %", better="high"),
        *number_columns("expected calibration error, points", better="low"),
    )
    layout = _ScoreLayout(
        caption="Probabilities", columns=columns, cells=cells, notes=(_PROBABILITY_NOTE,)
    )
    return _by_method(summary, split, layout)


_AREA_NOTE = (
    "Error-adjusted area (Olofsson et al. 2014, doi 10.1016/j.rse.2014.02.015): the map of the "
    "test tiles, corrected by the confusion matrix of the validation tiles. ± is 1.96 standard "
    "errors, from resampling validation and test tiles. It assumes that both are independent "
    "samples of the same tiles, which groups of similar tiles and held-out scenes or events are "
    "not. A network's threshold was chosen on the same validation tiles. Means over folds and "
    "seeds; with several folds ± is wider than necessary."
)


def area_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return the fraction of landslide: mapped, adjusted for errors, and labelled."""
    areas = [
        scores.area
        for dataset in summary.splits.get(split, ())
        for scores in summary.all_scores(dataset, split)
        if scores.area is not None
    ]
    outside = sum(
        abs(area.adjusted_share - area.reference_share) > 1.96 * area.standard_error
        for area in areas
    )
    warning = ": more often than 1 in 20, so that ± is not reliable here"
    outside_note = (
        f"The labelled fraction is outside ± in {outside} of {counted(len(areas), 'row')}"
        f"{warning if 20 * outside > len(areas) else ''}."
    )
    columns = number_columns("mapped", "adjusted", "labelled", "adjusted minus labelled, points")
    layout = _ScoreLayout(
        caption="Fraction of landslide in the test area, %",
        columns=columns,
        cells=_area_cells,
        notes=(_AREA_NOTE, outside_note),
        shown=lambda scores: scores.area is not None,
    )
    return _by_method(summary, split, layout)


def _area_cells(scores: PooledScores) -> Iterator[TableCell]:
    area = scores.area
    if area is not None:
        yield percent_cell(area.mapped_share, 2)
        yield TableCell(
            text=percentage(area.adjusted_share, 2),
            small=f"± {percentage(1.96 * area.standard_error, 2)}",
        )
        yield percent_cell(area.reference_share, 2)
        yield TableCell(text=points(area.adjusted_share - area.reference_share, 2))


def first_layer_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return scores by initialisation of the first layer; None where a single one was run."""
    rows = tuple(
        TableRow(
            group=summary.place_title((dataset, split)),
            cells=(
                text_cell(summary.method(name).first_layer),
                score_cell(scores.f1),
                score_cell(scores.average_precision),
            ),
        )
        for dataset, split in summary.places
        for name in summary.first_layers
        if (scores := summary.scores_of(dataset, split, name)) is not None
    )
    if not rows:
        return None
    return ReportTable(
        caption="Initialisation of the filters of a band that ImageNet does not have",
        columns=(
            *text_columns("Fourth band's filters"),
            *number_columns("F1, %", "average precision, %", better="high"),
        ),
        rows=rows,
        group_title="Data set",
    ).with_best()


def learning_table(summary: ExperimentSummary, dataset: str, split: str) -> ReportTable:
    """Return F1 by number of training tiles."""
    draws = counted(len(summary.seeds), "draw")
    drawn = f"The tiles of a small training set are drawn anew for each seed ({draws}); "
    notes = [f"{drawn}the intervals do not include that variation."]
    if not summary.results.config.get("training", {}).get("steps_per_epoch"):
        notes.append(
            "Trainings on fewer tiles took fewer steps in the same number of epochs, which may "
            "explain part of the difference."
        )
    return _curve_table(
        summary,
        f"F1 by number of training tiles, {summary.place_title((dataset, split))}, %",
        [
            (curve, {(key.train_tiles is None, key.train_tiles or 0): key for key in curve.keys})
            for curve in summary.learning_curves(dataset, split)
        ],
        tiles_text,
        notes,
    )


def tuning_table(summary: ExperimentSummary, source: str, split: str, target: str) -> ReportTable:
    """Return F1 on another data set by number of its tiles that models were fine-tuned on."""
    return _curve_table(
        summary,
        f"F1 on {summary.title(target)} of models of {summary.title(source)}, by number of its "
        "tiles they were fine-tuned on, %",
        [
            (curve, {(False, key.tune_tiles): key for key in curve.keys})
            for curve in summary.transfer_curves(source, split, target)
        ],
        tuning_text,
    )


CurveKeys = dict[tuple[bool, int], PooledRunKey]


def _curve_table(
    summary: ExperimentSummary,
    caption: str,
    curves: Sequence[tuple[LearningCurve, CurveKeys]],
    title_of: Callable[[PooledRunKey], str],
    notes: Sequence[str] = (),
) -> ReportTable:
    titles = {place: title_of(key) for _, keys in curves for place, key in keys.items()}
    places = sorted(titles)
    rows = tuple(
        TableRow(
            cells=(
                TableCell(text=summary.label(curve.method)),
                *(
                    score_cell(summary.scores[keys[place]].f1) if place in keys else text_cell(None)
                    for place in places
                ),
            )
        )
        for curve, keys in curves
    )
    columns = _METHOD + number_columns(*(titles[place] for place in places), better="high")
    return ReportTable(caption=caption, columns=columns, rows=rows, notes=tuple(notes)).with_best()


_COVERAGE_NOTE = (
    "Networks are kept at the epoch, and decide at the threshold, of the highest F1 on the "
    "validation tiles. Test tiles are of all folds together. A training learned nothing where its "
    "F1 is at most 1 point above that of calling every pixel landslide."
)


def coverage_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return what each pooled run was trained and tested on, and how it was selected."""
    rows = tuple(
        TableRow(
            group=summary.place_title((pooled.key.dataset, pooled.key.split)),
            cells=tuple(_coverage_cells(summary, pooled)),
        )
        for pooled in summary.runs.values()
    )
    if not rows:
        return None
    return ReportTable(
        caption="What was run",
        columns=(
            *_METHOD,
            *number_columns("seeds", "training tiles", "test tiles", "epochs"),
            *number_columns("last epoch was best", "threshold"),
            *text_columns("Learned nothing"),
        ),
        rows=rows,
        group_title="Data set",
        notes=(_COVERAGE_NOTE,),
    )


def _coverage_cells(summary: ExperimentSummary, pooled: PooledRun) -> Iterator[TableCell]:
    key, runs = pooled.key, pooled.all_runs
    details = [] if key.train_tiles is None else [tiles_text(key)]
    if key.target is not None:
        details.append(f"on {summary.title(key.target)}, {tuning_text(key)}")
    left_out = ", ".join(str(seed) for seed in pooled.left_out)
    validated = [run for run in runs if run.epoch and run.validated_on]
    last = sum(run.epoch == run.epochs for run in validated)
    thresholds = [
        run.scores.threshold
        for run in runs
        if run.scores is not None and run.epochs and run.validated_on
    ]
    degenerate = pooled.degenerate_seeds
    yield TableCell(text=summary.label(key.method), small=", ".join(details))
    yield TableCell(text=whole(len(pooled.seeds)), small=left_out and f"without seed {left_out}")
    yield TableCell(text=_range([run.trained_on for run in runs]))
    yield number_cell(len(pooled.tile_ids), 0)
    yield text_cell(_range([run.epochs for run in runs if run.epochs]))
    yield text_cell(f"{last} of {len(validated)}" if validated else None)
    yield text_cell(_range(thresholds, 2))
    yield text_cell(
        f"{degenerate} of {counted(len(pooled.seeds), 'seed')} "
        f"(F1 {percentage(pooled.all_positive_f1)} %)"
        if degenerate
        else None
    )


def _range(values: Sequence[float], decimals: int = 0) -> str:
    if not values:
        return ""
    low, high = fixed(min(values), decimals), fixed(max(values), decimals)
    return low if low == high else between(low, high)


def cost_table(summary: ExperimentSummary) -> ReportTable:
    """Return what each method costs."""
    settings = summary.results.config.get("methods", {})
    notes = []
    for name, facts in summary.results.methods.items():
        own = settings.get(name, {}).get("training") or {}
        if own:
            stated = ", ".join(f"{key} {value}" for key, value in own.items())
            notes.append(f"{facts.label}: trained with settings of its own ({stated}).")
        notes += [f"{facts.label}: {note}" for note in facts.notes]
    return ReportTable(
        caption="Methods and what they cost",
        columns=(
            *text_columns("Method", "encoder's weights"),
            *number_columns("parameters, million", "GFLOP a tile of 256 × 256 px"),
            *number_columns("inference, MPix/s", better="high"),
            *number_columns("training, mean of a run", "epoch kept"),
            *text_columns("trained on"),
        ),
        rows=tuple(_cost_row(summary, name) for name in summary.results.methods),
        notes=tuple(notes),
    ).with_best()


def _cost_row(summary: ExperimentSummary, name: str) -> TableRow:
    facts = summary.method(name)
    runs = [
        run
        for run in summary.results.cells
        if run.key.method == name
        and run.state == "done"
        and run.key.target is None
        and run.key.train_tiles is None
    ]
    seconds = [run.train_seconds for run in runs if run.train_seconds is not None]
    best = _range([run.epoch for run in runs if run.epoch is not None])
    epochs = sorted({run.epochs for run in runs if run.epochs is not None})
    devices = dict.fromkeys(
        " ".join(part for part in (run.device, run.precision) if part) for run in runs
    )
    return TableRow(
        cells=(
            TableCell(text=facts.label),
            text_cell(facts.weights or ("none" if facts.encoder else None)),
            number_cell(None if facts.parameters is None else facts.parameters / 1e6),
            number_cell(facts.gflop_per_tile),
            replace(number_cell(facts.mpix_per_s, 2), small=facts.engine or ""),
            text_cell(duration(fmean(seconds)) if seconds else None),
            text_cell(f"{best} of {', '.join(map(str, epochs))}" if best and epochs else None),
            text_cell(", ".join(device for device in devices if device)),
        )
    )


def dataset_table(summary: ExperimentSummary) -> ReportTable:
    """Return the data sets."""
    rows = []
    for facts in summary.results.datasets.values():
        more = [*facts.notes]
        if len(facts.scenes) > 1:
            more.append(f"{len(facts.scenes)} scenes")
        if facts.events:
            more.append(f"events: {', '.join(facts.events)}")
        cells = (
            TableCell(text=facts.title),
            number_cell(facts.tiles, 0),
            number_cell(facts.tile_size, 0),
            text_cell(None if facts.resolution_m is None else f"{facts.resolution_m:g}"),
            TableCell(text=f"{', '.join(facts.bands)} ({facts.units})"),
            percent_cell(facts.landslide_share),
            TableCell(text=facts.pixels_sha256[:12]),
            TableCell(text="; ".join([facts.source, *more])),
        )
        rows.append(TableRow(cells=cells))
    return ReportTable(
        caption="Data sets",
        columns=(
            *text_columns("Data set"),
            *number_columns("tiles", "side, px", "pixel, m"),
            *text_columns("bands"),
            *number_columns("landslide, %"),
            *text_columns("pixels' digest", "source and notes"),
        ),
        rows=tuple(rows),
    )


def split_table(summary: ExperimentSummary) -> ReportTable:
    """Return the splits with their folds and digests."""
    sides = ("train", "val", "test", "unused")
    splits = summary.results.splits
    rows = tuple(
        TableRow(
            group=summary.title(facts.dataset),
            cells=(
                TableCell(text=facts.split),
                TableCell(text=str(at)),
                *(number_cell(fold.tiles.get(side, 0), 0) for side in sides),
                TableCell(text=fold.sha256[:12]),
                text_cell("; ".join(fold.notes)),
            ),
        )
        for facts in splits
        for at, fold in enumerate(facts.folds)
    )
    return ReportTable(
        caption="Splits",
        columns=(
            *text_columns("Split"),
            *number_columns("fold"),
            *number_columns(*sides, group="tiles"),
            *text_columns("digest", "notes"),
        ),
        rows=rows,
        group_title="Data set",
        notes=tuple(dict.fromkeys(f"{facts.split}: {facts.description}" for facts in splits)),
    )
