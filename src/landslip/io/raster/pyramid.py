"""Rasters written window by window, with overviews, as Cloud-Optimized GeoTIFFs.

Overviews are made here, as windows are written: GDAL's take several times as long, for several
bands with nodata, as all else that is done to a Cloud-Optimized GeoTIFF.
"""

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.progress import Progress
from landslip.core.resources import keep_freed_memory, parallel_map
from landslip.core.window import Window, tile_windows
from landslip.io.raster.cog import LevelTiles, write_cog
from landslip.io.raster.output import OutputBand, create_geotiff, raster_writing
from landslip.io.raster.tiff_directory import read_tags
from landslip.io.raster.tile_codec import TILE_PX, Compression, TileCodec
from landslip.io.raster.validity import Stored

WINDOW_PX = 1024
_SMALLEST_PX = 512
_RESIZED = (np.uint8, np.uint16, np.float32)

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]
Note = TypeVar("Note")


class CompressedTile(NamedTuple):
    """A tile of a resolution, complete and compressed."""

    level: int
    row: int
    col: int
    data: bytes


class TilePart(NamedTuple):
    """A window's part of a tile: the pixels of the tile, and their numbers (bands, height, width).

    There are none where all is nodata.
    """

    level: int
    row: int
    col: int
    place: Window
    values: Stored | None


@dataclass(frozen=True, slots=True)
class CompressedWindow:
    """What a window adds to a raster and its overviews."""

    window: Window
    tiles: list[CompressedTile]
    parts: list[TilePart]


@dataclass(slots=True)
class _OpenTile:
    """A tile of which parts are missing yet, and the number of its pixels that are.

    It has no numbers as long as all is nodata.
    """

    missing_px: int
    values: Stored | None = None


