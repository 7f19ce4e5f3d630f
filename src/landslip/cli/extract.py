"""``landslip extract``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.choices import EngineName, Precision
from landslip.cli import options
from landslip.cli.failures import told_plainly
from landslip.cli.progress import shown


@told_plainly
def extract(
    scene: Annotated[Path, typer.Argument(help="Raster to map.", show_default=False)],
    model: Annotated[
        Path, typer.Option(help="Folder made by `landslip train`.", show_default=False)
    ],
    out: options.Out,
    bands: options.Bands = None,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Probability from which a pixel is landslide. [default: the model's]"),
    ] = None,
    min_area: Annotated[
        float, typer.Option(help="Smallest landslide kept as a polygon, in square metres.")
    ] = 0.0,
    tile: Annotated[int, typer.Option(help="Side of a window in pixels.")] = 512,
    overlap: Annotated[int, typer.Option(help="Overlap of windows in pixels.")] = 128,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    overwrite: options.Overwrite = False,
) -> None:
    """Map the landslides of a whole scene.

    Writes `probability.tif` (stored number x 0.004, 255 nodata), `mask.tif` (1 landslide,
    0 other, 255 nodata), `landslides.gpkg` and `summary.json`.

    Example: `landslip extract SCENE.tif --model MODEL --out MAP --min-area 100`
    """
    from landslip.engines.choose import open_engine
    from landslip.extraction.run import ExtractionOptions
    from landslip.extraction.run import extract as run
    from landslip.model.folder import open_model

    chosen = ExtractionOptions(
        scene=options.scene_options(bands, units, nodata),
        tile=tile,
        overlap=overlap,
        threshold=threshold,
        min_area_m2=min_area,
        overwrite=overwrite,
    )
    opened = open_model(model)
    runner = open_engine(opened, engine, precision)
    with shown("extract", "MPix", 1e6) as progress:
        summary = run(scene, opened, runner, out, chosen, progress=progress)
    for note in summary.warnings:
        typer.echo(f"warning: {note}", err=True)
    area = summary.landslide_area_m2
    size = f"{summary.landslide_px} px" if area is None else f"{area / 1e6:.4f} km2"
    typer.echo(
        f"{out}: {summary.landslides} landslides, {size}, "
        f"in {summary.seconds:.1f} s ({summary.mpix_per_s:.2f} MPix/s)"
    )
