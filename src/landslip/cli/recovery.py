"""``landslip recovery``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import Language


@handle_errors
def recovery(
    landslides: Annotated[
        Path,
        typer.Argument(
            help="Folder made by `landslip track` or `landslip inventory`, or a file of polygons "
            "with a column date."
        ),
    ],
    *,
    series: Annotated[Path, typer.Option(help="Folder made by `landslip series`.")],
    out: options.Out,
    failed: Annotated[
        str | None,
        typer.Option(
            help="Day on which all landslides failed, e.g. 2008-05-12. [default: as the landslides "
            "say, else the date on which each is barest]"
        ),
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="Language of labels in the files.")
    ] = Language.ENGLISH,
    draws: Annotated[
        int,
        typer.Option(help="Bootstrap draws for intervals of half-lives; 0 leaves them out."),
    ] = 200,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure how plants return to landslides, against undisturbed neighbours of the same day.

    Writes recovery rates and classes of each pixel, tables of each landslide and date, half-lives
    with intervals, and how many have recovered after how many years.

    Example: `landslip recovery TRACKS --series SERIES --out RECOVERY`
    """
    import landslip

    found = landslip.recovery(
        landslides,
        series=series,
        out=out,
        failed=failed,
        lang=lang,
        draws=draws,
        seed=seed,
        overwrite=overwrite,
        progress=True,
    ).record
    for note in found.messages:
        typer.echo(f"{'warning' if note.is_warning else 'note'}: {note.text()}", err=True)
    typer.echo(
        f"{out}: {found.landslides:,} landslides on {len(found.days)} dates, "
        f"{found.measured:,} with a recovery rate, in {found.seconds:.1f} s"
    )
    for name, count in found.classes.items():
        typer.echo(f"  {name:<11} {count:>8,} landslides {found.pixels[name]:>12,} px")
    half_life, years = found.median_half_life, found.median_years
    known = "unknown" if half_life is None else f"{half_life:.2g} years"
    reached = "not within the series" if years is None else f"after {years:.2g} years"
    typer.echo(f"  median half-life {known}; half of the landslides recovered: {reached}")
