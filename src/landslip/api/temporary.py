"""Folders that last as long as an object that reads from them."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_folder(*, keep_if: bool) -> Iterator[Path]:
    """Give a fresh folder; it is removed afterwards, or only on an error with ``keep_if``."""
    folder = Path(tempfile.mkdtemp(prefix="landslip-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not keep_if:
        shutil.rmtree(folder, ignore_errors=True)


def remove_with(owner: object, folder: Path) -> None:
    """Remove a folder once nothing refers to ``owner`` any more."""
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
