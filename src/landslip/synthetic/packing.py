"""Archives that come out the same each time they are made of the same files."""

import gzip
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEVEL = 1
_MODE = 0o644


class Packing:
    """A ``.tar.gz`` being written; files are removed once they are in it."""

    def __init__(self, tar: tarfile.TarFile, time_s: int) -> None:
        """Write into an open archive; every member gets the same time, seconds since 1970."""
        self._tar = tar
        self._time_s = time_s

    def move_in(self, path: Path) -> None:
        """Put a file into the archive, without folder, and remove it."""
        member = tarfile.TarInfo(path.name)
        member.size = path.stat().st_size
        member.mtime = self._time_s
        member.mode = _MODE
        with path.open("rb") as file:
            self._tar.addfile(member, file)
        path.unlink()


@contextmanager
def packed(out: Path, time_s: int) -> Iterator[Packing]:
    """Write an archive whose members all have one time, in seconds since 1970."""
    with (
        out.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=raw, mtime=time_s) as packer,
        tarfile.open(mode="w", fileobj=packer) as tar,
    ):
        yield Packing(tar, time_s)
