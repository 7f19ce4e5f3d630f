"""Charts of an inventory as SVG text; the page's style sheet colours them by their classes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.statistics.inverse_gamma import InverseGamma
from landslip.inventory.statistics.result import (
    AreaFrequency,
    AreaHistogram,
    InverseGammaFit,
    PowerLawFit,
)
from landslip.reporting.inventory.axes import Axes, Scale, nice_top
from landslip.reporting.inventory.numbers import whole
from landslip.reporting.inventory.svg import drawing, element, line, polyline, words
from landslip.reporting.inventory.texts import Texts

Values = NDArray[np.float64]
_SECTORS = 16
_WIDE, _SMALL = (700.0, 400.0), (340.0, 240.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Values counted in classes.

    Attributes:
        counts: (n,).
        edges: (n + 1,).
        x_label: what the values are, and their unit.
    """

    counts: NDArray[np.int64]
    edges: Values
    x_label: str


def counted(values: Values, width: float, top: float, x_label: str) -> Bars:
    """Count values from 0 to ``top`` in classes of one width; what is beyond is in the last."""
    edges = np.arange(0.0, top + width / 2, width)
    counts = np.histogram(np.clip(values, 0.0, top), edges)[0]
    return Bars(counts=counts, edges=edges, x_label=x_label)


def bar_chart(bars: Bars, title: str, texts: Texts) -> str:
    """Return how many landslides are in each class."""
    width, height = _SMALL
    top = nice_top(float(bars.counts.max()))
    axes = Axes(
        x=Scale(
            low=float(bars.edges[0]), high=float(bars.edges[-1]), start_px=44, end_px=width - 8
        ),
        y=Scale(low=0, high=top, start_px=height - 42, end_px=24, is_count=True),
    )
    parts = list(axes.parts(bars.x_label, texts("landslides_axis")))
    for count, left, right in zip(bars.counts, bars.edges[:-1], bars.edges[1:], strict=True):
        if count:
            start, end, upper = axes.x(left) + 0.6, axes.x(right) - 0.6, axes.y(float(count))
            parts.append(_bar(start, upper, end - start, axes.y.start_px - upper))
    return drawing(width, height, parts, title)


def _bar(x: float, y: float, width: float, height: float) -> str:
    return element("rect", x=x, y=y, width=width, height=height, class_="bar")


def rose_chart(aspects_deg: Values, title: str, texts: Texts) -> str:
    """Return how many landslides face each of 16 directions; a sector's area is its number."""
    width, height = _SMALL
    middle, most = (width / 2, height / 2), height / 2 - 20
    at = np.floor((aspects_deg + 180 / _SECTORS) % 360 / (360 / _SECTORS)).astype(int)
    counts = np.bincount(at, minlength=_SECTORS)
    parts = list(_rose_frame(middle, most, texts))
    for sector, count in enumerate(counts.tolist()):
        if count:
            parts.append(_sector(middle, most * math.sqrt(count / counts.max()), sector))
    largest = int(counts.max())
    note = texts("rose_note", number=whole(largest))
    parts.append(words(width - 4, height - 4, note, anchor="end", class_="tick"))
    return drawing(width, height, parts, title)


def _rose_frame(middle: tuple[float, float], most: float, texts: Texts) -> Iterator[str]:
    x, y = middle
    for share in (0.5, 1.0):
        radius = most * math.sqrt(share)
        yield element("circle", cx=x, cy=y, r=radius, class_="grid", fill="none")
    for at, letter in enumerate(texts("compass").split()):
        angle = math.radians(90 * at)
        across, down = math.sin(angle), -math.cos(angle)
        yield line(middle, (x + most * across, y + most * down), class_="grid")
        place = x + (most + 11) * across, y + (most + 11) * down + 4
        yield words(*place, letter, anchor="middle", class_="label")


def _sector(middle: tuple[float, float], radius: float, sector: int) -> str:
    half = 180 / _SECTORS
    ends = [math.radians(sector * 2 * half + side * (half - 1)) for side in (-1, 1)]
    (x0, y0), (x1, y1) = (
        (middle[0] + radius * math.sin(end), middle[1] - radius * math.cos(end)) for end in ends
    )
    path = (
        f"M{middle[0]:.1f} {middle[1]:.1f}L{x0:.1f} {y0:.1f}"
        f"A{radius:.1f} {radius:.1f} 0 0 1 {x1:.1f} {y1:.1f}Z"
    )
    return element("path", d=path, class_="bar")


def area_frequency_chart(found: AreaFrequency, texts: Texts) -> str | None:
    """Return the probability density of area with its fits; None without a histogram."""
    histogram = found.histogram
    if histogram is None or not any(density > 0 for density in histogram.density_per_m2):
        return None
    axes = _frequency_axes(histogram)
    parts = list(axes.parts(texts("area_axis"), texts("density_axis")))
    if found.inverse_gamma is not None:
        parts += _inverse_gamma(found.inverse_gamma, axes, texts)
    if found.power_law is not None:
        parts += _power_law(found.power_law, found, axes)
    edges = histogram.edges_m2
    rows = zip(histogram.density_per_m2, histogram.landslides, edges[:-1], edges[1:], strict=True)
    for density, count, low, high in rows:
        if count and density > 0:
            parts += _dot(axes, math.sqrt(low * high), density, count)
    parts += _legend(found, texts)
    return drawing(*_WIDE, parts, texts("frequency_title"))


