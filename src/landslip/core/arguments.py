"""How functions of the Python API take their arguments."""

import functools
import inspect
import math
import operator
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import StrEnum
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args

from landslip.core.bands import Bands
from landslip.core.errors import (
    LONGEST_MESSAGE,
    InputError,
    LandslipError,
    LandslipWarning,
    argument,
    excerpt,
)
from landslip.core.paths import (
    OutputKind,
    PathArgument,
    check_outputs,
    check_path,
    check_text,
    is_address,
)
from landslip.core.progress import Progress

__all__ = ["PathArgument"]
BandsArgument = str | Iterable[str]
ProgressArgument = bool | Progress | None
Choice = TypeVar("Choice", bound=StrEnum)
P = ParamSpec("P")
Result = TypeVar("Result")
_OUTPUTS = ("out", "report")
_SEARCHED = ("products", "corrections")  # folders in which files are looked for among others
_LARGEST = 2**63 - 1
_FLOAT_RANGES = {"learning_rate": (1e-9, 10.0), "resolution": (0.0, 1000.0)}
_RANGES = {
    "seed": (0, 2**32 - 1),
    "draws": (0, 1_000_000),
    "epochs": (1, 1_000_000),
    "batch_size": (1, 65_536),
    "versions": (1, 100_000),
    "tiles": (1, 100_000_000),
    "tile": (1, 65_536),
    "overlap": (0, 65_536),
    "workers": (0, 4096),
    "jobs": (1, 4096),
    "devices": (1, 4096),
    "num_nodes": (1, 4096),
}


