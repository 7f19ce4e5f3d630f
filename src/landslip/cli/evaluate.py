"""``landslip evaluate``."""

from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import EngineName, Precision, Split


@handle_errors
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

    import landslip

    opened, tiles = landslip.load_model(model), landslip.datasets.open(dataset)
    result = landslip.evaluate(
        opened, tiles, split=split, engine=engine, precision=precision, progress=True
    )
    runner = opened.engine(engine, precision)
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
