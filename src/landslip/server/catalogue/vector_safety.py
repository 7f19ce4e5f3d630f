"""Which vector files are opened: kinds that cannot name another file or an address.

By extension and first bytes; a GeoPackage also by what its database holds.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from landslip.core.errors import InputError
from landslip.core.paths import require_file
from landslip.io.sqlite import roll_back_interrupted
from landslip.server.catalogue.listing import require_below

_HEADS: dict[str, tuple[bytes, ...]] = {
    ".gpkg": (b"SQLite format 3\0",),
    ".fgb": (b"fgb",),
    ".parquet": (b"PAR1",),
    ".shp": (b"\0\0\x27\x0a",),
    ".geojson": (b"{", b"\xef\xbb\xbf{"),
}
ENDINGS = tuple(_HEADS)
_HEAD_BYTES = 64
_VIRTUAL = ("rtree", "rtree_i32", "fts5", "fts4", "fts3")


def require_safe(root: Path, path: Path) -> None:
    """Refuse a vector file that is of another kind than its ending, or could lead elsewhere.

    Raises:
        InputError: it is.
    """
    require_below(root, path)
    require_file(path)
    heads = _HEADS.get(path.suffix.lower())
    if heads is None:
        raise InputError(f"{path}: only {', '.join(ENDINGS)} are shown; convert it to one of them")
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if path.suffix.lower() == ".geojson":
        start = start.lstrip()
    if not start.startswith(heads):
        raise InputError(f"{path}: is not what its ending says, or damaged; convert it again")
    if path.suffix.lower() == ".gpkg":
        _require_plain_tables(path)


def _require_plain_tables(path: Path) -> None:
    """Refuse a database with views of geometries, or virtual tables other than indexes."""
    roll_back_interrupted(path)
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as database:
            tables = database.execute(
                "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')"
            ).fetchall()
            # a view may never end: what GDAL reads of its own account is no view
            if any(kind == "view" and _is_of_standard(name) for name, kind, _ in tables):
                raise InputError(
                    f"{path}: a table of the GeoPackage standard is a view in it, which is not "
                    "opened; export its polygons to a new GeoPackage"
                )
            shown = {
                name for (name,) in database.execute("SELECT lower(table_name) FROM gpkg_contents")
            }
    except sqlite3.Error as error:
        raise InputError(f"{path}: not a GeoPackage that can be read ({error})") from error
    for name, kind, sql in tables:
        words = str(sql or "").lower().split()
        if words[:3] == ["create", "virtual", "table"]:
            module = words[words.index("using") + 1] if "using" in words else ""
            if module.split("(")[0].strip('"`[]') not in _VIRTUAL:
                raise InputError(
                    f"{path}: has a virtual table, which may lead to other files and is not "
                    "opened; export its polygons to a new GeoPackage"
                )
        elif kind == "view" and str(name).lower() in shown:
            raise InputError(
                f"{path}: a layer of it is a view, which is not opened; export it to a new "
                "GeoPackage"
            )


def _is_of_standard(name: object) -> bool:
    return str(name).lower().startswith(("gpkg_", "rtree_", "sqlite_"))
