"""``landslip export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.failures import told_plainly
from landslip.cli.progress import shown
from landslip.core.errors import InputError

if TYPE_CHECKING:
    from landslip.models.export.quantise import Calibration


@told_plainly
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
            "measured on its validation tiles, else on its test tiles.",
            show_default=False,
        ),
    ] = None,
    tiles: Annotated[int, typer.Option(help="Training tiles to calibrate on, at most.")] = 100,
    max_loss: Annotated[
        float, typer.Option(help="Largest loss of F1 by int8, in percentage points.")
    ] = 0.5,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a model again, with ONNX and int8 graphs beside what it has.

    The new folder is a whole model; the old one stays as it is. Needs landslip[export].

    Example: `landslip export MODEL --out FAST --int8 --calibrate TILES`
    """
    from landslip.models.export.run import ExportRequest
    from landslip.models.export.run import export as run
    from landslip.models.folder import open_model

    calibration = _calibration(int8, calibrate, tiles, seed)
    opened = open_model(model)
    with shown("int8", "tiles") as progress:
        made = run(
            ExportRequest(
                model=opened,
                out=out,
                onnx=onnx,
                int8=calibration,
                max_loss_points=max_loss,
                overwrite=overwrite,
                progress=progress,
            )
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


def _calibration(int8: bool, calibrate: Path | None, tiles: int, seed: int) -> "Calibration | None":
    if int8 != (calibrate is not None):
        raise InputError(
            "--int8 and --calibrate DATASET go together: int8 is calibrated on the dataset's "
            "training tiles and its loss of F1 measured on others"
        )
    if calibrate is None:
        return None
    from landslip.datasets.format import TileDataset
    from landslip.models.export.quantise import Calibration

    return Calibration(dataset=TileDataset(calibrate), tiles=tiles, seed=seed)
