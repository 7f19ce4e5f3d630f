"""Tables of an experiment: scores, learning curves, costs, data, and what was run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from landslip.experiments.results import AdjustedArea
from landslip.reporting.experiment.claims import tiles_text, tuning_text
from landslip.reporting.experiment.runs import (
    PooledRunKey,
    PooledScores,
    ScoreEstimate,
)
from landslip.reporting.experiment.summary import ExperimentSummary
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


def table_by_method(
    summary: ExperimentSummary,
    split: str,
    caption: str,
    columns: tuple[TableColumn, ...],
    cells_of: Callable[[PooledScores], Iterator[TableCell]],
    *notes: str,
) -> ReportTable | None:
    """Return a table of a row for each data set and method that has cells; None without any."""
    rows = tuple(
        TableRow(
            group=summary.title(dataset),
            cells=(TableCell(text=summary.label(scores.method)), *cells),
        )
        for dataset in summary.splits.get(split, ())
        for scores in summary.all_scores(dataset, split)
        if (cells := tuple(cells_of(scores)))
    )
    table = ReportTable(
        caption=f"{caption}, split {split}",
        columns=_METHOD + columns,
        rows=rows,
        group_title="Data set",
        notes=notes,
    )
    return table.with_best().unless_empty()


def seeds_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return F1 by seed, and its spread."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        by_seed = dict(zip(scores.run.seeds, scores.f1.by_seed, strict=True))
        for seed in summary.seeds:
            yield percent_cell(by_seed.get(seed))
        spread = scores.f1.spread
        yield percent_cell(None if spread is None else spread.sd, 2)

    columns = number_columns(*(f"seed {seed}, %" for seed in summary.seeds), "sd, points")
    return table_by_method(summary, split, "F1 by seed", columns, cells)


_OBJECT_NOTE = (
    "A landslide is detected where at least half of its pixels are; a detected object is false "
    "where less than half of its pixels are landslide, and right otherwise. Tile edges cut "
    "landslides: the parts count as landslides of their own. Means over seeds."
)


def objects_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return detection of landslides as objects, and the accuracy of outlines, by method."""
    all_scores = summary.split_scores(split)
    if not all_scores:
        return None
    first = all_scores[0]
    sizes = [
        f"{size.at_least_px} px and more"
        if size.under_px is None
        else f"{size.at_least_px} to {size.under_px - 1} px"
        for size in first.by_size
    ]
    has_precision = any(size.found for scores in all_scores for size in scores.by_size)
    right = sizes if has_precision else []

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        for size in scores.by_size:
            one_seed = size.landslides // len(scores.run.seeds)
            yield TableCell(
                text=percentage(size.detection_rate),
                small=f"of {whole(one_seed)}",
                value=size.detection_rate,
            )
        for size in scores.by_size[: len(right)]:
            mapped = size.found // len(scores.run.seeds)
            yield TableCell(
                text=percentage(size.precision), small=f"of {whole(mapped)}", value=size.precision
            )
        yield percent_cell(scores.false_fraction)
        yield number_cell(scores.false_per_km2)
        yield score_cell(scores.boundary_f1, interval=False)

    tolerance = first.run.scores[0][0].boundary.tolerance_px
    columns = (
        *number_columns(*sizes, group="landslides detected, %, by size", better="high"),
        *number_columns(*right, group="mapped objects right, %, by size", better="high"),
        *number_columns("of all objects, %", "per km²", group="false objects", better="low"),
        *number_columns(f"boundary F1 within {tolerance} px, %", better="high"),
    )
    return table_by_method(summary, split, "Landslides as objects", columns, cells, _OBJECT_NOTE)


_PROBABILITY_NOTE = (
    "The expected calibration error is the mean distance between stated probability and observed "
    "fraction of landslide, over 20 equal bins weighted by pixels. Most pixels are background of a "
    "probability near 0, which hides the error of the others: it is also given for pixels of a "
    "probability of 0.1 or more. An SVM states its distance from the decision boundary through the "
    "logistic function, which is not fitted."
)


def probability_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return average precision and calibration by method."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        yield score_cell(scores.average_precision)
        yield score_cell(scores.calibration_error, interval=False)
        yield score_cell(scores.likely_calibration_error, interval=False)

    error = "expected calibration error, points"
    columns = (
        *number_columns("average precision, %", better="high"),
        *number_columns("all pixels", "p ≥ 0.1", group=error, better="low"),
    )
    return table_by_method(summary, split, "Probabilities", columns, cells, _PROBABILITY_NOTE)


