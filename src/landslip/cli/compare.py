"""``landslip compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors

if TYPE_CHECKING:
    from landslip.metrics.bootstrap import IntervalEstimate


@handle_errors
def compare(
    inventory: Annotated[
        list[Path],
        typer.Argument(
            help="Folder made by `landslip inventory`, or a file of polygons; several count as one."
        ),
    ],
    reference: Annotated[
        Path, typer.Argument(help="The same, taken as true; in any coordinate system.")
    ],
    *,
    out: options.Out,
    layer: Annotated[
        str | None, typer.Option(help="Layer of the inventory's file, of several.")
    ] = None,
    reference_layer: Annotated[
        str | None, typer.Option(help="Layer of the reference's file, of several.")
    ] = None,
    area: Annotated[
        Path | None,
        typer.Option(
            help="Polygons of the area mapped in both, or an inventory that states it; what is "
            "outside is left out. By default everything counts."
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(
            help="Side of a pixel of the pixel scores, in metres. [default: the scene's, else by "
            "the size of the landslides]"
        ),
    ] = None,
    min_iou: Annotated[
        float,
        typer.Option(help="Intersection over union from which two landslides are the same one."),
    ] = 0.5,
    draws: Annotated[
        int, typer.Option(help="Draws for the bootstrap intervals; 0 leaves them out.")
    ] = 1000,
    block_m: Annotated[
        float | None,
        typer.Option(
            "--block-m",
            help="Side of the square blocks of ground that intervals draw, in metres; 0 draws "
            "landslides one by one. [default: by the number of landslides]",
        ),
    ] = None,
    seed: options.Seed = 0,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Compare an inventory with another one that is taken as true.

    Writes `comparison.json` and `comparison.gpkg` with the layers matched, missed and false.

    Example: `landslip compare INVENTORY REFERENCE.gpkg --area MAPPED.gpkg --out COMPARED`
    """
    import landslip

    found = landslip.compare(
        inventory,
        reference,
        out=out,
        layer=layer,
        reference_layer=reference_layer,
        area=area,
        resolution=resolution,
        min_iou=min_iou,
        draws=draws,
        block_m=block_m,
        seed=seed,
        datum_shift=datum_shift,
        overwrite=overwrite,
        progress=True,
    )
    for note in found.notes:
        typer.echo(f"warning: {note}", err=True)
    ours, theirs = found.inventory.landslides, found.reference.landslides
    typer.echo(f"{out}: {ours} landslides compared with {theirs} of the reference")
    unit = "m" if found.crs else "units"
    typer.echo(f"             pixels of {found.pixels.resolution_m:g} {unit}   areas")
    for name in ("precision", "recall", "f1", "iou", "error_index"):
        by_pixel, by_area = getattr(found.pixels, name), getattr(found.areas, name)
        typer.echo(f"  {name:<11} {_text(by_pixel):<18} {_interval(by_area)}")
    scores = found.landslides
    typer.echo(f"detected     {scores.detected} of {theirs}: {_interval(scores.detection_rate)}")
    for size in scores.by_size:
        end = "" if size.under_m2 is None else f" to {size.under_m2:,.0f}"
        label = f"{size.at_least_m2:,.0f}{end} m2" if end else f"from {size.at_least_m2:,.0f} m2"
        rate = _interval(size.detection_rate)
        typer.echo(f"  {label:<20} {size.detected} of {size.landslides}: {rate}")
    typer.echo(f"false        {scores.false} of {ours}: {_interval(scores.false_share)}")
    if found.draws and found.interval_units is not None and found.interval_units > 1:
        side = "" if found.block_m is None else f" of {found.block_m:,.0f} {unit}"
        what = "blocks" if found.block_m else "groups of landslides"
        typer.echo(f"intervals    over {found.interval_units} {what}{side}")
    pairs = found.matches
    typer.echo(
        f"matched      {pairs.matched} pairs (IoU from {pairs.min_iou:g}): F1 {_interval(pairs.f1)}"
    )


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(found: "IntervalEstimate") -> str:
    if found.low is None or found.high is None:
        return _text(found.value)
    return f"{_text(found.value)}  ({found.low:.4f} to {found.high:.4f})"
