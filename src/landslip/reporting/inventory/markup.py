"""Text of files as parts of a page."""

import re

from markupsafe import Markup, escape

_LONG_WORD = re.compile(r"[!-~]{20,}")
_AFTER_MARK = re.compile(r"(?<=[_/\\])(?=[^_/\\])|(?<=[.-])(?=[A-Za-z])")


def breakable(text: str) -> Markup:
    """Return text whose long names and paths break at their marks, not within a word."""
    if isinstance(text, Markup):
        return text
    parts, end = [], 0
    for word in _LONG_WORD.finditer(text):
        pieces = (escape(piece) for piece in _AFTER_MARK.split(word.group()))
        parts += [escape(text[end : word.start()]), Markup("<wbr>").join(pieces)]
        end = word.end()
    return Markup("").join([*parts, escape(text[end:])])


def css_string(text: str) -> Markup:
    """Return text as a string of a style sheet, safe within a page."""
    escaped = "".join(
        letter if letter.isalnum() or letter in " .,-_()" else f"\\{ord(letter):x} "
        for letter in " ".join(text.split())
    )
    return Markup(f'"{escaped}"')  # noqa: S704 - all that could end it is escaped
