"""What the commands of landslip take; made from the commands themselves (commands.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMANDS_FILE = Path(__file__).parent / "commands.json"


@dataclass(frozen=True)
class CommandParameter:
    """An argument or option of a command.

    Attributes:
        option: as it is written, e.g. ``--min-area``; None for an argument.
        opposite: the option that turns it off, of switches that are on.
        type: ``boolean``, ``integer``, ``number``, ``choice``, ``path`` or ``text``.
    """

    name: str
    option: str | None
    opposite: str | None
    type: str
    choices: list[str]
    several: bool
    required: bool
    default: Any
    help: str


@dataclass(frozen=True)
class Command:
    """A command with the texts of its ``--help``."""

    name: str
    summary: str
    description: list[str]
    examples: list[str]
    parameters: dict[str, CommandParameter]


def read_commands(path: Path = COMMANDS_FILE) -> dict[str, Command]:
    """Return the commands by their names."""
    found = {}
    for one in json.loads(path.read_text(encoding="utf-8")):
        parameters = {item["name"]: CommandParameter(**item) for item in one.pop("parameters")}
        found[one["name"]] = Command(**one, parameters=parameters)
    return found
