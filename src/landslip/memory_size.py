"""Sizes of memory as people write them."""

import re

from landslip.errors import InputError

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
