"""Copies with overviews of rasters that have none, made once in the background.

Without them a view of the whole reads every pixel, for each tile.
"""

import hashlib
import sys
import threading
from pathlib import Path

from landslip.core.files import atomic_file, require_space
from landslip.io.raster.geotiff import copy_with_overviews
from landslip.server.background import BackgroundWork, end_with_server
from landslip.server.cache_folder import OVERVIEWS
from landslip.server.catalogue.entries import RasterEntry
from landslip.server.catalogue.listing import require_below
from landslip.server.schemas import UnreadableFile

_MODULE = "landslip.server.overviews"
_MAX_BYTES = 32 * 2**30  # of all copies


class Overviews:
    """The copies of a server."""

    def __init__(self, root: Path, cache: Path, background: BackgroundWork) -> None:
        """Copies are kept in the folder ``cache``; rasters are below ``root``."""
        self._root, self._folder, self._background = root, cache / OVERVIEWS, background
        self._wanted: dict[tuple[str, ...], RasterEntry] = {}
        self._lock = threading.Lock()

    def file(self, raster: RasterEntry) -> Path | None:
        """Return what is read of a raster: itself, or its copy; None while that is made.

        A raster of which no copy can be made is read itself.
        """
        if raster.has_overviews:
            return raster.path
        copy = self._copy_of(raster)
        if copy.is_file():
            return copy
        key = _key(raster)
        if self._background.failure(key) is not None:
            return raster.path
        with self._lock:
            self._wanted[key] = raster
        self._background.request(key, lambda: self._make(raster))
        return None

    def notes(self) -> tuple[UnreadableFile, ...]:
        """Return what is being prepared, and what cannot be."""
        with self._lock:
            wanted = dict(self._wanted)
        return tuple(
            UnreadableFile(name=raster.name, message=text)
            for key, raster in wanted.items()
            if (text := self._note(key, raster)) is not None
        )

    def _note(self, key: tuple[str, ...], raster: RasterEntry) -> str | None:
        failure = self._background.failure(key)
        if failure is not None:
            return f"has no overviews and is slow to show: {failure}"
        if self._copy_of(raster).is_file():
            return None
        return "has no overviews; they are being made, then it is shown as a whole"

    def _copy_of(self, raster: RasterEntry) -> Path:
        name = hashlib.sha256(f"{raster.name} {raster.stamp}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.tif"

    def _make(self, raster: RasterEntry) -> None:
        """Make a copy.

        Raises:
            InputError: there is no room for it.
            RuntimeError: it cannot be made.
        """
        require_below(self._root, raster.path)
        self._folder.mkdir(parents=True, exist_ok=True)
        size = 2 * raster.path.stat().st_size
        self._drop_oldest(size)
        require_space(self._folder, size, "the overviews of a raster")
        with atomic_file(self._copy_of(raster), overwrite=True) as out:
            kind = Path("mode" if raster.classes else "average")
            self._background.run_module(_key(raster), _MODULE, raster.path, out, kind)

    def _drop_oldest(self, needed: int) -> None:
        """Remove the copies that were not opened for longest, until another one fits."""
        copies = sorted(self._folder.glob("*.tif"), key=lambda one: one.stat().st_atime)
        total = sum(one.stat().st_size for one in copies)
        for one in copies:
            if total + needed <= _MAX_BYTES:
                return
            total -= one.stat().st_size
            one.unlink()


def _key(raster: RasterEntry) -> tuple[str, ...]:
    return "overviews", raster.id, raster.stamp


if __name__ == "__main__":
    end_with_server()
    copy_with_overviews(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
