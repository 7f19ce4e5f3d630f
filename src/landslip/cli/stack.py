"""``landslip stack``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors


@handle_errors
def stack(
    scene: Annotated[Path, typer.Argument(help="Raster with named bands.")],
    out: options.OutFile,
    dem: options.StackDem = None,
    terrain: options.Terrain = None,
    before: options.Before = None,
    bands: options.Bands = None,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a scene with bands of its terrain, and of an earlier date, on its own pixels.

    Terrain comes from an elevation model of any coordinate system and resolution. The image before
    is co-registered with the scene and normalised to it; its bands are named before_red and so on.
    `dataset scene` and `extract` take the same options and need no stack on disk.

    Example: `landslip stack SCENE.tif --dem DEM.tif --before BEFORE.tif --out STACK.tif`
    """
    import landslip

    report = landslip.stack(
        scene,
        out=out,
        dem=dem,
        terrain=terrain,
        before=before,
        bands=bands,
        units=units,
        nodata=nodata,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    for note in report.warnings:
        typer.echo(f"warning: {note}", err=True)
    if report.alignment is not None and report.alignment.residual_px is not None:
        typer.echo(f"image before: {report.alignment.residual_px:.2f} px (rms) off once moved")
    typer.echo(f"{out}: {report.bands}, in {report.seconds:.1f} s")
