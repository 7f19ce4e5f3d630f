"""What `landslip serve` was started with."""

import secrets
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from landslip.core.errors import InputError, argument, excerpt
from landslip.core.paths import check_text

_TILE_KEYS = ("{z}", "{x}", "{y}")
_SHORTEST_TOKEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The served folder, where it is served, and what may be done to it.

    Attributes:
        folder: any path; absolute and without links afterwards.
        host: name or address that is listened on.
        token: needed for every request that writes; None: none is.
        basemap: address template of tiles for the background; None: none.
        read_only: nothing may be written.
        names: other names that the server is reached by, as of a proxy.
        frames: where the page may be shown in a frame, as a CSP source list.
    """

    folder: Path
    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    basemap: str | None = None
    read_only: bool = False
    names: tuple[str, ...] = ()
    frames: str = "'self'"

    def __post_init__(self) -> None:
        """Check what a user states.

        Raises:
            InputError: the folder is none, or an option is not usable.
        """
        if not self.folder.is_dir():
            kind = "is a file" if self.folder.exists() else "no such folder"
            raise InputError(f"{self.folder}: {kind}; give the folder to show")
        object.__setattr__(self, "folder", self.folder.resolve())
        check_text(self.host, argument("host"))
        token = self.token
        if token is not None and not (
            len(token) >= _SHORTEST_TOKEN and token.isascii() and token.isprintable()
        ):
            raise InputError(
                f"{argument('token')}: at least {_SHORTEST_TOKEN} printable ASCII characters are "
                f"needed; got {len(token)} characters"
            )
        if self.basemap is not None:
            _check_basemap(self.basemap)

    def with_token(self) -> "ServeOptions":
        """Return the same with a new token, where others reach the server and none is stated."""
        if self.token is not None or self.read_only or is_loopback(self.host):
            return self
        return replace(self, token=secrets.token_urlsafe(24))

    @property
    def basemap_origin(self) -> str | None:
        """Scheme, host and port of the basemap."""
        if self.basemap is None:
            return None
        parts = urlsplit(self.basemap)
        return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _check_basemap(basemap: str) -> None:
    parts = urlsplit(basemap)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not all(key in basemap for key in _TILE_KEYS)
        or any(one.isspace() or one in ";,'\"" for one in parts.netloc)
    ):
        raise InputError(
            f"{argument('basemap')}: an address of tiles is needed, such as "
            f"https://tiles.example/{{z}}/{{x}}/{{y}}.png; got {excerpt(basemap, 80)}"
        )
