"""Unpacking an archive that comes from anywhere."""

import gzip
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.preprocessing.product.bounded import CHUNK_BYTES
from landslip.preprocessing.product.files import ProductFiles
from landslip.preprocessing.product.member import Member, members
from landslip.preprocessing.product.names import MemberName, Part, is_hostile
from landslip.preprocessing.product.text import LARGEST_BYTES

_DAMAGE = (
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
class Limits:
    """What a product may hold.

    Attributes:
        total_bytes: unpacked; in a tar archive all its members count, in a zip those unpacked.
        text_bytes: in each XML and RPB file.
        members: in an archive, wanted or not.
    """

    total_bytes: int = 8 * 2**30
    text_bytes: int = LARGEST_BYTES
    members: int = 1000

    def __post_init__(self) -> None:
        if min(self.total_bytes, self.text_bytes, self.members) < 1:
            raise InputError(f"limits of an archive are at least 1; got {self}")


DEFAULT_LIMITS = Limits()


def unpack(
    archive: Path, folder: Path, limits: Limits = DEFAULT_LIMITS, progress: Progress = no_progress
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
    with _told_plainly(archive, folder), archive.open("rb") as raw:
        total = archive.stat().st_size

        def tell_progress() -> None:
            progress(min(raw.tell(), total), total)

        unpacking = _Unpacking(archive, folder, limits, tell_progress)
        unpacking.require_room(total, "what is in it")
        for count, member in enumerate(members(archive, raw, limits.total_bytes), start=1):
            _refuse_strange(archive, member)
            if count > limits.members:
                raise InputError(
                    f"{archive}: a product's archive has at most {limits.members} members and "
                    "this one has more; unpack it yourself and give the folder"
                )
            name = MemberName.parse(member.name)
            if name is not None and member.is_file:
                files.add(name, folder / name.file)
                unpacking.write(member, name)
        progress(total, total)
    return files


class _Unpacking:
    """Writes members as long as there is room."""

    def __init__(
        self, archive: Path, folder: Path, limits: Limits, tell_progress: Callable[[], None]
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._limits = limits
        self._left = limits.total_bytes
        self._tell_progress = tell_progress

    def write(self, member: Member, name: MemberName) -> None:
        most = self._left if name.part is Part.TIFF else min(self._left, self._limits.text_bytes)
        self._require_fit(member.size, most, name)
        self.require_room(member.size, name.file)
        content = member.open()
        if content is None:
            raise EOFError(f"{name.file} has no content")
        written = 0
        with content, (self._folder / name.file).open("xb") as file:
            while chunk := content.read(CHUNK_BYTES):
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

    def _require_fit(self, size: int, most: int, name: MemberName) -> None:
        if size > most:
            raise InputError(
                f"{self._archive}: {name.file} may have {most} bytes and has {size} or more; "
                "unpack the archive yourself and give the folder if it is to be trusted"
            )


def _refuse_strange(archive: Path, member: Member) -> None:
    shown = repr(member.name[:120])
    if is_hostile(member.name):
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
def _told_plainly(archive: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{archive}: the archive is damaged or incomplete ({cause}); fetch the product again"
        ) from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be unpacked into {folder} ({error})") from error
