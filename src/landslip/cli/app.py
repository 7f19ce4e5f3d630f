"""The command ``landslip``."""

import logging
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
    improve,
    inventory,
    orthorectify,
    pansharpen,
    predict_tiles,
    preprocess,
    recovery,
    register,
    report,
    sample,
    series,
    serve,
    stack,
    states,
    synthetic,
    track,
    train,
    weights,
)
from landslip.cli.demo import command
from landslip.cli.errors import WRONG_INPUT, print_tracebacks
from landslip.cli.streams import open_closed_streams, outlive_readers, stopping_by_signals
from landslip.cli.usage import Command, Group
from landslip.core.errors import LandslipError

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
app.command(cls=Command)(stack.stack)
app.add_typer(dataset.app, name="dataset")
app.add_typer(weights.app, name="weights")
app.command(cls=Command)(train.train)
app.command(cls=Command)(evaluate.evaluate)
app.command(cls=Command)(predict_tiles.predict_tiles)
app.command(cls=Command)(experiment.experiment)
app.command(cls=Command)(calibrate.calibrate)
app.command(cls=Command)(export.export)
app.command(cls=Command)(extract.extract)
app.command(cls=Command)(inventory.inventory)
app.command(cls=Command)(sample.sample)
app.command(cls=Command)(compare.compare)
app.command(cls=Command)(track.track)
app.command(cls=Command)(report.report)
app.command(cls=Command)(improve.improve)
app.command(cls=Command)(serve.serve)
app.command(cls=Command)(series.series)
app.command(cls=Command)(states.states)
app.command(cls=Command)(recovery.recovery)
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
    open_closed_streams()
    outlive_readers()
    # it warns where it cannot keep its list of fonts in the home folder
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    words = sys.argv[1:]
    if "--debug" in words:
        words = ["--debug", *(word for word in words if word != "--debug")]
    with stopping_by_signals():
        try:
            app(words)
        except LandslipError as error:  # of printing help
            typer.echo(f"landslip: {error}", err=True)
            raise SystemExit(WRONG_INPUT) from error
