"""What commands take, as values: for programs that offer them, such as the plugin for QGIS.

`python -m landslip.cli.description extract inventory` prints that of two commands as JSON.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

_TYPES = {bool: "boolean", int: "integer", float: "number", Path: "path"}
_EXAMPLE = "Example"


def describe_commands(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return what commands take, in the order of their help, as JSON holds it.

    Args:
        names: of commands of one word, e.g. ``extract``.
    """
    return [_command(name, getattr(import_module(f"landslip.cli.{name}"), name)) for name in names]


def _command(name: str, function: Callable[..., None]) -> dict[str, Any]:
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    text = [part for part in paragraphs if not part.startswith(_EXAMPLE)]
    hints = get_type_hints(function, include_extras=True)
    return {
        "name": name,
        "summary": text[0],
        "description": text[1:],
        "examples": [part for part in paragraphs if part.startswith(_EXAMPLE)],
        "parameters": [
            _parameter(one.name, hints[one.name], one.default)
            for one in inspect.signature(function).parameters.values()
        ],
    }


def _parameter(name: str, hint: Any, default: Any) -> dict[str, Any]:
    annotation, info = get_args(hint)[:2]  # Annotated[type, typer.Option(...)]
    several, kind = _without_wrapping(annotation)
    option, opposite = _option_names(name, kind, info)
    choices = [one.value for one in kind] if issubclass(kind, Enum) else []
    value = default.value if isinstance(default, Enum) else default
    return {
        "name": name,
        "option": option,
        "opposite": opposite,
        "type": "choice" if choices else _TYPES.get(kind, "text"),
        "choices": choices,
        "several": several,
        "required": default is inspect.Parameter.empty,
        "default": None if default is inspect.Parameter.empty else value,
        "help": " ".join((info.help or "").split()),
    }


def _without_wrapping(annotation: Any) -> tuple[bool, type]:
    """Return whether a type is a list, and that of its values; ``| None`` says nothing here."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is list:
        return True, get_args(annotation)[0]
    return False, annotation


def _option_names(
    name: str, kind: type, info: ArgumentInfo | OptionInfo
) -> tuple[str | None, str | None]:
    """Return an option as it is written, and what turns it off; None for an argument."""
    if isinstance(info, ArgumentInfo):
        return None, None
    word = name.replace("_", "-")
    # within Annotated, Typer keeps the first name in the place of the default
    names = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
    stated = max(names, key=len, default=None)
    if stated is None:
        return f"--{word}", f"--no-{word}" if kind is bool else None
    option, _, opposite = stated.partition("/")
    return option, opposite or None


if __name__ == "__main__":
    json.dump(describe_commands(sys.argv[1:]), sys.stdout, indent=1, ensure_ascii=False)
