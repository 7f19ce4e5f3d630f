"""``landslip evaluate``."""

from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.failures import told_plainly
from landslip.cli.progress import shown
from landslip.core.choices import EngineName, Precision, Split


@told_plainly
def evaluate(
    model: options.Model,
    dataset: options.Dataset,
    split: Annotated[Split, typer.Option(help="Tiles to score.")] = Split.TEST,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
) -> None:
    """Score a model on the tiles of a dataset.

    Pixels are counted over all tiles of the split, landslide-free ones included, at the threshold
    that was chosen on validation tiles; intervals are 95 % bootstrap intervals over tiles.

    Example: `landslip evaluate MODEL TILES --json`
    """
    import json

    from landslip.datasets.format import TileDataset
    from landslip.models import evaluation
    from landslip.models.engines.choose import open_engine
    from landslip.models.folder import open_model

    opened = open_model(model)
    tiles = TileDataset(dataset)
    runner = open_engine(opened, engine, precision)
    with shown("evaluate", "tiles") as progress:
        result = evaluation.evaluate(runner, opened.card, tiles, split, progress=progress)
    found = result.as_dict() | {
        "resolution_m": tiles.card.resolution_m,
        "engine": runner.name,
        "precision_format": runner.precision,
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"{found['tiles']} {split.value} tiles at threshold {result.threshold:.3f}")
    for name in ("precision", "recall", "f1", "iou"):
        interval = found["intervals"][name]
        value = "undefined" if found[name] is None else f"{found[name]:.4f}"
        spread = "" if interval is None else f"  ({interval[0]:.4f} to {interval[1]:.4f})"
        typer.echo(f"  {name:<9} {value}{spread}")
