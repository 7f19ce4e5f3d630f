"""Streams that give no more than they may, however much an archive asks for."""

import io
from pathlib import Path
from typing import IO, Protocol

from landslip.core.errors import InputError

CHUNK_BYTES = 2**20


class Source(Protocol):
    """Whatever bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return bytes, none at the end."""


class ForwardReader(io.BufferedIOBase):
    """What comes out of a decompressor, read forward, with an upper limit on all of it.

    No request may be over `CHUNK_BYTES`: `tarfile` reads a member's header in one piece, as large
    as the archive says that it is.
    """

    def __init__(self, source: Source, limit: int, archive: Path) -> None:
        """Start where the source stands.

        Args:
            source: where bytes come from.
            limit: how many may come.
            archive: for messages.
        """
        super().__init__()
        self._source = source
        self._limit = limit
        self._archive = archive
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            InputError: too many are asked for, or more come than may.
        """
        data = self._source.read(_modest(size, self._archive))
        self._at += len(data)
        if self._at > self._limit:
            raise InputError(
                f"{self._archive}: a product has at most {self._limit} bytes unpacked and this "
                "archive has more; unpack it yourself and give the folder if it is to be trusted"
            )
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go forward to a place, by reading up to it; short of it where the stream ends before.

        Raises:
            InputError: the place lies behind.
        """
        if whence != io.SEEK_SET or offset < self._at:
            raise InputError(
                f"{self._archive}: members of an archive follow one another and one points back; "
                "the archive is damaged or made to do harm; fetch the product again"
            )
        while self._at < offset and self.read(min(CHUNK_BYTES, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Return how many bytes have been read."""
        return self._at

    def drain(self) -> None:
        """Read to the end, so that a decompressor checks what it has read."""
        while self.read(CHUNK_BYTES):
            pass


class ModestFile(io.BufferedIOBase):
    """A file of which at most `CHUNK_BYTES` are read at once.

    `zipfile` reads the list of members in one piece, as large as the archive says that it is.
    """

    def __init__(self, file: IO[bytes], size: int, archive: Path) -> None:
        """Wrap a file of a known size in bytes; the archive is for messages."""
        super().__init__()
        self._file = file
        self._size = size
        self._archive = archive

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            InputError: too many are asked for.
        """
        left = max(self._size - self._file.tell(), 0)
        wanted = left if size is None or size < 0 else min(size, left)
        return self._file.read(_modest(wanted, self._archive))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Yes."""
        return True


def _modest(size: int | None, archive: Path) -> int:
    if size is None or not 0 <= size <= CHUNK_BYTES:
        raise InputError(
            f"{archive}: a list or header in an archive has at most {CHUNK_BYTES} bytes; "
            "the archive is damaged or made to do harm; fetch the product again"
        )
    return size
