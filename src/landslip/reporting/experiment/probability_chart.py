"""Precision over recall, and how far probabilities can be believed, as one chart."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landslip.metrics.curves import precision_recall, reliability
from landslip.reporting.experiment.charts import Chart
from landslip.reporting.experiment.lines import Line
from landslip.reporting.experiment.palette import Look, looks
from landslip.reporting.experiment.summary import Summary
from landslip.reporting.experiment.svg import style, svg_text

_SQUARE_IN = 4.4
_INK = "#1f2329"
_SVM = (
    " What the SVM states is its distance from the boundary put through the logistic function: a "
    "score fitted to nothing, not a probability that was promised."
)


def curves_chart(summary: Summary, dataset: str, split: str) -> Chart:
    """Precision over recall, and share of landslide over probability, of all methods."""
    lines = summary.lines_of(dataset, split)
    name = f"curves-{dataset}-{split}"
    with style():
        figure = Figure(figsize=(2 * _SQUARE_IN, _SQUARE_IN + 0.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        for line, look in _with_looks(summary, lines):
            label = summary.label(line.run.key.method)
            _draw_precision_recall(left, line, look, label)
            _draw_reliability(right, line, look)
        _dress_curves(left, right)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return Chart(
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


def _draw_precision_recall(axis: Axes, line: Line, look: Look, label: str) -> None:
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


def _draw_reliability(axis: Axes, line: Line, look: Look) -> None:
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


def _with_looks(summary: Summary, lines: Sequence[Line]) -> Iterator[tuple[Line, Look]]:
    known = looks(summary.results)
    for line in lines:
        yield line, known[line.run.key.method]
