"""Numbers as the report writes them."""

from collections.abc import Sequence

EMPTY = "–"
_NO_INTERVAL = "no interval: one tile"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as percent without the sign, or a dash."""
    return EMPTY if value is None else f"{100 * value:.{digits}f}"


def points(difference: float, digits: int = 1) -> str:
    """Return a difference of shares in points, with its sign."""
    text = f"{abs(100 * difference):.{digits}f}"
    if float(text) == 0:
        return text
    return f"+{text}" if difference > 0 else f"−{text}"


def p_text(p_value: float) -> str:
    """Return ``p = 0.012`` or ``p < 0.001``; more digits where three would read as 0.050."""
    if p_value < 0.001:
        return "p < 0.001"
    three = f"{p_value:.3f}"
    return f"p = {p_value:.4f}" if three == "0.050" and p_value != 0.05 else f"p = {three}"


def span(low: float | None, high: float | None) -> str:
    """Return an interval of shares in percent; nothing where there is none."""
    return "" if low is None or high is None else f"{percent(low)} to {percent(high)}"


def signed_span(low: float | None, high: float | None) -> str:
    """Return an interval of differences in points; nothing where there is none.

    An end that would read as 0.0 and is not 0 has two decimals, to show its side.
    """
    return "" if low is None or high is None else f"{_end(low)} to {_end(high)}"


def _end(difference: float) -> str:
    near_0 = abs(round(100 * difference, 1)) == 0 and round(100 * difference, 2) != 0
    return points(difference, 2 if near_0 else 1)


def score_interval(low: float | None, high: float | None) -> str:
    """Return an interval of scores as words."""
    return f"95 % interval {span(low, high)}" if span(low, high) else _NO_INTERVAL


def signed_interval(low: float | None, high: float | None) -> str:
    """Return an interval of differences as words."""
    return f"95 % interval {signed_span(low, high)}" if signed_span(low, high) else _NO_INTERVAL


def duration(seconds: float | None) -> str:
    """Return seconds as people say them."""
    if seconds is None:
        return EMPTY
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def listing(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(number: int, word: str) -> str:
    """Return a number with its word, in the plural where it is not 1."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
