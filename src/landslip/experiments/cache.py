"""What was measured once and kept as JSON, with what it was measured on."""

import json
from pathlib import Path
from typing import Any


def read_cache(file: Path, what: str, **measured_on: object) -> Any | None:
    """Return what a file keeps, or None where it has to be measured again.

    Args:
        file: which a run that was killed may have left half written.
        what: the key of what was measured.
        measured_on: a key and the value that it must have for this to hold still.
    """
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    same = all(found.get(key) == value for key, value in measured_on.items())
    return found.get(what) if same else None
