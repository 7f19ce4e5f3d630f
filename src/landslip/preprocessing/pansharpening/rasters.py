"""A multispectral and a panchromatic raster, read as pairs of arrays window by window."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, SensorImage, Valid, raster_shape
from landslip.preprocessing.pansharpening.overlap import Overlap, plan_overlap
from landslip.preprocessing.pansharpening.pair import Pair
from landslip.preprocessing.pansharpening.resample import Pixels

PAN = Bands(("pan",))


class RasterPair(Closeable):
    """Two open rasters and their common extent; a context manager. Values are in their units."""

    def __init__(self, ms: Path, pan: Path, options: SceneOptions, pan_options: SceneOptions):
        """Open both.

        Bands without a name are called ``band_1``, ``band_2`` ...

        Raises:
            InputError: one of them cannot be read, PAN has several bands, or they do not lie on
                each other as they must.
        """
        count = raster_shape(pan).count
        if count != 1:
            raise InputError(
                f"{pan}: a panchromatic image has one band and this file has {count}; "
                "give the multispectral file first and the panchromatic one second"
            )
        self.ms = Scene(ms, _named(ms, options))
        try:
            self.pan = Scene(pan, SceneOptions(bands=PAN, nodata=pan_options.nodata))
        except InputError:
            self.ms.close()
            raise
        try:
            self.overlap: Overlap = plan_overlap(self.ms.grid, self.pan.grid)
        except InputError as error:
            self.close()
            raise InputError(f"{ms}, {pan}: {error}") from error

    def on_pan(self, window: Window, margin_px: int) -> Pair:
        """Read a window of PAN with a margin, and the bands that interpolating there needs."""
        fine = Window(
            window.col_off - margin_px,
            window.row_off - margin_px,
            window.width + 2 * margin_px,
            window.height + 2 * margin_px,
        )
        return self._read(self.overlap.coarse_around(window), fine)

    def on_ms(self, window: Window, margin_px: int) -> Pair:
        """Read a window of the bands, and PAN of the same ground with a margin in its pixels."""
        return self._read(window, self.overlap.fine_around(window, margin_px))

    def close(self) -> None:
        """Close both."""
        self.ms.close()
        self.pan.close()

    def _read(self, coarse: Window, fine: Window) -> Pair:
        ms, valid = _values(self.ms, coarse)
        pan, pan_valid = _values(self.pan, fine)
        axes = self.overlap.coarse_axes(coarse, fine)
        return Pair(ms=ms, pan=pan[0], valid=valid, pan_valid=pan_valid, axes=axes)


def spread_windows(outer: Window, side: int, most: int, *, equal: bool = False) -> Sequence[Window]:
    """Return up to ``most`` x ``most`` squares, evenly spread over ``outer``.

    Where ``outer`` is small they cover it without a gap and are smaller than ``side``, or with
    ``equal``, all have that side.
    """
    rows = _spread(outer.row_off, outer.height, side, most, equal)
    cols = _spread(outer.col_off, outer.width, side, most, equal)
    return [Window(col, row, width, height) for row, height in rows for col, width in cols]


def _spread(start: int, length: int, side: int, most: int, equal: bool) -> list[tuple[int, int]]:
    cells = min(most, max(length // side, 1) if equal else math.ceil(length / side))
    edges = np.linspace(start, start + length, cells + 1).astype(np.int64)
    sizes = np.minimum(np.diff(edges), side)
    offsets = edges[:-1] + (np.diff(edges) - sizes) // 2
    return [(int(offset), int(size)) for offset, size in zip(offsets, sizes, strict=True)]


def _named(path: Path, options: SceneOptions) -> SceneOptions:
    """Name the bands of a file that does not."""
    if options.bands is not None:
        return options
    with SensorImage(path) as image:
        if Bands.from_descriptions(image.descriptions) is not None:
            return options
        names = tuple(f"band_{number}" for number in range(1, image.count + 1))
    return SceneOptions(bands=Bands(names), units=options.units, nodata=options.nodata)


def _values(scene: Scene, window: Window) -> tuple[Pixels, Valid]:
    stored, valid = scene.read(window)
    values = scene.radiometry.values(stored)
    if not valid.all():
        values[:, ~valid] = 0  # not finite, perhaps
    return values, valid
