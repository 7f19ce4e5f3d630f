"""Streams that give no more than they may, however much an archive asks for."""

import gzip
import io
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from isal import igzip

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.preprocessing.product.files import (
    MAX_TEXT_BYTES,
    FileKind,
    ProductFileName,
    ProductFiles,
    leaves_folder,
)

_CHUNK_BYTES = 2**20


class _ByteSource(Protocol):
    """Whatever bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return bytes, none at the end."""


class _ForwardReader(io.BufferedIOBase):
    """What comes out of a decompressor, read forward, with an upper limit on all of it.

    No request may be over `_CHUNK_BYTES`: `tarfile` reads a member's header in one piece, as large
    as the archive says that it is.
    """

    def __init__(self, source: _ByteSource, limit: int, archive: Path) -> None:
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
        data = self._source.read(_require_read_size(size, self._archive))
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
        while self._at < offset and self.read(min(_CHUNK_BYTES, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Return how many bytes have been read."""
        return self._at

    def drain(self) -> None:
        """Read to the end, so that a decompressor checks what it has read."""
        while self.read(_CHUNK_BYTES):
            pass


class _BoundedReadFile(io.BufferedIOBase):
    """A file of which at most `_CHUNK_BYTES` are read at once.

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
        return self._file.read(_require_read_size(wanted, self._archive))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Yes."""
        return True


def _require_read_size(size: int | None, archive: Path) -> int:
    if size is None or not 0 <= size <= _CHUNK_BYTES:
        raise InputError(
            f"{archive}: a list or header in an archive has at most {_CHUNK_BYTES} bytes; "
            "the archive is damaged or made to do harm; fetch the product again"
        )
    return size


_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ArchiveMember:
    """One thing in an archive.

    Attributes:
        name: with its folders.
        size: bytes unpacked, as the archive says.
        is_folder, is_file: it may be neither: a link, a device.
        open: gives the content, for a file; to be called before the next member is asked for.
    """

    name: str
    size: int
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes] | None]


def _iterate_members(archive: Path, raw: IO[bytes], limit: int) -> Iterator[_ArchiveMember]:
    """Return what an archive holds, in the order of its bytes.

    Args:
        archive: for messages.
        raw: its bytes, from the beginning.
        limit: bytes that may come out of a tar archive, members that are skipped included.

    Raises:
        InputError: it is no archive, or one that cannot be read without a password or at all.
    """
    start = raw.read(4)
    raw.seek(0)
    if start.startswith(b"PK"):
        return _zip_members(archive, raw)
    if start.startswith(b"\x1f\x8b"):
        return _gzip_members(archive, raw, limit)
    return _tar_members(archive, _ForwardReader(raw, limit, archive))


def _gzip_members(archive: Path, raw: IO[bytes], limit: int) -> Iterator[_ArchiveMember]:
    with igzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
        reader = _ForwardReader(unzipped, limit, archive)
        yield from _tar_members(archive, reader)
        reader.drain()


def _tar_members(archive: Path, reader: _ForwardReader) -> Iterator[_ArchiveMember]:
    try:
        opened = tarfile.TarFile(fileobj=reader, mode="r")
    except tarfile.ReadError as error:
        raise InputError(
            f"{archive}: not an archive that can be read ({error}); a product is a .tar.gz, .tar "
            "or .zip archive, or a folder"
        ) from error
    with opened:
        for info in opened:
            yield _ArchiveMember(
                name=info.name,
                size=info.size,
                is_folder=info.isdir(),
                is_file=info.isreg() and not info.issparse(),
                open=partial(opened.extractfile, info),
            )


def _zip_members(archive: Path, raw: IO[bytes]) -> Iterator[_ArchiveMember]:
    size = archive.stat().st_size
    with zipfile.ZipFile(_BoundedReadFile(raw, size, archive)) as opened:
        for info in sorted(opened.infolist(), key=lambda info: info.header_offset):
            if info.flag_bits & 1 or info.compress_type not in _METHODS:
                raise InputError(
                    f"{archive}: its member {info.filename[:120]!r} is encrypted or compressed in "
                    "an unusual way; unpack the archive yourself and give the folder"
                )
            kind = stat.S_IFMT(info.external_attr >> 16)
            yield _ArchiveMember(
                name=info.orig_filename,
                size=info.file_size,
                is_folder=info.is_dir() and kind in (0, stat.S_IFDIR),
                is_file=not info.is_dir() and kind in (0, stat.S_IFREG),
                open=partial(opened.open, info),
            )


_DAMAGE_ERRORS = (
    EOFError,
    NotImplementedError,
    RecursionError,
    ValueError,
    gzip.BadGzipFile,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveBudget:
    """What a product may hold.

    Attributes:
        total_bytes: unpacked; in a tar archive all its members count, in a zip those unpacked.
        text_bytes: in each XML and RPB file.
        members: in an archive, wanted or not.
    """

    total_bytes: int = 8 * 2**30
    text_bytes: int = MAX_TEXT_BYTES
    members: int = 1000

    def __post_init__(self) -> None:
        if min(self.total_bytes, self.text_bytes, self.members) < 1:
            raise InputError(f"limits of an archive are at least 1; got {self}")


DEFAULT_BUDGET = ArchiveBudget()


def unpack(
    archive: Path,
    folder: Path,
    limits: ArchiveBudget = DEFAULT_BUDGET,
    progress: Progress = no_progress,
) -> ProductFiles:
    """Write the files of the one product in an archive into a folder, and nothing else.

    All come to lie in the folder itself, under their own names without folders. The archive is
    read once, from its beginning to its end.

    Args:
        archive: .tar.gz, .tgz, .tar or .zip; its content decides, not its name.
        folder: is there and empty.
        limits: on what is written.
        progress: called about once a MiB with the bytes of the archive read and all of them.

    Raises:
        InputError: it is no archive, is damaged, holds links, devices, names that lead elsewhere,
            several products, a file twice, or more than the limits or the disk allow. What has
            been written by then is left in the folder.
    """
    files = ProductFiles(archive)
    with _as_input_errors(archive, folder), archive.open("rb") as raw:
        total = archive.stat().st_size

        def tell_progress() -> None:
            progress(min(raw.tell(), total), total)

        unpacking = _BudgetedWriter(archive, folder, limits, tell_progress)
        unpacking.require_room(total, "what is in it")
        for count, member in enumerate(_iterate_members(archive, raw, limits.total_bytes), start=1):
            _require_harmless(archive, member)
            if count > limits.members:
                raise InputError(
                    f"{archive}: a product's archive has at most {limits.members} members and "
                    "this one has more; unpack it yourself and give the folder"
                )
            name = ProductFileName.parse(member.name)
            if name is not None and member.is_file:
                files.add(name, folder / name.file)
                unpacking.write(member, name)
        progress(total, total)
    return files


class _BudgetedWriter:
    """Writes members as long as there is room."""

    def __init__(
        self, archive: Path, folder: Path, limits: ArchiveBudget, tell_progress: Callable[[], None]
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._limits = limits
        self._left = limits.total_bytes
        self._tell_progress = tell_progress

    def write(self, member: _ArchiveMember, name: ProductFileName) -> None:
        most = (
            self._left if name.part is FileKind.TIFF else min(self._left, self._limits.text_bytes)
        )
        self._require_fit(member.size, most, name)
        self.require_room(member.size, name.file)
        content = member.open()
        if content is None:
            raise EOFError(f"{name.file} has no content")
        written = 0
        with content, (self._folder / name.file).open("xb") as file:
            while chunk := content.read(_CHUNK_BYTES):
                written += len(chunk)
                self._require_fit(written, most, name)
                file.write(chunk)
                self._tell_progress()
        self._left -= written
        if written != member.size:
            raise EOFError(f"{name.file} has {written} of {member.size} bytes")

    def require_room(self, size: int, what: str) -> None:
        free = shutil.disk_usage(self._folder).free
        if size > free:
            raise InputError(
                f"{self._archive}: {what} needs {size} bytes and {self._folder} has {free} free; "
                "make room, or choose a scratch folder on another disk"
            )

    def _require_fit(self, size: int, most: int, name: ProductFileName) -> None:
        if size > most:
            raise InputError(
                f"{self._archive}: {name.file} may have {most} bytes and has {size} or more; "
                "unpack the archive yourself and give the folder if it is to be trusted"
            )


def _require_harmless(archive: Path, member: _ArchiveMember) -> None:
    shown = repr(member.name[:120])
    if leaves_folder(member.name):
        raise InputError(
            f"{archive}: its member {shown} would land outside of the folder that it is unpacked "
            "into; such an archive is refused whole"
        )
    if not (member.is_file or member.is_folder):
        raise InputError(
            f"{archive}: a product has files and folders only, and its member {shown} is a link, "
            "a device or something else; such an archive is refused whole"
        )


@contextmanager
def _as_input_errors(archive: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE_ERRORS as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{archive}: the archive is damaged or incomplete ({cause}); fetch the product again"
        ) from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {folder} ({error})") from error
