"""What tells that a scene is the same one as before."""

import hashlib
from pathlib import Path

from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.core.files import sha256_of
from landslip.core.window import Window
from landslip.io.raster.location import Location, without_credentials
from landslip.io.raster.opening import open_raster, rasterio_window, reading
from landslip.io.raster.remote import (
    DEFAULT_RETRY,
    RemoteSources,
    RetryPolicy,
    files_of,
    first_byte,
)

Fingerprint = dict[str, str | int]
_SEEN_PX = 256
_SEEN_BLOCKS = 64


def scene_fingerprint(
    place: Location | Path | str, retry: RetryPolicy = DEFAULT_RETRY
) -> Fingerprint:
    """Return what changes when a scene does; names and credentials do not count.

    Files of this machine have the sha256 of each file that GDAL reads for the scene; web addresses
    what the server says (ETag, Last-Modified, size); others, and where a server says nothing, a
    digest of the raster's layout and of pixels in its middle. For a scene of several files, each
    fact begins with the file's place in GDAL's list.

    Raises:
        InputError: the scene is not there, or cannot be read.
    """
    scene = Location.of(place)
    with open_raster(scene, retry) as file:
        driver = file.driver
        files = files_of(scene, file, retry)
    if len(files) == 1:
        return _facts(files[0], driver, retry)
    each = [_facts(location, driver, retry) for location in files]
    return {f"{n} {key}": value for n, facts in enumerate(each) for key, value in facts.items()}


def _facts(location: Location, driver: str, retry: RetryPolicy) -> Fingerprint:
    if location.path is not None:
        return {"sha256": _sha256(location.path, driver)}
    if location.url is not None and (told := _told(location.url, retry)):
        return told
    return _seen(location, retry)


def _sha256(path: Path, driver: str) -> str:
    if driver == "VRT" and path.suffix.lower() == ".vrt":
        # the signatures of addresses in it change from day to day
        return hashlib.sha256(without_credentials(path.read_text()).encode()).hexdigest()
    return sha256_of(path)


def _told(url: str, retry: RetryPolicy) -> Fingerprint | None:
    """Return what a web server says of a file; None where that is not enough to know it again."""
    try:
        answer = first_byte(url, retry)
    except InputError:
        return None  # GDAL has opened it, with credentials of its own
    marks = {"etag": answer.headers["ETag"], "last_modified": answer.headers["Last-Modified"]}
    found: Fingerprint = {key: value for key, value in marks.items() if value}
    if found and answer.total_bytes is not None:
        found["bytes"] = answer.total_bytes
    return found or None


def _seen(location: Location, retry: RetryPolicy) -> Fingerprint:
    sources = RemoteSources.of(location, retry)
    with open_raster(location, retry) as file:
        middle = _middle(file.shape)
    with reading(location, middle, sources):
        return sources.with_retries(lambda: _digests(location, middle, retry))


def _digests(location: Location, middle: Window, retry: RetryPolicy) -> Fingerprint:
    with open_raster(location, retry) as file:
        pixels = file.read(window=rasterio_window(middle))
        layout = (file.count, file.shape, file.dtypes, str(file.crs), tuple(file.transform))
        blocks = [_blocks(file, index) for index in file.indexes]
    return {
        "layout_sha256": hashlib.sha256(repr((layout, blocks)).encode()).hexdigest(),
        "middle_sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }


def _middle(shape: tuple[int, int]) -> Window:
    height, width = (min(side, _SEEN_PX) for side in shape)
    return Window((shape[1] - width) // 2, (shape[0] - height) // 2, width, height)


def _blocks(file: DatasetReader, index: int) -> list[str | None]:
    """Return where a TIFF's blocks along its diagonal lie, which compression makes telling."""
    block_height, block_width = file.block_shapes[index - 1]
    rows, cols = -(-file.height // block_height), -(-file.width // block_width)
    along = [n / (_SEEN_BLOCKS - 1) for n in range(_SEEN_BLOCKS)]
    places = [f"{round(at * (cols - 1))}_{round(at * (rows - 1))}" for at in along]
    return [
        file.get_tag_item(f"BLOCK_{what}_{place}", "TIFF", bidx=index)
        for place in places
        for what in ("OFFSET", "SIZE")
    ]
