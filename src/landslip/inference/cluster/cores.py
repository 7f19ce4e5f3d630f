"""Keeps workers that share a machine on cores of their own."""

import fcntl
import os
import tempfile
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path


def keep_to_cores(count: int, folder: Path | None = None) -> list[TextIOWrapper]:
    """Bind this thread, and those it begins, to cores that no other worker is bound to.

    Engines take every core they see, and Ray does not bind its workers. Where too few are free,
    others' cores fill up the count.

    Args:
        count: of cores.
        folder: where workers of this machine mark what is theirs.

    Returns:
        The marks; cores are taken as long as these are open, and free when the process dies.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if count >= len(allowed):
        return []
    folder = folder or Path(tempfile.gettempdir()) / f"landslip-cores-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[int, TextIOWrapper] = {}
    for core in allowed:
        if len(taken) == count:
            break
        if (mark := _marked(folder / str(core))) is not None:
            taken[core] = mark
    others = [core for core in allowed if core not in taken]
    os.sched_setaffinity(0, [*taken, *others[: count - len(taken)]])
    return list(taken.values())


def _marked(file: Path) -> TextIOWrapper | None:
    mark = file.open("w")
    with suppress(OSError):
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return mark
    mark.close()
    return None
