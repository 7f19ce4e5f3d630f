"""Where what can be made again is kept: in the served folder, or the user's cache."""

import hashlib
import os
from pathlib import Path

from landslip.server.catalogue.listing import CACHE

TILES, OVERVIEWS = "tiles", "overviews"


def cache_folder(served: Path, *, read_only: bool) -> Path:
    """Return the folder, which is made when something is put there.

    It is the user's cache where the served folder may not be written to.
    """
    own = served / CACHE
    if not read_only and os.access(served, os.W_OK | os.X_OK) and not own.is_symlink():
        return own
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(str(served).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return base / "landslip" / "serve" / digest