_AREA_NOTE = (
    "Error-adjusted area: the map of the test tiles, corrected by the confusion matrix of the "
    "validation tiles. By user's accuracy (Olofsson et al. 2014, doi 10.1016/j.rse.2014.02.015) it "
    "assumes that landslides are as common in the validation tiles as in the test tiles; by error "
    "rates (Rogan and Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510) only that the same part "
    "of them is found, and the same part of the other ground mistaken for one. ± is 1.96 standard "
    "errors, from resampling the groups of validation tiles, for the test tiles too: what sets a "
    "held-out scene or event apart is not in it. A network's threshold was chosen on "
    "the same validation tiles. Means over folds and seeds; with several folds ± is wider than "
    "necessary."
)


def area_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return the fraction of landslide: mapped, adjusted for errors, and labelled."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        area = scores.area
        if area is not None:
            yield percent_cell(area.mapped_share, 2)
            yield from _adjusted_cells(area.adjusted_share, area.standard_error, area)
            yield from _adjusted_cells(area.rates_share, area.rates_error, area)
            yield percent_cell(area.reference_share, 2)

    areas = [scores.area for scores in summary.split_scores(split) if scores.area is not None]
    by_users = [(a.adjusted_share - a.reference_share, a.standard_error) for a in areas]
    by_rates = [
        (a.rates_share - a.reference_share, a.rates_error)
        for a in areas
        if a.rates_share is not None and a.rates_error is not None
    ]
    notes = [_outside_note("by user's accuracy", by_users)]
    if by_rates:
        notes.append(_outside_note("by error rates", by_rates))
    columns = number_columns(
        "mapped",
        "adjusted by user's accuracy",
        "minus labelled, points",
        "adjusted by error rates",
        "minus labelled, points",
        "labelled",
    )
    caption = "Fraction of landslide in the test area, %"
    return table_by_method(summary, split, caption, columns, cells, _AREA_NOTE, *notes)


def _adjusted_cells(
    share: float | None, error: float | None, area: AdjustedArea
) -> Iterator[TableCell]:
    """Yield an adjusted fraction with its interval, and by how much it exceeds the labelled one."""
    if share is None or error is None:
        yield from (TableCell(text=EMPTY), TableCell(text=EMPTY))
        return
    yield TableCell(text=percentage(share, 2), small=f"± {percentage(1.96 * error, 2)}")
    yield TableCell(text=points(share - area.reference_share, 2))


def _outside_note(name: str, gaps: Sequence[tuple[float, float]]) -> str:
    """Say in how many rows the labelled fraction is outside ±, of differences and their errors."""
    outside = sum(abs(gap) > 1.96 * error for gap, error in gaps)
    warning = ": more often than 1 in 20, so that ± is not reliable here"
    return (
        f"The labelled fraction is outside ± {name} in {outside} of {counted(len(gaps), 'row')}"
        f"{warning if 20 * outside > len(gaps) else ''}."
    )


def first_layer_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return scores by initialisation of the first layer; None where a single one was run."""
    rows = tuple(
        TableRow(
            group=summary.place_title((dataset, split)),
            cells=(
                text_cell(summary.method(name).first_layer),
                score_cell(scores.average_precision),
                score_cell(scores.f1),
            ),
        )
        for dataset, split in summary.places
        for name in summary.first_layers
        if (scores := summary.scores_of(dataset, split, name)) is not None
    )
    table = ReportTable(
        caption="Initialisation of the filters of a band that ImageNet does not have",
        columns=(
            *text_columns("Fourth band's filters"),
            *number_columns("average precision, %", "F1, %", better="high"),
        ),
        rows=rows,
        group_title="Data set",
    )
    return table.with_best().unless_empty()


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
    caption = f"F1 by number of training tiles, {summary.place_title((dataset, split))}, %"
    curves = summary.learning_curves(dataset, split)
    return _curve_table(summary, caption, curves, tiles_text, notes)


def tuning_table(summary: ExperimentSummary, source: str, split: str, target: str) -> ReportTable:
    """Return F1 on another data set by number of its tiles that models were fine-tuned on."""
    caption = (
        f"F1 on {summary.title(target)} of models of {summary.title(source)}, by number of its "
        "tiles they were fine-tuned on, %"
    )
    curves = summary.curves(source, split, target)
    return _curve_table(summary, caption, curves, tuning_text)


def _curve_table(
    summary: ExperimentSummary,
    caption: str,
    curves: Mapping[str, Sequence[PooledRunKey]],
    title_of: Callable[[PooledRunKey], str],
    notes: Sequence[str] = (),
) -> ReportTable:
    order = {key.tile_order: title_of(key) for keys in curves.values() for key in keys}
    titles = [order[place] for place in sorted(order)]
    rows = []
    for method, keys in curves.items():
        cells = {title_of(key): score_cell(summary.scores[key].f1) for key in keys}
        shown = (cells.get(title, text_cell(None)) for title in titles)
        rows.append(TableRow(cells=(TableCell(text=summary.label(method)), *shown)))
    columns = _METHOD + number_columns(*titles, better="high")
    table = ReportTable(caption=caption, columns=columns, rows=tuple(rows), notes=tuple(notes))
    return table.with_best()


_COVERAGE_NOTE = (
    "Networks are kept at the epoch of the highest average precision on the validation tiles; all "
    "methods decide at the threshold of the highest F1 there. Test tiles are of all folds "
    "together. A training learned nothing where its F1 is at most 1 point above that of calling "
    "every pixel landslide."
)


def coverage_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return what each pooled run was trained and tested on, and how it was selected."""
    rows = []
    for key, pooled in summary.runs.items():
        runs, degenerate = pooled.all_runs, pooled.degenerate_seeds
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
        learned_nothing = (
            f"{degenerate} of {counted(len(pooled.seeds), 'seed')} "
            f"(F1 {percentage(pooled.all_positive_f1)} %)"
        )
        cells = (
            TableCell(text=summary.label(key.method), small=", ".join(details)),
            TableCell(text=whole(len(pooled.seeds)), small=left_out and f"without seed {left_out}"),
            TableCell(text=_range([run.trained_on for run in runs])),
            number_cell(len(pooled.tile_ids), 0),
            number_cell(len(set(pooled.groups)), 0),
            text_cell(_range([run.epochs for run in runs if run.epochs])),
            text_cell(f"{last} of {len(validated)}" if validated else None),
            text_cell(_range(thresholds, 2)),
            text_cell(learned_nothing if degenerate else None),
        )
        rows.append(TableRow(group=summary.place_title((key.dataset, key.split)), cells=cells))
    return ReportTable(
        caption="What was run",
        columns=(
            *_METHOD,
            *number_columns("seeds", "training tiles", "test tiles", "groups of them", "epochs"),
            *number_columns("last epoch was best", "threshold"),
            *text_columns("Learned nothing"),
        ),
        rows=tuple(rows),
        group_title="Data set",
        notes=(_COVERAGE_NOTE,),
    ).unless_empty()


