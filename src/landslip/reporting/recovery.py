"""Charts of recovery: the rates of landslides over the years, their half-lives, and survival."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from landslip.core.choices import Language
from landslip.core.messages import message
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
    language: Language,
) -> list[str]:
    """Write the charts for which there is anything to show as SVG files; return their names."""
    charts = recovery_charts(landslides, trajectories, survival, language)
    for chart in charts:
        (folder / f"{chart.name}.svg").write_text(svg_file(chart.svg), encoding="utf-8")
    return [f"{chart.name}.svg" for chart in charts]


def recovery_charts(
    landslides: pd.DataFrame,
    trajectories: pd.DataFrame,
    survival: SurvivalCurve | None,
    language: Language,
) -> list[SvgChart]:
    """Return the charts for which there is anything to show."""
    charts = []
    if trajectories["rate"].fillna(0).ne(0).any():  # it is 0 by definition on the first date after
        charts.append(rates_chart(trajectories, language))
    if landslides["half_life_years"].notna().any():
        charts.append(half_lives_chart(landslides, language))
    if survival is not None:
        charts.append(survival_chart(survival, language))
    return charts


def rates_chart(trajectories: pd.DataFrame, language: Language) -> SvgChart:
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
            label=message("recovery.rate_median").text(language),
        )
        recovered = message("recovery_class.recovered").text(language)
        axis.axhline(RECOVERED_RATE, color=OCHRE, lw=1, ls="--", label=recovered)
        axis.set_ylim(-0.5, 1.5)
        axis.set_xlabel(message("recovery.years_axis").text(language))
        axis.set_ylabel(message("recovery.rate_axis").text(language))
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.legend(loc="upper left")
        name = "recovery_rates"
        caption = message("recovery.rates_title", count=len(lines)).text(language)
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption), wide=True)


def half_lives_chart(landslides: pd.DataFrame, language: Language) -> SvgChart:
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
        axis.set_xlabel(message("recovery.half_life_axis").text(language))
        axis.set_ylabel(message("tracks.flow_axis").text(language))
        middle = f"{np.median(values):.2g}"
        title = message("recovery.half_life_median", median=middle, never=never)
        axis.set_title(title.text(language))
        axis.grid(visible=False, axis="x")
        name = "half_lives"
        caption = message("recovery.half_lives_title", count=len(values)).text(language)
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption))


def survival_chart(curve: SurvivalCurve, language: Language) -> SvgChart:
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
        axis.plot(
            ends,
            curve.share[censored > 0],
            "|",
            color=INK,
            ms=7,
            label=message("recovery.censored").text(language),
        )
        axis.set_ylim(0, 1.02)
        axis.set_xlim(0, None)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
        axis.set_xlabel(message("recovery.years_axis").text(language))
        axis.set_ylabel(message("recovery.survival_axis").text(language))
        title = message("recovery.survival_title", recovered=recovered, total=total)
        axis.set_title(title.text(language))
        axis.legend(loc="lower left")
        name, caption = "survival", message("recovery.survival_caption").text(language)
        return SvgChart(name=name, caption=caption, svg=svg_text(figure, name, caption), wide=True)
