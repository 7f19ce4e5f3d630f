"""``landslip export``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors


@handle_errors
def export(
    model: options.Model,
    out: options.Out,
    onnx: Annotated[
        bool, typer.Option("--onnx/--no-onnx", help="Write model.onnx, and deepness.onnx for QGIS.")
    ] = True,
    int8: Annotated[
        bool, typer.Option("--int8", help="Add a graph in int8, for speed on CPUs.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="Dataset for int8: ranges are found on its training tiles, the loss of F1 is "
            "measured on its validation tiles, else on its test tiles."
        ),
    ] = None,
    tiles: Annotated[int, typer.Option(help="Training tiles to calibrate on, at most.")] = 100,
    max_loss: Annotated[
        float, typer.Option(help="Largest loss of F1 by int8, in percentage points.")
    ] = 0.5,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Write a model again, with ONNX and int8 graphs beside what it has.

    The new folder is a whole model; the old one stays as it is. Needs landslip[export].

    Example: `landslip export MODEL --out FAST --int8 --calibrate TILES`
    """
    import landslip
    from landslip.datasets.contents import few_landslides

    made = landslip.export(
        model,
        out=out,
        onnx=onnx,
        int8=int8,
        calibrate=calibrate,
        tiles=tiles,
        max_loss=max_loss,
        seed=seed,
        overwrite=overwrite,
        force=force,
        progress=True,
    )
    if onnx and made.onnx is not None:
        typer.echo(
            f"{out}: model.onnx, probabilities within {made.onnx.largest_difference:.1g} of "
            f"torch's; deepness.onnx for tiles of {made.onnx.deepness_tile} px"
        )
    if int8 and made.int8 is not None:
        typer.echo(
            f"{out}: int8 has F1 {made.int8.f1_percent:.2f} % on {made.int8.tiles} "
            f"{made.int8.split} tiles, fp32 {made.int8.f1_fp32_percent:.2f} %: a loss of "
            f"{made.int8.loss_points:.2f} points"
        )
        if calibrate is not None:
            contents, split = landslip.datasets.open(calibrate).contents, made.int8.split
            for few in few_landslides({split: contents[split]} if split in contents else {}):
                typer.echo(f"warning: {few.text()}", err=True)
