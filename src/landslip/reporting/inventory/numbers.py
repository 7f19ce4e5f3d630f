"""Numbers as people read them: few digits, thin spaces between thousands."""

import math

from landslip.metrics.resampling import IntervalEstimate

EMPTY = "–"
THIN = "\u202f"
_FROM_KM2 = 0.1e6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_known(value: float | None) -> bool:
    """Whether a value is there: neither None nor NaN nor infinite."""
    return value is not None and math.isfinite(value)


def whole(value: float | None) -> str:
    """Return a number without decimals; a dash for none."""
    if value is None or not math.isfinite(value):
        return EMPTY
    return f"{value:,.0f}".replace(",", THIN).replace("-", "−")


def rounded(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits, or all of those before the point."""
    if value is None or not math.isfinite(value):
        return EMPTY
    if value == 0:
        return "0"
    power = int(f"{value:.{digits - 1}e}".split("e")[1])
    decimals = digits - 1 - power
    if decimals > 6:
        return scientific(value, digits)
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.replace(",", THIN).replace("-", "−")


def fixed(value: float | None, decimals: int) -> str:
    """Return a number with so many decimals."""
    if value is None or not math.isfinite(value):
        return EMPTY
    return f"{value:,.{decimals}f}".replace(",", THIN).replace("-", "−")


def percent(share: float | None, digits: int = 3) -> str:
    """Return a share as a percentage."""
    if share is None or not math.isfinite(share):
        return EMPTY
    return f"{rounded(100 * share, digits)}{THIN}%"


def probability(value: float | None) -> str:
    """Return a probability with two decimals, or that it is under them."""
    return "< 0.01" if value is not None and value < 0.01 else fixed(value, 2)


def plain(value: float | None, digits: int = 4) -> str:
    """Return a number that was set, not measured: no zeros at its end."""
    if value is None or not math.isfinite(value):
        return EMPTY
    return f"{value:.{digits}g}".replace("-", "−")


def level(share: float) -> str:
    """Return the level of an interval as a percentage."""
    return f"{plain(100 * share)}{THIN}%"


def scientific(value: float | None, digits: int = 2) -> str:
    """Return a number as 1.2 × 10³."""
    if value is None or not math.isfinite(value):
        return EMPTY
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{max(digits - 1, 0)}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{mantissa.replace('-', '−')}{THIN}×{THIN}10{power}"


def area(area_m2: float | None) -> str:
    """Return an area in m², or, from 0.1 km² on, in km²."""
    if area_m2 is None or not math.isfinite(area_m2):
        return EMPTY
    if abs(area_m2) >= _FROM_KM2:
        return f"{rounded(area_m2 / 1e6)}{THIN}km²"
    return f"{whole(area_m2) if area_m2 >= 100 else rounded(area_m2)}{THIN}m²"


def distance(length_m: float) -> str:
    """Return a length in m, or, from 1 km on, in km."""
    if length_m >= 1000:
        return f"{length_m / 1000:g}{THIN}km"
    return f"{length_m:g}{THIN}m"


def degrees(angle_deg: float, decimals: int, letters: str) -> str:
    """Return a longitude or latitude; ``letters`` are those of its two sides, e.g. ``EW``."""
    letter = letters[0] if angle_deg >= 0 else letters[1]
    return f"{abs(angle_deg):.{decimals}f}°{THIN}{letter}"


def areas_between(low_m2: float | None, high_m2: float | None) -> str:
    """Return an interval of areas in one unit."""
    if low_m2 is None or high_m2 is None:
        return EMPTY
    if max(abs(low_m2), abs(high_m2)) >= _FROM_KM2:
        return f"{_from_to(rounded(low_m2 / 1e6), rounded(high_m2 / 1e6))}{THIN}km²"
    return f"{_from_to(whole(low_m2), whole(high_m2))}{THIN}m²"


def interval(estimate: IntervalEstimate | None, digits: int = 3) -> str:
    """Return ``low–high``; a dash where there is none."""
    if estimate is None or not (is_known(estimate.low) and is_known(estimate.high)):
        return EMPTY
    return _from_to(rounded(estimate.low, digits), rounded(estimate.high, digits))


def percent_interval(estimate: IntervalEstimate) -> str:
    """Return an interval of shares as percentages."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return EMPTY
    return f"{_from_to(rounded(100 * low), rounded(100 * high))}{THIN}%"


def _from_to(low: str, high: str) -> str:
    """Return an interval; the dash stands apart from the sign of a number under 0."""
    return f"{low} – {high}" if "−" in low + high else f"{low}–{high}"
