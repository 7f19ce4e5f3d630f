"""One look a method in all charts: colour by network and encoder, dashes where not transferred."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landslip.experiments.results import MethodFacts, Results
from landslip.metrics.curves import precision_recall, reliability
from landslip.reporting.charts import SvgChart, chart_style, svg_text
from landslip.reporting.experiment.runs import PooledRunKey, PooledScores, ScoreEstimate
from landslip.reporting.experiment.summary import RANDOM, ExperimentSummary, LearningCurve

# Tol's muted scheme and two of Okabe and Ito's: apart for all common kinds of colour blindness
_COLOURS = (
    "#332288",
    "#117733",
    "#CC6677",
    "#0072B2",
    "#AA4499",
    "#999933",
    "#882255",
    "#44AA99",
    "#E69F00",
    "#7a7a7a",
)
_DASHES = ("-", (0, (4, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)))
_MARKERS = "osD^vPX*"
Dash = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStyle:
    """How a method is drawn; ``fill`` is white where its encoder is not transferred."""

    colour: str
    dash: Dash
    marker: str
    fill: str


def line_styles(results: Results) -> dict[str, LineStyle]:
    """Return each method's look; the reference's network has the first colour."""
    ordered = [results.methods[name] for name in _reference_first(results)]
    networks = list(dict.fromkeys(_network_of(facts) for facts in ordered))
    seen: dict[tuple[str, str | None], int] = {}
    found = {}
    for name in _reference_first(results):
        facts = results.methods[name]
        at = networks.index(_network_of(facts))
        nth = seen.get(_network_of(facts), 0)
        seen[_network_of(facts)] = nth + 1
        colour = _COLOURS[at % len(_COLOURS)]
        found[name] = LineStyle(
            colour=colour,
            dash=_DASHES[nth % len(_DASHES)],
            marker=_MARKERS[at % len(_MARKERS)],
            fill="white" if nth else colour,
        )
    return found


def _reference_first(results: Results) -> list[str]:
    names = sorted(results.methods, key=lambda name: not results.methods[name].transferred)
    return sorted(names, key=lambda name: name != results.reference)


def _network_of(facts: MethodFacts) -> tuple[str, str | None]:
    return facts.arch, facts.encoder


_WIDE_IN = 9.0
_ACROSS, _TITLE_LETTERS, _LABEL_LETTERS = 3, 72, 36


def f1_chart(summary: ExperimentSummary, split: str) -> SvgChart:
    """F1 by method: the mean over seeds with its interval over tiles, each seed as a dot."""
    places = [(dataset, split) for dataset in summary.splits[split]]
    names = _methods_of(summary, places)
    with chart_style():
        figure, axes = _panels(len(places), 0.8 + 0.29 * len(names))
        for place, axis in zip(places, axes, strict=True):
            _draw_f1(summary, axis, place, names)
            axis.set_title(_title(summary.title(place[0]), len(places)))
        return SvgChart(
            name=f"f1-{split}",
            caption=f"F1 by method, split {split}: mean over seeds with its 95 % interval over "
            "test tiles; small dots: single seeds.",
            svg=svg_text(figure, f"f1-{split}"),
        )


def split_chart(summary: ExperimentSummary) -> SvgChart | None:
    """F1 under a random split and under others, side by side; None without both."""
    places = [
        (dataset, split, other)
        for dataset, split in summary.places
        for other_dataset, other in summary.places
        if other_dataset == dataset
        and summary.split_method(dataset, split) == RANDOM
        and summary.split_method(dataset, other) != RANDOM
    ]
    if not places:
        return None
    names = _methods_of(summary, [(dataset, split) for dataset, split, _ in places])
    with chart_style():
        figure, axes = _panels(len(places), 0.9 + 0.27 * len(names))
        for place, axis in zip(places, axes, strict=True):
            _draw_split(summary, axis, place, names)
            title = f"{summary.title(place[0])}: {place[1]}, {place[2]}"
            axis.set_title(_title(title, len(places)))
        return SvgChart(
            name="splits",
            caption="F1 with test tiles drawn at random (open) and kept apart from the training "
            "tiles (filled).",
            svg=svg_text(figure, "splits"),
        )


def learning_chart(summary: ExperimentSummary, dataset: str, split: str) -> SvgChart:
    """F1 over the number of training tiles."""
    name = f"learning-{dataset}-{split}"

    def tiles(key: PooledRunKey) -> float:
        cells = summary.runs[key].all_cells
        return float(key.train_tiles or np.mean([cell.trained_on for cell in cells]))

    with chart_style():
        figure = Figure(figsize=(_WIDE_IN, 3.6), layout="constrained")
        axis = figure.subplots()
        courses = summary.curves(dataset, split)
        ticks = _draw_courses(summary, axis, courses, tiles)
        axis.set_xscale("log")
        axis.minorticks_off()
        axis.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        axis.set(xlabel="training tiles", ylabel="F1, %")
        figure.legend(loc="outside right upper")
        return SvgChart(
            name=name,
            caption=f"F1 by number of training tiles, {summary.title(dataset)}, split {split}, "
            "with 95 % intervals over test tiles.",
            svg=svg_text(figure, name),
        )


def transfer_chart(summary: ExperimentSummary, source: str, split: str, target: str) -> SvgChart:
    """F1 on another data set over the number of its tiles that models were tuned on."""
    name = f"transfer-{source}-{split}-{target}"
    with chart_style():
        figure = Figure(figsize=(_WIDE_IN, 3.4), layout="constrained")
        axis = figure.subplots()
        courses = summary.journeys(source, split, target)
        ticks = _draw_courses(summary, axis, courses, lambda key: float(key.tune_tiles))
        for course, look in _courses_with_looks(summary, courses):
            home = summary.line(source, split, course.method)
            if home is not None and home.f1.value is not None:
                axis.axhline(100 * home.f1.value, color=look.colour, linestyle=":", linewidth=1)
        axis.set_xticks(ticks, ["as it is" if not tick else f"{tick:.0f}" for tick in ticks])
        axis.set(xlabel=f"tiles of {summary.title(target)} tuned on", ylabel="F1, %")
        figure.legend(loc="outside right upper")
        return SvgChart(
            name=name,
            caption=f"Models of {summary.title(source)} on {summary.title(target)}, as they are "
            f"and tuned on a few of its tiles; dotted: the same methods at home.",
            svg=svg_text(figure, name),
        )


def _panels(number: int, height_in: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels side by side, three in a row at most."""
    across = min(number, _ACROSS)
    down = -(-number // across)
    figure = Figure(figsize=(_WIDE_IN, height_in * down), layout="constrained")
    axes = list(figure.subplots(down, across, squeeze=False, sharey=True).flat)
    for unused in axes[number:]:
        unused.remove()
    return figure, axes[:number]


def _title(text: str, panels: int) -> str:
    """Return a title in lines that are as wide as a panel."""
    return "\n".join(wrap(text, _TITLE_LETTERS // min(panels, _ACROSS)))


def _methods_of(summary: ExperimentSummary, places: Sequence[tuple[str, str]]) -> list[str]:
    present = {line.run.key.method for place in places for line in summary.lines_of(*place)}
    return [name for name in summary.results.methods if name in present]


def _draw_f1(
    summary: ExperimentSummary, axis: Axes, place: tuple[str, str], names: Sequence[str]
) -> None:
    known = line_styles(summary.results)
    for at, name in enumerate(names):
        line = summary.line(*place, name)
        if line is not None and line.f1.value is not None:
            _draw_estimate(axis, line.f1, -at, known[name])
    _dress_methods(summary, axis, names)


def _dress_methods(summary: ExperimentSummary, axis: Axes, names: Sequence[str]) -> None:
    labels = ["\n".join(wrap(summary.label(name), _LABEL_LETTERS)) for name in names]
    axis.set_yticks([-at for at in range(len(names))], labels)
    axis.set_ylim(-len(names) + 0.4, 0.6)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("F1, %")


def _draw_estimate(axis: Axes, score: ScoreEstimate, height: float, look: LineStyle) -> None:
    if score.low is not None and score.high is not None:
        axis.plot([100 * score.low, 100 * score.high], [height, height], color=look.colour, lw=1.8)
    seeds = [100 * value for value in score.by_seed if value is not None]
    if len(seeds) > 1:
        axis.plot(seeds, [height - 0.27] * len(seeds), ".", color=look.colour, ms=4, alpha=0.7)
    if score.value is not None:
        axis.plot(
            [100 * score.value], [height], look.marker, color=look.colour, mfc=look.fill, ms=6
        )


def _draw_split(
    summary: ExperimentSummary, axis: Axes, place: tuple[str, str, str], names: Sequence[str]
) -> None:
    dataset, split, other = place
    known = line_styles(summary.results)
    for at, name in enumerate(names):
        pair = [summary.line(dataset, split, name), summary.line(dataset, other, name)]
        values = [100 * line.f1.value for line in pair if line and line.f1.value is not None]
        if len(values) == len(pair):
            colour = known[name].colour
            axis.plot(values, [-at, -at], color=colour, lw=1.4, zorder=1)
            axis.plot(values[:1], [-at], "o", color=colour, mfc="white", ms=6)
            axis.plot(values[1:], [-at], "o", color=colour, ms=6)
    _dress_methods(summary, axis, names)


def _draw_courses(
    summary: ExperimentSummary,
    axis: Axes,
    courses: Sequence[LearningCurve],
    place: Callable[[PooledRunKey], float],
) -> list[float]:
    """Draw courses and return the places that they have figures at."""
    ticks: set[float] = set()
    for course, look in _courses_with_looks(summary, courses):
        places = [place(key) for key in course.keys]
        scores = [summary.lines[key].f1 for key in course.keys]
        ticks |= {*places}
        axis.errorbar(
            places,
            _percents(score.value for score in scores),
            yerr=_error_bars(scores),
            color=look.colour,
            ls=look.dash,
            marker=look.marker,
            mfc=look.fill,
            ms=5,
            lw=1.5,
            capsize=2.5,
            elinewidth=1,
            label=summary.label(course.method),
        )
    return sorted(ticks)


def _error_bars(scores: Sequence[ScoreEstimate]) -> Any:
    middle = np.array(list(_percents(score.value for score in scores)))
    low = np.array(list(_percents(score.low for score in scores)))
    high = np.array(list(_percents(score.high for score in scores)))
    return np.nan_to_num(np.maximum([middle - low, high - middle], 0))


def _percents(values: Iterator[float | None]) -> list[float]:
    return [np.nan if value is None else 100 * value for value in values]


def _courses_with_looks(
    summary: ExperimentSummary, courses: Sequence[LearningCurve]
) -> Iterator[tuple[LearningCurve, LineStyle]]:
    known = line_styles(summary.results)
    for course in courses:
        yield course, known[course.method]


_SQUARE_IN = 4.4
_INK = "#1f2329"
_SVM = (
    " What the SVM states is its distance from the boundary put through the logistic function: a "
    "score fitted to nothing, not a probability that was promised."
)


def curves_chart(summary: ExperimentSummary, dataset: str, split: str) -> SvgChart:
    """Precision over recall, and share of landslide over probability, of all methods."""
    lines = summary.lines_of(dataset, split)
    name = f"curves-{dataset}-{split}"
    with chart_style():
        figure = Figure(figsize=(2 * _SQUARE_IN, _SQUARE_IN + 0.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        for line, look in _with_looks(summary, lines):
            label = summary.label(line.run.key.method)
            _draw_precision_recall(left, line, look, label)
            _draw_reliability(right, line, look)
        _dress_curves(left, right)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return SvgChart(
            name=name,
            caption=f"{summary.title(dataset)}, split {split}. Left: precision over recall, the "
            "dot where the threshold lies. Right: share of landslide among pixels of a stated "
            "probability; on the diagonal it is what it says. Folds and seeds are pooled."
            + (
                _SVM
                if any(summary.method(line.run.key.method).arch == "svm" for line in lines)
                else ""
            ),
            svg=svg_text(figure, name),
        )


def _draw_precision_recall(axis: Axes, line: PooledScores, look: LineStyle, label: str) -> None:
    curve = precision_recall(line.bins)
    if curve is None:
        return
    axis.plot(
        100 * curve.recall,
        100 * curve.precision,
        color=look.colour,
        ls=look.dash,
        lw=1.4,
        label=label,
    )
    if line.recall.value is not None and line.precision.value is not None:
        at = 100 * line.recall.value, 100 * line.precision.value
        axis.plot(*at, look.marker, color=look.colour, mfc=look.fill, ms=5)


def _draw_reliability(axis: Axes, line: PooledScores, look: LineStyle) -> None:
    found = reliability(line.bins)
    axis.plot(
        100 * found.mean_probability,
        100 * found.landslide_share,
        look.marker,
        color=look.colour,
        mfc=look.fill,
        ls=look.dash,
        lw=1.2,
        ms=3.2,
    )


def _dress_curves(left: Axes, right: Axes) -> None:
    right.plot([0, 100], [0, 100], color=_INK, lw=0.8, ls=":")
    left.set(xlabel="recall, %", ylabel="precision, %", title="Precision and recall")
    right.set(xlabel="stated probability, %", ylabel="landslide, %", title="Reliability")
    for axis in (left, right):
        axis.set(xlim=(0, 101), ylim=(0, 101), aspect="equal")


def _with_looks(
    summary: ExperimentSummary, lines: Sequence[PooledScores]
) -> Iterator[tuple[PooledScores, LineStyle]]:
    known = line_styles(summary.results)
    for line in lines:
        yield line, known[line.run.key.method]
