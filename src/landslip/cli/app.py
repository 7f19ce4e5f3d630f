"""The command ``landslip``."""

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

app = typer.Typer(
    name="landslip",
    help="Map landslides from very-high-resolution satellite scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich triples the time that --help takes
)
app.command()(preprocess.preprocess)
app.command()(orthorectify.orthorectify)
app.command()(register.register)
app.command()(pansharpen.pansharpen)
app.add_typer(dataset.app, name="dataset")
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(predict_tiles.predict_tiles)
app.command()(experiment.experiment)
app.command()(calibrate.calibrate)
app.command()(export.export)
app.command()(extract.extract)
app.command()(inventory.inventory)
app.command()(compare.compare)
app.command()(report.report)
app.command()(synthetic.synthetic)
app.command()(command.demo)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"landslip {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Map landslides from very-high-resolution satellite scenes.

    See it happen: `landslip demo --out DEMO`
    """


def main() -> None:
    """Run the command line."""
    app()
