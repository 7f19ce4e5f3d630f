"""Small things asked of web servers, where GDAL does not tell enough: whether, and which."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from landslip.core.errors import InputError
from landslip.io.raster.location import without_credentials
from landslip.io.raster.patience import PATIENT, Patience, may_pass, refusal

_FIRST_BYTE = {"Range": "bytes=0-0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: status, headers and the first bytes."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def total_bytes(self) -> int | None:
        """Size of the whole file, also where only a part was asked for."""
        text = (self.headers["Content-Range"] or "").rpartition("/")[2]
        text = text or self.headers["Content-Length"] or ""
        return int(text) if text.isdecimal() else None


def first_byte(url: str, patience: Patience = PATIENT) -> Answer:
    """Ask for a file's first byte, which addresses signed for reading allow too (HEAD they do not).

    Raises:
        InputError: the server refuses, or does not answer in time.
    """
    return _ask(url, _FIRST_BYTE, 1, patience)


def fetch(url: str, patience: Patience = PATIENT, *, at_most: int = 2**24) -> bytes:
    """Return a small file whole.

    Raises:
        InputError: the server refuses, does not answer in time, or the file is too long.
    """
    body = _ask(url, {}, at_most + 1, patience).body
    if len(body) > at_most:
        raise InputError(
            f"{without_credentials(url)}: at most {at_most} bytes are read from an address that "
            "should hold a small file, and it has more; check the address"
        )
    return body


def status_of(url: str, patience: Patience = PATIENT) -> int:
    """Return the status a server answers with now; 0 where it does not answer."""
    try:
        return _answer(url, _FIRST_BYTE, 1, patience).status
    except HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException, ValueError):
        return 0


def _ask(url: str, headers: Mapping[str, str], length: int, patience: Patience) -> Answer:
    for wait in (*patience.waits, None):
        try:
            return _answer(url, headers, length, patience)
        except HTTPError as error:
            error.close()
            status, cause = error.code, str(error.reason)
        except (OSError, HTTPException, ValueError) as error:
            status, cause = 0, without_credentials(str(error))
        if wait is None or not may_pass(status):
            break
        time.sleep(wait)
    raise InputError(refusal(without_credentials(url), status, cause))


def _answer(url: str, headers: Mapping[str, str], length: int, patience: Patience) -> Answer:
    request = _request(url, headers)
    with urlopen(request, timeout=patience.stalled_s) as answer:  # noqa: S310 - http(s) only
        return Answer(status=answer.status, headers=answer.headers, body=answer.read(length))


def _request(url: str, headers: Mapping[str, str]) -> Request:
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
    return request
