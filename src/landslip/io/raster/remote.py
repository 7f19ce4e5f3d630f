"""Reading rasters over a network: what GDAL is told, tries, and what went wrong."""

import itertools
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TypeVar

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from landslip.io.raster.http import status_of
from landslip.io.raster.location import Location, without_credentials
from landslip.io.raster.patience import PATIENT, Patience, may_pass, refusal

Result = TypeVar("Result")

_OPENINGS = itertools.count()
_SOURCE = re.compile(r"(?<=>)/vsicurl/https?://[^<#]*(?=</SourceFilename>)")
_STATUS = re.compile(r"HTTP (?:response|error) code ?: ?(\d{3})")
_UNREACHED = re.compile(r"CURL error: (.*)")
_SAID = {
    404: re.compile(r"does not exist|NoSuchKey|NoSuchBucket|BlobNotFound"),
    403: re.compile(r"Access ?Denied|not authorized|InvalidAccessKeyId|SignatureDoesNotMatch"),
}
# GDAL signs in with these by itself, so that a plain request tells nothing about a scene
_SIGNS_IN = ("AUTH", "BEARER", "COOKIE", "COOKIEFILE", "HEADERS", "HEADER_FILE", "USERPWD")


@contextmanager
def remote_reading(patience: Patience = PATIENT) -> Iterator[None]:
    """Tell GDAL how to read over a network; what the environment states already is left alone.

    GDAL's own choice of what to repeat stays (status 429, 500, 502 to 504, lost connections):
    a list of codes would leave the lost connections out.
    """
    options = {
        "GDAL_HTTP_MAX_RETRY": patience.requests,
        "GDAL_HTTP_RETRY_DELAY": patience.delay_s,
        "GDAL_HTTP_CONNECTTIMEOUT": max(round(patience.connect_s), 1),
        # no limit on a whole transfer: a slow line may take long over a large window
        "GDAL_HTTP_LOW_SPEED_TIME": max(round(patience.stalled_s), 1),
        "GDAL_HTTP_LOW_SPEED_LIMIT": 1,
        "GDAL_HTTP_MULTIPLEX": "YES",
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        # files beside a scene are not looked for: each look would be a request
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # most headers with their tables of blocks in one request
        "GDAL_INGESTED_BYTES_AT_OPEN": 65536,
        # a failed answer is forgotten with its handle, so that a new one asks again; in stores,
        # where handles share what was read, closing one would take it from the others
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",
    }
    with rasterio.Env(**{name: v for name, v in options.items() if name not in os.environ}):
        yield


def own_name(location: Location) -> str:
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
    location: Location, file: DatasetReader, patience: Patience = PATIENT
) -> list[Location]:
    """Return the files and addresses that an open raster is read from, itself first."""
    with remote_reading(patience) if file.driver == "VRT" else nullcontext():
        names = [name for name in file.files if not name.lstrip().startswith("<")]
    plain = [name.partition("#")[0] if "/vsicurl/" in name else name for name in names]
    others = [other for other in map(Location.of, plain) if other.opened != location.opened]
    return [location, *dict.fromkeys(others)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSources:
    """The addresses that a raster is read from, none for a local one, and the patience for them."""

    addresses: tuple[Location, ...]
    patience: Patience = PATIENT

    @classmethod
    def of_opened(
        cls, location: Location, file: DatasetReader, patience: Patience = PATIENT
    ) -> "RemoteSources":
        """Return those of an open raster; a VRT on this machine may have some too."""
        if location.is_remote or file.driver != "VRT":
            return cls.of(location, patience)
        files = files_of(location, file, patience)
        return cls(addresses=tuple(file for file in files if file.is_remote), patience=patience)

    @classmethod
    def of(cls, location: Location, patience: Patience = PATIENT) -> "RemoteSources":
        """Return those of a raster that is not open yet, as far as its address tells."""
        return cls(addresses=(location,) if location.is_remote else (), patience=patience)

    def patiently(
        self, work: Callable[[], Result], renew: Callable[[], None] = lambda: None
    ) -> Result:
        """Do work that raises rasterio's errors, again where that may help.

        Args:
            work: reads from these addresses.
            renew: done before each further try, such as opening the file anew.
        """
        if not self.addresses:
            return work()
        with remote_reading(self.patience):
            for wait in self.patience.waits:
                try:
                    return work()
                except RasterioError as error:
                    if not may_pass(self._failed(error)[1]):
                        raise
                time.sleep(wait)
                self._forget()
                renew()
            return work()

    def trouble(self, error: RasterioError) -> str | None:
        """Return the sentence on a server that gives nothing; None where no server is at fault."""
        if not self.addresses:
            return None
        address, status = self._failed(error)
        if status is None or 0 < status < 400:
            return None
        unreached = _UNREACHED.search(all_causes(error))
        cause = without_credentials(unreached[1]) if unreached else "it does not answer"
        return refusal(str(address), status, cause)

    def _forget(self) -> None:
        """Have GDAL forget what it has read of objects in stores, which may be what failed."""
        stored = [address for address in self.addresses if address.url is None]
        if not stored:
            return
        stores = rasterio.Env(CPL_VSIL_CURL_NON_CACHED="/vsis3/:/vsigs/:/vsiaz/")
        with stores, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            for address in stored:
                with suppress(RasterioError), rasterio.open(address.opened):
                    pass  # closing it is what clears

    def _failed(self, error: RasterioError) -> tuple[Location, int | None]:
        """Return the address that an error is about, and the HTTP status it gives.

        The status is 0 for no answer and None where it is not known. The servers are asked where
        GDAL does not tell it.
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
            status = status_of(address.url, self.patience)
            if not 0 < status < 400:
                return address, status
        return first, None


def _status_in(text: str) -> int | None:
    if found := _STATUS.search(text):
        return int(found[1])
    for status, said in _SAID.items():
        if said.search(text):
            return status
    return 0 if _UNREACHED.search(text) else None


def all_causes(error: BaseException) -> str:
    """Return the texts of an error and of what is behind it, the first cause last."""
    texts = [" ".join(str(error).split()) or type(error).__name__]
    while error.__cause__ is not None:
        error = error.__cause__
        texts.append(" ".join(str(error).split()) or type(error).__name__)
    return "; ".join(texts)
