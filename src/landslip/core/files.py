"""Files: outputs that appear complete or not at all, locks, digests, and what must be closed."""

import fcntl
import glob
import hashlib
import os
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from landslip.core.errors import InputError, OutputExistsError, argument


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Refuse an output folder that exists and may not be replaced; an empty one does not count.

    Raises:
        OutputExistsError: ``out`` exists.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise OutputExistsError(
            f"{out}: already exists; choose another {argument('out')} or pass "
            f"{argument('overwrite', True)}"
        )
    if not out.is_dir():
        raise OutputExistsError(f"{out}: must be a folder and is a file")


@contextmanager
def atomic_directory(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder beside ``out``; on success its files are renamed into ``out``.

    On failure it is removed and ``out`` is unchanged. With ``overwrite``, files of the same names
    are replaced and all others in ``out`` stay.

    Raises:
        OutputExistsError: ``out`` exists and ``overwrite`` is not set.
    """
    refuse_existing(out, overwrite=overwrite)
    out = out.resolve()  # a link may lead to another file system
    with stage_beside(out) as stage:
        yield stage
        refuse_existing(out, overwrite=overwrite)  # another process may have been faster
        move_into_place(stage, out)


@contextmanager
def atomic_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a path of the same name in a new folder beside ``out``; on success it becomes ``out``.

    On failure it is removed and ``out`` is unchanged.

    Raises:
        OutputExistsError: ``out`` exists and ``overwrite`` is not set, or is a folder.
    """
    refuse_existing_file(out, overwrite=overwrite)
    out = out.resolve()
    with stage_beside(out) as stage:
        yield stage / out.name
        refuse_existing_file(out, overwrite=overwrite)  # another process may have been faster
        (stage / out.name).replace(out)


def refuse_existing_file(out: Path, *, overwrite: bool) -> None:
    """Refuse an output file that exists and may not be replaced.

    Raises:
        OutputExistsError: ``out`` exists, or is a folder.
    """
    if out.is_dir():
        raise OutputExistsError(f"{out}: must be a file and is a folder")
    if out.exists() and not overwrite:
        raise OutputExistsError(
            f"{out}: already exists; choose another {argument('out')} or pass "
            f"{argument('overwrite', True)}"
        )


@contextmanager
def new_parents(path: Path) -> Iterator[None]:
    """Make the folders that a path is in; those that are empty at the end are removed again."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # not empty
            for parent in missing:
                parent.rmdir()


@contextmanager
def stage_beside(out: Path) -> Iterator[Path]:
    """Yield a new hidden folder beside ``out``; remove it at the end, and those of crashes."""
    with new_parents(out):
        remove_stale_stages(out.parent, glob.escape(out.name))
        stage = out.with_name(f".{out.name}.{os.getpid()}.partial")
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        try:
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def remove_stale_stages(folder: Path, names: str = "*") -> None:
    """Remove what crashed processes left of outputs in a folder; ``names`` is a glob pattern."""
    for stale in folder.glob(f".{names}.*.partial"):
        if not _is_running(stale.name.split(".")[-2]):
            shutil.rmtree(stale, ignore_errors=True)


def _is_running(process: str) -> bool:
    """Whether a process with that number may be running on this machine."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True


def move_into_place(stage: Path, out: Path) -> None:
    """Rename a finished folder to ``out``, or, where that exists, each entry in it."""
    if not out.exists():
        stage.rename(out)
        return
    for entry in sorted(stage.iterdir()):
        target = out / entry.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        entry.replace(target)


@contextmanager
def file_lock(file: Path, of: str) -> Iterator[None]:
    """Hold a lock while the body runs; the system releases it when the process dies.

    The lock file is created with its folder, and removed at the end; ``of`` is what it locks.

    Raises:
        InputError: another process holds the lock.
    """
    locked = InputError(
        f"{file.parent}: another process is working on {of}; wait for it or stop it"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_the_file = file.exists() and os.path.samestat(os.fstat(lock.fileno()), file.stat())
        except OSError as error:
            raise locked from error
        if not is_the_file:  # its holder removed it between our opening and our locking it
            raise locked
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def require_space(place: Path, needed: int, what: str, remedy: str = "make room there") -> None:
    """Refuse to begin what its disk cannot hold.

    Args:
        place: what is to be written; it need not exist yet.
        needed: in bytes.
        what: its name in the message, in the plural.
        remedy: what else the user may do.

    Raises:
        InputError: less is free.
    """
    folder = next(one for one in (place, *place.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{place}: {what} take {needed / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free there; "
            f"{remedy}, or choose another disk"
        )


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Closeable(AbstractContextManager["Closeable"]):
    """A context manager that closes itself at the end."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held; may be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
