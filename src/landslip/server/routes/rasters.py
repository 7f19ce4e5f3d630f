"""`rasters/`: what a raster is, and its tiles."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from landslip.core.errors import InputError
from landslip.server.catalogue.entries import RasterEntry
from landslip.server.problems import NotFoundError
from landslip.server.schemas import Raster
from landslip.server.shown import shown_raster
from landslip.server.state import State
from landslip.server.tile_pictures import PictureFormat, TileView

router = APIRouter(prefix="/rasters", tags=["rasters"])
MAX_ZOOM = 24
_LARGEST = 1e12
_CACHED = "private, max-age=60"
RasterId = Annotated[str, Path(max_length=64)]
Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM)]
Place = Annotated[int, Path(ge=0, lt=2**MAX_ZOOM)]
"""Column or row of a tile."""


@router.get("/{raster}")
def raster(raster: RasterId, state: State) -> Raster:
    """A raster of the workspace."""
    return shown_raster(state.folder.raster(raster))


@router.get(
    "/{raster}/tiles/{z}/{x}/{y}",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}, "image/webp": {}, "image/jpeg": {}}},
        204: {"description": "Nothing is there"},
        304: {"description": "The client has it"},
    },
)
async def raster_tile(
    raster: RasterId,
    z: Zoom,
    x: Place,
    y: Place,
    request: Request,
    state: State,
    *,
    bands: Annotated[
        str | None, Query(max_length=40, description="one or three bands, such as 3,2,1")
    ] = None,
    limits: Annotated[
        str | None, Query(max_length=200, description="low:high of each, separated by commas")
    ] = None,
    gamma: Annotated[float, Query(ge=0.1, le=10, allow_inf_nan=False)] = 1.0,
    size: Annotated[int, Query(ge=256, le=512, multiple_of=256)] = 256,
) -> Response:
    """A tile of the Web Mercator grid.

    PNG, or WebP and JPEG where the client accepts WebP; what has no data is transparent. A
    probability without `bands` is always PNG, in which probability = red / 250, and where there is
    no data red is 0.
    """
    check_tile(z, x, y)
    entry = state.folder.raster(raster)
    view = tile_view(entry, bands, limits, gamma, size)
    kind = _picture_format(request, entry, view)
    tiles = state.raster_tiles
    etag = tiles.etag(entry, view, (z, x, y), kind)
    headers = {"ETag": f'"{etag}"', "Cache-Control": _CACHED, "Vary": "Accept"}
    if not tiles.is_ready(entry):
        headers["Cache-Control"] = "no-store"  # soon there is more to show
    if f'"{etag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    made = tiles.cached(etag)
    if made is None:
        made = await tiles.wait(
            etag, lambda: tiles.make(entry, view, (z, x, y), kind), lambda: _disconnected(request)
        )
    if made is None or not made.content:
        return Response(status_code=204, headers=headers)
    return Response(made.content, media_type=made.media_type, headers=headers)


def check_tile(zoom: int, x: int, y: int) -> None:
    """Refuse a tile that is not on the grid.

    Raises:
        NotFoundError: it is not.
    """
    if x >= 2**zoom or y >= 2**zoom:
        raise NotFoundError(f"{zoom}/{x}/{y}: zoom {zoom} has {2**zoom} columns and rows, from 0")


def tile_view(
    raster: RasterEntry, bands: str | None, limits: str | None, gamma: float, side: int
) -> TileView:
    """Return how a tile is to be drawn.

    Raises:
        InputError: a band is not there, or limits do not fit.
    """
    if bands is None and raster.kind != "scene":
        return TileView(side=side)
    known = {band.index: at for at, band in enumerate(raster.bands)}
    if bands is None:
        chosen = _default_bands(raster)
    else:
        chosen = tuple(_position(word, known) for word in bands.split(","))
    if len(chosen) not in (1, 3):
        raise InputError(f"bands are one or three indexes; got {len(chosen)}")
    pairs: tuple[tuple[float, float], ...] = ()
    if limits is not None:
        pairs = tuple(_pair(word) for word in limits.split(","))
        if len(pairs) != len(chosen):
            raise InputError(
                f"limits are low:high of each band; got {len(pairs)} for {len(chosen)} bands"
            )
    return TileView(bands=chosen, limits=pairs, gamma=gamma, side=side)


def _default_bands(raster: RasterEntry) -> tuple[int, ...]:
    names = [band.name for band in raster.bands]
    if {"red", "green", "blue"} <= {*names}:
        return tuple(names.index(name) for name in ("red", "green", "blue"))
    return (0, 1, 2) if len(names) >= 3 else (0,)


def _position(word: str, known: dict[int, int]) -> int:
    if not word.isascii() or not word.isdigit() or int(word) not in known:
        raise InputError(f"bands are indexes of this raster, {min(known)} to {max(known)}")
    return known[int(word)]


def _pair(word: str) -> tuple[float, float]:
    try:
        low, high = (float(one) for one in word.split(":"))
    except ValueError:
        low = high = float("nan")
    if not (abs(low) <= _LARGEST and abs(high) <= _LARGEST):
        raise InputError("limits are low:high of each band, finite numbers such as 0.02:0.3")
    return low, high


def _picture_format(request: Request, raster: RasterEntry, view: TileView) -> PictureFormat:
    """Return what a client takes of a scene; classes and numbers stay as they are, as PNG."""
    accepted = request.headers.get("accept", "")
    if (raster.kind != "scene" and not view.bands) or "image/webp" not in accepted:
        return "png"
    takes_jpeg = any(kind in accepted for kind in ("image/jpeg", "image/*", "*/*"))
    return "jpeg" if takes_jpeg else "webp"


async def _disconnected(request: Request) -> None:
    """Wait until the client closes the request, as a map that has moved on does."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
