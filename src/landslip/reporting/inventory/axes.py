"""Axes of a chart: scales, ticks, and a frame with grid lines."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from landslip.reporting.inventory.numbers import rounded
from landslip.reporting.inventory.svg import line, words

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How values become pixels.

    Attributes:
        low: the value at ``start_px``.
        high: the value at ``end_px``.
        is_log: equal factors are equally far apart; both ends are over 0.
        is_count: values between whole numbers have no tick.
    """

    low: float
    high: float
    start_px: float
    end_px: float
    is_log: bool = False
    is_count: bool = False

    def __call__(self, value: float) -> float:
        """Return where a value lies, in pixels."""
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start_px + share * (self.end_px - self.start_px)

    def ticks(self) -> list[float]:
        """Return round values within, at most about seven."""
        if self.is_log:
            return decades(self.low, self.high)
        found = steps(self.low, self.high)
        return [value for value in found if value.is_integer()] if self.is_count else found


def steps(low: float, high: float, most: int = 7) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten between two values."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.9999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{at * step:.12g}") for at in range(first, last + 1)]


def decades(low: float, high: float, most: int = 7) -> list[float]:
    """Return powers of ten between two values: some where there are many, twos and fives if few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        powers = range(first - 1, last + 1)
        found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        return [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
    stride = max(1, math.ceil((last - first + 1) / most))
    return [10.0**power for power in range(first, last + 1) if power % stride == 0]


def nice_top(value: float) -> float:
    """Return a round value not under ``value``, to end an axis at."""
    if value <= 0:
        return 1.0
    step = steps(0.0, value, 5)[1]
    return math.ceil(value / step - 1e-9) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """A chart's frame: ``x`` runs to the right, ``y`` upwards."""

    x: Scale
    y: Scale

    def parts(self, x_label: str, y_label: str) -> Iterator[str]:
        """Give grid lines, ticks and labels."""
        left, right = self.x.start_px, self.x.end_px
        bottom, top = self.y.start_px, self.y.end_px
        for value in self.y.ticks():
            at = self.y(value)
            yield line((left, at), (right, at), class_="grid")
            yield words(left - 6, at + 3.5, tick_text(value, self.y), anchor="end", class_="tick")
        for value in self.x.ticks():
            at = self.x(value)
            yield line((at, bottom), (at, bottom + 4), class_="axis")
            yield words(at, bottom + 16, tick_text(value, self.x), anchor="middle", class_="tick")
        yield line((left, bottom), (right, bottom), class_="axis")
        middle = (left + right) / 2
        yield words(middle, bottom + 33, x_label, anchor="middle", class_="label")
        yield words(left - 6, top - 10, y_label, anchor="start", class_="label")

    def curve(
        self, values: Callable[[np.ndarray], np.ndarray], low: float, high: float
    ) -> np.ndarray:
        """Return points (n, 2) of a function where it lies within the frame."""
        spread = np.geomspace if self.x.is_log else np.linspace
        at = spread(low, high, 200)
        heights = values(at)
        inside = np.isfinite(heights) & (heights >= self.y.low) & (heights <= self.y.high)
        pairs = zip(at[inside].tolist(), heights[inside].tolist(), strict=True)
        return np.array([(self.x(x), self.y(y)) for x, y in pairs]).reshape(-1, 2)


def tick_text(value: float, scale: Scale) -> str:
    """Return what stands at a tick."""
    if scale.is_log and not 0.01 <= value <= 1000:
        factor, power = f"{value:.0e}".split("e")
        tens = "10" + str(int(power)).translate(_SUPERSCRIPTS)
        return tens if factor == "1" else f"{factor}·{tens}"
    if value == 0:
        return "0"
    return rounded(value, 2).removesuffix(".0") if abs(value) < 1000 else rounded(value, 1)
