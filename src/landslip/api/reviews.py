"""Reviews: started, opened, made by scripts and in notebooks, and exported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from landslip.api.inventories import Inventory, folder_of, make_inventory
from landslip.core.arguments import PathArgument, ProgressArgument, checked
from landslip.core.choices import Language, Unreviewed
from landslip.core.html import html_table

if TYPE_CHECKING:
    import geopandas

    from landslip.review.queue import QueueItem
    from landslip.review.record import ReviewRecord
    from landslip.review.results import Change, ChangeResult, ReviewSummary
    from landslip.review.store import ReviewStore

Ids = int | Iterable[int]


@dataclass(frozen=True, kw_only=True)
class Review:
    """The review of an inventory: what people said of its polygons, and who said it when.

    Several people and processes may work on one review at once. Changes made here are made on
    polygons as they are at that moment; the page of `landslip serve` states the version that
    somebody saw, as ``versions`` does here.

    Attributes:
        folder: with ``review.gpkg``.
    """

    folder: Path
    _store: "ReviewStore"

    @property
    def record(self) -> "ReviewRecord":
        """What is reviewed."""
        return self._store.record

    @property
    def summary(self) -> "ReviewSummary":
        """How many polygons were judged, drawn and edited, and how much ground was looked at."""
        return self._store.summary()

    @property
    def landslides(self) -> "geopandas.GeoDataFrame":
        """The polygons as they are now, with all columns, rejected ones among them."""
        return self._store.table().frame()

    @property
    def coverage(self) -> "geopandas.GeoDataFrame":
        """The cells of the mapped area: who looked at them when, and polygons left to judge."""
        import geopandas

        cells = self._store.coverage().cells
        columns = ("column", "row", "looked_at", "author", "time", "unreviewed")
        return geopandas.GeoDataFrame(
            {name: [getattr(cell, name) for cell in cells] for name in columns},
            geometry=[cell.outline for cell in cells],
            crs=self._store.source.landslides.crs,
        )

    @property
    def changes(self) -> "tuple[Change, ...]":
        """All changes, the oldest first."""
        return self._store.changes_since(0).changes

    def queue(
        self, order: str = "information", n: int | None = None, *, seed: int = 0
    ) -> "list[QueueItem]":
        """Return the polygons that nobody has judged, the first to look at first.

        Args:
            order: ``information``, ``uncertainty``, ``largest``, ``confidence`` or ``random``;
                see `landslip.review.queue`.
            n: how many; None: all.
            seed: of the random order.

        Raises:
            InputError: there is no such order.
        """
        return self._store.queue(order, seed=seed)[1][:n]

    def accept(
        self,
        ids: Ids,
        *,
        author: str,
        type: str | None = None,  # noqa: A002 - the name of the column
        note: str | None = None,
        reason: str | None = None,
    ) -> "ChangeResult":
        """Say that polygons are landslides; see `change`."""
        return self.change("accept", ids, author=author, type=type, note=note, reason=reason)

    def reject(
        self, ids: Ids, *, author: str, note: str | None = None, reason: str | None = None
    ) -> "ChangeResult":
        """Say that polygons are no landslides; see `change`."""
        return self.change("reject", ids, author=author, note=note, reason=reason)

    def redraw(
        self,
        id: int,  # noqa: A002 - the name of the column
        geometry: shapely.Geometry,
        *,
        author: str,
        reason: str | None = None,
    ) -> "ChangeResult":
        """Give a landslide another outline, in the inventory's coordinate system."""
        return self.change("redraw", id, author=author, geometries=[geometry], reason=reason)

    def draw(
        self, geometry: shapely.Geometry, *, author: str, reason: str | None = None
    ) -> "ChangeResult":
        """Draw a landslide that is missing, in the inventory's coordinate system."""
        return self.change("draw", author=author, geometries=[geometry], reason=reason)

    def change(
        self,
        action: str,
        ids: Ids = (),
        *,
        author: str,
        geometries: Sequence[shapely.Geometry] = (),
        versions: Sequence[int] | None = None,
        type: str | None = None,  # noqa: A002 - the name of the column
        note: str | None = None,
        reason: str | None = None,
        seconds: float | None = None,
    ) -> "ChangeResult":
        """Make one change, which is on the disk when this returns.

        Args:
            action: accept, reject, reset, redraw, split, merge, draw or annotate.
            ids: of the polygons that change; none to draw one.
            author: who makes it.
            geometries: redraw and draw: one; split: two or more; merge: none or one; in the
                inventory's coordinate system.
            versions: that were seen, of each polygon; None: as they are now.
            type: of landslide; an empty text takes it away.
            note: the same.
            reason: for this change.
            seconds: how long it was looked at.

        Raises:
            ConflictError: a polygon is not in the version that was seen.
            InputError: the change is not allowed.

        Examples:
            >>> review.change("merge", [17, 18], author="Ann", reason="one scar")
        """
        from landslip.core.errors import InputError
        from landslip.review.changes import ChangeRequest, UnknownPolygonError

        wanted = [ids] if isinstance(ids, int) else [int(one) for one in ids]
        if versions is None:
            table = self._store.table()
            indexes = table.indexes(wanted).tolist()
            if -1 in indexes:
                unknown = wanted[indexes.index(-1)]
                raise UnknownPolygonError(f"there is no polygon {unknown} in this review")
            versions = [int(table.version[index]) for index in indexes]
        if len(versions) != len(wanted):
            raise InputError(f"versions must be {len(wanted)}, one a polygon; got {len(versions)}")
        return self._store.change(
            ChangeRequest(
                action=action,  # type: ignore[arg-type]
                author=author,
                polygons=tuple(zip(wanted, versions, strict=True)),
                geometries=tuple(geometries),
                type=type,
                note=note,
                reason=reason,
                seconds=seconds,
            )
        )

    def undo(self, author: str) -> "ChangeResult":
        """Take back the author's newest change.

        Raises:
            ConflictError: somebody else changed its polygons since.
            NothingToUndoError: there is none.
        """
        return self._store.undo(author)

    def redo(self, author: str) -> "ChangeResult":
        """Do the change again that the author took back last.

        Raises:
            ConflictError: somebody else changed its polygons since.
            NothingToUndoError: there is none.
        """
        return self._store.redo(author)

    def look_at(
        self, cells: Iterable[tuple[int, int]], *, author: str, looked_at: bool = True
    ) -> None:
        """Say that cells of the mapped area, by column and row, were looked at as a whole.

        Raises:
            InputError: there is no such cell.
        """
        self._store.cover(author, cells, looked_at=looked_at)

    @checked()
    def save_inventory(
        self,
        out: PathArgument,
        *,
        unreviewed: str = Unreviewed.KEEP,
        dem: PathArgument | None = None,
        lang: str = Language.ENGLISH,
        overwrite: bool = False,
        progress: ProgressArgument = None,
    ) -> Inventory:
        """Make the corrected inventory, see `landslip.make_inventory`, which takes more options.

        Args:
            out: folder to write.
            unreviewed: ``keep`` or ``drop`` polygons that nobody judged.
            dem: elevation model.
            lang: language of labels.
            overwrite: replace an inventory that exists.
            progress: see `landslip.make_inventory`.

        Raises:
            InputError: an argument does not fit.
            OutputExistsError: ``out`` exists.
        """
        return make_inventory(
            self.folder,
            out=out,
            unreviewed=unreviewed,
            dem=dem,
            lang=lang,
            overwrite=overwrite,
            progress=progress,
        )

    def _repr_html_(self) -> str:
        summary, record = self.summary, self.record
        return html_table(
            "landslip review",
            {
                "inventory": record.name,
                **{verdict: f"{count:,}" for verdict, count in summary.counts.items()},
                "drawn": f"{summary.drawn:,}",
                "edited": f"{summary.edited:,}",
                "cells looked at": f"{summary.cells_looked_at:,} of {summary.cells:,}",
                "people": ", ".join(summary.authors) or "none",
                "folder": str(self.folder),
            },
        )


