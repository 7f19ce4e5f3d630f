"""Charts of an inventory: area-frequency, aspects, slopes, confidences, reliability."""

import math
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from landslip.inventory.statistics.result import (
    AreaFrequency,
    InverseGammaFit,
    PowerLawFit,
)
from landslip.metrics.inverse_gamma import InverseGamma
from landslip.models.card import ProbabilityCalibrationCard
from landslip.reporting.charts import (
    BLUE,
    GREY,
    INK,
    OCHRE,
    RED,
    SvgChart,
    chart_style,
    svg_text,
)
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.tables import label_with_unit
from landslip.reporting.numbers import whole
from landslip.reporting.texts import Texts

SECTORS = 16
_WIDE_IN, _SMALL_IN, _SQUARE_IN = (8.4, 4.7), (4.1, 2.9), (4.1, 3.9)
_CURVE_POINTS = 200
Values = NDArray[np.float64]


def distribution_charts(data: InventoryData, texts: Texts) -> list[SvgChart]:
    """Return the charts for which there is anything to show."""
    frequency = None if data.statistics is None else data.statistics.area_frequency
    chart = None if frequency is None else area_frequency_chart(frequency, texts)
    charts = [] if chart is None else [chart]
    aspects = data.numbers("aspect_deg")
    if len(aspects):
        charts.append(rose_chart(aspects, texts))
    for name, width, top in (("slope_deg", 5.0, 90.0), ("confidence", 0.05, 1.0)):
        values = data.numbers(name)
        if len(values):
            last = min(top, max(60.0, float(values.max()))) if name == "slope_deg" else top
            charts.append(histogram_chart(name, values, histogram_edges(width, last), texts))
    return charts


def histogram_edges(width: float, top: float) -> Values:
    """Return the edges of classes of one width from 0 to at least ``top``."""
    return np.arange(0.0, top + width / 2, width)


def histogram_chart(name: str, values: Values, edges: Values, texts: Texts) -> SvgChart:
    """Return how many landslides are in each class of a column; the last has all beyond it."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    with chart_style():
        figure = Figure(figsize=_SMALL_IN, layout="constrained")
        axis = figure.subplots()
        axis.bar(edges[:-1], counts, np.diff(edges), align="edge", color=BLUE, ec="white", lw=1)
        axis.set(xlim=(edges[0], edges[-1]), xlabel=label_with_unit(name, texts))
        axis.set_ylabel(texts("landslides_axis"))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(visible=False, axis="x")
        return SvgChart(
            name=f"histogram-{name}",
            caption=texts(f"{name}_caption", number=whole(len(values))),
            svg=svg_text(figure, f"histogram-{name}", texts.column(name)),
        )


def rose_chart(aspects_deg: Values, texts: Texts) -> SvgChart:
    """Return how many landslides face each of 16 directions; a sector's area is its number."""
    sector = 360 / SECTORS
    at = np.floor((aspects_deg + sector / 2) % 360 / sector).astype(int)
    counts = np.bincount(at, minlength=SECTORS)
    with chart_style():
        figure = Figure(figsize=_SMALL_IN, layout="constrained")
        axis = cast("PolarAxes", figure.add_subplot(projection="polar"))
        axis.set_theta_zero_location("N")
        axis.set_theta_direction(-1)
        angles = np.radians(sector * np.arange(SECTORS))
        axis.bar(angles, np.sqrt(counts), np.radians(sector - 2), color=BLUE, ec="none")
        axis.set_ylim(0, math.sqrt(counts.max()))
        axis.set_yticks([math.sqrt(counts.max() / 2)], [""])
        axis.set_thetagrids((0, 90, 180, 270), texts("compass").split())
        note = texts("rose_note", number=whole(int(counts.max())))
        figure.text(0.99, 0.02, note, ha="right", color="#4c5662")
        return SvgChart(
            name="rose",
            caption=texts("rose_caption", number=whole(len(aspects_deg))),
            svg=svg_text(figure, "rose", texts("rose_title")),
        )


def area_frequency_chart(frequency: AreaFrequency, texts: Texts) -> SvgChart | None:
    """Return the probability density of area with its fits; None without a histogram."""
    histogram = frequency.histogram
    if histogram is None or not any(density > 0 for density in histogram.density_per_m2):
        return None
    with chart_style():
        figure = Figure(figsize=_WIDE_IN, layout="constrained")
        axis = figure.subplots()
        axis.set(xscale="log", yscale="log", xlabel=texts("area_axis"))
        axis.set_ylabel(texts("density_axis"))
        density, counts = np.array(histogram.density_per_m2), np.array(histogram.landslides)
        edges = np.array(histogram.edges_m2)
        filled = (density > 0) & (counts > 0)
        middles = np.sqrt(edges[:-1] * edges[1:])[filled]
        low, high = density[filled].min() / 4, density[filled].max() * 3
        spread = density[filled] / np.sqrt(counts[filled])  # a count's is its square root
        axis.errorbar(
            middles,
            density[filled],
            yerr=[np.minimum(spread, density[filled] - low), spread],
            fmt="o",
            color=INK,
            ms=5,
            elinewidth=1,
            label=texts("legend_classes"),
            zorder=4,
        )
        seen = np.flatnonzero(density > 0)
        axis.set(xlim=(edges[seen[0]], edges[seen[-1] + 1]), ylim=(low, high))
        if frequency.inverse_gamma is not None:
            _draw_inverse_gamma(axis, frequency.inverse_gamma, texts)
        if frequency.power_law is not None:
            _draw_power_law(axis, frequency.power_law, sum(histogram.landslides), texts)
        axis.legend(loc="upper right")
        return SvgChart(
            name="area-frequency",
            caption=texts("frequency_caption"),
            svg=svg_text(figure, "area-frequency", texts("frequency_title")),
            wide=True,
        )


