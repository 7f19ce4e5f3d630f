"""``landslip register``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import RegistrationModel


@handle_errors
def register(
    moving: Annotated[Path, typer.Argument(help="Scene to be moved.")],
    reference: Annotated[Path, typer.Argument(help="Scene it is to lie upon.")],
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF to write.")],
    model: Annotated[
        RegistrationModel, typer.Option(help="How shifts may change over the scene.")
    ] = RegistrationModel.AFFINE,
    band: Annotated[
        str | None,
        typer.Option(help="Band to compare. [default: the mean of red and green]"),
    ] = None,
    max_shift: Annotated[
        float | None,
        typer.Option(
            help="How far the scenes may lie apart along an axis, in metres. [default: 100, less "
            "where they have little in common]"
        ),
    ] = None,
    max_residual: Annotated[
        float,
        typer.Option(help="What may be left (rms), in pixels of the coarser scene."),
    ] = 1.0,
    nodata: options.Nodata = None,
    reference_nodata: Annotated[
        float | None, typer.Option(help="The same for the reference.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="JSON file to write the figures to.")] = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Move a georeferenced scene onto another one.

    Both are matched at patches all over their overlap; false matches are detected and left out. The
    output has the coordinate system and pixel lattice of REFERENCE and covers all of MOVING. Where
    too little fits, nothing is written.

    Example: `landslip register 2013.tif 2012.tif --out 2013_on_2012.tif`
    """
    import landslip

    done = landslip.register(
        moving,
        reference,
        out=out,
        model=model,
        band=band,
        max_shift=max_shift,
        max_residual=max_residual,
        nodata=nodata,
        reference_nodata=reference_nodata,
        report=report,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    for note in done.warnings:
        typer.echo(f"warning: {note}", err=True)
    before, after = (part.rms_px * done.resolution_m for part in (done.before, done.checked))
    typer.echo(
        f"{out}: {done.model}, {done.after.kept} of {done.after.count} tie points, "
        f"{before:.2f} m apart before and {after:.2f} m after, in {done.seconds:.1f} s"
    )
