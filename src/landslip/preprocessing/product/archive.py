"""Unpacking of product archives, which may be damaged or malicious.

`tarfile`'s data filter is not used: it lets links within the archive pass, makes absolute names
relative where such an archive is refused here, has no budget, and zip archives have no such filter.
Nothing is written under a member's path, only under the file names of a product.
"""

import gzip
import io
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from isal import igzip, igzip_lib

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.core.text import MAX_SHORT_BYTES
from landslip.preprocessing.product.files import (
    FileKind,
    ProductFileName,
    ProductFiles,
    leaves_folder,
)

_CHUNK_BYTES = 2**20
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ISAL_ERROR: Any = igzip_lib.IsalError  # a class, which its stubs call an exception
_DAMAGE_ERRORS = (
    EOFError,
    NotImplementedError,
    RecursionError,
    ValueError,
    gzip.BadGzipFile,
    _ISAL_ERROR,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveBudget:
    """The most that a product's archive may hold.

    Total bytes are those of all members of a tar archive, of the unpacked ones of a zip; text bytes
    are those of each XML and RPB file; members count whether unpacked or not.
    """

    total_bytes: int = 8 * 2**30
    text_bytes: int = MAX_SHORT_BYTES
    members: int = 1000

    def __post_init__(self) -> None:
        if min(self.total_bytes, self.text_bytes, self.members) < 1:
            raise InputError(f"the limits of an archive must be at least 1; got {self}")


DEFAULT_BUDGET = ArchiveBudget()


def unpack(
    archive: Path,
    folder: Path,
    budget: ArchiveBudget = DEFAULT_BUDGET,
    progress: Progress = no_progress,
) -> ProductFiles:
    """Write the files of the one product in an archive into a folder, and nothing else.

    They are written into the folder itself, under their own names without folders. The archive is
    read once, from beginning to end; its content decides its format. The folder exists and is
    empty; progress is in bytes of the archive, about once a MiB.

    Raises:
        InputError: it is no archive, is damaged, holds links, devices, names that lead elsewhere,
            several products, a file twice, or more than the budget or the disk allow. What has
            been written by then is left in the folder.
    """
    files = ProductFiles(archive)
    with _damage_as_input_errors(archive, folder), archive.open("rb") as raw:
        total = archive.stat().st_size
        _require_space(archive, folder, "its content", total)
        remaining = budget.total_bytes
        start = raw.read(4)
        raw.seek(0)
        if start.startswith(b"PK"):
            members = _zip_members(archive, raw)
        elif start.startswith(b"\x1f\x8b"):
            members = _gzip_members(archive, raw, remaining)
        else:
            members = _tar_members(archive, _ForwardReader(raw, remaining, archive))
        for count, member in enumerate(members, start=1):
            _require_harmless(archive, member)
            if count > budget.members:
                raise InputError(
                    f"{archive}: a product's archive has at most {budget.members} members and "
                    "this one has more; unpack it yourself and give the folder"
                )
            name = ProductFileName.parse(member.name)
            if name is None or not member.is_file:
                continue
            files.add(name, folder / name.file)
            is_text = name.kind is not FileKind.TIFF
            limit = min(remaining, budget.text_bytes) if is_text else remaining
            if member.size > limit:
                raise InputError(
                    f"{archive}: {name.file} may have {limit} bytes and has {member.size}; if you "
                    "trust it, unpack the archive yourself and give the folder"
                )
            _require_space(archive, folder, name.file, member.size)
            with member.open() as content, (folder / name.file).open("xb") as file:
                written = _copied(content, file, lambda: progress(min(raw.tell(), total), total))
            if written != member.size:
                raise EOFError(f"{name.file} has {written} of {member.size} bytes")
            remaining -= written
        progress(total, total)
    return files


def _copied(content: IO[bytes], file: IO[bytes], on_chunk: Callable[[], None]) -> int:
    """Write all that can be read, in a thread that writes while more is decompressed.

    Returns the number of bytes; neither library gives more than the stated size.
    """
    written, writing = 0, None
    with ThreadPoolExecutor(1) as writer:
        while chunk := content.read(_CHUNK_BYTES):
            if writing is not None:
                written += writing.result()
            writing = writer.submit(file.write, chunk)
            on_chunk()
        if writing is not None:
            written += writing.result()
    return written


class _ArchiveMember(NamedTuple):
    """A member of an archive; ``open`` is to be called before the next one is asked for."""

    name: str
    size: int
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes]]


