"""What the routes of one server share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from landslip.server.background import BackgroundWork
from landslip.server.catalogue.folder import ServedFolder
from landslip.server.jobs import JobQueue
from landslip.server.options import ServeOptions
from landslip.server.overviews import Overviews
from landslip.server.polygon_tables import PolygonTables
from landslip.server.raster_tiles import RasterTiles
from landslip.server.reviews import Reviews
from landslip.server.samples import Samples
from landslip.server.vector_tiles import VectorTiles


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """The folder, and what is kept of it in memory.

    Attributes:
        cache: folder for what can be made again.
        background: work that is slow, one piece at a time.
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

    def close(self) -> None:
        """Stop threads and processes, and close files."""
        self.jobs.close()
        self.background.close()
        self.raster_tiles.close()


def state_of(request: Request) -> ServerState:
    """Return the state of the server that got a request."""
    state: ServerState = request.app.state.server
    return state


State = Annotated[ServerState, Depends(state_of)]
