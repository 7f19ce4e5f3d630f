"""Figures as SVG text that stands in a page: fonts as text, the same bytes at every run."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_CHART_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "landslip",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8f98",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e6ea",
    "grid.linewidth": 0.7,
    "xtick.color": "#4b5058",
    "ytick.color": "#4b5058",
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "text.color": "#1f2329",
    "axes.labelcolor": "#1f2329",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "path.simplify": True,
}
_FONTS = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class SvgChart:
    """A drawn chart; ``name`` is that of its file and unique in the report."""

    name: str
    caption: str
    svg: str


@contextmanager
def chart_style() -> Iterator[None]:
    """Set the style that figures are both drawn and written in."""
    with mpl.rc_context(_CHART_STYLE):
        yield


def svg_text(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element; ``name`` begins its ids, unique in the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans', sans-serif", _FONTS)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for mark in ('id="', 'href="#', "url(#"):
        text = text.replace(mark, f"{mark}{name}-")
    return text.strip()


def svg_file(text: str) -> str:
    """Return the same as the text of a file of its own."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
