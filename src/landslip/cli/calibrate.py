"""``landslip calibrate``."""

from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import CalibrationMethod, EngineName, Precision, Split, Tta

if TYPE_CHECKING:
    from landslip.models.calibration.object_confidence import ObjectConfidence


@handle_errors
def calibrate(
    model: options.Model,
    dataset: options.Dataset,
    split: Annotated[
        Split, typer.Option(help="Tiles to fit on: val or test, never those trained on.")
    ] = Split.VALIDATION,
    method: Annotated[
        CalibrationMethod,
        typer.Option(help="Form of the curve; auto: the best in cross-validation."),
    ] = CalibrationMethod.AUTO,
    training_statistics: Annotated[
        bool,
        typer.Option(
            "--training-statistics/--no-training-statistics",
            "--look/--no-look",
            help="Measure the training tiles, so that scenes out of distribution are detected.",
        ),
    ] = True,
    seed: options.Seed = 0,
    engine: options.Engine = EngineName.AUTO,
    precision: options.PrecisionOption = Precision.AUTO,
    tta: options.TtaOption = Tta.NONE,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Calibrate a model's probabilities.

    A rising curve from the network's logits to calibrated ones is fitted on tiles that the network
    was not trained on, and stored in the model folder; `landslip extract` then applies it. Masks
    stay as they are, to the last pixel: the threshold moves along.

    The confidence of whole landslides is fitted too: how often mapped objects of like size and
    probabilities are right. It needs 30 objects, 5 of either, in 5 groups of tiles.

    Temperature needs 3 tiles with landslides and 500 landslide pixels, platt 5 such tiles of 5
    groups and 2,000 pixels, isotonic 10 such tiles of 5 groups and 5,000 pixels; auto leaves out
    what the tiles are too few for, and with fewer there is no calibration. Intervals are of 95 %,
    by drawing whole groups of tiles anew.

    Example: `landslip calibrate MODEL TILES`
    """
    import landslip

    done = landslip.calibrate(
        model,
        dataset,
        split=split,
        method=method,
        training_statistics=training_statistics,
        seed=seed,
        engine=engine,
        precision=precision,
        tta=tta,
        overwrite=overwrite,
        force=force,
        progress=True,
    )
    for note in done.notes:
        typer.echo(f"warning: {note}", err=True)
    titles = f"{'calibration error':>17} {'of p >= 0.1':>12} {'Brier score':>12} {'log loss':>9}"
    typer.echo(f"{'':<18} {titles}")
    after = {f"{form} after": metrics for form, metrics in done.selection.after.items()}
    for name, metrics in {"before": done.selection.before, **after}.items():
        likely = metrics.likely_calibration_error
        typer.echo(
            f"{name:<18} {metrics.calibration_error:>17.4f} "
            f"{'none' if likely is None else f'{likely:.4f}':>12} {metrics.brier:>12.4f} "
            f"{metrics.log_loss:>9.4f}"
        )
    if done.selection.folds:
        typer.echo(
            f"after: on {done.selection.folds} folds of tiles, each by a curve fitted to the others"
        )
    calibration = done.card.calibration
    for place in () if calibration is None else calibration.intervals:
        typer.echo(
            f"{place.network:.3f} of the network is {place.calibrated:.3f} "
            f"({place.low:.3f} to {place.high:.3f}) calibrated"
        )
    card = done.card if calibration is None else done.card.with_tta(calibration.tta)
    typer.echo(
        f"threshold {card.threshold:.3f} of the network's probability is "
        f"{card.calibrated_threshold:.3f} of the calibrated one"
    )
    if (fitted := done.card.object_confidence) is not None:
        for line in reliability_table(fitted):
            typer.echo(line)
    typer.echo(f"{model}: calibrated by {done.selection.method}")


def reliability_table(fitted: "ObjectConfidence") -> list[str]:
    """Return the lines of a table of held-out objects by size: right, and promised to be."""
    lines = [f"{'objects, px':<18} {'mapped':>7} {'right':>6} {'by pixels':>10} {'by objects':>11}"]
    for size in fitted.by_size:
        if size.promised is None or size.promised_by_pixels is None:
            continue
        end = "and more" if size.under_px is None else f"to {size.under_px - 1}"
        lines.append(
            f"{size.at_least_px:>5} {end:<12} {size.objects:>7} {size.right / size.objects:>6.2f} "
            f"{size.promised_by_pixels:>10.2f} {size.promised:>11.2f}"
        )
    before, after = fitted.before, fitted.after
    lines.append(
        f"calibration error of objects {before.calibration_error:.3f} by pixels, "
        f"{after.calibration_error:.3f} by objects; Brier score {before.brier:.3f}, "
        f"{after.brier:.3f}; on {fitted.folds} folds of {fitted.right + fitted.false} objects, "
        f"without {fitted.cut} that edges cut"
    )
    return lines
