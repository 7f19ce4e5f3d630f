"""Errors of commands: one line on standard error, and an exit code."""

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TextIO

import typer

from landslip.core.errors import (
    LandslipError,
    LandslipWarning,
    MissingDependencyError,
    arguments_named_as_options,
)

P = ParamSpec("P")
WRONG_INPUT, INTERRUPTED = 2, 130
_TRAINING_PACKAGES = ("torch", "torchvision", "timm", "lightning", "safetensors", "tensorboard")


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
            typer.echo(f"warning: {message}", err=True)
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", LandslipWarning)
        warnings.showwarning = print_line
        yield


def handle_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print an error that the user can fix as one line with exit code 2; Ctrl-C exits with 130."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                with arguments_named_as_options(), _warnings_as_lines():
                    command(*args, **kwargs)
            except ModuleNotFoundError as error:
                if error.name is None or error.name.split(".")[0] not in _TRAINING_PACKAGES:
                    raise
                raise MissingDependencyError(
                    f"this command needs {error.name}, which is not installed; "
                    "install it with: pip install 'landslip[train]'"
                ) from error
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                raise LandslipError(f"{where}{error.strerror or error}") from error
            except UnicodeEncodeError as error:
                raise LandslipError(
                    f"{ascii(error.object)[:80]}: a name must be UTF-8 to be written to files; "
                    "rename it"
                ) from error
        except LandslipError as error:
            typer.echo(f"landslip: {error}", err=True)
            raise typer.Exit(WRONG_INPUT) from error
        except KeyboardInterrupt:
            typer.echo("landslip: stopped; no output was left half-written", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return run
