"""``landslip predict-tiles``."""

from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import EngineName, Precision, Split, Tta


@handle_errors
def predict_tiles(
    model: options.Model,
    dataset: options.Dataset,
    out: options.Out,
    split: Annotated[Split, typer.Option(help="Tiles to draw.")] = Split.TEST,
    most: Annotated[int, typer.Option(help="How many, spread evenly over the split.")] = 24,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    tta: options.TtaOption = Tta.NONE,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Draw what a model makes of tiles: image | label | result, with errors coloured.

    Example: `landslip predict-tiles MODEL TILES --out PICTURES`
    """
    import landslip
    from landslip.models.prediction_pictures import CONTACT_SHEET

    count = landslip.predict_tiles(
        model,
        dataset,
        out=out,
        split=split,
        most=most,
        engine=engine,
        precision=precision,
        tta=tta,
        overwrite=overwrite,
        force=force,
        progress=True,
    )
    typer.echo(f"{out}: {count} pictures, all of them in {CONTACT_SHEET}")
