"""``landslip stack``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors

if TYPE_CHECKING:
    from landslip.multitemporal.series.card import BandNormalisation
    from landslip.preprocessing.radiometry.irmad import BandLine


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
    if (alignment := report.alignment) is not None:
        if alignment.residual_px is not None:
            typer.echo(f"image before: {alignment.residual_px:.2f} px (rms) off once moved")
        for name, line in zip(alignment.bands, alignment.lines or (), strict=False):
            typer.echo(normalisation_line(name, line))
    typer.echo(f"{out}: {report.bands}, in {report.seconds:.1f} s")


def normalisation_line(band: str, line: "BandLine | BandNormalisation") -> str:
    """Return how a band is brought to another image, and its residuals before and after."""
    return (
        f"  {band:<8} x {line.gain:.4g} {line.offset:+.4f}: rms {line.rms_before:.4f} -> "
        f"{line.rms_after:.4f}"
    )
