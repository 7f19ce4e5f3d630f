"""HTML pages from templates; a page embeds its styles and images and requests nothing."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_LONG_WORD = re.compile(r"[!-~]{20,}")
_AFTER_MARK = re.compile(
    r"(?<=[_/\\])(?=[^_/\\])|(?<=[.-])(?=[A-Za-z])|(?<=[0-9A-Za-z]{20})(?=[0-9A-Za-z]{20})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """A figure: its name, its value, and what must be known with it."""

    label: str
    value: str
    note: str = ""


def render_page(template: str, **values: Any) -> str:
    """Return a page from a template of ``landslip/reporting/templates``; text is escaped."""
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    """Return the templates, which are compiled when they are first used."""
    environment = Environment(
        loader=PackageLoader("landslip.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "svg": Markup,
        "css_string": css_string,
        "breakable": breakable,
        "kind": lambda block: type(block).__name__,
    }
    return environment


def breakable(text: str) -> Markup:
    """Return text in which long names and paths may wrap at their punctuation."""
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
