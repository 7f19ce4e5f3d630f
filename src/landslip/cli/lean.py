"""Keeps a command from importing what it has no use for."""

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


class _NotThere(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature is Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> None:
        if fullname in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)
