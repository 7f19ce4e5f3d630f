"""``landslip push``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli.errors import handle_errors


@handle_errors
def push(
    model: Annotated[Path, typer.Argument(help="Folder made by `landslip train`.")],
    repository: Annotated[str, typer.Argument(help="Where to: owner/name.")],
    licence: Annotated[
        str | None,
        typer.Option(help="Licence of the model as the hub calls it, e.g. apache-2.0."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everyone read it; else only its owner can.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Send a model folder to the Hugging Face hub.

    Sends `model.json`, the files that it lists, after checking their digests, and a page made of
    it: intended use, training data, scores, calibration, limits. Logs and everything else in the
    folder stay here; a folder with a pickle is refused. The token is taken from the environment
    variable HF_TOKEN only. No other command sends anything.

    Example: `landslip push MODEL me/landslides-sichuan --licence apache-2.0 --dry-run`
    """
    from landslip.models.publishing import hub

    done = hub.push(model, repository, licence=licence, public=public, dry_run=dry_run)
    if dry_run:
        typer.echo(done.page)
    for name, size in done.files.items():
        typer.echo(f"{name}: {size / 1e6:.1f} MB")
    if done.commit is None:
        typer.echo(f"nothing was sent; without --dry-run these files go to {repository}")
    else:
        typer.echo(f"{repository}: sent, commit {done.commit}")
