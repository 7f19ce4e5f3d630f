"""``landslip evaluate``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import EngineName, Precision, Split, Tta

if TYPE_CHECKING:
    from landslip.metrics.objects import ObjectCounts
    from landslip.metrics.spread import ProbabilitySpread
    from landslip.models.evaluation import Evaluation


@handle_errors
def evaluate(
    model: options.Model,
    dataset: options.Datasets,
    split: Annotated[Split, typer.Option(help="Tiles to score.")] = Split.TEST,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    tta: options.TtaOption = Tta.NONE,
    off_centre: Annotated[
        bool,
        typer.Option(
            "--off-centre",
            help="Score the tiles through windows moved off their centres, too.",
        ),
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Write the scores into model.json too, from where reports take them."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace recorded scores of other tiles.")
    ] = False,
    force: options.Force = False,
) -> None:
    """Score a model on the tiles of a dataset.

    Pixels are counted over all tiles of the split, landslide-free ones included, at the threshold
    that was chosen on validation tiles. Intervals are 95 % bootstrap intervals over the groups of
    the tiles, over blocks of ground where tiles have coordinates and no groups, else over tiles.
    The spread of the probabilities is that of the landslide pixels.
    Other ways of counting, which papers use, are beside it: averages over images, one without
    landslides and without detections counting 1, and over the classes landslide and background.

    Where landslides are in the middle of every tile, --off-centre shows what a model learned of
    the place instead of the ground: a quarter to three eighths of a tile's sides leaves the window,
    which shows neighbouring tiles, a tile without landslides or mirrored ground instead, and
    the scores of the pixels that stay are compared.

    Example: `landslip evaluate MODEL TILES --json`

    Example: `landslip evaluate MODEL TILES --record`
    """
    import json

    import landslip

    opened = landslip.load_model(model)
    tiles = [landslip.datasets.open(folder) for folder in dataset]
    resolutions = {one.card.resolution_m for one in tiles}
    result = landslip.evaluate(
        opened,
        tiles,
        split=split,
        engine=engine,
        precision=precision,
        tta=tta,
        off_centre=off_centre,
        record=record,
        overwrite=overwrite,
        force=force,
        progress=True,
    )
    runner = opened.engine(engine, precision, tta=tta)
    found = result.as_dict() | {
        "resolution_m": resolutions.pop() if len(resolutions) == 1 else None,
        "engine": runner.name,
        "precision_format": runner.precision,
    }
    for note in result.notes:
        typer.echo(f"warning: {note.text()}", err=True)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    augmented = "" if tta is Tta.NONE else f" with test-time augmentation {tta.value}"
    card = opened.card.with_tta(tta)
    is_on_scale = card.calibration is not None and card.calibration_warning(tta) is None
    scale = f" ({card.calibrated_threshold:.3f} calibrated)" if is_on_scale else ""
    how = f"threshold {result.threshold:.3f}{scale}{augmented}"
    typer.echo(f"{found['tiles']} {split.value} tiles at {how}")
    for name in ("average_precision", "precision", "recall", "f1", "iou"):
        typer.echo(f"  {name.replace('_', ' '):<17} {_score_text(found, name)}")
    for title, kind in (("mean over images", ""), ("mean over classes", "class_")):
        both = (f"{name} {_score_text(found['per_image'], kind + name)}" for name in ("f1", "iou"))
        typer.echo(f"  {title:<17} {', '.join(both)}")
    typer.echo(f"  {_intervals_text(result)}")
    errors = (_number(found[name]) for name in ("calibration_error", "likely_calibration_error"))
    typer.echo(f"  calibration error {next(errors)}, of pixels with p >= 0.1 {next(errors)}")
    if found["off_centre"] is not None:
        typer.echo(f"  off-centre: {_off_centre_text(found['off_centre'])}")
    for line in size_table(result.objects):
        typer.echo(f"  {line}")
    if result.spread is not None:
        typer.echo(f"  probability: {_spread_text(result.spread)}")
    if record:
        typer.echo(f"{model}: recorded as the scores of {split.value} tiles")


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _score_text(scores: dict[str, Any], name: str) -> str:
    ends = scores["intervals"][name]
    return _number(scores[name]) + ("" if ends is None else f" ({ends[0]:.4f} to {ends[1]:.4f})")


def _off_centre_text(found: dict[str, Any]) -> str:
    """Return the scores off-centre, from `OffCentreEvaluation.as_dict`, as a line."""
    windows = ", ".join(f"{number} {kind}" for kind, number in found["surroundings"].items())
    difference, change = found["f1_difference"], "undefined"
    if difference is not None:
        change = f"{difference['value']:+.4f}"
        if difference["low"] is not None:
            change += f" ({difference['low']:+.4f} to {difference['high']:+.4f})"
    return (
        f"f1 {_number(found['off_centre']['f1'])} and {_number(found['centred']['f1'])} of the "
        f"same pixels in place, difference {change}; beyond the tile: {windows}"
    )


def size_table(objects: "ObjectCounts") -> list[str]:
    """Return the lines of a table of landslides and predicted objects by size."""
    lines = [f"{'objects, px':<14} {'detected':>17} {'right of mapped':>19}"]
    for size in objects.by_size():
        end = "and more" if size.under_px is None else f"to {size.under_px - 1}"
        detected = _share_text(size.detected, size.landslides, size.detection_rate)
        right = _share_text(size.found - size.false, size.found, size.precision)
        lines.append(f"{size.at_least_px:>5} {end:<8} {detected:>17} {right:>19}")
    return lines


def _share_text(part: int, whole: int, share: float | None) -> str:
    return f"{part} of {whole}" + ("" if share is None else f" {share:4.0%}")


def _intervals_text(result: "Evaluation") -> str:
    number, alike = len(set(result.interval_groups.names)), result.clustering
    text = f"intervals over {number} {result.interval_groups.kind}"
    if alike is None:
        return text
    return (
        f"{text}; landslide fraction of their tiles: intraclass correlation "
        f"{alike.intraclass_correlation:.2f}, design effect {alike.design_effect:.1f}"
    )


def _spread_text(spread: "ProbabilitySpread") -> str:
    if spread.highest is None:
        return "no pixel"
    if not spread.quantiles or spread.commonest is None or spread.commonest_share is None:
        return f"highest {spread.highest:.3f}, no landslide pixel"
    return (
        f"highest {spread.highest:.3f}, median of landslide pixels {spread.quantiles[2]:.3f}; "
        f"{spread.commonest_share:.1%} of them have {spread.commonest:.3f}"
    )
