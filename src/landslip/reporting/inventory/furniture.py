"""What a map carries: a scale bar, an arrow to the north, and a graticule."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from landslip.reporting.inventory.numbers import degrees, distance
from landslip.reporting.inventory.svg import element, line, polyline, words
from landslip.reporting.inventory.view import View

_STEPS_DEG = (30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
_LINE_POINTS = 33


def scale_bar(view: View, x: float, y: float, longest_px: float) -> str:
    """Return a bar of a round length with its lower left corner at a place; nothing if unknown."""
    metres = view.metres_per_px
    if metres is None:
        return ""
    length_m = _round_length(longest_px * metres)
    length = length_m / metres
    back = element(
        "rect", x=x - 8, y=y - 20, width=length + 16, height=28.0, rx=2, class_="plate-back"
    )
    half = element("rect", x=x, y=y - 3, width=length / 2, height=5.0, class_="bar-dark")
    rest = element(
        "rect", x=x + length / 2, y=y - 3, width=length / 2, height=5.0, class_="bar-light"
    )
    text = words(x + length / 2, y - 8, distance(length_m), anchor="middle", class_="map-word")
    return back + half + rest + text


def _round_length(most_m: float) -> float:
    power = 10.0 ** math.floor(math.log10(most_m))
    return next(power * step for step in (5, 2, 1) if power * step <= most_m * (1 + 1e-9))


def north_arrow(view: View, x: float, y: float, letter: str) -> str:
    """Return an arrow to true north about a place; nothing if unknown."""
    angle = view.north_deg
    if angle is None:
        return ""
    back = element("circle", cx=x, cy=y, r=17.0, class_="plate-back")
    dart = element("path", d="M0 -14L5 7L0 3L-5 7Z", class_="north")
    sign = words(0, 14.0, letter, anchor="middle", class_="map-word")
    return back + element(
        "g", dart + sign, transform=f"translate({x:.1f} {y:.1f}) rotate({angle:.2f})"
    )


def graticule(view: View) -> tuple[str, str]:
    """Return lines of longitude and latitude, and their labels left of and under the picture."""
    ground = view.lonlat(_edge(view))
    if ground is None or not np.isfinite(ground).all():
        return "", ""
    low, high = ground.min(axis=0), ground.max(axis=0)
    extent = high - low
    if extent[0] > 180 or min(extent) <= 0:
        return "", ""
    step = _step(float(max(extent)))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    lines: list[str] = []
    labels: list[str] = []
    for axis in (0, 1):
        for value in _multiples(float(low[axis]), float(high[axis]), step):
            points = _course(view, axis, value, (low, high))
            if points is None:
                continue
            lines.append(polyline(points, class_="graticule"))
            labels += _label(
                view, axis, points, degrees(value, decimals, "EW" if axis == 0 else "NS")
            )
    return "".join(lines), "".join(labels)


def _edge(view: View) -> NDArray[np.float64]:
    along = np.linspace(0, 1, _LINE_POINTS)
    low, high = np.zeros(_LINE_POINTS), np.ones(_LINE_POINTS)
    sides = [(along, low), (along, high), (low, along), (high, along)]
    points = np.concatenate([np.column_stack(side) for side in sides])
    return points * np.array([view.width, view.height], dtype=np.float64)


def _step(extent_deg: float) -> float:
    """Return the widest step that gives at least three lines."""
    return float(next((step for step in _STEPS_DEG if extent_deg / step >= 3), _STEPS_DEG[-1]))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(at * step, 6) for at in range(first, min(last, first + 30) + 1)]


def _course(
    view: View, axis: int, value: float, extent: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """Return a line of equal longitude (axis 0) or latitude (1) in pixels."""
    other = 1 - axis
    lonlat = np.empty((_LINE_POINTS, 2))
    lonlat[:, axis] = value
    lonlat[:, other] = np.linspace(extent[0][other], extent[1][other], _LINE_POINTS)
    points = view.pixels_of_lonlat(lonlat)
    return None if points is None or not np.isfinite(points).all() else points


def _label(view: View, axis: int, points: NDArray[np.float64], text: str) -> Iterator[str]:
    """Give a label where a line leaves the picture, below (longitude) or to the left."""
    edge = float(view.height) if axis == 0 else 0.0
    across = 1 - axis
    order = np.argsort(points[:, across])
    if not points[order[0], across] <= edge <= points[order[-1], across]:
        return
    place = float(np.interp(edge, points[order, across], points[order, axis]))
    if not 0 <= place <= (view.width if axis == 0 else view.height):
        return
    if axis == 0:
        yield line((place, edge), (place, edge + 5), class_="axis")
        yield words(place, edge + 17, text, anchor="middle", class_="tick")
    else:
        yield line((-5.0, place), (0.0, place), class_="axis")
        yield words(-8.0, place + 3.5, text, anchor="end", class_="tick")
