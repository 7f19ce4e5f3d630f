"""Results cached as JSON together with what they were measured on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landslip.core.errors import InputError
from landslip.core.text import read_json


def read_cache(file: Path, key: str, measured_on: Mapping[str, object]) -> Any | None:
    """Return a cached result; None where it was measured on anything else.

    The file may be missing, or truncated by a killed run.
    """
    try:
        content = read_json(file)
    except InputError:
        return None
    if not isinstance(content, dict):
        return None
    is_valid = all(content.get(name) == value for name, value in measured_on.items())
    return content.get(key) if is_valid else None


def write_cache(
    file: Path,
    key: str,
    result: object,
    measured_on: Mapping[str, object],
    *,
    indent: int | None = 1,
) -> None:
    """Write a result for `read_cache`."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**measured_on, key: result}, indent=indent) + "\n")
