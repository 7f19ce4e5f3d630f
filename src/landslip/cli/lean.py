"""Keeps a command from importing what it has no use for."""

import sys


def leave_pandas_out() -> None:
    """Let pyogrio find no pandas, which it does not need for what `landslip extract` writes.

    Importing it takes as long as mapping some million pixels. This is for a process that does
    nothing else: geopandas cannot be imported in it afterwards.
    """
    for name in ("pandas", "geopandas"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
