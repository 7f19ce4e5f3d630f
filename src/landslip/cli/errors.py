"""Errors of commands: one line on standard error, and an exit code."""

import functools
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TextIO

import typer

from landslip.core.errors import LandslipWarning, arguments_named_as_options
from landslip.core.failures import bug, explain

P = ParamSpec("P")
BUG, WRONG_INPUT, INTERRUPTED = 1, 2, 130
_with_traceback = False


def print_tracebacks(wanted: bool) -> None:
    """Decide whether `handle_errors` prints the traceback of an error, as ``--debug`` asks for."""
    global _with_traceback  # noqa: PLW0603 - one command line a process
    _with_traceback = wanted


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print the package's own warnings as one line each on standard error."""
    show = warnings.showwarning

    def print_line(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, LandslipWarning):
            _print_line(f"warning: {message}")
        elif _with_traceback:  # of libraries, for who develops
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", LandslipWarning)
        warnings.showwarning = print_line
        yield


def handle_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error as one line: with exit code 2 if the user can fix it, and 1 if it is a bug.

    So end errors of the libraries that read and write files, and of the system, too. With
    ``--debug`` the traceback is printed before. Ctrl-C exits with 130.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with arguments_named_as_options(), _warnings_as_lines():
            try:
                command(*args, **kwargs)
            except (typer.Exit, typer.Abort, typer.BadParameter):
                raise
            except KeyboardInterrupt:
                _print_line("landslip: stopped; no output was left half-written")
                raise typer.Exit(INTERRUPTED) from None
            except Exception as error:
                if _with_traceback:
                    _print_line("".join(traceback.format_exception(error)).rstrip())
                line = explain(
                    error, [value for value in kwargs.values() if isinstance(value, Path)]
                )
                _print_line(f"landslip: {bug(error) if line is None else line}")
                raise typer.Exit(BUG if line is None else WRONG_INPUT) from error

    return run


def _print_line(text: str) -> None:
    with suppress(OSError):  # nobody reads it; the exit code is left
        typer.echo(text, err=True)
