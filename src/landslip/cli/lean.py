"""Keeps a command that has a process to itself from doing what it has no use for."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


def leave_pandas_out() -> None:
    """Let pyogrio and pyarrow find no pandas, which they do not need for what is written here.

    Importing it takes as long as mapping some million pixels. This is for a process that does
    nothing else: geopandas cannot be imported in it afterwards.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NotThere())


def collect_rarely() -> None:
    """Let Python look for cycles of garbage a hundredth as often as it does.

    While modules are imported there are none, and looking takes a tenth of the time.
    """
    gc.set_threshold(100_000, 50, 50)


def leave_at_once(code: int) -> None:
    """End this process without taking it apart: the system takes memory back faster.

    Where Ray is in use, it is left to end in its own way.
    """
    if "ray" in sys.modules:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _NotThere(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature is Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> None:
        if fullname in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)
