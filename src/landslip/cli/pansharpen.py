"""``landslip pansharpen``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import PansharpeningMethod


@handle_errors
def pansharpen(
    ms: Annotated[Path, typer.Argument(help="Multispectral raster.")],
    pan: Annotated[Path, typer.Argument(help="Panchromatic raster of finer pixels.")],
    out: Annotated[Path, typer.Option("--out", help="GeoTIFF to write.")],
    method: Annotated[
        PansharpeningMethod, typer.Option(help="How detail comes into the bands.")
    ] = PansharpeningMethod.BROVEY,
    bands: Annotated[
        str | None,
        typer.Option(
            help="Names of the multispectral bands in their order, e.g. blue,green,red,nir. "
            "[default: the file's, else band_1,band_2 ...]"
        ),
    ] = None,
    nodata: options.Nodata = None,
    pan_nodata: Annotated[
        float | None,
        typer.Option(help="Value that marks missing data in PAN, over what the file says."),
    ] = None,
    mtf_nyquist: Annotated[
        float,
        typer.Option(help="Response of the multispectral sensor at its Nyquist frequency."),
    ] = 0.3,
    report: Annotated[
        Path | None, typer.Option(help="JSON to write with what was fitted and scores.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Bring multispectral bands to the pixel size of a panchromatic image.

    Both are georeferenced in one coordinate system; extents and the ratio of pixel sizes may be
    any. The result covers the common extent, as a Cloud-Optimized GeoTIFF.

    Example: `landslip pansharpen MS.tif PAN.tif --out FUSED.tif --report QUALITY.json`
    """
    import landslip

    summary = landslip.pansharpen(
        ms,
        pan,
        out=out,
        method=method,
        bands=bands,
        nodata=nodata,
        pan_nodata=pan_nodata,
        mtf_nyquist=mtf_nyquist,
        report=report,
        overwrite=overwrite,
        progress=True,
    )
    for note in summary.warnings:
        typer.echo(f"warning: {note}", err=True)
    height, width = summary.shape
    typer.echo(
        f"{out}: {width} x {height} px, {','.join(summary.bands)}, by {method.value} "
        f"in {summary.seconds:.1f} s ({summary.mpix_per_s:.1f} MPix/s)"
    )
