"""Running the server: for a command, and in a notebook's thread."""

import socket
import threading
import time
from contextlib import suppress
from html import escape
from types import TracebackType
from typing import Self
from urllib.parse import quote

import uvicorn

from landslip.core.errors import InputError, LandslipError, argument
from landslip.server.app import create_app
from landslip.server.options import ServeOptions

_SECONDS_TO_STOP = 1.0
_SECONDS_TO_START = 30.0
_BACKLOG = 256


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: the address is not of this machine, or in use.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"{argument('host')} {host}: no address of this machine ({error})"
        ) from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise InputError(
            f"{argument('port')} {port} of {host} cannot be used ({error.strerror}); another "
            f"server may be running there, choose another {argument('port')}, or 0 for a free one"
        ) from error
    return listening


class ListeningServer:
    """A server whose port is taken, and that does not answer yet.

    Attributes:
        url: of the page, with the token where there is one.
    """

    def __init__(self, options: ServeOptions, port: int) -> None:
        """Take the port.

        Raises:
            InputError: it is in use.
        """
        self._options = options
        self._socket = listening_socket(options.host, port)
        self.url = page_address(options, self._socket.getsockname()[1])

    def run(self) -> None:
        """Answer until a signal stops it, which is its ordinary end."""
        try:
            with suppress(KeyboardInterrupt):
                uvicorn.Server(configuration(self._options)).run([self._socket])
        finally:
            self._socket.close()

    def in_thread(self) -> "RunningServer":
        """Answer in a thread of this process.

        Raises:
            LandslipError: it does not start.
        """
        return RunningServer(self._options, self._socket, self.url)


class RunningServer:
    """A server in a thread of this process; a context manager that stops it.

    Attributes:
        url: of the page, with the token where there is one.
    """

    def __init__(self, options: ServeOptions, listening: socket.socket, url: str) -> None:
        """Start it, and wait until it answers.

        Raises:
            LandslipError: it does not.
        """
        self._socket, self.url = listening, url
        self._server = uvicorn.Server(configuration(options))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="landslip-serve", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + _SECONDS_TO_START
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise LandslipError("the server did not start; see what it printed")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it; may be called again."""
        self._server.should_exit = True
        self._thread.join(timeout=_SECONDS_TO_STOP + 5)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self._thread.is_alive() else "stopped"
        return f"RunningServer({self.url.partition('#')[0]}, {state})"

    def _repr_html_(self) -> str:
        if not self._thread.is_alive():
            return "<p>landslip serve: stopped</p>"
        address = escape(self.url)
        return (
            f'<p><a href="{address}" target="_blank" rel="noopener">{address}</a></p>'
            f'<iframe src="{address}" title="landslip" width="100%" height="640" '
            'style="border:1px solid #8884"></iframe>'
        )


def configuration(options: ServeOptions) -> uvicorn.Config:
    """Return how the server is run."""
    return uvicorn.Config(
        create_app(options),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        ws="none",
        timeout_graceful_shutdown=int(_SECONDS_TO_STOP),
        timeout_keep_alive=20,
        h11_max_incomplete_event_size=64 * 1024,
    )


def page_address(options: ServeOptions, port: int) -> str:
    """Return the page's address for a browser on this machine."""
    host = options.host
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - all of the machine's addresses
        host = socket.gethostname()
    if ":" in host:
        host = f"[{host.strip('[]')}]"
    token = "" if options.token is None else f"#token={quote(options.token, safe='')}"
    return f"http://{host}:{port}/{token}"