def _range(values: Sequence[float], decimals: int = 0) -> str:
    if not values:
        return ""
    low, high = fixed(min(values), decimals), fixed(max(values), decimals)
    return low if low == high else between(low, high)


def cost_table(summary: ExperimentSummary) -> ReportTable:
    """Return what each method costs."""
    settings = summary.results.config.get("methods", {})
    notes, rows = [], []
    for name in summary.trained_methods:
        facts = summary.method(name)
        own = settings.get(name, {}).get("training") or {}
        if own:
            stated = ", ".join(f"{key} {value}" for key, value in own.items())
            notes.append(f"{facts.label}: trained with settings of its own ({stated}).")
        notes += [f"{facts.label}: {note}" for note in facts.notes]
        runs = [
            run
            for run in summary.results.cells
            if (run.key.method, run.key.target, run.key.train_tiles) == (name, None, None)
            and run.state == "done"
        ]
        seconds = [run.train_seconds for run in runs if run.train_seconds is not None]
        best = _range([run.epoch for run in runs if run.epoch is not None])
        epochs = sorted({run.epochs for run in runs if run.epochs is not None})
        devices = dict.fromkeys(
            " ".join(part for part in (run.device, run.precision) if part) for run in runs
        )
        cells = (
            TableCell(text=facts.label),
            text_cell(facts.weights or ("none" if facts.encoder else None)),
            number_cell(None if facts.parameters is None else facts.parameters / 1e6),
            number_cell(facts.gflop_per_tile),
            replace(number_cell(facts.mpix_per_s, 2), small=facts.engine or ""),
            text_cell(duration(fmean(seconds)) if seconds else None),
            text_cell(f"{best} of {', '.join(map(str, epochs))}" if best and epochs else None),
            text_cell(", ".join(device for device in devices if device)),
        )
        rows.append(TableRow(cells=cells))
    return ReportTable(
        caption="Methods and what they cost",
        columns=(
            *text_columns("Method", "encoder's weights"),
            *number_columns("parameters, million", "GFLOP a tile of 256 × 256 px"),
            *number_columns("inference, MPix/s", better="high"),
            *number_columns("training, mean of a run", "epoch kept"),
            *text_columns("trained on"),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
    ).with_best()


def dataset_table(summary: ExperimentSummary) -> ReportTable:
    """Return the data sets."""
    rows = []
    for facts in summary.results.datasets.values():
        more = list(facts.notes)
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


def deviation_table(summary: ExperimentSummary) -> ReportTable | None:
    """Return the settings that differ from the paper's."""
    rows = tuple(
        TableRow(
            cells=tuple(
                TableCell(text=text)
                for text in (one.setting, one.paper, one.here, "; ".join(one.where))
            )
        )
        for one in summary.results.deviations
    )
    if not rows:
        return None
    return ReportTable(
        caption="Deviations from the paper",
        columns=text_columns("Setting", "paper", "here", "where"),
        rows=rows,
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
