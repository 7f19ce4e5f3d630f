"""The page and its files, as they were built."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, HTMLResponse, Response

from landslip.server.problems import NotFoundError
from landslip.server.state import State

router = APIRouter(include_in_schema=False)
FOLDER = Path(str(files("landslip.server"))) / "page"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".map": "application/json",
    ".woff2": "font/woff2",
    ".pbf": "application/x-protobuf",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html><html lang="en"><title>landslip</title>
<p>The page is not built. In the repository: <code>cd web &amp;&amp; npm ci &amp;&amp; npm run
build</code>. The API is described at <a href="api/docs">api/docs</a>.</p></html>
"""


def page_files(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the page's files by their address; nothing else is ever sent."""
    if not folder.is_dir():
        return {}
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


@router.get("/")
def index(state: State) -> Response:
    """The page; what is in the folder is read while the browser starts it."""
    page = FOLDER / "index.html"
    if not page.is_file():
        return HTMLResponse(_NOT_BUILT)
    return FileResponse(
        page,
        media_type="text/html",
        headers={"Cache-Control": "no-cache"},
        background=BackgroundTask(state.folder.catalogue),
    )


@router.get("/{name:path}")
def page_file(name: str) -> Response:
    """A file of the page; those in `assets/` have a digest in their name."""
    path = page_files().get(name)
    if path is None:
        raise NotFoundError("there is nothing at this address")
    media_type = _TYPES.get(path.suffix, "application/octet-stream")
    cache = _FOREVER if name.startswith("assets/") else "no-cache"
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": cache})
