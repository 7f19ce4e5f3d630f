"""How functions of the Python API take their arguments."""

from collections.abc import Iterable
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import TypeVar

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument
from landslip.core.progress import Progress

PathArgument = str | PathLike[str]
BandsArgument = str | Iterable[str]
ProgressArgument = bool | Progress | None
Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], value: str, name: str) -> Choice:
    """Return the member of a closed set of words that an argument names.

    Raises:
        InputError: it is none of them.
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InputError(f"{argument(name)} is one of {known}; got {value!r}") from None


def optional_path(value: PathArgument | None) -> Path | None:
    """Return a path, or None."""
    return None if value is None else Path(value)


def band_names(bands: BandsArgument | None) -> Bands | None:
    """Return bands given as ``"blue,green"`` or ``["blue", "green"]``.

    Raises:
        InputError: a name is empty or used twice.
    """
    if bands is None:
        return None
    return Bands.parse(bands if isinstance(bands, str) else ",".join(bands))
