"""A small web server on this machine that serves a folder, with ranges, and fails on purpose."""

import base64
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

Fault = int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request: its number from 1, and what it asks for."""

    number: int
    method: str
    path: str
    headers: Message

    @property
    def first_byte(self) -> int:
        found = re.match(r"bytes=(\d+)-", self.headers["Range"] or "")
        return int(found[1]) if found else 0


@dataclass(slots=True, kw_only=True)
class FolderServer:
    """The folder, what was asked for, and how it fails.

    ``fault`` is asked at each request: a status is answered in place of the content; ``reset``
    breaks the connection in the middle of the content, ``short`` ends it there; None is no fault.
    ``dumb``: neither ETag nor Last-Modified is sent.
    """

    folder: Path
    fault: Callable[[Request], Fault] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    dumb: bool = False
    needs_user: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}"

    def noted(self, method: str, path: str, headers: Message) -> Fault:
        with self.lock:
            number = len(self.requests) + 1
            self.requests.append(Request(number=number, method=method, path=path, headers=headers))
        token = base64.b64encode((self.needs_user or "").encode()).decode()
        if self.needs_user is not None and headers["Authorization"] != f"Basic {token}":
            return 401
        return self.fault(self.requests[number - 1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: FolderServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def _answer(self, *, with_content: bool) -> None:
        fault = self.site.noted(self.command, self.path, self.headers)
        file = self.site.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if fault is None and not file.is_file():
            fault = 404
        if isinstance(fault, int):
            self.send_response(fault)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self._content(file)
        if with_content and fault is not None:
            self.wfile.write(content[: len(content) // 2])
            self._break(hard=fault == "reset")
        elif with_content:
            self.wfile.write(content)

    def _content(self, file: Path) -> bytes:
        """Send the headers and return what is asked for of a file."""
        content = file.read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        total = len(content)
        if asked and int(asked[1]) < total:
            first, last = int(asked[1]), min(int(asked[2] or total), total - 1)
            content = content[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{total}")
        else:
            self.send_response(200)
        if not self.site.dumb:
            self.send_header("ETag", f'"{file.stat().st_mtime_ns}-{total}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def _break(self, *, hard: bool) -> None:
        self.wfile.flush()
        self.close_connection = True
        if hard:
            at_once = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: connections are broken on purpose."""


@contextmanager
def serving(folder: Path) -> Iterator[FolderServer]:
    """Serve a folder on a free port of this machine."""
    site = FolderServer(folder=folder)
    handler = type("Handler", (_Handler,), {"site": site})
    with _Threads(("127.0.0.1", 0), handler) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
