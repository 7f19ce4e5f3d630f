"""Outputs are written beside their place and renamed into it."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landslip.core.errors import OutputExistsError, argument


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Stop where something already stands at ``out`` and may not be replaced.

    Raises:
        OutputExistsError: ``out`` is there (an empty folder does not count).
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise OutputExistsError(
            f"{out}: already exists; choose another {argument('out')} or pass "
            f"{argument('overwrite', True)}"
        )
    if not out.is_dir():
        raise OutputExistsError(f"{out}: a folder is to be written here and this is a file")


@contextmanager
def staged_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a fresh folder beside ``out``; on success its files are renamed into ``out``.

    On any failure it is removed and ``out`` is as it was. With ``overwrite``, files of the same
    names are replaced and all others in ``out`` are left alone.

    Raises:
        OutputExistsError: ``out`` is there and ``overwrite`` is not set.
    """
    refuse_existing(out, overwrite=overwrite)
    out = out.resolve()  # a link may lead to another file system
    with _stage_beside(out) as stage:
        yield stage
        refuse_existing(out, overwrite=overwrite)  # another process may have been faster
        move_into_place(stage, out)


@contextmanager
def staged_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a path of the same name in a fresh folder beside ``out``; on success it becomes ``out``.

    On any failure it is removed, and ``out`` is as it was.

    Raises:
        OutputExistsError: ``out`` is there and ``overwrite`` is not set, or is a folder.
    """
    refuse_existing_file(out, overwrite=overwrite)
    out = out.resolve()
    with _stage_beside(out) as stage:
        yield stage / out.name
        refuse_existing_file(out, overwrite=overwrite)  # another process may have been faster
        (stage / out.name).replace(out)


def refuse_existing_file(out: Path, *, overwrite: bool) -> None:
    """Stop where something stands in the place of a file to be written.

    Raises:
        OutputExistsError: ``out`` is there and may not be replaced, or is a folder.
    """
    if out.is_dir():
        raise OutputExistsError(f"{out}: a file is to be written here and this is a folder")
    if out.exists() and not overwrite:
        raise OutputExistsError(
            f"{out}: already exists; choose another {argument('out')} or pass "
            f"{argument('overwrite', True)}"
        )


@contextmanager
def _stage_beside(out: Path) -> Iterator[Path]:
    """Give a fresh folder beside ``out``, and remove it in the end, with what crashes left."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        if not _is_running(left.name.split(".")[-2]):
            shutil.rmtree(left, ignore_errors=True)
    stage = out.with_name(f".{out.name}.{os.getpid()}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _is_running(process: str) -> bool:
    """Whether a process of that number may be at work, on this machine."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True


def move_into_place(stage: Path, out: Path) -> None:
    """Rename a finished folder, or, where ``out`` is already there, each thing in it."""
    if not out.exists():
        stage.rename(out)
        return
    for made in sorted(stage.iterdir()):
        target = out / made.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        made.replace(target)
