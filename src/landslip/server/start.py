"""Starting the server without its packages being imported before it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from landslip.core.errors import MissingDependencyError
from landslip.core.paths import PathArgument, check_path

if TYPE_CHECKING:
    from landslip.server.run import ListeningServer, RunningServer

_PACKAGES = ("fastapi", "freestiler", "pmtiles", "uvicorn", "starlette")
# where Jupyter and others show the output of a cell
_NOTEBOOKS = "'self' http://localhost:* http://127.0.0.1:* https://*"


def serve(
    folder: PathArgument = ".",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    basemap: str | None = None,
    read_only: bool = False,
) -> "RunningServer":
    """Show a folder on a map in the browser, from a thread of this process.

    In a notebook the result shows the page. It is a context manager, and ``stop()`` ends it.

    Args:
        folder: with scenes, maps, inventories, models and samples; see `docs/serve.md`.
        host: name or address to listen on; ``0.0.0.0`` lets other machines in.
        port: 0 takes a free one.
        token: secret that requests that write must have; None: none on this machine, a new one
            where others reach the server.
        basemap: address of tiles for the background; None: nothing is loaded from elsewhere.
        read_only: let nobody write.

    Returns:
        The server; ``url`` is the page's address.

    Raises:
        InputError: the folder is none, or the port is in use.
        MissingDependencyError: the packages of the server are not installed.

    Examples:
        >>> server = landslip.serve("DIR")  # doctest: +SKIP
        >>> server.stop()  # doctest: +SKIP
    """
    server = listen(
        folder,
        host=host,
        port=port,
        token=token,
        basemap=basemap,
        read_only=read_only,
        frames=_NOTEBOOKS,
    )
    return server.in_thread()


def listen(
    folder: PathArgument,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    basemap: str | None = None,
    read_only: bool = False,
    names: tuple[str, ...] = (),
    frames: str = "'self'",
) -> "ListeningServer":
    """Take the port, and return the server that is to run there; see `serve`.

    Raises:
        InputError: the folder is none, or the port is in use.
        MissingDependencyError: the packages of the server are not installed.
    """
    check_path(folder, "folder")
    try:
        from landslip.server.options import ServeOptions  # noqa: PLC0415 - as the next
        from landslip.server.run import ListeningServer  # noqa: PLC0415 - only when it is run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise MissingDependencyError(
            f"the server's packages are not installed ({error.name} is missing): "
            "pip install 'landslip[serve]'"
        ) from error
    options = ServeOptions(
        folder=Path(folder),
        host=host,
        token=token,
        basemap=basemap,
        read_only=read_only,
        names=names,
        frames=frames,
    ).with_token()
    return ListeningServer(options, port)
