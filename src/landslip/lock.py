"""Keeps a second process out of a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landslip.errors import InputError


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
        except OSError as error:
            raise InputError(
                f"{file.parent}: another process is at work on {of}; wait for it or end it"
            ) from error
        try:
            yield
        finally:
            file.unlink(missing_ok=True)
