"""Fingerprints of scenes, by which a resumed run knows that its input is unchanged."""

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
_SAMPLE_PX = 256
_SAMPLE_BLOCKS = 64


def scene_fingerprint(
    place: Location | Path | str, retry: RetryPolicy = DEFAULT_RETRY
) -> Fingerprint:
    """Return what changes when a scene does; names and credentials do not count.

    Local files have the sha256 of each file that GDAL reads for the scene; web addresses what the
    server says (ETag, Last-Modified, size); others, and where a server says nothing, a digest of
    the raster's layout and of pixels in its middle. For a scene of several files, each key begins
    with the file's place in GDAL's list.

    Raises:
        InputError: the scene does not exist, or cannot be read.
    """
    scene = Location.of(place)
    with open_raster(scene, retry) as file:
        driver = file.driver
        files = files_of(scene, file, retry)
    each = [_file_fingerprint(location, driver, retry) for location in files]
    if len(each) == 1:
        return each[0]
    return {f"{n} {key}": value for n, facts in enumerate(each) for key, value in facts.items()}


def _file_fingerprint(location: Location, driver: str, retry: RetryPolicy) -> Fingerprint:
    path = location.path
    if path is not None and driver == "VRT" and path.suffix.lower() == ".vrt":
        # the signatures of addresses in it change from day to day
        text = without_credentials(path.read_text())
        return {"sha256": hashlib.sha256(text.encode()).hexdigest()}
    if path is not None:
        return {"sha256": sha256_of(path)}
    if location.url is not None and (known := _from_server(location.url, retry)):
        return known
    with open_raster(location, retry) as file:
        height, width = (min(side, _SAMPLE_PX) for side in file.shape)
        left, top = (file.width - width) // 2, (file.height - height) // 2
    middle, sources = Window(left, top, width, height), RemoteSources.of(location, retry)
    with reading(location, middle, sources):
        return sources.with_retries(lambda: _from_content(location, middle, retry))


def _from_server(url: str, retry: RetryPolicy) -> Fingerprint | None:
    """Return what a web server says of a file; None where that does not identify it."""
    try:
        answer = first_byte(url, retry)
    except InputError:
        return None  # GDAL has opened it, with credentials of its own
    marks = {"etag": answer.headers["ETag"], "last_modified": answer.headers["Last-Modified"]}
    found: Fingerprint = {key: value for key, value in marks.items() if value}
    if found and answer.total_bytes is not None:
        found["bytes"] = answer.total_bytes
    return found or None


def _from_content(location: Location, middle: Window, retry: RetryPolicy) -> Fingerprint:
    with open_raster(location, retry) as file:
        pixels = file.read(window=rasterio_window(middle))
        layout = (file.count, file.shape, file.dtypes, str(file.crs), tuple(file.transform))
        blocks = [_blocks(file, index) for index in file.indexes]
    return {
        "layout_sha256": hashlib.sha256(repr((layout, blocks)).encode()).hexdigest(),
        "middle_sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }


def _blocks(file: DatasetReader, index: int) -> list[str | None]:
    """Return offset and size of a TIFF's blocks along its diagonal, which depend on the pixels."""
    block_height, block_width = file.block_shapes[index - 1]
    rows, cols = -(-file.height // block_height), -(-file.width // block_width)
    along = [n / (_SAMPLE_BLOCKS - 1) for n in range(_SAMPLE_BLOCKS)]
    places = [f"{round(at * (cols - 1))}_{round(at * (rows - 1))}" for at in along]
    return [
        file.get_tag_item(f"BLOCK_{what}_{place}", "TIFF", bidx=index)
        for place in places
        for what in ("OFFSET", "SIZE")
    ]
