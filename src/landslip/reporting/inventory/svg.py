"""SVG as text: a few elements, everything escaped, the fonts those of the page."""

from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray


def element(name: str, text: str = "", /, **attributes: object) -> str:
    """Return an element; ``_`` in names of attributes stands for ``-``, a last one for nothing.

    Args:
        name: of the element.
        text: what stands in it: other elements, or escaped text.
        attributes: those that are None are left out.
    """
    parts = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{parts}>{text}</{name}>" if text else f"<{name}{parts}/>"


def words(x: float, y: float, text: str, **attributes: object) -> str:
    """Return text at a place; ``anchor`` is start, middle or end."""
    anchor = attributes.pop("anchor", None)
    return element("text", escape(text), x=x, y=y, text_anchor=anchor, **attributes)


def line(start: tuple[float, float], end: tuple[float, float], **attributes: object) -> str:
    """Return a straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def polyline(points: NDArray[np.float64], **attributes: object) -> str:
    """Return a line through points (n, 2)."""
    text = " ".join(f"{_short(x)},{_short(y)}" for x, y in points.tolist())
    return element("polyline", points=text, fill="none", **attributes)


def drawing(width: float, height: float, parts: Iterable[str], title: str) -> str:
    """Return a whole ``<svg>``, as wide as what it stands in; ``title`` is for those who hear."""
    return element(
        "svg",
        f"<title>{escape(title)}</title>" + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_short(width)} {_short(height)}",
        role="img",
    )


def _short(value: object) -> str:
    """Return a value as text, floats with at most two decimals."""
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
