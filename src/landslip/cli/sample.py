"""``landslip sample``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import BufferSide, SampleAllocation


@handle_errors
def sample(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="MAP",
            help="Folder that `landslip extract` or `landslip inventory` wrote, a raster of a mask "
            "or of probabilities, or a file of polygons.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="GeoPackage to write.")],
    strata: Annotated[
        str, typer.Option(help="What is sampled apart: landslide, background, and the buffer.")
    ] = "landslide,background,buffer",
    buffer_m: Annotated[
        float | None,
        typer.Option(
            help="Reach of the buffer from the edges of mapped landslides, in metres. [default: "
            "two pixels]"
        ),
    ] = None,
    buffer_side: Annotated[
        BufferSide, typer.Option(help="On which side of the edges the buffer is.")
    ] = BufferSide.BOTH,
    probability_classes: Annotated[
        str | None,
        typer.Option(
            help="Limits that divide landslide and background by probability, e.g. 0.1,0.3."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a pixel is landslide, of a raster of probabilities. "
            "[default: 0.5]"
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Number of points. [default: 500, or by --standard-error]"),
    ] = None,
    standard_error: Annotated[
        float | None,
        typer.Option(help="Wanted of the overall accuracy, as a fraction, e.g. 0.01."),
    ] = None,
    expected: Annotated[
        str | None,
        typer.Option(
            help="Fraction of each stratum that is expected to be right. [default: "
            "landslide=0.7,background=0.98,buffer=0.7]"
        ),
    ] = None,
    min_per_stratum: Annotated[
        int, typer.Option(help="Least number of points of each stratum.")
    ] = 50,
    allocation: Annotated[
        SampleAllocation,
        typer.Option(
            help="Of the points to the strata: optimal (Neyman, by area and expected error), "
            "proportional (by area) or equal."
        ),
    ] = SampleAllocation.OPTIMAL,
    area: Annotated[
        Path | None, typer.Option(help="Polygons that limit the searched area.")
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(help="Side of a pixel in metres, of polygons. [default: the scene's]"),
    ] = None,
    hide_map: Annotated[
        bool, typer.Option(help="Leave stratum and map class out of the layer of points.")
    ] = True,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw points by strata of a map, to be judged and given to `landslip inventory --sample`.

    Writes a GeoPackage: the layer points, in random order, with an empty column reference to fill
    in with landslide, background or unclear, and tables of how they were drawn.

    Example: `landslip sample MAP --size 400 --out SAMPLE.gpkg`
    """
    import landslip

    drawn = landslip.sample(
        source,
        out=out,
        strata=strata,
        buffer_m=buffer_m,
        buffer_side=buffer_side,
        probability_classes=probability_classes,
        threshold=threshold,
        size=size,
        standard_error=standard_error,
        expected=expected,
        min_per_stratum=min_per_stratum,
        allocation=allocation,
        area=area,
        resolution=resolution,
        hide_map=hide_map,
        seed=seed,
        overwrite=overwrite,
        progress=True,
    )
    strata_drawn = drawn.record.strata
    total = sum(one.drawn for one in strata_drawn)
    typer.echo(f"{out}: {total} points in {len(strata_drawn)} strata of {drawn.record.map.name}")
    whole_m2 = sum(one.area_m2 for one in strata_drawn)
    for one in strata_drawn:
        share = one.area_m2 / whole_m2
        typer.echo(
            f"  {one.name:<24} {one.drawn:>5} points of {one.pixels:,} pixels, "
            f"{one.area_m2 / 1e6:.4g} km2 ({share:.2%})"
        )
