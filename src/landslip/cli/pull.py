"""``landslip pull``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors


@handle_errors
def pull(
    repository: Annotated[str, typer.Argument(help="Where from: owner/name.")],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    revision: Annotated[
        str | None,
        typer.Option(help="Commit, tag or branch. [default: the newest commit, which is printed]"),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Fetch a model folder from the Hugging Face hub.

    Takes `model.json` and the files that it lists, checks their digests, and writes nothing where
    one is wrong. Weights are safetensors; a repository with a pickle, or any file that no model of
    landslip has, is refused. For a private repository set HF_TOKEN. Pass `--revision` with the
    printed commit for exactly the same model again.

    Example: `landslip pull me/landslides-sichuan MODEL`
    """
    from landslip.models.publishing import hub

    done = hub.pull(repository, out, revision=revision, overwrite=overwrite)
    size = sum(done.files.values()) / 1e6
    typer.echo(f"{out}: {len(done.files)} files, {size:.1f} MB, commit {done.commit}")
