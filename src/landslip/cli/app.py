"""The command ``landslip``."""

import logging
import os
import sys
from typing import Annotated

import typer

from landslip import __version__
from landslip.cli import (
    calibrate,
    compare,
    dataset,
    evaluate,
    experiment,
    export,
    extract,
    inventory,
    orthorectify,
    pansharpen,
    predict_tiles,
    preprocess,
    register,
    report,
    synthetic,
    train,
)
from landslip.cli.demo import command
from landslip.cli.errors import print_tracebacks
from landslip.cli.usage import Command, Group

app = typer.Typer(
    cls=Group,
    name="landslip",
    help="Map landslides from very-high-resolution satellite scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich triples the time that --help takes
)
app.command(cls=Command)(preprocess.preprocess)
app.command(cls=Command)(orthorectify.orthorectify)
app.command(cls=Command)(register.register)
app.command(cls=Command)(pansharpen.pansharpen)
app.add_typer(dataset.app, name="dataset")
app.command(cls=Command)(train.train)
app.command(cls=Command)(evaluate.evaluate)
app.command(cls=Command)(predict_tiles.predict_tiles)
app.command(cls=Command)(experiment.experiment)
app.command(cls=Command)(calibrate.calibrate)
app.command(cls=Command)(export.export)
app.command(cls=Command)(extract.extract)
app.command(cls=Command)(inventory.inventory)
app.command(cls=Command)(compare.compare)
app.command(cls=Command)(report.report)
app.command(cls=Command)(synthetic.synthetic)
app.command(cls=Command)(command.demo)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"landslip {__version__}")
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
) -> None:
    """Map landslides from very-high-resolution satellite scenes.

    See it happen: `landslip demo --out DEMO`
    """
    del version  # shown by its callback
    print_tracebacks(debug)


def main() -> None:
    """Run the command line; ``--debug`` may be anywhere in it."""
    _open_closed_streams()
    # it warns where it cannot keep its list of fonts in the home folder
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    words = sys.argv[1:]
    if "--debug" in words:
        words = ["--debug", *(word for word in words if word != "--debug")]
    app(words)


def _open_closed_streams() -> None:
    """Let standard streams that the caller has closed lead nowhere.

    Otherwise the next files to be opened take their numbers, and messages are written into them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
