"""``landslip extract``."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.inventory import print_inventory
from landslip.core.choices import EngineName, Precision, Tta
from landslip.core.errors import InputError, LandslipError, argument

if TYPE_CHECKING:
    from landslip.inference.result import ExtractionSummary


@handle_errors
def extract(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(help="Rasters to map: files, or addresses (https://, s3://)."),
    ] = None,
    *,
    model: Annotated[Path, typer.Option(help="Folder made by `landslip train`.")],
    out: options.Out,
    stac: Annotated[
        list[str] | None, typer.Option(help="STAC item (file or address) of a scene to map.")
    ] = None,
    bands: options.Bands = None,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Probability from which a pixel is landslide. [default: the model's]"),
    ] = None,
    min_area: Annotated[
        float | None,
        typer.Option(
            help="Minimum mapping unit: smallest landslide among the polygons, in square metres; "
            "0 keeps all. [default: 4 pixels of the model's training data, fewer where its labels "
            "are smaller]"
        ),
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Side of a window in pixels. [default: planned]")
    ] = None,
    overlap: Annotated[int, typer.Option(help="Overlap of windows in pixels.")] = 64,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    tta: options.TtaOption = Tta.NONE,
    memory: Annotated[
        str, typer.Option(help="Bound on the memory of the process, e.g. 2G or 1500M.")
    ] = "2G",
    workers: Annotated[
        int | None,
        typer.Option(help="Windows computed at once; with --ray, processes. [default: what fits]"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Address of a Ray cluster to compute on; auto: the one of this machine, started "
            "where there is none."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Folder or address (s3://...) for finished windows, where every machine of the "
            "cluster reaches it. [default: beside --out]",
        ),
    ] = None,
    dem: Annotated[
        Path | None,
        typer.Option(
            help="Elevation model: an inventory is made in the folder `inventory` of the result, "
            "as `landslip inventory` makes it. A model that takes bands of terrain reads them "
            "from it."
        ),
    ] = None,
    before: options.Before = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Map the landslides of whole scenes.

    Writes `probability.tif` (stored number x 0.004, 255 nodata), `mask.tif` (1 landslide,
    0 other, 255 nodata), `landslides.gpkg` and `summary.json`; for several scenes in a folder
    each. After a crash or Ctrl-C the same command goes on where it was.

    Example: `landslip extract SCENE.tif --model MODEL --out MAP --dem DEM.tif`
    """
    import landslip
    from landslip.io.raster.scene import SceneOptions

    _check_for_inventory(scenes or [], dem, datum_shift)
    results = landslip.extract_all(
        scenes or [],
        model,
        out=out,
        stac=stac or [],
        options=SceneOptions.stated(bands, units, nodata),
        dem=dem,
        before=before,
        threshold=threshold,
        min_area=min_area,
        tile=tile,
        overlap=overlap,
        engine=engine,
        precision=precision,
        tta=tta,
        memory=memory,
        workers=workers,
        ray=ray,
        store=store,
        overwrite=overwrite,
        force=force,
        progress=True,
    )
    failed = mapped = 0
    with closing(results):
        for folder, result in results:
            if isinstance(result, LandslipError):
                typer.echo(f"landslip: {result}", err=True)
                failed += 1
                continue
            mapped += 1
            for note in result.summary.warnings:
                typer.echo(f"warning: {note}", err=True)
            typer.echo(f"{folder}: {_result_line(result.summary)}")
            if dem is not None:
                inventory = landslip.make_inventory(
                    result,
                    dem=dem,
                    out=folder / "inventory",
                    min_area=min_area,
                    datum_shift=datum_shift,
                    overwrite=overwrite,
                    progress=True,
                )
                print_inventory(inventory.folder, inventory.record, result.summary.warnings)
    if failed:
        raise LandslipError(f"{failed} of {failed + mapped} scenes could not be mapped, see above")


def _check_for_inventory(scenes: list[str], dem: Path | None, datum_shift: str | None) -> None:
    """Refuse what no inventory can be made of, before the long work."""
    from landslip.core.crs import check_on_earth
    from landslip.core.transformations import DatumShift
    from landslip.io.raster.readers import ElevationRaster, SensorImage

    if dem is None:
        if datum_shift is not None:
            raise InputError(
                f"{argument('datum_shift')} is for the inventory, which is made where "
                f"{argument('dem')} is given"
            )
        return
    if datum_shift is not None:
        DatumShift.parse(datum_shift)
    ElevationRaster(dem).close()
    for place in scenes:
        if Path(place).is_file():
            with SensorImage(Path(place)) as image:
                if image.grid.crs is not None:
                    check_on_earth(image.grid.crs, place)


def _result_line(summary: "ExtractionSummary") -> str:
    area = summary.landslide_area_m2
    size = f"{summary.landslide_px} px" if area is None else f"{area / 1e6:.4f} km2"
    return (
        f"{summary.landslides} landslides, {size}, "
        f"in {summary.seconds:.1f} s ({summary.mpix_per_s:.2f} MPix/s)"
    )
