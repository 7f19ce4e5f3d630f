"""``landslip train``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.training import print_epoch, resumable
from landslip.core.choices import Arch, FirstLayer, Head, Precision, SingleModel, TrainingStrategy


@handle_errors
def train(
    dataset: options.Datasets,
    out: options.Out,
    arch: Annotated[
        Arch | None,
        typer.Option(
            metavar="NAME",
            help="Network: linknet, albunet and improved-unet as in the paper; two-date-linknet "
            "for tiles with an image before; unet, unetplusplus, deeplabv3plus, segformer and "
            "upernet with the decoders of segmentation-models-pytorch. [default: linknet]",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="timm backbone with a feature pyramid; improved-unet has none. [default: resnet50]"
        ),
    ] = None,
    encoder_weights: Annotated[
        str | None,
        typer.Option(
            help="imagenet (downloaded by timm), none, a file of weights (safetensors or pth with "
            "torchvision's or timm's names; others: landslip weights convert), "
            "sentinel2-rgb-moco, sentinel2-all-moco or hf-hub:OWNER/REPOSITORY/FILE. "
            "[default: imagenet]"
        ),
    ] = None,
    first_layer: Annotated[
        FirstLayer | None,
        typer.Option(help="First filters of bands other than red, green, blue. [default: mean]"),
    ] = None,
    head: Annotated[
        Head | None, typer.Option(help="Activation in LinkNet's head. [default: relu]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the tiles. [default: 40]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Tiles a step. [default: 8]")] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Number format. [default: auto]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Reading processes. [default: 0]")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every draw. [default: 0]")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Named settings: default, best, fast, or paper. [default: default]"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with settings over the recipe's.")
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Model folder whose network, weights and normalisation training begins with."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Train as many networks, each without a fold of the tiles, whose predictions of "
            "it choose epoch and threshold; writes their ensemble, too."
        ),
    ] = None,
    single: Annotated[
        SingleModel | None,
        typer.Option(
            help="One model after the folds: refit on all tiles, distil the ensemble, or average "
            "the weights. [default: refit]"
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(help="GPUs of this machine, or processes where there is none. [default: 1]"),
    ] = None,
    num_nodes: Annotated[
        int | None,
        typer.Option(
            help="Machines; each runs this command, see docs/training_scale.md. [default: 1]"
        ),
    ] = None,
    strategy: Annotated[
        TrainingStrategy | None,
        typer.Option(help="Lightning's, how devices share the work; auto: ddp. [default: auto]"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a stopped run, with its settings; what is stated again must be the "
            "same, but for workers and devices.",
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    force: options.Force = False,
) -> None:
    """Train a network on a dataset and write a model folder.

    While it runs, checkpoints and TensorBoard logs are in `OUT.training`; after Ctrl-C or a crash
    `landslip train TILES --out OUT --resume` goes on, to the same result. Epoch and threshold are
    chosen on the validation tiles, never on the test tiles.

    Example: `landslip train TILES --out MODEL --encoder resnet50 --epochs 40`

    With `--start-from`, a model is trained further on other tiles; without validation tiles its
    threshold is chosen on these tiles, each predicted by a model that was tuned without it.

    Example: `landslip train TILES --out MODEL --encoder resnet18 --encoder-weights resnet18.pth`

    Example: `landslip train WENCHUAN BEICHUAN --out MODEL`

    Example: `landslip train FEW_TILES --out TUNED --start-from MODEL --epochs 10`

    Example: `landslip train TILES --out MODEL --folds 5`

    On several devices each takes its share of a batch; the result is that of one, up to rounding
    and to what is drawn at random for a tile.

    Example: `landslip train TILES --out MODEL --devices 4 --batch-size 32`
    """
    import landslip

    with resumable():
        model = landslip.train(
            dataset,
            out=out,
            arch=arch,
            encoder=encoder,
            encoder_weights=encoder_weights,
            first_layer=first_layer,
            head=head,
            epochs=epochs,
            batch_size=batch_size,
            precision=precision,
            workers=workers,
            seed=seed,
            recipe=recipe,
            config=config,
            start_from=start_from,
            folds=folds,
            single=single,
            devices=devices,
            num_nodes=num_nodes,
            strategy=strategy,
            resume=resume,
            overwrite=overwrite,
            force=force,
            on_epoch=print_epoch,
            progress=True,
        )
    for note in model.card.notes:
        if not note.is_warning:  # the others were given by the function
            typer.echo(f"warning: {note.text()}", err=True)
    typer.echo(f"{out}: model written")
