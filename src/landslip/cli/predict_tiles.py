"""``landslip predict-tiles``."""

from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.failures import told_plainly
from landslip.cli.progress import shown
from landslip.core.choices import EngineName, Precision, Split


@told_plainly
def predict_tiles(
    model: options.Model,
    dataset: options.Dataset,
    out: options.Out,
    split: Annotated[Split, typer.Option(help="Tiles to draw.")] = Split.TEST,
    most: Annotated[int, typer.Option(help="How many, spread evenly over the split.")] = 24,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw what a model makes of tiles: image | label | result, with errors coloured.

    Example: `landslip predict-tiles MODEL TILES --out PICTURES`
    """
    from landslip.datasets.format import TileDataset
    from landslip.models.engines.choose import open_engine
    from landslip.models.folder import open_model
    from landslip.models.prediction_pictures import SHEET, PicturesRequest, draw_tiles

    opened, tiles = open_model(model), TileDataset(dataset)
    request = PicturesRequest(
        dataset=tiles, positions=tiles.positions(split), out=out, most=most, overwrite=overwrite
    )
    runner = open_engine(opened, engine, precision)
    with shown("draw", "tiles") as progress:
        counts = draw_tiles(runner, opened.card, request, progress=progress)
    typer.echo(f"{out}: {len(counts)} pictures, all of them in {SHEET}")