@checked()
def start_review(
    inventory: Inventory | PathArgument,
    out: PathArgument,
    *,
    layer: str | None = None,
    author: str | None = None,
    cell: float | None = None,
) -> Review:
    """Start the review of an inventory in a new folder; the inventory is never written to.

    Args:
        inventory: from `make_inventory`, its folder, that of an extraction, or a polygon file.
        out: folder of the review. The page of `landslip serve DIR` finds those in ``DIR/reviews``.
        layer: of a polygon file.
        author: who starts it.
        cell: side of the cells of the coverage in metres; None: about 256 pixels of the scene.

    Raises:
        InputError: the inventory cannot be read.
        OutputExistsError: there is a review in the folder.

    Examples:
        >>> review = landslip.start_review("INVENTORY", "reviews/INVENTORY", author="Ann")
        >>> review.reject([4, 7], author="Ann", reason="road")
    """
    from landslip.review.start import start_review as start

    store = start(folder_of(inventory), Path(out), layer=layer, author=author, cell_m=cell)
    return Review(folder=Path(out), _store=store)


@checked()
def open_review(folder: PathArgument) -> Review:
    """Open a review that `start_review`, or the page of `landslip serve`, started.

    Raises:
        InputError: there is none, it is damaged, or its inventory was changed since.

    Examples:
        >>> landslip.open_review("reviews/INVENTORY").summary
    """
    from landslip.review.store import ReviewStore

    return Review(folder=Path(folder), _store=ReviewStore.open(Path(folder)))
