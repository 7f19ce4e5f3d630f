"""Numbers as readers expect them, in English and Chinese alike: thin spaces between thousands."""

import math
from collections.abc import Sequence

EMPTY = "–"
THIN = "\u202f"
_SQUARE_KILOMETRES_FROM_M2 = 0.1e6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fixed(value: float | None, decimals: int) -> str:
    """Return a number with so many decimals; a dash for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return EMPTY
    return f"{value:,.{decimals}f}".replace(",", THIN).replace("-", "−")


def whole(value: float | None) -> str:
    """Return a number without decimals."""
    return fixed(value, 0)


def rounded(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits, or all of those before the point."""
    if value is None or not math.isfinite(value) or value == 0:
        return "0" if value == 0 else EMPTY
    power = int(f"{value:.{digits - 1}e}".split("e")[1])
    decimals = digits - 1 - power
    if decimals > 6:
        return scientific(value, digits)
    return fixed(round(value, decimals), max(decimals, 0))


def plain(value: float | None, digits: int = 4) -> str:
    """Return a number that was set, not measured: without trailing zeros."""
    if value is None or not math.isfinite(value):
        return EMPTY
    return f"{value:.{digits}g}".replace("-", "−")


def scientific(value: float | None, digits: int = 2) -> str:
    """Return a number as 1.2 × 10³."""
    if value is None or not math.isfinite(value) or value == 0:
        return "0" if value == 0 else EMPTY
    mantissa, exponent = f"{value:.{max(digits - 1, 0)}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{mantissa.replace('-', '−')}{THIN}×{THIN}10{power}"


def percent(fraction: float | None, digits: int = 3) -> str:
    """Return a fraction as a percentage with its sign."""
    number = rounded(None if fraction is None else 100 * fraction, digits)
    return number if number == EMPTY else f"{number}{THIN}%"


def percentage(fraction: float | None, decimals: int = 1) -> str:
    """Return a fraction in percent without the sign, for columns whose title has it."""
    return fixed(None if fraction is None else 100 * fraction, decimals)


def level(fraction: float) -> str:
    """Return the level of an interval as a percentage."""
    return f"{plain(100 * fraction)}{THIN}%"


def points(difference: float, decimals: int = 1) -> str:
    """Return a difference of fractions in percentage points, with its sign."""
    text = f"{abs(100 * difference):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"+{text}" if difference > 0 else f"−{text}"


def p_value(value: float | None) -> str:
    """Return a p-value; more than three decimals where those would read as 0.050."""
    if value is None or not math.isfinite(value):
        return EMPTY
    if value < 0.001:
        return "< 0.001"
    text = f"{value:.3f}"
    return f"{value:.4f}" if text == "0.050" and value != 0.05 else text


def area(area_m2: float | None) -> str:
    """Return an area in m², or, from 0.1 km² on, in km²."""
    if area_m2 is None or not math.isfinite(area_m2):
        return EMPTY
    if abs(area_m2) >= _SQUARE_KILOMETRES_FROM_M2:
        return f"{rounded(area_m2 / 1e6)}{THIN}km²"
    return f"{whole(area_m2) if area_m2 >= 100 else rounded(area_m2)}{THIN}m²"


def distance(length_m: float) -> str:
    """Return a length in m, or, from 1 km on, in km."""
    return f"{length_m / 1000:g}{THIN}km" if length_m >= 1000 else f"{length_m:g}{THIN}m"


def degrees(angle_deg: float, decimals: int, letters: str) -> str:
    """Return a longitude or latitude; ``letters`` are those of its two sides, e.g. ``EW``."""
    letter = letters[0] if angle_deg >= 0 else letters[1]
    return f"{abs(angle_deg):.{decimals}f}°{THIN}{letter}"


def duration(seconds: float | None) -> str:
    """Return a time span in seconds, minutes or hours and minutes."""
    if seconds is None:
        return EMPTY
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def between(low: str, high: str) -> str:
    """Return ``low–high``; a dash where an end is empty.

    The dash has spaces around it where an end has a sign.
    """
    if EMPTY in (low, high):
        return EMPTY
    return f"{low} – {high}" if {*"+−"} & {*low, *high} else f"{low}–{high}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return an interval of numbers."""
    return between(rounded(low, digits), rounded(high, digits))


def percent_interval(low: float | None, high: float | None) -> str:
    """Return an interval of fractions as percentages."""
    if low is None or high is None:
        return EMPTY
    return f"{interval(100 * low, 100 * high)}{THIN}%"


def area_interval(low_m2: float | None, high_m2: float | None) -> str:
    """Return an interval of areas in one unit."""
    if low_m2 is None or high_m2 is None:
        return EMPTY
    if max(abs(low_m2), abs(high_m2)) >= _SQUARE_KILOMETRES_FROM_M2:
        return f"{interval(low_m2 / 1e6, high_m2 / 1e6)}{THIN}km²"
    return f"{between(whole(low_m2), whole(high_m2))}{THIN}m²"


def point_interval(low: float | None, high: float | None) -> str:
    """Return an interval of differences in percentage points.

    An end that would read as 0.0 and is not 0 has two decimals, to show its sign.
    """
    if low is None or high is None:
        return EMPTY

    def end(value: float) -> str:
        is_near_0 = round(100 * value, 1) == 0 and round(100 * value, 2) != 0
        return points(value, 2 if is_near_0 else 1)

    return between(end(low), end(high))


def counted(number: int, word: str) -> str:
    """Return a number with its English noun, in the plural where it is not 1."""
    return f"{whole(number)} {word}" if number == 1 else f"{whole(number)} {word}s"


def listing(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
