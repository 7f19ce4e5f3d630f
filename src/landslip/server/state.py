"""What the routes of one server share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from landslip.server.background import BackgroundWork
from landslip.server.catalogue.entries import InventoryEntry
from landslip.server.catalogue.folder import ServedFolder
from landslip.server.jobs import JobQueue
from landslip.server.options import ServeOptions
from landslip.server.overviews import Overviews
from landslip.server.polygon_tables import PolygonTables
from landslip.server.raster_tiles import RasterTiles
from landslip.server.reviews import Reviews
from landslip.server.samples import Samples
from landslip.server.schemas import Change, ReviewSummary
from landslip.server.vector_tiles import VectorTiles


def _no_review(inventory: InventoryEntry) -> ReviewSummary | None:
    del inventory
    return None


def _no_history(inventory: InventoryEntry, polygon: int) -> tuple[Change, ...]:
    del inventory, polygon
    return ()


@dataclass(slots=True, kw_only=True)
class ServerState:
    """The folder, and what is kept of it in memory.

    Attributes:
        cache: folder for what can be made again.
        review_summary: of an inventory; None without a review.
        history: changes of a polygon, in order.
        background: work that is slow, one piece at a time.
        closing: called when the server stops.
    """

    options: ServeOptions
    cache: Path
    folder: ServedFolder
    tables: PolygonTables
    raster_tiles: RasterTiles
    vector_tiles: VectorTiles
    reviews: Reviews
    samples: Samples
    jobs: JobQueue
    overviews: Overviews
    background: BackgroundWork
    review_summary: Callable[[InventoryEntry], ReviewSummary | None] = _no_review
    history: Callable[[InventoryEntry, int], tuple[Change, ...]] = _no_history
    closing: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Stop threads and processes, and close files."""
        for close in self.closing:
            close()
        self.jobs.close()
        self.background.close()
        self.raster_tiles.close()


def state_of(request: Request) -> ServerState:
    """Return the state of the server that got a request."""
    state: ServerState = request.app.state.server
    return state


State = Annotated[ServerState, Depends(state_of)]