class PyramidOutput:
    """A raster of integers or floats with nodata, and its overviews by averaging.

    Windows are written once each, in rows from top to bottom as `map_windows` has them; their
    offsets are multiples of a power of two, and so are their sizes except at the right and lower
    edge. There are overviews up to that power. What no window covers is nodata. Tiles are
    compressed as soon as they are complete.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        layers: tuple[OutputBand, ...],
        window_px: int,
        tags: Mapping[str, str] | None = None,
        compression: Compression = "zstd",
    ) -> None:
        """Create files in a folder ``path`` that is removed at the end.

        All layers have a nodata value; ``window_px``, the side of windows, is a power of two.
        """
        self._folder = path
        path.mkdir()
        self._nodata = layers[0].nodata
        self._codec = TileCodec(compression=compression, dtype=layers[0].dtype)
        self._blank = np.full(
            (len(layers), TILE_PX, TILE_PX), self._nodata or 0, dtype=layers[0].dtype
        )
        shapes = [grid.shape]
        while max(shapes[-1]) > _SMALLEST_PX and 2 ** len(shapes) <= window_px:
            height, width = shapes[-1]
            shapes.append((-(-height // 2), -(-width // 2)))
        self._template = path / "tags.tif"
        create_geotiff(
            self._template,
            grid,
            layers,
            tags,
            compress=compression,
            predictor=self._codec.predictor,
            bigtiff="yes",
        ).close()
        self._levels = [
            LevelTiles(path / f"{level}.tiles", shape) for level, shape in enumerate(shapes)
        ]
        self._blank_tile = self._codec.encode(self._blank)
        self._open_tiles: dict[tuple[int, int, int], _OpenTile] = {}

    def levels_of(self, stored: Stored) -> list[Stored]:
        """Return numbers (bands, height, width) and their averages for each overview.

        Several threads may do this at once.
        """
        levels = [stored]
        while len(levels) < len(self._levels):
            levels.append(halve(levels[-1], self._nodata))
        return levels

    def compress(self, levels: list[Stored] | None, window: Window) -> CompressedWindow:
        """Compress a window and its overviews from `levels_of`, where they fill tiles.

        Several threads may do this at once. None: all of the window is nodata.
        """
        tiles, parts = [], []
        for at in range(len(self._levels)):
            top, left = window.row_off >> at, window.col_off >> at
            here = Window(left, top, -(-window.width >> at), -(-window.height >> at))
            rows = range(top // TILE_PX, -(-here.row_end // TILE_PX))
            cols = range(left // TILE_PX, -(-here.col_end // TILE_PX))
            for row, col in product(rows, cols):
                frame = Window(col * TILE_PX, row * TILE_PX, TILE_PX, TILE_PX)
                begin, end = max(left, frame.col_off), min(here.col_end, frame.col_end)
                upper, lower = max(top, frame.row_off), min(here.row_end, frame.row_end)
                part = Window(begin, upper, end - begin, lower - upper)
                values = None
                if levels is not None:
                    down, across = part.slices_in(here)
                    values = levels[at][:, down, across]
                if part != frame:
                    place = Window(begin - frame.col_off, upper - frame.row_off, *part.shape[::-1])
                    parts.append(TilePart(at, row, col, place, values))
                elif values is not None:
                    tiles.append(CompressedTile(at, row, col, self._codec.encode(values)))
        return CompressedWindow(window, tiles, parts)

    def write(self, levels: list[Stored] | None, window: Window) -> None:
        """Write a window and its overviews from `levels_of`; None: all of it is nodata."""
        self.append(self.compress(levels, window))

    def append(self, compressed: CompressedWindow) -> None:
        """Write a window from `compress`."""
        self._close_before(compressed.window)
        for level, row, col, data in compressed.tiles:
            self._levels[level].add(row, col, data)
        for level, row, col, place, values in compressed.parts:
            tile = self._open_tiles.setdefault(
                (level, row, col), _OpenTile(self._levels[level].pixels_of(row, col))
            )
            tile.missing_px -= place.height * place.width
            if values is not None:
                if tile.values is None:
                    tile.values = self._blank.copy()
                down, across = place.slices_in(Window(0, 0, TILE_PX, TILE_PX))
                tile.values[:, down, across] = values
            if tile.missing_px == 0:
                self._close_tile(level, row, col)

    def _close_before(self, window: Window) -> None:
        """Complete the tiles that no window adds to from this one on."""
        for at, level in enumerate(self._levels):
            row, col = (window.row_off >> at) // TILE_PX, (window.col_off >> at) // TILE_PX
            is_lowest = -(-window.row_end >> at) >= min((row + 1) * TILE_PX, level.shape[0])
            self._close_until(at, level.place_of(row, col if is_lowest else 0))

    def _close_until(self, at: int, end: int) -> None:
        level = self._levels[at]
        for place in [*self._open_tiles]:
            if place[0] == at and level.place_of(*place[1:]) < end:
                self._close_tile(*place)
        level.fill_before(end, self._blank_tile)

    def _close_tile(self, level: int, row: int, col: int) -> None:
        values = self._open_tiles.pop((level, row, col)).values
        if values is not None:
            self._levels[level].add(row, col, self._codec.encode(values))

    def finish(self, cog: Path) -> None:
        """Write all as a Cloud-Optimized GeoTIFF, and remove the folder.

        Raises:
            LandslipError: it cannot be written.
        """
        with raster_writing(cog):
            for at, level in enumerate(self._levels):
                self._close_until(at, level.sizes.size)
            write_cog(cog, read_tags(self._template), self._levels)
        self.close()
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """Close the files as they are."""
        for level in self._levels:
            level.close()


def halve(stored: Stored, nodata: float | None) -> Stored:
    """Return means of blocks of 2 x 2 numbers (bands, height, width) that are not nodata.

    Odd sizes are rounded up. Where all four are nodata, so is the mean; a mean that would be
    nodata is moved to the number beside it.
    """
    dtype, (_, height, width) = stored.dtype, stored.shape
    size = -(-width // 2), -(-height // 2)
    means = np.empty((len(stored), size[1], size[0]), dtype=dtype)
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    # no mean of other numbers is nodata where that is the lowest or highest there is
    is_safe = nodata is None or np.isnan(nodata) or nodata in (limits.min, limits.max)
    is_plain = is_safe and not (height % 2 or width % 2) and dtype in _RESIZED
    for band, mean in zip(stored, means, strict=True):
        valid = np.ones(band.shape, dtype=np.bool_)
        if nodata is not None:
            valid = ~np.isnan(band) if np.isnan(nodata) else band != nodata
        if is_plain and valid.all():
            mean[:] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        else:
            mean[:] = _means_of_valid(band, valid, nodata, size)
    return means


def _means_of_valid(
    band: Stored, valid: Flags, nodata: float | None, size: tuple[int, int]
) -> Pixels:
    fraction = _block_means(valid.astype(np.float32), size)
    sums = _block_means(np.where(valid, band, 0).astype(np.float32), size)
    values = np.asarray(sums / np.maximum(fraction, np.float32(0.25)), dtype=np.float32)
    if np.issubdtype(band.dtype, np.integer):
        np.rint(values, out=values)
        if nodata is not None:
            values[values == nodata] += 1 if nodata < np.iinfo(band.dtype).max else -1
    if nodata is not None:
        values[fraction == 0] = nodata
    return values


def _block_means(values: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a quarter of the sums of blocks of 2 x 2, zeros beyond the edge."""
    height, width = values.shape
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class WindowOutput(Generic[Note]):
    """A window's stored numbers (bands, height, width), None where all is nodata, and a note."""

    stored: Stored | None
    note: Note


def write_map(
    path: Path,
    grid: Grid,
    layers: tuple[OutputBand, ...],
    make: Callable[[Window], WindowOutput[Note]],
    progress: Progress,
    tags: Mapping[str, str] | None = None,
) -> list[Note]:
    """Write a Cloud-Optimized GeoTIFF and return the notes of its windows.

    A temporary folder is made beside it; several threads call ``make``; progress is in pixels.
    """
    keep_freed_memory()
    output = PyramidOutput(path.with_name(f".{path.name}"), grid, layers, WINDOW_PX, tags)
    total, done = math.prod(grid.shape), 0
    notes = []

    def work(window: Window) -> tuple[CompressedWindow, Note]:
        made = make(window)
        levels = None if made.stored is None else output.levels_of(made.stored)
        return output.compress(levels, window), made.note

    try:
        for window, (compressed, note) in parallel_map(work, map_windows(grid.shape)):
            with raster_writing(path):
                output.append(compressed)
            notes.append(note)
            done += window.width * window.height
            progress(done, total)
        output.finish(path)
    finally:
        output.close()
    return notes


def map_windows(shape: tuple[int, int]) -> list[Window]:
    """Return windows that cover a map, cut off at its edge."""
    clipped = (window.clipped(shape) for window in tile_windows(shape, WINDOW_PX))
    return [window for window in clipped if window is not None]