def _frequency_axes(histogram: AreaHistogram) -> Axes:
    known = [
        (low, high, density)
        for low, high, density in zip(
            histogram.edges_m2[:-1],
            histogram.edges_m2[1:],
            histogram.density_per_m2,
            strict=True,
        )
        if density > 0
    ]
    width, height = _WIDE
    densities = [density for _, _, density in known]
    return Axes(
        x=Scale(low=known[0][0], high=known[-1][1], start_px=64, end_px=width - 16, is_log=True),
        y=Scale(
            low=min(densities) / 4,
            high=max(densities) * 3,
            start_px=height - 46,
            end_px=28,
            is_log=True,
        ),
    )


def _dot(axes: Axes, area_m2: float, density: float, count: int) -> Iterator[str]:
    """Give a class of the histogram with the spread of a count, its root."""
    x, spread = axes.x(area_m2), 1 / math.sqrt(count)
    low = max(density * (1 - spread), axes.y.low)
    yield line((x, axes.y(low)), (x, axes.y(density * (1 + spread))), class_="whisker")
    yield element("circle", cx=x, cy=axes.y(density), r=3.2, class_="dot")


def inverse_gamma_density(areas_m2: Values, fit: InverseGammaFit) -> Values:
    """Return the fitted density per m², of areas from ``least_m2`` on; NaN up to ``s_m2``."""
    rho, scale, shift = fit.rho.value, fit.a_m2.value, fit.s_m2.value
    if rho is None or scale is None or shift is None:
        return np.full(areas_m2.shape, np.nan)
    fitted = InverseGamma(rho=rho, a_m2=scale, s_m2=shift)
    return np.where(areas_m2 > shift, fitted.density(areas_m2, fit.least_m2), np.nan)


def power_law_density(areas_m2: Values, exponent: float, from_m2: float, share: float) -> Values:
    """Return the density per m² of a tail from ``from_m2`` on that holds a share of all."""
    density: Values = share * (exponent - 1) / from_m2 * (areas_m2 / from_m2) ** -exponent
    return density


def _inverse_gamma(fit: InverseGammaFit, axes: Axes, texts: Texts) -> Iterator[str]:
    rollover = fit.rollover_m2
    if rollover.low is not None and rollover.high is not None:
        yield from _band(axes, rollover.low, rollover.high)
    if rollover.value is not None and axes.x.low <= rollover.value <= axes.x.high:
        x, bottom, top = axes.x(rollover.value), axes.y.start_px, axes.y.end_px
        yield line((x, bottom), (x, top), class_="rollover")
        yield words(x + 5, bottom - 8, texts("rollover_mark"), class_="tick rollover-word")
    low = max(fit.least_m2, axes.x.low)
    points = axes.curve(lambda areas: inverse_gamma_density(areas, fit), low, axes.x.high)
    yield polyline(points, class_="fit-gamma")


def _band(axes: Axes, low: float, high: float) -> Iterator[str]:
    left = axes.x(min(max(low, axes.x.low), axes.x.high))
    right = axes.x(min(max(high, axes.x.low), axes.x.high))
    height = axes.y.start_px - axes.y.end_px
    if right > left:
        yield element(
            "rect", x=left, y=axes.y.end_px, width=right - left, height=height, class_="band"
        )


def _power_law(fit: PowerLawFit, found: AreaFrequency, axes: Axes) -> Iterator[str]:
    """Give the line of the tail, and the area between those of its interval."""
    from_m2, exponent = fit.from_m2.value, fit.exponent.value
    histogram = found.histogram
    if from_m2 is None or exponent is None or histogram is None or from_m2 >= axes.x.high:
        return
    share = fit.landslides / max(sum(histogram.landslides), 1)

    def points(power: float) -> Values:
        return axes.curve(
            lambda areas: power_law_density(areas, power, from_m2, share), from_m2, axes.x.high
        )

    low, high = fit.exponent.low, fit.exponent.high
    if low is not None and high is not None and low > 1:
        ring = np.concatenate([points(low), points(high)[::-1]])
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in ring.tolist())
        yield element("polygon", points=text, class_="band-power")
    yield polyline(points(exponent), class_="fit-power")


def _legend(found: AreaFrequency, texts: Texts) -> Iterator[str]:
    rows = [("dot", texts("legend_classes"))]
    if found.inverse_gamma is not None:
        rows.append(("fit-gamma", texts("legend_gamma")))
        if found.inverse_gamma.rollover_m2.low is not None:
            rows.append(("band", texts("legend_rollover")))
    if found.power_law is not None:
        rows.append(("fit-power", texts("legend_power")))
    x = _WIDE[0] - 236
    for at, (mark, text) in enumerate(rows):
        y = 42.0 + 18 * at
        yield _legend_mark(mark, x, y)
        yield words(x + 30, y + 4, text, class_="tick")


def _legend_mark(mark: str, x: float, y: float) -> str:
    if mark == "dot":
        return element("circle", cx=x + 11, cy=y, r=3.2, class_=mark)
    if mark == "band":
        return element("rect", x=x, y=y - 5, width=22, height=10, class_=mark)
    return line((x, y), (x + 22, y), class_=mark)
