"""Matplotlib figures as SVG elements of a page: text stays text, and the bytes are reproducible."""

import base64
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

INK, GREY, BLUE, RED, OCHRE = "#1d2530", "#7e8894", "#3d5f7d", "#962e1b", "#b7791f"
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
    "axes.unicode_minus": True,
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
    "figure.dpi": 72,
}
_FONTS = (
    "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'DejaVu Sans', 'Noto Sans CJK SC', "
    "'PingFang SC', 'Microsoft YaHei', 'WenQuanYi Zen Hei', sans-serif"
)
_PNG = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")
_JPEG_QUALITY, _PALETTE, _RASTER_DPI = 82, 64, 144


@dataclass(frozen=True, slots=True, kw_only=True)
class SvgChart:
    """A chart; ``name`` is unique in the page and the stem of its file.

    Attributes:
        svg: an ``<svg>`` element.
        wide: it needs the whole width of the page.
    """

    name: str
    caption: str
    svg: str
    wide: bool = False


@contextmanager
def chart_style() -> Iterator[None]:
    """Set the style that figures are both drawn and written in."""
    with mpl.rc_context(_CHART_STYLE):
        yield


def svg_text(figure: Figure, name: str, title: str = "") -> str:
    """Return a figure that was drawn within `chart_style` as an ``<svg>`` element.

    ``name`` is the prefix of its ids, unique in the page; ``title`` is for screen readers.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Chinese text is set in the reader's fonts; matplotlib only measures it
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(
            buffer, format="svg", dpi=_RASTER_DPI, metadata={"Date": None, "Creator": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans', sans-serif", _FONTS)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' d="[^"]*"', _rounded_path, text)
    text = _PNG.sub(_compressed, text)
    for mark in ('id="', 'href="#', "url(#"):
        text = text.replace(mark, f"{mark}{name}-")
    if title:
        text = text.replace("<svg", '<svg role="img"', 1)
        text = text.replace(">", f">\n<title>{escape(title)}</title>", 1)
    return text.strip()


def _rounded_path(match: re.Match[str]) -> str:
    """Return the path of an SVG element to a hundredth of a pixel, half as long."""
    text = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", match[0])
    return text.replace(" \n", "")


def _compressed(match: re.Match[str]) -> str:
    """Return an embedded PNG as a JPEG, or, where it is partly transparent, with a palette."""
    image = Image.open(io.BytesIO(base64.b64decode(match[1])))
    alpha = image.getchannel("A").getextrema() if image.mode == "RGBA" else (255, 255)
    if alpha[0] == 255:
        return image_uri(image.convert("RGB"), "JPEG", quality=_JPEG_QUALITY, optimize=True)
    few = image.quantize(_PALETTE, method=Image.Quantize.FASTOCTREE)
    return image_uri(few, "PNG")


def image_uri(image: Image.Image, kind: str, **options: Any) -> str:
    """Return an image as a data URI that a page can embed."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"


def svg_file(text: str) -> str:
    """Return an ``<svg>`` element as the text of a file."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
