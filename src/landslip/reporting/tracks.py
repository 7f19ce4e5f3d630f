"""Charts of histories: area by state on each date, and flows between states."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.multitemporal.tracking.record import TracksRecord
from landslip.multitemporal.tracking.track_state import TrackState
from landslip.reporting.charts import INK, SvgChart, chart_style, svg_file, svg_text

_WIDTH_IN, _HEIGHT_IN = 8.0, 4.4
_BAR = 0.16
_GAP = 0.015
_FEW_FOR_WIDTH = 6


def write_charts(record: TracksRecord, folder: Path, language: Language) -> list[str]:
    """Write both charts and return the names of their files; none without a landslide."""
    if record.tracks == 0:
        return []
    names = []
    for chart in (area_chart(record, language), flow_chart(record, language)):
        names.append(f"{chart.name}.svg")
        (folder / names[-1]).write_text(svg_file(chart.svg), encoding="utf-8")
    return names


def area_chart(record: TracksRecord, language: Language) -> SvgChart:
    """Return the area of landslides in each state on each date."""
    return _chart("area_by_state", _draw_areas, record, language, without=TrackState.NOT_OBSERVED)


def flow_chart(record: TracksRecord, language: Language) -> SvgChart:
    """Return how many landslides went from which state to which between dates."""
    return _chart("flows", _draw_flows, record, language)


def _chart(
    name: str,
    draw: Callable[[Axes, TracksRecord, Language], None],
    record: TracksRecord,
    language: Language,
    without: TrackState | None = None,
) -> SvgChart:
    dates = record.dates
    used = {state for one in dates for state in one.states} - {without}
    with chart_style():
        width = _WIDTH_IN * max(1.0, len(dates) / _FEW_FOR_WIDTH)
        figure = Figure(figsize=(width, _HEIGHT_IN), layout="constrained")
        axis = figure.subplots()
        draw(axis, record, language)
        axis.set_xticks(range(len(dates)), [one.stated for one in dates])
        axis.grid(visible=False, axis="x")
        _add_legend(figure, [state for state in STATE_COLOURS if state in used], language)
        title = axis.get_title(loc="left")
        return SvgChart(name=name, caption=title, svg=svg_text(figure, name, title), wide=True)


def state_colour(state: str) -> str:
    """Return the colour of a state as in all files, like ``#bd0026``."""
    return "#{:02x}{:02x}{:02x}".format(*STATE_COLOURS[TrackState(state)])


def _add_legend(figure: Figure, shown: Sequence[TrackState], language: Language) -> None:
    patches = [PathPatch(Curve([(0, 0)]), fc=state_colour(state), ec="none") for state in shown]
    labels = [message(f"state.{state}").text(language) for state in shown]
    figure.legend(patches, labels, loc="outside right upper")


def _draw_areas(axis: Axes, record: TracksRecord, language: Language) -> None:
    """Draw what landslides in each state cover, of what was observed."""
    bottom = np.zeros(len(record.dates))
    for state in STATE_COLOURS:
        if state == TrackState.NOT_OBSERVED:
            continue
        areas_km2 = np.array([one.areas_m2.get(state, 0.0) for one in record.dates]) / 1e6
        axis.bar(
            range(len(areas_km2)), areas_km2, 0.7, bottom, color=state_colour(state), ec="none"
        )
        bottom += areas_km2
    axis.set_title(message("tracks.area_title").text(language))
    axis.set_ylabel(message("tracks.area_axis").text(language))


def _draw_flows(axis: Axes, record: TracksRecord, language: Language) -> None:
    """Draw the landslides of each date as a column by state, and bands between columns."""
    days = [one.date for one in record.dates]
    most = max(sum(one.states.values()) for one in record.dates)
    gap = _GAP * most
    starts: list[dict[str, float]] = []
    for position, one in enumerate(record.dates):
        level, start = 0.0, dict[str, float]()
        for state in STATE_COLOURS:
            count = one.states.get(state, 0)
            if count:
                start[state] = level
                axis.bar(position, count, 2 * _BAR, level, color=state_colour(state), ec="none")
                level += count + gap
        starts.append(start)
    left = [dict(start) for start in starts]
    right = [dict(start) for start in starts]
    order = {str(state): number for number, state in enumerate(STATE_COLOURS)}
    flows = [flow for flow in record.flows if flow.from_state is not None]
    for flow in sorted(
        flows, key=lambda one: (one.date, order[str(one.from_state)], order[one.to_state])
    ):
        to, source = days.index(flow.date), str(flow.from_state)
        low, end = left[to - 1][source], right[to][flow.to_state]
        left[to - 1][source] += flow.landslides
        right[to][flow.to_state] += flow.landslides
        axis.add_patch(
            _band(
                to - 1 + _BAR, to - _BAR, (low, end), flow.landslides, state_colour(flow.to_state)
            )
        )
    axis.set_title(message("tracks.flow_title").text(language))
    axis.set_ylabel(message("tracks.flow_axis").text(language))
    axis.tick_params(colors=INK)
    axis.set_yticks([])
    axis.grid(visible=False)


def _band(x0: float, x1: float, lows: tuple[float, float], height: float, colour: str) -> PathPatch:
    (low, end), middle = lows, (x0 + x1) / 2
    points = [
        (x0, low),
        (middle, low),
        (middle, end),
        (x1, end),
        (x1, end + height),
        (middle, end + height),
        (middle, low + height),
        (x0, low + height),
        (x0, low),
    ]
    curve = [Curve.CURVE4] * 3
    codes = [Curve.MOVETO, *curve, Curve.LINETO, *curve, Curve.CLOSEPOLY]
    return PathPatch(Curve(points, codes), fc=colour, ec="none", alpha=0.45)
