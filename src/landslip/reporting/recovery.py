"""Charts of recovery: the rates of landslides over the years, their half-lives, and survival."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from landslip.multitemporal.recovery.rates import RECOVERED_RATE
from landslip.multitemporal.recovery.survival import SurvivalCurve
from landslip.reporting.charts import (
    BLUE,
    GREY,
    INK,
    OCHRE,
    RED,
    SvgChart,
    chart_style,
    svg_file,
    svg_text,
)

_WIDE_IN, _SMALL_IN = (8.4, 4.0), (4.1, 2.9)
_LINES = 300
_LONGEST_YEARS = 30.0


def write_charts(
    landslides: pd.DataFrame,
    trajectories: pd.DataFrame,
    survival: SurvivalCurve | None,
    folder: Path,
) -> list[str]:
    """Write the charts for which there is anything to show as SVG files; return their names."""
    charts = []
    if trajectories["rate"].notna().any():
        charts.append(rates_chart(trajectories))
    if landslides["half_life_years"].notna().any():
        charts.append(half_lives_chart(landslides))
    if survival is not None:
        charts.append(survival_chart(survival))
    for chart in charts:
        (folder / f"{chart.name}.svg").write_text(svg_file(chart.svg), encoding="utf-8")
    return [f"{chart.name}.svg" for chart in charts]


def rates_chart(trajectories: pd.DataFrame) -> SvgChart:
    """Return the rates of up to 300 landslides over the years, and the quartiles of each year."""
    known = trajectories[trajectories["rate"].notna()]
    later = known[known["rate"] != 0]  # it is 0 by definition on the first date after
    lines = [one for _, one in known.groupby("id", sort=False) if len(one) > 1]
    step = max(-(-len(lines) // _LINES), 1)
    with chart_style():
        figure = Figure(figsize=_WIDE_IN, layout="constrained")
        axis = figure.subplots()
        for one in lines[::step]:
            axis.plot(one["years"], one["rate"], color=GREY, lw=0.5, alpha=0.35, zorder=1)
        ages = np.floor(later["years"].to_numpy())
        quartiles = later["rate"].groupby(ages).quantile(np.array([0.25, 0.5, 0.75])).unstack()
        middle = later["years"].groupby(ages).median()
        low, median, high = quartiles.to_numpy().T
        axis.errorbar(
            middle,
            median,
            [median - low, high - median],
            fmt="o",
            color=BLUE,
            ms=4,
            capsize=3,
            zorder=3,
            label="median of each year, and half of the landslides",
        )
        axis.axhline(RECOVERED_RATE, color=OCHRE, lw=1, ls="--", label="recovered")
        axis.set_ylim(-0.5, 1.5)
        axis.set(xlabel="Years since the landslide", ylabel="Recovery rate")
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.legend(loc="upper left")
        name, caption = "recovery_rates", f"Recovery rates of {len(lines):,} landslides"
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption), wide=True)


def half_lives_chart(landslides: pd.DataFrame) -> SvgChart:
    """Return how many landslides have which half-life; those over 30 years are in the last bar."""
    values = landslides["half_life_years"].dropna().to_numpy()
    longest = min(_LONGEST_YEARS, max(float(np.ceil(values.max())), 1.0))
    edges = np.linspace(0, longest, 16)
    counts = np.histogram(np.clip(values, 0, longest), edges)[0]
    never = int((landslides["returning"] == "not returning").sum())
    with chart_style():
        figure = Figure(figsize=_SMALL_IN, layout="constrained")
        axis = figure.subplots()
        axis.bar(edges[:-1], counts, np.diff(edges), align="edge", color=BLUE, ec="white", lw=1)
        axis.axvline(float(np.median(values)), color=RED, lw=1.2)
        axis.set(
            xlabel="Half-life of the loss (years; over 30 in the last bar)", ylabel="Landslides"
        )
        axis.set_title(f"median {np.median(values):.2g} years; {never:,} not returning")
        axis.grid(visible=False, axis="x")
        name, caption = "half_lives", f"Half-lives of {len(values):,} landslides"
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption))


def survival_chart(curve: SurvivalCurve) -> SvgChart:
    """Return the share of landslides not yet recovered, with its 95 % interval."""
    years = np.concatenate([[0.0], curve.years])
    share = np.concatenate([[1.0], curve.share])
    low, high = (
        np.concatenate([[1.0], np.nan_to_num(part, nan=1.0)]) for part in (curve.low, curve.high)
    )
    total, recovered = int(curve.at_risk[0]), int(curve.recovered.sum())
    with chart_style():
        figure = Figure(figsize=_WIDE_IN, layout="constrained")
        axis = figure.subplots()
        axis.fill_between(years, low, high, step="post", color=BLUE, alpha=0.15, lw=0)
        axis.step(years, share, where="post", color=BLUE, lw=1.6)
        censored = curve.at_risk - curve.recovered - np.append(curve.at_risk[1:], 0)
        ends = curve.years[censored > 0]
        axis.plot(ends, curve.share[censored > 0], "|", color=INK, ms=7, label="last seen")
        axis.set_ylim(0, 1.02)
        axis.set_xlim(0, None)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.set(xlabel="Years since the landslide", ylabel="Not yet recovered")
        axis.set_title(f"{recovered:,} of {total:,} landslides have recovered")
        axis.legend(loc="lower left")
        name, caption = "survival", "Landslides not yet recovered (Kaplan-Meier, 95 % interval)"
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption), wide=True)
