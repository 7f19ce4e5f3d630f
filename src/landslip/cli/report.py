"""``landslip report``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import Language


@handle_errors
def report(
    folder: Annotated[Path, typer.Argument(help="Folder made by `landslip inventory`.")],
    *,
    lang: Annotated[
        Language, typer.Option(help="Language of the page: English or Chinese.")
    ] = Language.ENGLISH,
    scene: Annotated[
        Path | None,
        typer.Option(help="The mapped scene, where it is no longer where the inventory found it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Page to write. [default: report.html in the folder]"),
    ] = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Make one page about an inventory: maps, pictures, tables, charts, method and limits.

    The page is whole in itself and asks no server for anything; a browser prints it, or saves it
    as PDF, on A4. An earlier `report.html` in the folder is replaced.

    Example: `landslip report INVENTORY --lang zh`
    """
    import landslip

    record = landslip.open_inventory(folder).record
    if record.landslides == 0:
        typer.echo("warning: the inventory has no landslides: the page reports none", err=True)
    for warning in record.warnings:
        typer.echo(f"warning: {warning}", err=True)
    written = landslip.report(
        folder, out=out, lang=lang, scene=scene, datum_shift=datum_shift, overwrite=overwrite
    )
    typer.echo(f"{written}: {written.stat().st_size / 1e6:.1f} MB")
