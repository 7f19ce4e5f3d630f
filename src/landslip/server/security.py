"""What every request has to pass, and the headers of every response."""

import hmac
import logging
import socket
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landslip.server.options import ServeOptions, is_loopback
from landslip.server.problems import problem

MAX_BODY_BYTES = 8 * 2**20
MAX_TARGET_BYTES = 16 * 2**10
_FAULT = "a fault of the server; its terminal shows where it happened"
_LOG = logging.getLogger("landslip.server")
_READING = {"GET", "HEAD", "OPTIONS"}
_SCHEMES = {"http": 80, "https": 443}


class Security:
    """Middleware: hosts, origins, the token, sizes, and headers of security.

    A page of another site may neither write (its origin is not ours), nor read by a name of its own
    that leads here (DNS rebinding: the host is not ours).
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app = app
        self._options = options
        self._policy = content_policy(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets

        has_begun = False

        async def send_secured(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
            await send(message)

        refusal = next(self._refusals(scope), None)
        if refusal is not None:
            status, detail = refusal
            await problem(status, detail)(scope, receive, send_secured)
            return
        try:
            await self._app(scope, _bounded(receive), send_secured)
        except Exception as error:
            _LOG.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
            if has_begun:
                raise
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            await problem(status, _FAULT)(scope, receive, send_secured)

    def _refusals(self, scope: Scope) -> Iterator[tuple[HTTPStatus, str]]:
        """Yield status and reason of each rule that a request breaks."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            yield HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long"
        if not self._is_own_host(host):
            yield (
                HTTPStatus.MISDIRECTED_REQUEST,
                "this server is not known by that name; `landslip serve --allow-host NAME` adds it",
            )
        if scope["method"] in _READING:
            return
        if self._options.read_only:
            yield HTTPStatus.FORBIDDEN, "this server was started with --read-only"
        if not _is_same_origin(headers, host):
            yield HTTPStatus.FORBIDDEN, "a page of another site may not write here"
        token = self._options.token
        if token is not None and not _has_token(headers, token):
            yield (
                HTTPStatus.UNAUTHORIZED,
                "writing needs the token; open the address that the server printed",
            )
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            yield HTTPStatus.BAD_REQUEST, "the length of the request is no number"
        elif int(length[:12]) > MAX_BODY_BYTES:
            yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large()

    def _is_own_host(self, host: str) -> bool:
        name = _host_name(host)
        if name is None:
            return False
        if name in {one.lower() for one in (self._options.host, *self._options.names)}:
            return True
        if is_loopback(name):
            return True
        if is_loopback(self._options.host):
            return False
        # an address is no name that somebody else could lead here
        return _is_address(name) or name in _machine_names()


def content_policy(options: ServeOptions) -> str:
    """Return the Content-Security-Policy of pages."""
    basemap = [] if options.basemap_origin is None else [options.basemap_origin]

    def sources(name: str, *allowed: str) -> str:
        return " ".join((name, *allowed))

    return "; ".join(
        (
            sources("default-src", "'self'"),
            sources("script-src", "'self'"),
            sources("worker-src", "'self'", "blob:"),
            sources("style-src", "'self'", "'unsafe-inline'"),
            sources("img-src", "'self'", "data:", "blob:", *basemap),
            sources("connect-src", "'self'", *basemap),
            sources("object-src", "'none'"),
            sources("base-uri", "'self'"),
            sources("form-action", "'none'"),
            sources("frame-ancestors", options.frames),
        )
    )


def _bounded(receive: Receive) -> Receive:
    """Refuse a body as soon as more of it has come than is allowed."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large())
        return message

    return bounded


def _too_large() -> str:
    return f"a request has at most {MAX_BODY_BYTES // 2**20} MB"


def _has_token(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    # both are compared, whatever the first says
    is_same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    return scheme.lower() == "bearer" and is_same


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Whether a request is of our own page, or of a program that is no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            return False
        port = _SCHEMES[parts.scheme]
        ours = urlsplit(f"{parts.scheme}://{host}")
        return (parts.hostname, parts.port or port) == (ours.hostname, ours.port or port)
    except ValueError:
        return False


def _host_name(host: str) -> str | None:
    """Return the name in a Host header; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if parts.path or parts.query or parts.username is not None or not parts.hostname:
        return None
    return parts.hostname.lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _machine_names() -> frozenset[str]:
    names: Iterable[str] = (socket.gethostname(), socket.getfqdn())
    return frozenset(name.lower() for name in names)
