"""Charts of an experiment as SVG text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landslip.reporting.experiment.lines import Measured
from landslip.reporting.experiment.palette import Look, looks
from landslip.reporting.experiment.runs import RunKey
from landslip.reporting.experiment.summary import RANDOM, Course, Summary
from landslip.reporting.experiment.svg import style, svg_text

_WIDE_IN = 9.0
_ACROSS, _TITLE_LETTERS, _LABEL_LETTERS = 3, 72, 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn chart; ``name`` is that of its file and unique in the report."""

    name: str
    caption: str
    svg: str


def f1_chart(summary: Summary, split: str) -> Chart:
    """F1 by method: the mean over seeds with its interval over tiles, each seed as a dot."""
    places = [(dataset, split) for dataset in summary.splits[split]]
    names = _methods_of(summary, places)
    with style():
        figure, axes = _panels(len(places), 0.8 + 0.29 * len(names))
        for place, axis in zip(places, axes, strict=True):
            _draw_f1(summary, axis, place, names)
            axis.set_title(_title(summary.title(place[0]), len(places)))
        return Chart(
            name=f"f1-{split}",
            caption=f"F1 by method, split {split}: mean over seeds with its 95 % interval over "
            "test tiles; small dots: single seeds.",
            svg=svg_text(figure, f"f1-{split}"),
        )


def split_chart(summary: Summary) -> Chart | None:
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
    with style():
        figure, axes = _panels(len(places), 0.9 + 0.27 * len(names))
        for place, axis in zip(places, axes, strict=True):
            _draw_split(summary, axis, place, names)
            title = f"{summary.title(place[0])}: {place[1]}, {place[2]}"
            axis.set_title(_title(title, len(places)))
        return Chart(
            name="splits",
            caption="F1 with test tiles drawn at random (open) and kept apart from the training "
            "tiles (filled).",
            svg=svg_text(figure, "splits"),
        )


def learning_chart(summary: Summary, dataset: str, split: str) -> Chart:
    """F1 over the number of training tiles."""
    name = f"learning-{dataset}-{split}"

    def tiles(key: RunKey) -> float:
        cells = summary.runs[key].all_cells
        return float(key.train_tiles or np.mean([cell.trained_on for cell in cells]))

    with style():
        figure = Figure(figsize=(_WIDE_IN, 3.6), layout="constrained")
        axis = figure.subplots()
        courses = summary.curves(dataset, split)
        ticks = _draw_courses(summary, axis, courses, tiles)
        axis.set_xscale("log")
        axis.minorticks_off()
        axis.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        axis.set(xlabel="training tiles", ylabel="F1, %")
        figure.legend(loc="outside right upper")
        return Chart(
            name=name,
            caption=f"F1 by number of training tiles, {summary.title(dataset)}, split {split}, "
            "with 95 % intervals over test tiles.",
            svg=svg_text(figure, name),
        )


def route_chart(summary: Summary, source: str, split: str, target: str) -> Chart:
    """F1 on another data set over the number of its tiles that models were tuned on."""
    name = f"transfer-{source}-{split}-{target}"
    with style():
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
        return Chart(
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


def _methods_of(summary: Summary, places: Sequence[tuple[str, str]]) -> list[str]:
    present = {line.run.key.method for place in places for line in summary.lines_of(*place)}
    return [name for name in summary.results.methods if name in present]


def _draw_f1(summary: Summary, axis: Axes, place: tuple[str, str], names: Sequence[str]) -> None:
    known = looks(summary.results)
    for at, name in enumerate(names):
        line = summary.line(*place, name)
        if line is not None and line.f1.value is not None:
            _draw_estimate(axis, line.f1, -at, known[name])
    _dress_methods(summary, axis, names)


def _dress_methods(summary: Summary, axis: Axes, names: Sequence[str]) -> None:
    labels = ["\n".join(wrap(summary.label(name), _LABEL_LETTERS)) for name in names]
    axis.set_yticks([-at for at in range(len(names))], labels)
    axis.set_ylim(-len(names) + 0.4, 0.6)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("F1, %")


def _draw_estimate(axis: Axes, score: Measured, height: float, look: Look) -> None:
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
    summary: Summary, axis: Axes, place: tuple[str, str, str], names: Sequence[str]
) -> None:
    dataset, split, other = place
    known = looks(summary.results)
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
    summary: Summary, axis: Axes, courses: Sequence[Course], place: Callable[[RunKey], float]
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


def _error_bars(scores: Sequence[Measured]) -> Any:
    middle = np.array(list(_percents(score.value for score in scores)))
    low = np.array(list(_percents(score.low for score in scores)))
    high = np.array(list(_percents(score.high for score in scores)))
    return np.nan_to_num(np.maximum([middle - low, high - middle], 0))


def _percents(values: Iterator[float | None]) -> list[float]:
    return [np.nan if value is None else 100 * value for value in values]


def _courses_with_looks(
    summary: Summary, courses: Sequence[Course]
) -> Iterator[tuple[Course, Look]]:
    known = looks(summary.results)
    for course in courses:
        yield course, known[course.method]
