"""``landslip synthetic``."""

from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import StudyPreset


@handle_errors
def synthetic(
    out: options.Out,
    preset: Annotated[
        StudyPreset, typer.Option(help="Which ground, and when it is seen.")
    ] = StudyPreset.WENCHUAN,
    seed: options.Seed = 0,
    products: Annotated[
        bool,
        typer.Option(help="Whether raw products are made, which takes most of the time."),
    ] = True,
) -> None:
    """Make raw Gaofen-1 products of synthetic terrain, with an elevation model and the truth.

    For trials and tests of the whole chain: an archive per date, `dem.tif` (heights over the
    ellipsoid), and per date the landslides that can be seen and the reflectance of the ground. The
    presets `recovery` also make scenes, and `histories.gpkg`: every landslide on every date.

    Example: `landslip synthetic --out PRODUCTS`
    """
    from landslip.synthetic.series import write_series
    from landslip.synthetic.study_areas import study_area

    made = write_series(
        study_area(preset, seed),
        out,
        products=products,
        log=lambda line: typer.echo(line, err=True),
    )
    for one in made.dates:
        image = one.product or one.scene or one.reflectance
        typer.echo(f"{image}: {one.day}, {one.count} landslides")
    if made.histories is not None:
        typer.echo(f"{made.histories}: every landslide on every date")
    typer.echo(f"{made.dem}: elevation model; {made.area}: the area that all dates cover")
