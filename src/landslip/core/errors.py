"""What can go wrong in a way that the user can fix, and how an argument is called."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class LandslipError(Exception):
    """A failure the user can fix; its message states rule, value, object and remedy."""


class InputError(LandslipError):
    """A file, folder or argument that does not fit what was asked for."""


class OutputExistsError(LandslipError):
    """An output that would overwrite something made earlier."""


class ModelError(LandslipError):
    """A model folder that cannot be used, or not with this input."""


class MissingDependencyError(LandslipError):
    """An optional dependency that is needed and not installed."""


class LandslipWarning(UserWarning):
    """What a caller should know of a result that was made all the same."""


def argument(name: str, value: object = None) -> str:
    """Name an argument in a message as the caller knows it.

    In Python ``argument("min_area")`` is ``min_area`` and ``argument("overwrite", True)`` is
    ``overwrite=True``; on the command line ``--min-area`` and ``--overwrite``.
    """
    return _style(name, value)


@contextmanager
def arguments_named_as_options() -> Iterator[None]:
    """Let messages name command-line options while a command runs."""
    global _style  # noqa: PLW0603 - threads of a command speak as it does
    before, _style = _style, _as_option
    try:
        yield
    finally:
        _style = before


def _as_keyword(name: str, value: object) -> str:
    return name if value is None else f"{name}={value!r}"


def _as_option(name: str, value: object) -> str:
    option = name.replace("_", "-")
    if value is False:
        return f"--no-{option}"
    option = f"--{option}"
    return option if value is None or value is True else f"{option} {value}"


_style: Callable[[str, object], str] = _as_keyword
