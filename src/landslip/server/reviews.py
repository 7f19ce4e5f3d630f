"""The reviews of the served folder: found, started, and joined with the tables."""

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from landslip.core.errors import InputError, LandslipError
from landslip.review.features import FeatureTable
from landslip.review.log import ReviewLog
from landslip.review.lonlat import to_lonlat
from landslip.review.record import FILE, ReviewRecord, path_at
from landslip.review.start import start_review
from landslip.review.store import ReviewStore
from landslip.review.words import REVIEW_COLUMNS
from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.catalogue.listing import REVIEWS, is_below, require_below
from landslip.server.catalogue.rasters import require_own_map
from landslip.server.catalogue.vector_safety import require_safe
from landslip.server.polygon_table import TableReview
from landslip.server.problems import NotFoundError

_MAX_REVIEWS = 2000
_MAX_OPEN = 16
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_LONGEST_NAME = 80


class OpenReview:
    """A review, and what the page shows of it, made once for each revision."""

    def __init__(self, store: ReviewStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._table: TableReview | None = None
        self._outlines: dict[tuple[int, int], shapely.Geometry] = {}

    def table(self) -> TableReview:
        """Return what people said, as a table takes it."""
        with self._lock:
            features = self.store.table()
            if self._table is None or self._table.revision != features.revision:
                self._table = self._joined(features)
            return self._table

    def _joined(self, features: FeatureTable) -> TableReview:
        changed = np.flatnonzero(features.present & (features.version > 0))
        redrawn = np.flatnonzero(features.present & (features.outline > 0))
        # measures of what was redrawn are others, or none
        names = [*REVIEW_COLUMNS, *(features.names if len(redrawn) else ())]
        names.remove("information")
        columns: dict[str, Any] = {name: features.cells(name, changed) for name in names}
        columns["version"] = features.version[changed].astype(np.int64)
        return TableReview(
            revision=features.revision,
            rows=pd.DataFrame(columns, index=pd.Index(features.ids[changed], name="id")),
            information=pd.Series(features.information, index=features.ids),
            geometries=self._lonlat(features, redrawn),
            removed=frozenset(features.ids[~features.present].tolist()),
        )

    def _lonlat(
        self, features: FeatureTable, redrawn: "np.ndarray[Any, Any]"
    ) -> dict[int, shapely.Geometry]:
        """Return outlines that people drew in longitude and latitude, each projected once."""
        keys = [(int(features.ids[at]), int(features.outline[at])) for at in redrawn]
        new = [at for at, key in zip(redrawn, keys, strict=True) if key not in self._outlines]
        if new:
            made = to_lonlat(features.geometry[new], features.source.crs)
            self._outlines |= {
                (int(features.ids[at]), int(features.outline[at])): one
                for at, one in zip(new, made, strict=True)
            }
        self._outlines = {key: self._outlines[key] for key in keys}
        return {key[0]: self._outlines[key] for key in keys}


class Reviews:
    """Reviews in the folder ``reviews``, by what they are of."""

    def __init__(self, root: Path) -> None:
        """``root`` is the served folder, absolute and without links."""
        self._root = root
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._records: dict[tuple[str, int], tuple[ReviewRecord, Path]] = {}
        self._open: OrderedDict[str, tuple[tuple[object, ...], OpenReview]] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}

    def folder_of(self, entry: InventoryEntry) -> Path | None:
        """Return the folder of an inventory's review; None: it has none.

        Raises:
            InputError: the review that is most likely its own is damaged.
        """
        source = entry.source.resolve()
        for folder in self._folders():
            try:
                _, place = self._record(folder)
            except InputError:
                if folder.name in _names(entry):
                    raise
                continue
            if place == source:
                return folder
        return None

    def find(self, entry: InventoryEntry) -> OpenReview | None:
        """Return an inventory's review; None: it has none.

        Raises:
            InputError: it is damaged, or of polygons that were changed since.
        """
        folder = self.folder_of(entry)
        if folder is None:
            return None
        with self._lock:
            opening = self._opening.setdefault(entry.id, threading.Lock())
        with opening:
            try:
                file = (folder / FILE).stat()
                own = entry.path.stat()  # which is newer than the look at the folder
            except OSError as error:
                raise InputError(
                    f"{entry.name}: it, or its review, was moved meanwhile; open the page again"
                ) from error
            state = (folder, file.st_ino, file.st_dev, own.st_ino, own.st_size, own.st_mtime_ns)
            with self._lock:
                known = self._open.get(entry.id)
                if known is not None and known[0] == state:
                    self._open.move_to_end(entry.id)
                    return known[1]
            require_below(self._root, folder / FILE)
            require_safe(self._root, entry.path)
            require_own_map(self._root, entry)
            opened = OpenReview(ReviewStore.open(folder))
            with self._lock:
                self._open[entry.id] = state, opened
                while len(self._open) > _MAX_OPEN:
                    self._open.popitem(last=False)
            return opened

    def get(self, entry: InventoryEntry) -> OpenReview:
        """Return an inventory's review.

        Raises:
            NotFoundError: it has none.
            InputError: it is damaged, or of polygons that were changed since.
        """
        found = self.find(entry)
        if found is None:
            raise NotFoundError(f"{entry.name}: has no review yet; start it first")
        return found

    def start(self, entry: InventoryEntry, author: str) -> OpenReview:
        """Return an inventory's review, which is started where there is none.

        Raises:
            InputError: the inventory cannot be read.
            LandslipError: nothing can be written there.
        """
        with self._starting:
            if self.folder_of(entry) is None:
                require_safe(self._root, entry.path)
                require_own_map(self._root, entry)
                place = self._place()
                folder = next(
                    place / name for name in _names(entry) if not (place / name / FILE).exists()
                )
                layer = entry.layer if entry.kind == "polygons" else None
                start_review(entry.source, folder, layer=layer, author=author)
        return self.get(entry)

    def table_review(self, entry: InventoryEntry) -> TableReview | None:
        """Return what people said of an inventory; None: nothing, or nothing that can be read."""
        found = self.find_readable(entry)
        return None if found is None else found.table()

    def find_readable(self, entry: InventoryEntry) -> OpenReview | None:
        """Return an inventory's review; None: it has none that can be read."""
        try:
            return self.find(entry)
        except (LandslipError, OSError):
            return None  # the routes of the review say why

    def require_own_files(self, folder: Path, *, with_scene: bool) -> None:
        """Refuse a review whose files, or scene, are not in the served folder.

        Raises:
            InputError: it is damaged, or one is elsewhere.
        """
        record, _ = self._record(folder)
        scene = record.scene if with_scene else None
        for place in (record.inventory, record.polygons, record.map, scene):
            if place is not None and not is_below(self._root, path_at(folder, place).resolve()):
                raise InputError(
                    f"{folder.name}: is the review of {Path(place).name}, which is outside the "
                    "served folder; copy it into the folder, or use the command line"
                )

    def all(self) -> list[Path]:
        """Return the folders of all reviews."""
        return [*self._folders()]

    def _place(self) -> Path:
        place = self._root / REVIEWS
        if not is_below(self._root, Path(os.path.realpath(place))):
            raise InputError(f"{place}: a link that leaves the served folder and is not followed")
        return place

    def _folders(self) -> Iterator[Path]:
        try:
            with os.scandir(self._place()) as entries:
                names = sorted(one.name for one in entries if not one.name.startswith("."))
        except (OSError, InputError):
            return
        for name in names[:_MAX_REVIEWS]:
            folder = self._root / REVIEWS / name
            file = folder / FILE
            if file.is_file() and is_below(self._root, Path(os.path.realpath(file))):
                yield folder

    def _record(self, folder: Path) -> tuple[ReviewRecord, Path]:
        """Return what a review is of, which never changes, and where that is.

        Raises:
            InputError: it cannot be read, or is damaged.
        """
        try:
            key = (folder.name, (folder / FILE).stat().st_ino)
            if key not in self._records:
                record = ReviewLog(folder / FILE).record()
                self._records[key] = record, path_at(folder, record.inventory).resolve()
            return self._records[key]
        except InputError:
            raise
        except (LandslipError, OSError) as error:
            raise InputError(f"{folder / FILE}: cannot be read ({error})") from error


def _names(entry: InventoryEntry) -> tuple[str, str]:
    """Return what the folder of an inventory's review may be called."""
    name = _NOT_IN_NAMES.sub("-", entry.name).strip("-.")[:_LONGEST_NAME] or "review"
    return name, f"{name}-{entry.id}"