def checked(
    out: OutputKind = "folder",
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Check the arguments of a function by their annotations before it is called.

    Paths and texts are not blank and have no control characters, paths lead to no pipe or device,
    numbers are finite (nodata may be NaN) and in the range of their name, and outputs (``out`` and
    ``report``) are apart from what is read.
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Result:
            given = signature.bind(*args, **kwargs).arguments
            outputs: dict[str, Path] = {}
            inputs: list[Path] = []
            searched: list[Path] = []
            for name, value in given.items():
                parameter = signature.parameters[name]
                _refuse_none(value, name, parameter)
                if value is None or value is parameter.default:
                    continue
                if not _takes_paths(parameter.annotation):
                    _check_plain(value, name, parameter.annotation)
                    continue
                for path in _paths_of(value):
                    check_path(path, name)
                    if name in _OUTPUTS:
                        outputs[name] = Path(path)
                    elif not is_address(fspath(path)):
                        (searched if name in _SEARCHED else inputs).append(Path(path))
            check_outputs(outputs, inputs, out)
            try:
                return function(*args, **kwargs)
            except LandslipError as error:
                paths = [*inputs, *outputs.values()]
                _name_input(error, paths, searched, list(signature.parameters))
                raise

        return run

    return decorate


def _name_input(
    error: LandslipError, paths: list[Path], searched: list[Path], arguments: list[str]
) -> None:
    """Begin a message that names neither a path nor an argument with the first path."""
    text = str(error)
    is_named = (
        any(str(path) in text or path.name in text for path in paths)
        or text.startswith(tuple(f"{path}: " for path in searched))
        or any(re.search(rf"(?<!\w){re.escape(argument(name))}(?!\w)", text) for name in arguments)
    )
    # a file found by a pattern or in a folder is no argument
    is_named = is_named or os.path.exists(text.partition(": ")[0])  # noqa: PTH110 - any text
    if paths and not is_named:
        error.args = (excerpt(f"{paths[0]}: {text}", LONGEST_MESSAGE),)


def _takes_paths(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return "PathArgument" in annotation
    return annotation == PathLike[str] or any(map(_takes_paths, get_args(annotation)))


def _paths_of(value: Any) -> Iterator[PathArgument]:
    """Yield the paths in an argument; an opened dataset or model gives its folder."""
    if isinstance(value, str | PathLike):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _paths_of(one)
    elif isinstance(path := getattr(value, "path", getattr(value, "folder", None)), Path):
        yield path


def _refuse_none(value: Any, name: str, parameter: inspect.Parameter) -> None:
    """Refuse None for an argument that is needed, and among several values."""
    if isinstance(value, list | tuple):
        for number, one in enumerate(value, 1):
            if one is None:
                raise InputError(f"{argument(name)}: number {number} is None; leave it out")
    is_needed = parameter.default is parameter.empty and "None" not in str(parameter.annotation)
    if value is None and is_needed:
        raise InputError(f"{argument(name)} is needed; got None")


def _check_plain(value: Any, name: str, annotation: Any) -> None:
    kinds = get_args(annotation) or (annotation,)
    if (int in kinds or float in kinds) and str not in kinds:
        check_number(value, name, is_whole=float not in kinds)
    elif isinstance(value, str):
        check_text(value, argument(name))
    elif isinstance(value, list | tuple) and str in kinds:
        for one in value:
            if not isinstance(one, str):
                got = excerpt(repr(one), 60)
                raise InputError(f"{argument(name)} is one text or several; got {got} among them")


def check_number(value: Any, name: str, *, is_whole: bool) -> None:
    """Refuse what is no finite number, or out of the range of the argument's name.

    Raises:
        InputError: it names the argument.
    """
    kind = "a whole number" if is_whole else "a number"
    try:
        number = operator.index(value) if is_whole else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
        is_number = False
    else:
        is_number = not isinstance(value, bool | str)
    if not is_number:
        raise InputError(f"{argument(name)} is {kind}; got {excerpt(repr(value), 60)}")
    if "nodata" in name:
        return
    if not math.isfinite(number):
        raise InputError(f"{argument(name)} is a finite number; got {number}")
    least, most = (
        _RANGES.get(name, (-_LARGEST, _LARGEST))
        if is_whole
        else _FLOAT_RANGES.get(name, (-1e15, 1e15))
    )
    if not least <= number <= most:
        limits = f"{least:,} to {most:,}" if is_whole else f"{least:g} to {most:g}"
        raise InputError(f"{argument(name)} is {kind} from {limits}; got {excerpt(value, 60)}")


def choose(kind: type[Choice], value: Any, name: str) -> Choice:
    """Return the member of a closed set of words that an argument names.

    Raises:
        InputError: it is none of them.
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InputError(f"{argument(name)} is one of {known}; got {value!r}") from None


def warn_unused(needed: str, **is_stated: bool) -> None:
    """Warn of stated arguments that have no effect without another one."""
    for name, stated in is_stated.items():
        if stated:
            text = f"{argument(name)} has no effect without {needed}"
            warnings.warn(text, LandslipWarning, stacklevel=4)


def optional_path(value: PathArgument | None) -> Path | None:
    """Return a path, or None."""
    return None if value is None else Path(value)


def band_names(bands: BandsArgument | None) -> Bands | None:
    """Return bands given as ``"blue,green"`` or ``["blue", "green"]``.

    Raises:
        InputError: a name is empty or used twice.
    """
    return None if bands is None else parse_bands(bands)


def parse_bands(bands: BandsArgument, name: str = "bands") -> Bands:
    """Return the bands that the argument ``name`` lists.

    Raises:
        InputError: a name is empty or used twice.
    """
    try:
        return Bands.parse(bands if isinstance(bands, str) else ",".join(bands))
    except InputError as error:
        raise InputError(f"{argument(name)}: {error}") from error


def parse_days(given: str | Iterable[str] | None, name: str) -> tuple[date, ...]:
    """Return the days that a caller states, in a text joined by commas.

    Raises:
        InputError: one is not as in 2008-05-12.
    """
    words = given.split(",") if isinstance(given, str) else given or ()
    try:
        return tuple(date.fromisoformat(word.strip()) for word in words)
    except ValueError:
        raise InputError(
            f"{argument(name)} are days like 2008-05-12,2014-07-22; got {excerpt(repr(given), 60)}"
        ) from None
