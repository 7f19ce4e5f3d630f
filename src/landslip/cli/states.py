"""``landslip states``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors


@handle_errors
def states(
    series: Annotated[Path, typer.Argument(help="Folder made by `landslip series`.")],
    *,
    out: options.Out,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder that `landslip extract` wrote of one of the series' scenes, or "
            "DATE=FOLDER; once for each date. A date without one is judged by NDVI."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder made by `landslip train`, to map the series' scenes with; a stopped run "
            "continues when it is started again."
        ),
    ] = None,
    triggers: Annotated[
        str | None,
        typer.Option(
            help="Days on which slopes may have failed, e.g. 2008-05-12,2014-07-22: earthquakes "
            "and rainstorms."
        ),
    ] = None,
    prior: Annotated[
        float | None,
        typer.Option(
            help="Share of landslide pixels in the model's training data. [default: as its "
            "calibration says]"
        ),
    ] = None,
    fresh_years: Annotated[float, typer.Option(help="Mean time until plants return.")] = 3.0,
    recovering_years: Annotated[
        float, typer.Option(help="Mean time from then until it looks as its surroundings.")
    ] = 7.0,
    overwrite: options.Overwrite = False,
) -> None:
    """Find on each date of a series which ground is vegetated, fresh, recovering or recovered.

    Writes per date the probability of each state and the most likely one, and `states.json`.

    Example: `landslip states SERIES --model MODEL --triggers 2008-05-12 --out STATES`
    """
    import landslip
    from landslip.multitemporal.states.hidden_markov import STATES

    found = landslip.states(
        series,
        out=out,
        maps=maps,
        model=model,
        triggers=triggers,
        prior=prior,
        fresh_years=fresh_years,
        recovering_years=recovering_years,
        overwrite=overwrite,
        progress=True,
    ).record
    for note in found.messages:
        typer.echo(f"{'warning' if note.is_warning else 'note'}: {note.text()}", err=True)
    typer.echo(f"{out}: {len(found.dates)} dates, {found.seconds_per_mpix:.2f} s/MPix")
    typer.echo(f"{'':<10} {'seen':>6} " + " ".join(f"{name:>16}" for name in STATES))
    for one in found.dates:
        areas = [f"{count:,} px" for count in one.pixels]
        if one.area_m2 is not None:
            areas = [f"{area / 1e6:,.4f} km2" for area in one.area_m2]
        shown = " ".join(f"{area:>16}" for area in areas)
        typer.echo(f"{one.date} {one.seen_share:>6.0%} {shown}")
