"""``landslip series``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.stack import normalisation_line


@handle_errors
def series(
    scenes: Annotated[
        list[str],
        typer.Argument(
            help="One scene for each date: a raster, a folder made by `landslip preprocess`, a "
            "STAC item, or single-band files joined by commas (B2.tif,B3.tif,B4.tif). In any order."
        ),
    ],
    *,
    out: options.Out,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Date or scene that gives grid and radiometry. [default: of the finest scenes, "
            "the one that sees most ground without clouds]"
        ),
    ] = None,
    dates: Annotated[
        str | None,
        typer.Option(
            help="Dates of the scenes in their order, e.g. 2013-08-12,2015-08-05; needed where no "
            "item, record, tag or name states them."
        ),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(
            help="Names of the bands, in their order, of files that have no band descriptions, and "
            "of single-band files."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Reflectance of a stored 1, over what the files say. [default: 0.0001 for "
            "integers that say nothing, with a warning]"
        ),
    ] = None,
    nodata: options.Nodata = None,
    clouds: Annotated[
        list[Path] | None,
        typer.Option(
            help="Mask of a date's clouds (0 clear, 3 cloud shadow, else cloud): FILE with the "
            "date in its name, or DATE=FILE; once for each mask."
        ),
    ] = None,
    registration: Annotated[
        bool, typer.Option(help="Compare positions with the reference, and correct a shift.")
    ] = True,
    normalisation: Annotated[
        bool, typer.Option(help="Bring each date to the radiometry of the reference.")
    ] = True,
    cloud_detection: Annotated[
        bool, typer.Option(help="Look for clouds where there is no mask of them.")
    ] = True,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Bring scenes of several dates to one grid and one radiometry.

    Writes per date a reflectance scene and what its pixels show (0 no data, 1 valid, 2 cloud, 3
    cloud shadow), and `series.json`. A stopped run continues when it is started again.

    Example: `landslip series 2013-08-12.tif 2015-08-05.tif --out SERIES`
    """
    import landslip

    made = landslip.series(
        scenes,
        out=out,
        reference=reference,
        dates=dates,
        bands=bands,
        scale=scale,
        nodata=nodata,
        clouds=None if clouds is None else [str(one) for one in clouds],
        registration=registration,
        normalisation=normalisation,
        cloud_detection=cloud_detection,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    days_of: dict[str, list[str]] = {}
    for one in made.card.dates:
        for note in one.warnings:
            days_of.setdefault(note, []).append(one.date)
    for note, days in days_of.items():
        typer.echo(f"warning: {', '.join(days)}: {note}", err=True)
    card, (height, width) = made.card, made.grid.shape
    typer.echo(
        f"{out}: {len(card.dates)} dates, {made.bands}, {width} x {height} px of "
        f"{card.resolution_m or 0:.3g} m; reference {card.reference}"
    )
    for one in card.dates:
        if one.date == card.reference:
            moved = "the reference"
        elif one.shift_px is None:
            moved = "position not compared"
        else:
            col, row = one.shift_px
            moved = f"off by {col:.2f}, {row:.2f} px"
            moved += ", corrected" if one.is_shifted else ""
        typer.echo(
            f"{one.date}  {one.valid_share:.0%} valid, {one.cloud_share:.0%} cloud, "
            f"{one.shadow_share:.0%} shadow; {moved} ({one.source})"
        )
        for name, line in (one.normalisation or {}).items():
            typer.echo(normalisation_line(name, line))
