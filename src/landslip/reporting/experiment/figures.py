"""Charts of an experiment; a method has one colour, dash and marker in all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landslip.experiments.results import Results
from landslip.metrics.curves import precision_recall, reliability
from landslip.reporting.charts import INK, SvgChart, chart_style, svg_text
from landslip.reporting.experiment.runs import PooledRunKey
from landslip.reporting.experiment.summary import ExperimentSummary

# Tol's muted scheme and two of Okabe and Ito's: distinct for all common kinds of colour blindness
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
_SCORE_TITLES = {"average_precision": "average precision", "f1": "F1"}
_WIDTH_IN, _SQUARE_IN = 9.0, 4.4
_PANELS_IN_ROW, _TITLE_LETTERS, _LABEL_LETTERS = 3, 72, 36
_SVM_NOTE = (
    " What the SVM states is its distance from the decision boundary through the logistic "
    "function: a score that was not fitted, not a probability."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStyle:
    """How a method is drawn; ``fill`` is white where its encoder is not transferred."""

    colour: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str
    fill: str


def line_styles(results: Results) -> dict[str, LineStyle]:
    """Return each method's style: colour by network and encoder, the reference's first."""
    names = sorted(
        results.methods,
        key=lambda name: (name != results.reference, not results.methods[name].transferred),
    )
    network_of = {name: (facts.arch, facts.encoder) for name, facts in results.methods.items()}
    networks = list(dict.fromkeys(network_of[name] for name in names))
    styles: dict[str, LineStyle] = {}
    for name in names:
        at = networks.index(network_of[name])
        nth = sum(network_of[other] == network_of[name] for other in styles)
        colour = _COLOURS[at % len(_COLOURS)]
        styles[name] = LineStyle(
            colour=colour,
            dash=_DASHES[nth % len(_DASHES)],
            marker=_MARKERS[at % len(_MARKERS)],
            fill="white" if nth else colour,
        )
    return styles


def score_chart(
    summary: ExperimentSummary, split: str, score: Literal["average_precision", "f1"]
) -> SvgChart:
    """A score by method: the mean over seeds with its interval over groups, each seed as a dot."""
    title = _SCORE_TITLES[score]
    places = [(dataset, split) for dataset in summary.splits[split]]
    names = _methods_at(summary, places)
    styles = line_styles(summary.results)
    with chart_style():
        figure, axes = _panels(len(places), 0.8 + 0.29 * len(names))
        for place, axis in zip(places, axes, strict=True):
            for at, name in enumerate(names):
                scores = summary.scores_of(*place, name)
                found = None if scores is None else getattr(scores, score)
                if found is None or found.value is None:
                    continue
                style = styles[name]
                low, value, high = _percents((found.low, found.value, found.high))
                axis.plot([low, high], [-at, -at], color=style.colour, lw=1.8)
                seeds = _percents(one for one in found.by_seed if one is not None)
                if len(seeds) > 1:
                    dots = [-at - 0.27] * len(seeds)
                    axis.plot(seeds, dots, ".", color=style.colour, ms=4, alpha=0.7)
                axis.plot([value], [-at], style.marker, color=style.colour, mfc=style.fill, ms=6)
            _label_panel(summary, axis, names, summary.title(place[0]), len(places))
            axis.set_xlabel(f"{title}, %")
        return SvgChart(
            name=f"{score.replace('_', '-')}-{split}",
            caption=f"{title[0].upper()}{title[1:]} by method, split {split}: mean over seeds with "
            "its 95 % interval over groups of tiles where known; small dots: single seeds.",
            svg=svg_text(figure, f"{score.replace('_', '-')}-{split}"),
        )


def split_chart(summary: ExperimentSummary) -> SvgChart | None:
    """F1 under a random split and under others, side by side; None without both."""
    places = summary.random_and_apart
    if not places:
        return None
    names = _methods_at(summary, [(dataset, split) for dataset, split, _ in places])
    styles = line_styles(summary.results)
    with chart_style():
        figure, axes = _panels(len(places), 0.9 + 0.27 * len(names))
        for (dataset, split, other), axis in zip(places, axes, strict=True):
            for at, name in enumerate(names):
                pair = [summary.scores_of(dataset, one, name) for one in (split, other)]
                values = _percents(one.f1.value for one in pair if one is not None)
                if len(values) == len(pair) and np.isfinite(values).all():
                    colour = styles[name].colour
                    axis.plot(values, [-at, -at], color=colour, lw=1.4, zorder=1)
                    axis.plot(values[:1], [-at], "o", color=colour, mfc="white", ms=6)
                    axis.plot(values[1:], [-at], "o", color=colour, ms=6)
            title = f"{summary.title(dataset)}: {split}, {other}"
            _label_panel(summary, axis, names, title, len(places))
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
        runs = summary.runs[key].all_runs
        return float(key.train_tiles or np.mean([run.trained_on for run in runs]))

    with chart_style():
        figure = Figure(figsize=(_WIDTH_IN, 3.6), layout="constrained")
        axis = figure.subplots()
        ticks = _draw_curves(summary, axis, summary.learning_curves(dataset, split), tiles)
        axis.set_xscale("log")
        axis.minorticks_off()
        axis.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        axis.set(xlabel="training tiles", ylabel="F1, %")
        figure.legend(loc="outside right upper")
        return SvgChart(
            name=name,
            caption=f"F1 by number of training tiles, {summary.title(dataset)}, split {split}, "
            "with 95 % intervals over groups of test tiles.",
            svg=svg_text(figure, name),
        )


def transfer_chart(summary: ExperimentSummary, source: str, split: str, target: str) -> SvgChart:
    """F1 on another data set over the number of its tiles that models were fine-tuned on."""
    name = f"transfer-{source}-{split}-{target}"
    curves = summary.curves(source, split, target)
    styles = line_styles(summary.results)
    with chart_style():
        figure = Figure(figsize=(_WIDTH_IN, 3.4), layout="constrained")
        axis = figure.subplots()
        ticks = _draw_curves(summary, axis, curves, lambda key: float(key.tune_tiles))
        for method in curves:
            home = summary.scores_of(source, split, method)
            if home is not None and home.f1.value is not None:
                colour = styles[method].colour
                axis.axhline(100 * home.f1.value, color=colour, linestyle=":", linewidth=1)
        axis.set_xticks(ticks, [f"{tick:.0f}" if tick else "as trained" for tick in ticks])
        axis.set(xlabel=f"tiles of {summary.title(target)} fine-tuned on", ylabel="F1, %")
        figure.legend(loc="outside right upper")
        return SvgChart(
            name=name,
            caption=f"Models of {summary.title(source)} on {summary.title(target)}, as trained and "
            "fine-tuned on a few of its tiles; dotted: the same methods on their own test tiles.",
            svg=svg_text(figure, name),
        )


def probability_chart(summary: ExperimentSummary, dataset: str, split: str) -> SvgChart:
    """Precision over recall, and fraction of landslide over probability, of all methods."""
    name = f"curves-{dataset}-{split}"
    scores = summary.all_scores(dataset, split)
    styles = line_styles(summary.results)
    with chart_style():
        figure = Figure(figsize=(2 * _SQUARE_IN, _SQUARE_IN + 0.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        for one in scores:
            style = styles[one.method]
            looks = {"color": style.colour, "ls": style.dash}
            markers = {"marker": style.marker, "mfc": style.fill, "color": style.colour}
            curve = precision_recall(one.bins)
            if curve is not None:
                label = summary.label(one.method)
                left.plot(100 * curve.recall, 100 * curve.precision, lw=1.4, label=label, **looks)
                if one.recall.value is not None and one.precision.value is not None:
                    left.plot(100 * one.recall.value, 100 * one.precision.value, ms=5, **markers)
            bins = reliability(one.bins)
            stated, observed = 100 * bins.mean_probability, 100 * bins.landslide_share
            right.plot(stated, observed, lw=1.2, ms=3.2, **markers | looks)
        right.plot([0, 100], [0, 100], color=INK, lw=0.8, ls=":")
        left.set(xlabel="recall, %", ylabel="precision, %", title="Precision and recall")
        right.set(xlabel="stated probability, %", ylabel="landslide, %", title="Reliability")
        for axis in (left, right):
            axis.set(xlim=(0, 101), ylim=(0, 101), aspect="equal")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        has_svm = any(summary.method(one.method).arch == "svm" for one in scores)
        return SvgChart(
            name=name,
            caption=f"{summary.title(dataset)}, split {split}. Left: precision over recall, the "
            "dot at the threshold. Right: fraction of landslide among pixels of a stated "
            "probability; on the diagonal the two agree. Folds and seeds are pooled."
            + (_SVM_NOTE if has_svm else ""),
            svg=svg_text(figure, name),
        )


def _panels(number: int, height_in: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels side by side, three in a row at most."""
    columns = min(number, _PANELS_IN_ROW)
    rows = -(-number // columns)
    figure = Figure(figsize=(_WIDTH_IN, height_in * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for unused in axes[number:]:
        unused.remove()
    return figure, axes[:number]


def _methods_at(summary: ExperimentSummary, places: Sequence[tuple[str, str]]) -> list[str]:
    present = {scores.method for place in places for scores in summary.all_scores(*place)}
    return [name for name in summary.results.methods if name in present]


def _label_panel(
    summary: ExperimentSummary, axis: Axes, names: Sequence[str], title: str, panels: int
) -> None:
    """Name the methods of a panel, and wrap its title to its width."""
    labels = ["\n".join(wrap(summary.label(name), _LABEL_LETTERS)) for name in names]
    axis.set_yticks([-at for at in range(len(names))], labels)
    axis.set_ylim(-len(names) + 0.4, 0.6)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("F1, %")
    axis.set_title("\n".join(wrap(title, _TITLE_LETTERS // min(panels, _PANELS_IN_ROW))))


def _draw_curves(
    summary: ExperimentSummary,
    axis: Axes,
    curves: Mapping[str, Sequence[PooledRunKey]],
    x_of: Callable[[PooledRunKey], float],
) -> list[float]:
    """Draw learning curves and return the x values of their points."""
    styles = line_styles(summary.results)
    ticks: set[float] = set()
    for method, keys in curves.items():
        style = styles[method]
        xs = [x_of(key) for key in keys]
        ticks |= {*xs}
        scores = [summary.scores[key].f1 for key in keys]
        low, middle, high = (
            np.array(_percents(getattr(score, name) for score in scores))
            for name in ("low", "value", "high")
        )
        axis.errorbar(
            xs,
            middle,
            yerr=np.nan_to_num(np.maximum([middle - low, high - middle], 0)),
            color=style.colour,
            ls=style.dash,
            marker=style.marker,
            mfc=style.fill,
            ms=5,
            lw=1.5,
            capsize=2.5,
            elinewidth=1,
            label=summary.label(method),
        )
    return sorted(ticks)


def _percents(values: Iterable[float | None]) -> list[float]:
    return [np.nan if value is None else 100 * value for value in values]
