"""``landslip orthorectify``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import DemGapHandling, ShiftModel


@handle_errors
def orthorectify(
    image: Annotated[
        Path, typer.Argument(help="Raster with RPCs in its tags or beside it, of any sensor.")
    ],
    dem: options.Dem,
    out: options.OutFile,
    dem_heights: options.DemHeights = None,
    dem_gaps: options.DemGapsOption = DemGapHandling.FILL,
    clip_to_dem: options.ClipToDem = False,
    resolution: Annotated[
        float | None, typer.Option(help="Side of a pixel in metres. [default: the image's own]")
    ] = None,
    crs: options.Crs = None,
    nodata: options.Nodata = None,
    reference: options.Reference = None,
    reference_model: options.ReferenceModel = ShiftModel.SHIFT,
    max_shift: options.MaxShift = None,
    report: Annotated[Path | None, typer.Option(help="JSON file to write figures to.")] = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Bring an image with RPCs onto the map, over an elevation model.

    The data type is kept; pixels lie on multiples of the resolution.

    Example: `landslip orthorectify IMAGE.tif --dem DEM.tif --dem-heights ellipsoid --out MAP.tif`
    """
    import landslip

    made = landslip.orthorectify(
        image,
        dem=dem,
        out=out,
        dem_heights=dem_heights,
        dem_gaps=dem_gaps,
        clip_to_dem=clip_to_dem,
        resolution=resolution,
        crs=crs,
        nodata=nodata,
        reference=reference,
        reference_model=reference_model,
        max_shift=max_shift,
        report=report,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    for note in made.warnings:
        typer.echo(f"warning: {note}", err=True)
    if made.refinement is not None:
        before, after = made.refinement.before, made.refinement.fit.after
        typer.echo(
            f"reference: {after.kept} of {after.count} tie points, rms {before.rms_px:.2f} px "
            f"before and {after.rms_px:.2f} px after"
        )
    height, width = made.grid.shape
    typer.echo(f"{out}: {width} x {height} px of {made.grid.resolution_m:g} m, {made.grid.crs}")
