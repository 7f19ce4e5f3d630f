"""Keeps a second process out of a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landslip.core.errors import InputError


@contextmanager
def only_one(file: Path, of: str) -> Iterator[None]:
    """Hold a lock while the body runs; the system lets go of it when the process dies.

    Args:
        file: made for the lock, with its folder, and removed in the end.
        of: what another process may be at work on, for people.

    Raises:
        InputError: another process holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_the_file = file.exists() and os.path.samestat(os.fstat(lock.fileno()), file.stat())
        except OSError as error:
            raise _at_work(file, of) from error
        if not is_the_file:  # its holder removed it between our opening and our locking it
            raise _at_work(file, of)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _at_work(file: Path, of: str) -> InputError:
    return InputError(f"{file.parent}: another process is at work on {of}; wait for it or end it")
