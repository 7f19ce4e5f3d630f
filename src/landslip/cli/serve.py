"""``landslip serve``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli.errors import handle_errors


@handle_errors
def serve(
    folder: Annotated[
        Path, typer.Argument(help="Folder with scenes, maps, inventories, models and samples.")
    ],
    *,
    host: Annotated[
        str,
        typer.Option(help="Name or address to listen on; 0.0.0.0 lets other machines in."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LANDSLIP_TOKEN",
            show_envvar=True,
            help="Secret that every request that writes must have. [default: none on this "
            "machine, a new one where others reach the server]",
        ),
    ] = None,
    basemap: Annotated[
        str | None,
        typer.Option(
            help="Address of tiles for the background, such as "
            "https://tiles.example/{z}/{x}/{y}.png. [default: none, nothing is loaded from "
            "elsewhere]"
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name of this server, as of a proxy; may be repeated."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nobody write: no review, no jobs.")
    ] = False,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Show a folder on a map in the browser: look, judge, correct, and improve the model.

    Everything comes from this machine, and only what is in the folder is read. Reviews are kept in
    `reviews` in it, tiles in `.landslip`. Ctrl-C stops the server.

    Examples: `landslip serve .`, `landslip serve DIR --host 0.0.0.0 --port 8080`
    """
    from landslip.server.start import listen

    server = listen(
        folder,
        host=host,
        port=port,
        token=token,
        basemap=basemap,
        read_only=read_only,
        names=tuple(allow_host or ()),
    )
    typer.echo(f"landslip serve: {server.url}")
    typer.echo("Ctrl-C stops it", err=True)
    if open_page:
        typer.launch(server.url)
    server.run()
    typer.echo("stopped", err=True)
