"""Groups of tiles that stay together when tiles are dealt out, by their names."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from landslip.core.errors import InputError

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")


def grouping(groups: str | None, names: list[str]) -> Callable[[str], str]:
    """Return the function from a tile's name to its group.

    A regular expression is matched at the start of the name: its first group, or all it matches,
    is the tile's group.

    Raises:
        InputError: the expression is not valid, or some name gets no group.
    """
    if groups is None:
        return lambda name: name
    table = _group_table(Path(groups)) if groups.endswith(".csv") else _matches(groups, names)
    without = [name for name in names if name not in table]
    if without:
        raise InputError(
            f"--groups {groups}: every tile needs a group, and {without[0]} "
            f"(with {len(without) - 1} others) gets none"
        )
    return table.__getitem__


def _matches(expression: str, names: list[str]) -> dict[str, str]:
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise InputError(f"--groups {expression}: not a regular expression ({error})") from error
    found = {name: pattern.match(name) for name in names}
    groups = {name: match[min(1, pattern.groups)] for name, match in found.items() if match}
    return {name: group for name, group in groups.items() if group is not None}


def _group_table(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file (--groups)")
    with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets write the mark
        rows = list(csv.DictReader(file))
    if not rows or not {"name", "group"} <= set(rows[0]):
        raise InputError(f"{path}: the columns name and group are needed")
    return {_without_suffix(row["name"]): row["group"] for row in rows if row["group"]}


def _without_suffix(name: str) -> str:
    path = Path(name)
    return path.stem if path.suffix.lower() in PICTURE_SUFFIXES else path.name