def inverse_gamma_density(areas_m2: Values, fit: InverseGammaFit) -> Values:
    """Return the fitted density per m², of areas from ``least_m2`` on; NaN up to ``s_m2``."""
    rho, scale, shift = fit.rho.value, fit.a_m2.value, fit.s_m2.value
    if rho is None or scale is None or shift is None:
        return np.full(areas_m2.shape, np.nan)
    fitted = InverseGamma(rho=rho, a_m2=scale, s_m2=shift)
    return np.where(areas_m2 > shift, fitted.density(areas_m2, fit.least_m2), np.nan)


def power_law_density(
    areas_m2: Values, exponent: float | Values, from_m2: float, fraction: float
) -> Values:
    """Return the density per m² of a tail from ``from_m2`` on that has a fraction of all."""
    density: Values = fraction * (exponent - 1) / from_m2 * (areas_m2 / from_m2) ** -exponent
    return density


def _draw_inverse_gamma(axis: Axes, fit: InverseGammaFit, texts: Texts) -> None:
    low, high = axis.get_xlim()
    rollover = fit.rollover_m2
    label = texts("legend_gamma")
    areas = np.geomspace(max(fit.least_m2, low), high, _CURVE_POINTS)
    axis.plot(areas, inverse_gamma_density(areas, fit), color=RED, lw=2.2, label=label, gid="gamma")
    if rollover.low is not None and rollover.high is not None:
        label = texts("legend_rollover")
        axis.axvspan(rollover.low, rollover.high, color=RED, alpha=0.13, lw=0, label=label)
    if rollover.value is not None and low <= rollover.value <= high:
        axis.axvline(rollover.value, color=RED, lw=1, ls=(0, (3, 3)), gid="rollover")
        axis.annotate(
            texts("rollover_mark"),
            (rollover.value, 0.02),
            (4, 0),
            xycoords=axis.get_xaxis_transform(),
            textcoords="offset points",
            color=RED,
        )
    axis.set_xlim(low, high)


def _draw_power_law(axis: Axes, fit: PowerLawFit, landslides: int, texts: Texts) -> None:
    """Draw the line of the tail, and the band between the lines of its interval."""
    top = axis.get_xlim()[1]
    from_m2, exponent = fit.from_m2.value, fit.exponent.value
    if from_m2 is None or exponent is None or from_m2 >= top:
        return
    fraction = fit.landslides / max(landslides, 1)
    areas = np.geomspace(from_m2, top, _CURVE_POINTS)
    style: dict[str, Any] = {"color": BLUE, "lw": 2.2, "ls": (0, (7, 4)), "gid": "power-law"}
    density = power_law_density(areas, exponent, from_m2, fraction)
    axis.plot(areas, density, label=texts("legend_power"), **style)
    low, high = fit.exponent.low, fit.exponent.high
    if low is not None and high is not None and low > 1:
        # the lines of all exponents between: those of its ends cross, and enclose less
        powers = np.linspace(low, high, _CURVE_POINTS)[:, np.newaxis]
        lines = power_law_density(areas, powers, from_m2, fraction)
        style = {"color": BLUE, "alpha": 0.18, "lw": 0, "gid": "power-law-interval"}
        axis.fill_between(areas, lines.min(axis=0), lines.max(axis=0), **style)


def reliability_chart(card: ProbabilityCalibrationCard, texts: Texts) -> SvgChart:
    """Return the fraction of landslide over the probability, before and after calibration."""
    with chart_style():
        figure = Figure(figsize=_SQUARE_IN, layout="constrained")
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (5, 4)))
        tables = (
            ("before", card.reliability_before, OCHRE),
            ("after", card.reliability_after, BLUE),
        )
        for name, table, colour in tables:
            if table is not None:
                label = texts(f"calibration_{name}")
                points = table.mean_probability, table.landslide_share
                axis.plot(*points, "o-", color=colour, lw=1.8, ms=4, label=label, gid=name)
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel=texts("probability_axis"))
        axis.set_ylabel(texts("share_axis"))
        handles = axis.get_legend_handles_labels()[0]
        if handles:
            axis.legend(loc="upper left")
        return SvgChart(
            name="reliability",
            caption=texts("reliability_caption"),
            svg=svg_text(figure, "reliability", texts("reliability_title")),
        )
