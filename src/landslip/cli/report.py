"""``landslip report``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import Language


@handle_errors
def report(
    folder: Annotated[
        Path, typer.Argument(help="Folder made by `landslip inventory` or `landslip track`.")
    ],
    *,
    lang: Annotated[
        Language, typer.Option(help="Language of the page: English or Chinese.")
    ] = Language.ENGLISH,
    scene: Annotated[
        Path | None,
        typer.Option(
            help="The mapped scene of an inventory, where it is no longer where the inventory "
            "found it."
        ),
    ] = None,
    recovery: Annotated[
        Path | None,
        typer.Option(help="Recovery of the histories: a folder made by `landslip recovery`."),
    ] = None,
    states: Annotated[
        Path | None,
        typer.Option(help="Ground of the histories: a folder made by `landslip states`."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Page to write. [default: report.html in the folder]"),
    ] = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Make one page about an inventory, or about the landslides of several dates.

    Of an inventory: maps, pictures, tables, charts, method and limits. Of histories: what became of
    the landslides, area by state, flows between states, the animation, events, recovery, and what
    is uncertain. The page is whole in itself and asks no server for anything; a browser prints it,
    or saves it as PDF, on A4. An earlier `report.html` in the folder is replaced.

    Examples: `landslip report INVENTORY --lang zh`, `landslip report TRACKS --recovery RECOVERY`
    """
    import landslip
    from landslip.api.inventories import Inventory
    from landslip.api.reports import open_source

    opened = open_source(folder)
    if isinstance(opened, Inventory):
        name, count = "the inventory has", opened.record.landslides
    else:
        name, count = "the histories have", opened.record.tracks
    if count == 0:
        typer.echo(f"warning: {name} no landslides: the page reports none", err=True)
    for warning in opened.record.warnings:
        typer.echo(f"warning: {warning}", err=True)
    written = landslip.report(
        opened,
        out=out,
        lang=lang,
        scene=scene,
        recovery=recovery,
        states=states,
        datum_shift=datum_shift,
        overwrite=overwrite,
    )
    typer.echo(f"{written}: {written.stat().st_size / 1e6:.1f} MB")
