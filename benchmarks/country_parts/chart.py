"""A chart of hours against machines."""

from dataclasses import replace
from pathlib import Path

from country_parts.cases import Assumed, Case
from country_parts.figures import Figures
from country_parts.tables import CORES, solved

_MACHINES = (1, 3, 10, 30, 100)
_COLOURS = ("#7a5195", "#ef5675", "#2f7f9f")


def draw(figures: Figures, assumed: Assumed, path: Path) -> None:
    """Plot a panel for each precision: machines alone, on spot, and as one cluster."""
    from matplotlib.figure import Figure

    speeds = [speed for speed in figures.speeds if speed.device == "cpu"]
    figure = Figure(figsize=(4.6 * len(speeds), 4.2), layout="constrained")
    panels = figure.subplots(1, len(speeds), sharey=True, squeeze=False)[0]
    for panel, speed in zip(panels, speeds, strict=True):
        for cores, colour in zip(CORES, _COLOURS, strict=True):
            cases = [Case(speed=speed, machines=n, cores=cores) for n in _MACHINES]
            cluster = [replace(case, drivers=1) for case in cases]
            for line, mark, some in (("-", "o", cases), ("--", "x", cluster)):
                hours = [solved(case, figures, assumed).hours for case in some]
                panel.plot(_MACHINES, hours, line, marker=mark, color=colour, markersize=5)
        panel.set(xscale="log", yscale="log", title=speed.name, xlabel="machines")
        panel.set_xticks(_MACHINES, [str(n) for n in _MACHINES])
        panel.yaxis.set_major_formatter("{x:g}")
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(f"hours for {assumed.scenes:,} scenes")
    for cores, colour in zip(CORES, _COLOURS, strict=True):
        panels[-1].plot([], [], color=colour, label=f"{cores} cores each")
    panels[-1].plot([], [], "k-", marker="o", markersize=5, label="a list of scenes each")
    panels[-1].plot([], [], "k--", marker="x", markersize=5, label="one cluster, one driver")
    panels[-1].legend(fontsize=8)
    if any(speed.provisional for speed in figures.speeds):
        figure.suptitle("from provisional figures", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
