"""The command ``landslip``."""

import logging
import sys
from typing import Annotated

import typer

from landslip import __version__
from landslip.cli.commands import RootGroup
from landslip.cli.completion import (
    PROGRAM,
    Shell,
    completion_script,
    install_completion,
    prepare_completion,
)
from landslip.cli.errors import WRONG_INPUT, print_tracebacks
from landslip.cli.streams import (
    open_closed_streams,
    outlive_readers,
    stop_with_input,
    stopping_by_signals,
)
from landslip.core.errors import LandslipError

app = typer.Typer(
    cls=RootGroup,
    name="landslip",
    help="Map landslides from very-high-resolution satellite scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich triples the time that --help takes
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"landslip {__version__}")
        raise typer.Exit


def _show_completion(shell: Shell | None) -> None:
    if shell is not None:
        typer.echo(completion_script(shell))
        raise typer.Exit


def _install_completion(shell: Shell | None) -> None:
    if shell is not None:
        typer.echo(f"{install_completion(shell)}: written; open a new {shell} to use it")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="LANDSLIP_DEBUG", help="Print the traceback of an error."),
    ] = False,
    show_completion: Annotated[
        Shell | None,
        typer.Option(
            callback=_show_completion, is_eager=True, help="Print what completes words in a shell."
        ),
    ] = None,
    install_completion: Annotated[
        Shell | None,
        typer.Option(
            callback=_install_completion, is_eager=True, help="Write it where the shell reads it."
        ),
    ] = None,
) -> None:
    """Map landslides from very-high-resolution satellite scenes.

    Every command tells more with --help. See it happen: `landslip demo --out DEMO`
    """
    del version, show_completion, install_completion  # done by their callbacks
    print_tracebacks(debug)


def main() -> None:
    """Run the command line; ``--debug`` may be anywhere in it."""
    open_closed_streams()
    outlive_readers()
    stop_with_input()
    # it warns where it cannot keep its list of fonts in the home folder
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    prepare_completion()
    words = sys.argv[1:]
    if "--debug" in words:
        words = ["--debug", *(word for word in words if word != "--debug")]
    with stopping_by_signals():
        try:
            app(words, prog_name=PROGRAM)
        except LandslipError as error:  # of printing help
            typer.echo(f"landslip: {error}", err=True)
            raise SystemExit(WRONG_INPUT) from error
