"""Sizes of memory: as people write them, and of this process."""

import re
import resource
from pathlib import Path

from landslip.core.errors import InputError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)?(i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str, option: str) -> int:
    """Return the bytes of a size such as ``2G``, ``1500M`` or ``1.5 GiB``; units are binary.

    Raises:
        InputError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{option} is a size such as 2G or 1500M; got {text!r}")
    return int(float(found[1]) * 1024 ** _POWERS[(found[2] or "").lower()])


def peak_memory_mb() -> int:
    """Return the most MiB of memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found is not None:
            return round(int(found[1]) / 1024)
    # counts the process that this one was forked from, too
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
