"""``landslip improve``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.training import print_epoch, resumable

if TYPE_CHECKING:
    from landslip.api.improvement import Improvement

NOT_BETTER = 3


@handle_errors
def improve(
    model: options.Model,
    *,
    corrections: Annotated[
        Path,
        typer.Option(
            help="Folder that `landslip serve` served, a review in it, or its review.gpkg."
        ),
    ],
    out: options.Out,
    tiles: Annotated[
        list[Path] | None,
        typer.Option(
            help="The model's own tiles, of which as many as there are of reviewed ground are "
            "mixed in, so that it does not forget; may be repeated."
        ),
    ] = None,
    scene: Annotated[
        Path | None, typer.Option(help="Scene that was reviewed, where a review does not say it.")
    ] = None,
    dem: options.StackDem = None,
    before: options.Before = None,
    folds: Annotated[
        int, typer.Option(help="Folds of reviewed ground, each left out in turn; 2 or more.")
    ] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the tiles, of 10 steps at least. [default: 12]"),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Highest learning rate. [default: 0.0003]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Tiles a step. [default: as the model was trained]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with further settings of training.")
    ] = None,
    seed: options.Seed = 0,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Write the model also where it is not better; its description says so."
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a stopped run; reviews must be as they were."),
    ] = False,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Fine-tune a model on reviewed ground, and say whether that made it better.

    Ground that was looked at and judged polygons are labelled, all else is not. The model and what
    it becomes are compared on blocks of reviewed ground that were left out in turn. It is better
    only where the 95 % intervals of the differences of F1 and of average precision are above 0;
    else no model is written and the exit code is 3.

    Example: `landslip improve MODEL --corrections DIR --out IMPROVED`

    Example: `landslip improve MODEL --corrections DIR --out IMPROVED --tiles TILES`
    """
    import landslip

    with resumable():
        found = landslip.improve(
            model,
            corrections,
            out=out,
            tiles=tiles or None,
            scene=scene,
            dem=dem,
            before=before,
            folds=folds,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            config=config,
            seed=seed,
            keep=keep,
            resume=resume,
            overwrite=overwrite,
            force=force,
            on_epoch=partial(print_epoch, whole="all ground"),
            progress=True,
        )
    for line in _lines(found):
        typer.echo(line)
    if found.path is None:
        typer.echo(f"{out}: no model written; --keep writes it all the same")
        raise typer.Exit(NOT_BETTER)
    typer.echo(f"{out}: model written")
    if not found.is_better:
        raise typer.Exit(NOT_BETTER)


def _lines(found: "Improvement") -> list[str]:
    """Return the reviewed ground, the table of both models, and the result."""
    ground, compared = found.record.ground, found.record.comparison
    area = "" if ground.labelled_km2 is None else f"{ground.labelled_km2:.2f} km2, "
    text = (
        f"reviewed ground: {area}{ground.tiles} tiles in {ground.blocks} blocks; "
        f"{ground.landslides} landslides, {ground.rejected} rejected, {ground.unjudged} not "
        f"judged; {ground.cells} cells looked at; {ground.landslide_share:.1%} is landslide"
    )
    lines = [text]
    if found.record.own_tiles:
        lines.append(f"own tiles of the model: {found.record.own_tiles}")
    for name, scores in (("before", compared.before), ("after", compared.after)):
        values = ", ".join(
            f"{word} undefined" if one.value is None else f"{word} {one.value:.3f}"
            for word, one in (
                ("F1", scores.f1),
                ("precision", scores.precision),
                ("recall", scores.recall),
                ("average precision", scores.average_precision),
            )
        )
        lines.append(
            f"{name}: {values}; {scores.detected} of {scores.landslides} landslides found, "
            f"{scores.false} of {scores.found} mapped are false; threshold {scores.threshold:.3f}"
        )
    beyond = found.record.beyond_threshold
    if beyond.value is not None and beyond.ends is not None:
        low, high = beyond.ends
        lines.append(
            f"with the threshold of the model before chosen on this ground too: F1 "
            f"{beyond.value:+.3f} ({low:+.3f} to {high:+.3f}, 95 %)"
        )
    return [*lines, found.sentence] if found.is_better else lines
