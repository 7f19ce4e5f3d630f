"""``landslip inventory``."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import DemTime, Language, Unreviewed

if TYPE_CHECKING:
    from landslip.inventory.record import InventoryRecord


@handle_errors
def inventory(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="Folder that `landslip extract` wrote, a file of polygons, or the folder of a "
            "review; several maps or files become one inventory."
        ),
    ],
    *,
    out: options.Out,
    dem: Annotated[
        Path | None,
        typer.Option(
            help="Elevation model, in any coordinate system; without it slopes and heights are "
            "empty."
        ),
    ] = None,
    dem_time: Annotated[
        DemTime | None,
        typer.Option(help="Whether the elevation model is from before or after the landslides."),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the polygon file.")] = None,
    date_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the polygon file with the date of each landslide. [default: date]"
        ),
    ] = None,
    original: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the inventory that the polygons are a corrected copy of. [default: "
            "known by the file]"
        ),
    ] = None,
    unreviewed: Annotated[
        Unreviewed,
        typer.Option(help="Of a review: what becomes of polygons that nobody judged."),
    ] = Unreviewed.KEEP,
    low: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a pixel belongs to a landslide. [default: the map's]"
        ),
    ] = None,
    high: Annotated[
        float | None,
        typer.Option(
            help="Probability that some pixel of a landslide reaches. [default: midway from --low "
            "to what the model's right landslides reach]"
        ),
    ] = None,
    min_area: Annotated[
        float | None,
        typer.Option(
            help="Minimum mapping unit, in square metres. [default: that of the map, at least 100; "
            "of polygon files 0]"
        ),
    ] = None,
    max_shift: Annotated[
        float | None,
        typer.Option(help="How far cleaning may move an outline, in metres. [default: a pixel]"),
    ] = None,
    smooth: Annotated[bool, typer.Option(help="Smooth the outlines.")] = True,
    split: Annotated[bool, typer.Option(help="Split landslides that touch.")] = True,
    scene: Annotated[
        str | None,
        typer.Option(
            help="The mapped scene, for NDVI and clouds. [default: where it was extracted from]"
        ),
    ] = None,
    use_scene: Annotated[bool, typer.Option(help="Read the scene.")] = True,
    bands: options.Bands = None,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    date: Annotated[
        str | None,
        typer.Option(help="Date of the scene, YYYY-MM-DD. [default: the date in its name]"),
    ] = None,
    water: Annotated[Path | None, typer.Option(help="Polygons of rivers and lakes.")] = None,
    roads: Annotated[Path | None, typer.Option(help="Lines of roads.")] = None,
    area: Annotated[
        Path | None,
        typer.Option(help="Polygons of the mapped area, for densities of a polygon file."),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(
            help="Points with their true class (CSV or vector file, column reference), for an "
            "area adjusted for errors."
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(help="Output of `landslip evaluate --json`, for the same without a sample."),
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="Language of labels in the files: English or Chinese.")
    ] = Language.ENGLISH,
    cell: Annotated[
        float | None,
        typer.Option(help="Side of the density layer's cells in metres. [default: chosen]"),
    ] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap draws for intervals.")] = 500,
    seed: options.Seed = 0,
    name: Annotated[
        str | None, typer.Option(help="Name of the inventory. [default: the source's]")
    ] = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Make an inventory: polygons with their attributes, statistics, and files that others read.

    Writes `inventory.gpkg` (layers landslides, highest_points, lowest_points, density, with QGIS
    styles), `inventory.parquet`, `.csv`, `.geojson`, `.kmz`, a STAC item, `statistics.json` and
    `inventory.json`. What may be a river flat, a road or a cloud is not left out but flagged in
    columns.

    Of several maps, a pixel has the highest probability of those that show it, so that overlaps
    count once and landslides across their edges are whole.

    Example: `landslip inventory MAP --dem DEM.tif --out INVENTORY`

    Example: `landslip inventory MAPS/* --out INVENTORY`
    """
    import landslip

    made = landslip.make_inventory(
        source,
        out=out,
        dem=dem,
        dem_time=dem_time,
        layer=layer,
        date_column=date_column,
        original=original,
        unreviewed=unreviewed,
        low=low,
        high=high,
        min_area=min_area,
        max_shift=max_shift,
        smooth=smooth,
        split=split,
        scene=scene,
        use_scene=use_scene,
        bands=bands,
        units=units,
        nodata=nodata,
        date=date,
        water=water,
        roads=roads,
        area=area,
        sample=sample,
        errors=errors,
        lang=lang,
        cell=cell,
        draws=draws,
        seed=seed,
        name=name,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    print_inventory(out, made.record)


def print_inventory(out: Path, record: "InventoryRecord", said: Collection[str] = ()) -> None:
    """Print notes, without those that the command has said before, and the result."""
    for note in record.notes:
        if note in said:
            continue
        kind = "warning" if note in record.warnings else "note"
        typer.echo(f"{kind}: {note}", err=True)
    typer.echo(f"{out}: {record.landslides} landslides in {', '.join(record.files)}")
