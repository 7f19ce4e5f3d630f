"""What can go wrong in a way that the user can fix, and how an argument is called."""

from collections.abc import Iterator
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
    if not _as_options:
        return name if value is None else f"{name}={value!r}"
    option = name.replace("_", "-")
    if value is False:
        return f"--no-{option}"
    return f"--{option}" if value is None or value is True else f"--{option} {value}"


_as_options = False


@contextmanager
def arguments_named_as_options() -> Iterator[None]:
    """Let messages name command-line options while a command runs."""
    global _as_options  # noqa: PLW0603 - threads of a command speak as it does
    before, _as_options = _as_options, True
    try:
        yield
    finally:
        _as_options = before
