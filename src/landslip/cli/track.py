"""``landslip track``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import Language


@handle_errors
def track(
    inventories: Annotated[
        list[Path],
        typer.Argument(
            metavar="INVENTORY... | SERIES",
            help="Folders made by `landslip inventory` or `landslip extract`, or files of "
            "polygons, in any order and coordinate systems. Of a file with several layers, those "
            "with a date in their names. Or the folder of `landslip series`, and that of its "
            "`landslip states`.",
        ),
    ],
    *,
    out: options.Out,
    series: Annotated[
        Path | None,
        typer.Option(
            help="Folder made by `landslip series` of the dates that were mapped: its valid pixels "
            "are what was searched on each of them."
        ),
    ] = None,
    footprints: Annotated[
        Path | None,
        typer.Option(
            help="Polygons with a column date: what was searched on each date, over what the "
            "series says. Where it is not known, a landslide without a polygon is not observed. "
            "Inventories of `landslip inventory` and extractions state it themselves."
        ),
    ] = None,
    dates: Annotated[
        str | None,
        typer.Option(
            help="Date of each inventory in their order, e.g. 2013-08-12,2014-10-02. [default: of "
            "a column, else of the name of the file or layer]"
        ),
    ] = None,
    date_column: Annotated[
        str | None,
        typer.Option(help="Column with the date of each landslide. [default: one named date]"),
    ] = None,
    registration_error: Annotated[
        float | None,
        typer.Option(
            help="How far outlines of two dates may be displaced, in metres. [default: measured "
            "on landslides that did not change]"
        ),
    ] = None,
    min_overlap: Annotated[
        float,
        typer.Option(
            help="Share of the smaller of two polygons from which they are one landslide."
        ),
    ] = 0.3,
    min_change: Annotated[
        float,
        typer.Option(
            help="Growth of the area, as a share, from which a landslide is enlarged; it is "
            "shrinking from the same ratio downwards."
        ),
    ] = 0.2,
    previous: Annotated[
        Path | None,
        typer.Option(
            help="Histories of an earlier run, whose ids stay, also where an earlier date is new."
        ),
    ] = None,
    datum_shift: options.DatumShift = None,
    lang: Annotated[Language, typer.Option(help="Language of labels in the files.")] = (
        Language.ENGLISH
    ),
    overwrite: options.Overwrite = False,
) -> None:
    """Link the landslides of several dates into histories.

    Writes `tracks.gpkg` with the layers landslides (one row for each landslide and date) and
    tracks (one for each history), the same as GeoParquet and CSV, `tracks.json` and charts.

    Examples: `landslip track 2013.gpkg 2014.gpkg --footprints SEARCHED.gpkg --out TRACKS`,
    `landslip track SERIES STATES --out TRACKS`
    """
    import landslip

    made = landslip.track(
        inventories,
        out=out,
        series=series,
        footprints=footprints,
        dates=dates,
        date_column=date_column,
        registration_error=registration_error,
        min_overlap=min_overlap,
        min_change=min_change,
        previous=previous,
        datum_shift=datum_shift,
        lang=lang,
        overwrite=overwrite,
        progress=True,
    )
    record = made.record
    for note in record.messages:
        typer.echo(f"{'warning' if note.is_warning else 'note'}: {note.text()}", err=True)
    typer.echo(f"{out}: {record.tracks:,} landslides on {len(record.dates)} dates")
    for one in record.dates:
        states = ", ".join(f"{count:,} {state}" for state, count in one.states.items())
        shift = one.displacement
        moved = (
            f"; displaced {shift.x_m:+.1f}, {shift.y_m:+.1f} m" if shift.x_m or shift.y_m else ""
        )
        known = f"{one.polygons:,} polygons, {sum(one.states.values()):,} landslides so far"
        typer.echo(f"  {one.stated:<10} {known}: {states or 'none'}{moved}")