def _gzip_members(archive: Path, raw: IO[bytes], max_bytes: int) -> Iterator[_ArchiveMember]:
    with igzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
        reader = _ForwardReader(unzipped, max_bytes, archive)
        yield from _tar_members(archive, reader)
        while reader.read(_CHUNK_BYTES):  # to the end, where the checksum is
            pass


def _tar_members(archive: Path, reader: "_ForwardReader") -> Iterator[_ArchiveMember]:
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
                open=partial(opened.extractfile, info),  # type: ignore[arg-type]  # None for folders
            )


def _zip_members(archive: Path, raw: IO[bytes]) -> Iterator[_ArchiveMember]:
    with zipfile.ZipFile(_ChunkedFile(raw, archive)) as opened:
        for info in sorted(opened.infolist(), key=lambda info: info.header_offset):
            if info.flag_bits & 1 or info.compress_type not in _ZIP_METHODS:
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


class _ForwardReader(io.BufferedIOBase):
    """Decompressed bytes, read forwards, limited in total and per read.

    `tarfile` reads a member's header in one piece, as large as the archive says that it is, and
    follows offsets that point back.
    """

    def __init__(self, source: IO[bytes] | igzip.GzipFile, max_bytes: int, archive: Path) -> None:
        super().__init__()
        self._source = source
        self._max_bytes = max_bytes
        self._archive = archive
        self._position = 0

    def read(self, size: int | None = -1, /) -> bytes:
        _require_read_size(size, self._archive)
        data = self._source.read(size or 0)
        self._position += len(data)
        if self._position > self._max_bytes:
            raise InputError(
                f"{self._archive}: a product has at most {self._max_bytes} bytes unpacked and this "
                "archive has more; if you trust it, unpack it yourself and give the folder"
            )
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET or offset < self._position:
            raise InputError(
                f"{self._archive}: members of an archive follow one another and one points back; "
                "the archive is damaged or malicious; download the product again"
            )
        while self._position < offset and self.read(min(_CHUNK_BYTES, offset - self._position)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position


class _ChunkedFile(io.BufferedIOBase):
    """A file of which at most `_CHUNK_BYTES` are read at once.

    `zipfile` reads the list of members in one piece, as large as the archive says that it is.
    """

    def __init__(self, file: IO[bytes], archive: Path) -> None:
        super().__init__()
        self._file = file
        self._size = archive.stat().st_size
        self._archive = archive

    def read(self, size: int | None = -1, /) -> bytes:
        remaining = max(self._size - self._file.tell(), 0)
        wanted = remaining if size is None or size < 0 else min(size, remaining)
        _require_read_size(wanted, self._archive)
        return self._file.read(wanted)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _require_read_size(size: int | None, archive: Path) -> None:
    if size is None or not 0 <= size <= _CHUNK_BYTES:
        raise InputError(
            f"{archive}: a list or header in an archive has at most {_CHUNK_BYTES} bytes; "
            "the archive is damaged or malicious; download the product again"
        )


def _require_harmless(archive: Path, member: _ArchiveMember) -> None:
    shown = repr(member.name[:120])
    if leaves_folder(member.name):
        raise InputError(
            f"{archive}: its member {shown} would be written outside the folder that it is "
            "unpacked into; the whole archive is refused"
        )
    if not (member.is_file or member.is_folder):
        raise InputError(
            f"{archive}: a product has files and folders only, and its member {shown} is a link, "
            "a device or something else; the whole archive is refused"
        )


def _require_space(archive: Path, folder: Path, content: str, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise InputError(
            f"{archive}: {content} needs {size} bytes and {folder} has {free} free; "
            "free some space, or choose a scratch folder on another disk"
        )


@contextmanager
def _damage_as_input_errors(archive: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE_ERRORS as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{archive}: the archive is damaged or incomplete ({cause}); download the product again"
        ) from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {folder} ({error})") from error
