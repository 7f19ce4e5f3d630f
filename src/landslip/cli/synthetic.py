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
) -> None:
    """Make raw Gaofen-1 products of synthetic terrain, with an elevation model and the truth.

    For trials and tests of the whole chain: an archive per date, `dem.tif` (heights over the
    ellipsoid), and per date the landslides that can be seen and the reflectance of the ground.

    Example: `landslip synthetic --out PRODUCTS`
    """
    from landslip.synthetic.series import small_area, wenchuan_area, write_series

    areas = {StudyPreset.WENCHUAN: wenchuan_area, StudyPreset.SMALL: small_area}
    made = write_series(areas[preset](seed), out, log=lambda line: typer.echo(line, err=True))
    for one in made.dates:
        typer.echo(f"{one.product}: {one.day}, {one.count} landslides")
    typer.echo(f"{made.dem}: elevation model; {made.area}: the area that all dates cover")
