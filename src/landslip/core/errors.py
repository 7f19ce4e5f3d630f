"""What can go wrong in a way that the user can fix, and how an argument is called."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_MESSAGE = 1200
_BREAKS = re.compile(r"[\t\n\r\v\f]+\s*")
# where outputs are until they are complete, see `core.files` and `inference.job`
_UNFINISHED = re.compile(
    r"(?:(?<=/)|(?<!\S))\.(?P<name>[^/]+?)(?:\.\d+\.partial(?:/(?P=name)(?![^\s:,;)'\"]))?|\.work/result)"
)


class LandslipError(Exception):
    """A failure the user can fix; its message states rule, value, object and remedy.

    The message is one line of at most 1,200 characters without control characters, whatever the
    texts of the user's files that it quotes. Outputs have the names that they were to have.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(excerpt(_UNFINISHED.sub(r"\g<name>", str(message)), LONGEST_MESSAGE))


class InputError(LandslipError):
    """A file, folder or argument that does not fit what was asked for."""


class RegistrationError(InputError):
    """Images that cannot be matched, or not so that the result can be trusted."""


class OutputExistsError(LandslipError):
    """An output that would overwrite something made earlier."""


class ModelError(LandslipError):
    """A model folder that cannot be used, or not with this input."""


class MissingDependencyError(LandslipError):
    """An optional dependency that is needed and not installed."""


class LandslipWarning(UserWarning):
    """What a caller should know of a result that was made all the same."""


def excerpt(text: object, most: int = 120) -> str:
    """Return a text as a message quotes it.

    In one line, with control characters and lone surrogates escaped, and without the middle of
    what is longer than ``most`` characters.
    """
    line = _BREAKS.sub(" ", str(text).strip())
    if not line.isprintable():
        line = "".join(one if one.isprintable() or one.isspace() else _escaped(one) for one in line)
    if len(line) <= most:
        return line
    end = most // 3
    return f"{line[: most - end - 5]} ... {line[-end:]}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


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
