"""The small text files of a product, and the numbers in them."""

import math
import re
from pathlib import Path

from landslip.core.errors import InputError

LARGEST_BYTES = 4 * 2**20
_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([ed][+-]?\d{1,5})?", re.I | re.ASCII)


def read_bytes(path: Path) -> bytes:
    """Read a file of at most `LARGEST_BYTES`.

    Raises:
        InputError: it is larger, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > LARGEST_BYTES:
        raise InputError(
            f"{path}: metadata have at most {LARGEST_BYTES} bytes and this file is larger; "
            "it is not what its name says"
        )
    return content


def parse_number(text: str) -> float | None:
    """Read a finite number, also with Fortran's D before the exponent; None if it is none."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    value = float(stripped.lower().replace("d", "e"))
    return value if math.isfinite(value) else None
