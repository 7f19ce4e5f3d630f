"""SQLite files, as GeoPackages are."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_WAIT_S = 5.0


def roll_back_interrupted(path: Path) -> None:
    """Roll back what a killed process left half written, as whoever only reads cannot.

    Without effect where nothing was left, or the file may not be written to.
    """
    journal = path.with_name(f"{path.name}-journal")
    with suppress(OSError, sqlite3.Error):
        if journal.stat().st_size == 0:
            return
        place = f"{path.absolute().as_uri()}?mode=rw"  # never makes a file
        with closing(sqlite3.connect(place, uri=True, timeout=_WAIT_S)) as file:
            file.execute("SELECT count(*) FROM sqlite_master").fetchone()
