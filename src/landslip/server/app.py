"""The application: its routes over one folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from landslip import __version__
from landslip.core.files import remove_stale_stages
from landslip.server.background import BackgroundWork
from landslip.server.cache_folder import OVERVIEWS, TILES, cache_folder
from landslip.server.catalogue.folder import ServedFolder
from landslip.server.jobs import JobQueue
from landslip.server.options import ServeOptions
from landslip.server.overviews import Overviews
from landslip.server.polygon_tables import PolygonTables
from landslip.server.problems import NotFoundError, handle_problems, without_folders
from landslip.server.raster_tiles import RasterTiles
from landslip.server.reviews import Reviews
from landslip.server.routes import (
    description,
    inventories,
    jobs,
    page,
    rasters,
    review,
    samples,
    workspace,
)
from landslip.server.samples import Samples
from landslip.server.schemas import Problem
from landslip.server.security import Security
from landslip.server.state import ServerState
from landslip.server.vector_tiles import VectorTiles

_DESCRIPTION = (
    "Scenes, maps and inventories of one folder, and their review. Every failure is a problem "
    "(RFC 9457). Requests that write need the header `Authorization: Bearer TOKEN` where the "
    "server has a token."
)
_ROUTERS: tuple[APIRouter, ...] = (
    workspace.router,
    rasters.router,
    inventories.router,
    review.router,
    samples.router,
    jobs.router,
)


def create_app(options: ServeOptions) -> FastAPI:
    """Return the application over a folder; it stops what it runs when its lifespan ends."""
    state = _state_of(options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        try:
            yield
        finally:
            state.close()

    app = FastAPI(
        title="landslip",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={
            "4XX": {
                "description": "What the client can fix",
                "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
            }
        },
    )
    app.state.server = state
    handle_problems(app, options.folder)
    for router in (*_ROUTERS, description.router):
        app.include_router(router, prefix="/api")

    @app.api_route(
        "/api/{rest:path}",
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        include_in_schema=False,
    )
    def nothing(rest: str) -> Response:
        del rest
        raise NotFoundError("there is nothing at this address of the API")

    app.include_router(page.router)
    app.add_middleware(Security, options=options)
    return app


def _state_of(options: ServeOptions) -> ServerState:
    cache = cache_folder(options.folder, read_only=options.read_only)
    for kind in (TILES, OVERVIEWS):  # of servers that were killed
        if not (cache / kind).is_symlink():
            remove_stale_stages(cache / kind)
    reviews = Reviews(options.folder)
    tables = PolygonTables(options.folder, reviews)
    folder = ServedFolder(options.folder, tables)
    background = BackgroundWork()
    overviews = Overviews(options.folder, cache, background)
    return ServerState(
        options=options,
        cache=cache,
        folder=folder,
        tables=tables,
        raster_tiles=RasterTiles(options.folder, overviews.file),
        vector_tiles=VectorTiles(tables, cache, background),
        overviews=overviews,
        background=background,
        reviews=reviews,
        samples=Samples(options.folder),
        jobs=JobQueue(
            lambda work: jobs.find_result(work, folder),
            lambda text: without_folders(text, options.folder),
        ),
    )
