"""What lies in an archive, whatever its format."""

import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from isal import igzip

from landslip.core.errors import InputError
from landslip.preprocessing.product.bounded import ForwardReader, ModestFile

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
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


def members(archive: Path, raw: IO[bytes], limit: int) -> Iterator[Member]:
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
        return _packed_members(archive, raw, limit)
    return _tar_members(archive, ForwardReader(raw, limit, archive))


def _packed_members(archive: Path, raw: IO[bytes], limit: int) -> Iterator[Member]:
    with igzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
        reader = ForwardReader(unzipped, limit, archive)
        yield from _tar_members(archive, reader)
        reader.drain()


def _tar_members(archive: Path, reader: ForwardReader) -> Iterator[Member]:
    try:
        opened = tarfile.TarFile(fileobj=reader, mode="r")
    except tarfile.ReadError as error:
        raise InputError(
            f"{archive}: not an archive that can be read ({error}); a product is a .tar.gz, .tar "
            "or .zip archive, or a folder"
        ) from error
    with opened:
        for info in opened:
            yield Member(
                name=info.name,
                size=info.size,
                is_folder=info.isdir(),
                is_file=info.isreg() and not info.issparse(),
                open=partial(opened.extractfile, info),
            )


def _zip_members(archive: Path, raw: IO[bytes]) -> Iterator[Member]:
    size = archive.stat().st_size
    with zipfile.ZipFile(ModestFile(raw, size, archive)) as opened:
        for info in sorted(opened.infolist(), key=lambda info: info.header_offset):
            if info.flag_bits & 1 or info.compress_type not in _METHODS:
                raise InputError(
                    f"{archive}: its member {info.filename[:120]!r} is encrypted or compressed in "
                    "an unusual way; unpack the archive yourself and give the folder"
                )
            kind = stat.S_IFMT(info.external_attr >> 16)
            yield Member(
                name=info.orig_filename,
                size=info.file_size,
                is_folder=info.is_dir() and kind in (0, stat.S_IFDIR),
                is_file=not info.is_dir() and kind in (0, stat.S_IFREG),
                open=partial(opened.open, info),
            )
