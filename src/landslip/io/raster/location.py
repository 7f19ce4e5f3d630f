"""Locations of rasters: local files, and addresses on servers and in object stores."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlsplit
from urllib.request import url2pathname

from landslip.core.errors import InputError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_WEB = ("http", "https")
_PREFIXES = {
    "http": "/vsicurl/",
    "https": "/vsicurl/",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}
_REMOTE = re.compile(r"/vsi(curl|s3|gs|az|adls|oss|swift|webhdfs|hdfs)(_streaming)?[/?]")
_USER = re.compile(r"(?<=://)[^/?\s'\"]*@")
_QUERY = re.compile(r"\?[^\s'\"]+")


@dataclass(frozen=True, slots=True, repr=False)
class Location:
    """A file's path, an address (http, https, s3, gs, az), or a path of GDAL's own (/vsi...).

    Its text hides passwords and signatures.
    """

    given: str

    @classmethod
    def of(cls, given: "Location | Path | str") -> "Location":
        """Parse what a user gave.

        Raises:
            InputError: an unsupported kind of address.
        """
        if isinstance(given, Location):
            return given
        text = str(given)
        kind = _kind(text)
        if kind == "file":
            return cls(url2pathname(urlsplit(text).path))
        if kind not in {None, *_PREFIXES}:
            raise InputError(
                f"{without_credentials(text)}: a scene is a file or an address that begins with "
                f"http://, https://, s3://, gs:// or az://; got {kind}://"
            )
        return cls(text)

    @property
    def opened(self) -> str:
        """What GDAL calls it."""
        kind = _kind(self.given)
        if kind is None or self.given.startswith("/"):
            return self.given
        return _PREFIXES[kind] + (self.given if kind in _WEB else self.given.partition("://")[2])

    @property
    def is_remote(self) -> bool:
        """Whether reading it goes over a network."""
        return bool(_REMOTE.search(self.opened))

    @property
    def url(self) -> str | None:
        """The http(s) address that is read, credentials included."""
        text = self.given
        if text.startswith("/vsicurl?"):
            text = parse_qs(text.partition("?")[2]).get("url", [""])[0]
        text = text.removeprefix("/vsicurl/")
        return text if _kind(text) in _WEB else None

    @property
    def path(self) -> Path | None:
        """The file's path; None for what only GDAL can open."""
        return None if self.is_remote or self.given.startswith("/vsi") else Path(self.given)

    @property
    def name(self) -> str:
        """The last part of the path, without a query."""
        return PurePosixPath(self.given if self.path else str(self).partition("?")[0]).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    def __str__(self) -> str:
        return without_credentials(self.url or self.given) if self.is_remote else self.given

    def __repr__(self) -> str:
        return f"Location({str(self)!r})"


def _kind(text: str) -> str | None:
    scheme = _SCHEME.match(text)
    return scheme[1].lower() if scheme else None


def without_credentials(text: str) -> str:
    """Return a text without the users, passwords and queries (signatures) of addresses in it."""
    return _QUERY.sub("?...", _USER.sub("", text))


def place_of(location: Location) -> str:
    """Return an absolute path, or an address without credentials."""
    return str(location) if location.path is None else str(location.path.absolute())
