"""Reading over a network: retries, settings of GDAL, and the meaning of its errors.

`urllib3.Retry` and pystac's reader with it repeat single requests, as GDAL does itself. They do not
help where a failed request stays in GDAL's caches, nor find out which of a VRT's sources failed.
"""

import base64
import itertools
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from math import isfinite
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.io.raster.location import Location, without_credentials

_LONGEST_S = 30.0
_TRANSIENT = {408, 425, 429}
_FIRST_BYTE = {"Range": "bytes=0-0"}
_OPENINGS = itertools.count()
_SOURCE = re.compile(r"(?<=>)/vsicurl/https?://[^<#]*(?=</SourceFilename>)")
_STATUS = re.compile(r"HTTP (?:response|error) code ?: ?(\d{3})")
_UNREACHED = re.compile(r"CURL error: (.*)")
_UNKNOWN_HOST = re.compile(r"Could not resolve host")
_PHRASES = {
    404: re.compile(r"does not exist|NoSuchKey|NoSuchBucket|BlobNotFound"),
    403: re.compile(r"Access ?Denied|not authorized|InvalidAccessKeyId|SignatureDoesNotMatch"),
}
# GDAL signs in with these by itself, so that a plain request says nothing about a scene
_SIGNS_IN = ("AUTH", "BEARER", "COOKIE", "COOKIEFILE", "HEADERS", "HEADER_FILE", "USERPWD")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a failing server is tried, and how long it is waited for.

    Attributes:
        tries: how often an opening or a window is tried in all.
        requests: how often GDAL repeats a single request within a try.
        delay_s: wait before the second try; each further one is twice as long, up to half a minute.
        connect_s: longest wait for a connection.
        stalled_s: longest wait for a server that sends nothing.
    """

    tries: int = 4
    requests: int = 3
    delay_s: float = 1.0
    connect_s: float = 15.0
    stalled_s: float = 30.0

    def __post_init__(self) -> None:
        times = (self.delay_s, self.connect_s, self.stalled_s)
        if self.tries < 1 or self.requests < 0 or not all(isfinite(t) and t >= 0 for t in times):
            raise InputError(
                f"a server is tried at least once, with waits of 0 s or more; got {self}"
            )

    @property
    def waits(self) -> tuple[float, ...]:
        """Seconds between the tries."""
        return tuple(min(self.delay_s * 2.0**n, _LONGEST_S) for n in range(self.tries - 1))


DEFAULT_RETRY = RetryPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A server's answer: status, headers and the first bytes."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def total_bytes(self) -> int | None:
        """Size of the whole file, also where only a part was requested."""
        text = (self.headers["Content-Range"] or "").rpartition("/")[2]
        text = text or self.headers["Content-Length"] or ""
        return int(text) if text.isdecimal() else None


def first_byte(url: str, retry: RetryPolicy = DEFAULT_RETRY) -> HttpResponse:
    """Request a file's first byte; addresses signed for reading allow that, and not HEAD.

    Raises:
        InputError: the server refuses, or does not answer in time.
    """
    return _request_with_retries(url, _FIRST_BYTE, 1, retry)


def fetch(url: str, retry: RetryPolicy = DEFAULT_RETRY, *, at_most: int = 2**24) -> bytes:
    """Return the content of a small file.

    Raises:
        InputError: the server refuses, does not answer in time, or the file is too long.
    """
    body = _request_with_retries(url, {}, at_most + 1, retry).body
    if len(body) > at_most:
        raise InputError(
            f"{without_credentials(url)}: at most {at_most} bytes are read from the address of a "
            "small file, and it has more; check the address"
        )
    return body


def _request_with_retries(
    url: str, headers: Mapping[str, str], length: int, retry: RetryPolicy
) -> HttpResponse:
    for wait in (*retry.waits, None):
        try:
            return _request(url, headers, length, retry)
        except HTTPError as error:
            error.close()
            status, cause = error.code, str(error.reason)
        except (OSError, HTTPException, ValueError) as error:
            status, cause = 0, without_credentials(str(error))
            if isinstance(getattr(error, "reason", None), socket.gaierror):
                break
        if wait is None or not _is_transient(status):
            break
        time.sleep(wait)
    raise InputError(_failure(without_credentials(url), status, cause))


def _request(url: str, headers: Mapping[str, str], length: int, retry: RetryPolicy) -> HttpResponse:
    parts = urlsplit(quote(url, safe="%/:=&?~#+!$,;'@()*[]"))
    if parts.scheme.lower() not in {"http", "https"}:
        raise InputError(f"{without_credentials(url)}: an http(s) address is needed")
    user, at, host = parts.netloc.rpartition("@")
    plain = urlunsplit(parts._replace(netloc=host))
    request = Request(plain, headers=dict(headers))  # noqa: S310 - the scheme is checked above
    request.add_header("Accept-Encoding", "identity")
    if at:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    with urlopen(request, timeout=retry.stalled_s) as answer:  # noqa: S310 - http(s) only
        return HttpResponse(status=answer.status, headers=answer.headers, body=answer.read(length))


def _is_transient(status: int | None) -> bool:
    """Whether a failure may be gone at the next try; status 0: no answer, None: unknown."""
    return status is None or status < 400 or status >= 500 or status in _TRANSIENT


def _failure(address: str, status: int, cause: str) -> str:
    """Return the message for a server that fails; status 0: no answer because of ``cause``."""
    if status == 0:
        return f"{address}: cannot reach the server ({cause}); check the address and the network"
    if status in {404, 410}:
        return f"{address}: not found (HTTP {status}); check the address"
    if status in {401, 403}:
        return (
            f"{address}: access denied (HTTP {status}); check the credentials, or whether the "
            "address's signature has expired"
        )
    remedy = "try later" if _is_transient(status) else "check the address"
    return f"{address}: the server refuses with HTTP {status}; {remedy}"


@contextmanager
def remote_reading(retry: RetryPolicy = DEFAULT_RETRY) -> Iterator[None]:
    """Configure GDAL for reading over a network; settings in the environment take precedence.

    GDAL's own choice of what to repeat stays (status 429, 500, 502 to 504, lost connections):
    a list of codes would leave the lost connections out.
    """
    options = {
        "GDAL_HTTP_MAX_RETRY": retry.requests,
        "GDAL_HTTP_RETRY_DELAY": retry.delay_s,
        "GDAL_HTTP_CONNECTTIMEOUT": max(round(retry.connect_s), 1),
        # no limit on a whole transfer: a slow line may take long over a large window
        "GDAL_HTTP_LOW_SPEED_TIME": max(round(retry.stalled_s), 1),
        "GDAL_HTTP_LOW_SPEED_LIMIT": 1,
        "GDAL_HTTP_MULTIPLEX": "YES",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        # looking for files beside a scene would take a request each
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # most headers with their tables of blocks in one request
        "GDAL_INGESTED_BYTES_AT_OPEN": 65536,
        # a failed answer is forgotten with its handle, so that a new one asks again; in stores,
        # where handles share what was read, closing one would take it from the others
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",
    }
    with rasterio.Env(**{name: v for name, v in options.items() if name not in os.environ}):
        yield


def private_gdal_name(location: Location) -> str:
    """Return a name under which GDAL opens a raster apart from all other openings of it.

    GDAL keeps what it has read of an address for all handles on it. Threads that read one scene
    at the same time then wait for one another, and where one fails, another gets blocks of zeros
    without an error. What follows a # is part of the name and never sent to a server.
    """
    mark = f"#{next(_OPENINGS)}"
    if location.opened.startswith("/vsicurl/"):
        return location.opened + mark
    if location.path is None or location.path.suffix.lower() != ".vrt":
        return location.opened
    text = location.path.read_text(errors="replace")
    if 'relativeToVRT="1"' in text or not _SOURCE.search(text):
        return location.opened
    return _SOURCE.sub(rf"\g<0>{mark}", text)  # GDAL opens a VRT's text as it does its file


def files_of(
    location: Location, file: DatasetReader, retry: RetryPolicy = DEFAULT_RETRY
) -> list[Location]:
    """Return the files and addresses that an open raster is read from, itself first."""
    with remote_reading(retry) if file.driver == "VRT" else nullcontext():
        names = [name for name in file.files if not name.lstrip().startswith("<")]
    plain = [name.partition("#")[0] if "/vsicurl/" in name else name for name in names]
    others = [other for other in map(Location.of, plain) if other.opened != location.opened]
    return [location, *dict.fromkeys(others)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSources:
    """The addresses that a raster is read from, none for a local one, and how they are retried."""

    addresses: tuple[Location, ...]
    retry: RetryPolicy = DEFAULT_RETRY

    @classmethod
    def of_opened(
        cls, location: Location, file: DatasetReader, retry: RetryPolicy = DEFAULT_RETRY
    ) -> "RemoteSources":
        """Return those of an open raster; a local VRT may have some too."""
        if location.is_remote or file.driver != "VRT":
            return cls.of(location, retry)
        files = files_of(location, file, retry)
        return cls(addresses=tuple(file for file in files if file.is_remote), retry=retry)

    @classmethod
    def of(cls, location: Location, retry: RetryPolicy = DEFAULT_RETRY) -> "RemoteSources":
        """Return those of a raster that is not open yet, as far as its address shows."""
        return cls(addresses=(location,) if location.is_remote else (), retry=retry)

    def with_retries(
        self,
        work: Callable[[], Result],
        renew: Callable[[], None] = lambda: None,
        *,
        is_opening: bool = False,
    ) -> Result:
        """Do work that raises rasterio's errors, and repeat it where that may help.

        ``renew`` is done before each further try, such as opening the file again. A host that is
        not known when a file is opened is not tried again: there is no network, or no such host.
        """
        if not self.addresses:
            return work()
        with remote_reading(self.retry):
            for wait in self.retry.waits:
                try:
                    return work()
                except RasterioError as error:
                    if is_opening and _UNKNOWN_HOST.search(all_causes(error)):
                        raise
                    if not _is_transient(self._failed(error)[1]):
                        raise
                time.sleep(wait)
                self._forget()
                renew()
            return work()

    def failure(self, error: RasterioError) -> str | None:
        """Return the message for a server that failed; None where no server is at fault."""
        if not self.addresses:
            return None
        address, status = self._failed(error)
        if status is None or 0 < status < 400:
            return None
        unreached = _UNREACHED.search(all_causes(error))
        cause = without_credentials(unreached[1]) if unreached else "it does not answer"
        return _failure(str(address), status, cause)

    def _forget(self) -> None:
        """Have GDAL forget what it has read of objects in stores, which may be what failed."""
        stored = [address for address in self.addresses if address.url is None]
        if not stored:
            return
        stores = rasterio.Env(CPL_VSIL_CURL_NON_CACHED="/vsis3/:/vsigs/:/vsiaz/")
        with stores, warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
            for address in stored:
                with suppress(RasterioError), rasterio.open(address.opened):
                    pass  # closing it is what clears

    def _failed(self, error: RasterioError) -> tuple[Location, int | None]:
        """Return the address that an error is about, and its HTTP status.

        The status is 0 for no answer and None where it is unknown. The servers are asked where
        GDAL's error does not say it.
        """
        text = all_causes(error)
        named = [address for address in self.addresses if address.name in text]
        first = (named or self.addresses)[0]
        if (status := _status_in(text)) is not None:
            return first, status
        if any(f"GDAL_HTTP_{name}" in os.environ for name in _SIGNS_IN):
            return first, None
        for address in self.addresses:
            if address.url is None:
                continue
            try:
                status = _request(address.url, _FIRST_BYTE, 1, self.retry).status
            except HTTPError as answer:
                answer.close()
                status = answer.code
            except (OSError, HTTPException, ValueError):
                status = 0
            if not 0 < status < 400:
                return address, status
        return first, None


def _status_in(text: str) -> int | None:
    if found := _STATUS.search(text):
        return int(found[1])
    for status, phrase in _PHRASES.items():
        if phrase.search(text):
            return status
    return 0 if _UNREACHED.search(text) else None


def all_causes(error: BaseException) -> str:
    """Return the texts of an error and of its causes, the first cause last."""
    texts = [" ".join(str(error).split()) or type(error).__name__]
    while error.__cause__ is not None:
        error = error.__cause__
        texts.append(" ".join(str(error).split()) or type(error).__name__)
    return "; ".join(texts)
