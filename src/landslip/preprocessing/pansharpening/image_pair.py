"""A multispectral and a panchromatic image of the same ground: their overlap, arrays and files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine

from landslip.core.bands import Bands
from landslip.core.errors import InputError, excerpt
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, SensorImage, raster_shape
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSamples
from landslip.preprocessing.pansharpening.multiresolution import (
    SPLINE_MARGIN_PX,
    PixelAxis,
    extend_into_gaps,
    filter_valid_at,
    interpolate,
)
from landslip.preprocessing.resampling import Flags, Pixels

_SKEW_PX = 0.05
_RATIO_TOLERANCE = 0.01
FULL_WEIGHT = 0.999
"""Fraction of a filter's weights on valid pixels from which its result counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterOverlap:
    """The common extent of a fine and a coarse raster of a shape (height, width).

    ``window`` has the fine pixels whose centres are on the coarse raster; ``rows`` and ``cols`` are
    those of the whole fine raster, in terms of the coarse one's.
    """

    window: Window
    rows: PixelAxis
    cols: PixelAxis
    coarse_shape: tuple[int, int]

    @property
    def ratio(self) -> float:
        """Size of a coarse pixel in fine ones."""
        return 1 / math.sqrt(self.rows.step * self.cols.step)

    @property
    def coarse_window(self) -> Window:
        """The coarse pixels that the common extent touches."""
        return self.coarse_around(self.window, 0)

    def coarse_around(self, fine: Window, margin_px: int = SPLINE_MARGIN_PX + 2) -> Window:
        """Return the coarse pixels under fine ones, with the margin that interpolating needs."""
        left = math.floor(self.cols.start + self.cols.step * fine.col_off + 1e-6)
        right = math.ceil(self.cols.start + self.cols.step * fine.col_end - 1e-6)
        top = math.floor(self.rows.start + self.rows.step * fine.row_off + 1e-6)
        bottom = math.ceil(self.rows.start + self.rows.step * fine.row_end - 1e-6)
        touched = Window(left, top, right - left, bottom - top).padded(margin_px)
        window = touched.clipped(self.coarse_shape)
        if window is None:
            raise InputError(f"the window at {fine} does not touch the coarser raster")
        return window

    def fine_around(self, coarse: Window, margin_px: int) -> Window:
        """Return the fine pixels under coarse ones, with a margin; it may reach outside."""
        left = math.floor((coarse.col_off - self.cols.start) / self.cols.step)
        right = math.ceil((coarse.col_end - self.cols.start) / self.cols.step)
        top = math.floor((coarse.row_off - self.rows.start) / self.rows.step)
        bottom = math.ceil((coarse.row_end - self.rows.start) / self.rows.step)
        return Window(left, top, right - left, bottom - top).padded(margin_px)

    def coarse_axes(self, coarse: Window, fine: Window) -> tuple[PixelAxis, PixelAxis]:
        """Return rows and columns of a coarse window, in terms of a fine one's."""
        row = (coarse.row_off - self.rows.start) / self.rows.step - fine.row_off
        col = (coarse.col_off - self.cols.start) / self.cols.step - fine.col_off
        return (
            PixelAxis(start=row, step=1 / self.rows.step, length=coarse.height),
            PixelAxis(start=col, step=1 / self.cols.step, length=coarse.width),
        )


def plan_overlap(coarse: Grid, fine: Grid) -> RasterOverlap:
    """Find the common extent of multispectral and panchromatic pixels.

    Without coordinate systems both images show the same extent, and one's size is a whole multiple
    of the other's.

    Raises:
        InputError: the coordinate systems differ, the images do not overlap or are rotated against
            each other, or the panchromatic pixels are not finer.
    """
    if coarse.crs is None and fine.crs is None:
        ratio, rest = divmod(fine.shape[0], coarse.shape[0])
        if rest or fine.shape != (coarse.shape[0] * ratio, coarse.shape[1] * ratio):
            raise InputError(
                "images without coordinate systems are matched by size, one's a whole multiple of "
                f"the other's; the multispectral one has {coarse.shape} px, the panchromatic one "
                f"{fine.shape}"
            )
        mapping = Affine.scale(1 / ratio)
    elif coarse.crs is None or fine.crs is None:
        without = "multispectral" if coarse.crs is None else "panchromatic"
        raise InputError(
            f"both images need a coordinate system, or neither; the {without} one has none. "
            "Assign it with gdal_edit.py -a_srs"
        )
    elif coarse.crs != fine.crs:
        raise InputError(
            "both images need the same coordinate system; the multispectral one has "
            f"{excerpt(coarse.crs.to_string())}, the panchromatic one "
            f"{excerpt(fine.crs.to_string())}. "
            "Bring one onto the other's with gdalwarp -t_srs"
        )
    else:
        mapping = ~coarse.transform @ fine.transform
    skew = max(abs(mapping.b) * fine.shape[0], abs(mapping.d) * fine.shape[1])
    if mapping.a <= 0 or mapping.e <= 0 or skew > _SKEW_PX:
        raise InputError(
            "the two images are rotated or mirrored against each other; "
            "bring both onto upright pixels with gdalwarp first"
        )
    if max(mapping.a, mapping.e) >= 1:
        raise InputError(
            "the panchromatic pixels must be finer than the multispectral ones; they are "
            f"{mapping.a:.3g} x {mapping.e:.3g} of one. Was the order MS PAN kept?"
        )
    if abs(mapping.a / mapping.e - 1) > _RATIO_TOLERANCE:
        raise InputError(
            "a multispectral pixel must hold as many panchromatic rows as columns; "
            f"it holds {1 / mapping.e:.3f} and {1 / mapping.a:.3f}"
        )
    rows = PixelAxis(start=mapping.f, step=mapping.e, length=fine.shape[0])
    cols = PixelAxis(start=mapping.c, step=mapping.a, length=fine.shape[1])
    (top, bottom), (left, right) = (
        (
            max(math.ceil(-axis.start / axis.step - 0.5 - 1e-6), 0),
            min(math.floor((side - axis.start) / axis.step - 0.5 + 1e-6) + 1, axis.length),
        )
        for axis, side in zip((rows, cols), coarse.shape, strict=True)
    )
    if bottom <= top or right <= left:
        raise InputError(
            "the multispectral and the panchromatic image do not overlap; "
            "check that they are of the same scene and their coordinates are right"
        )
    window = Window(left, top, right - left, bottom - top)
    return RasterOverlap(window=window, rows=rows, cols=cols, coarse_shape=coarse.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePair:
    """Two images as arrays, finite where valid, and how their pixels relate.

    ``ms`` is (bands, h, w), ``valid`` (h, w), ``pan`` and ``pan_valid`` (H, W), finer; ``axes`` are
    rows and columns of ``ms`` in terms of those of ``pan``.
    """

    ms: Pixels
    pan: Pixels
    valid: Flags
    pan_valid: Flags
    axes: tuple[PixelAxis, PixelAxis]

    def __post_init__(self) -> None:
        lengths = tuple(axis.length for axis in self.axes)
        if not self.ms.shape[1:] == self.valid.shape == lengths:
            raise InputError(
                "multispectral bands have a mask and axes of their shape; got "
                f"{self.ms.shape}, {self.valid.shape} and {lengths}"
            )
        if self.pan.shape != self.pan_valid.shape:
            raise InputError(
                f"PAN has a mask of its shape; got {self.pan.shape} and {self.pan_valid.shape}"
            )

    @classmethod
    def aligned(
        cls,
        ms: Pixels,
        pan: Pixels,
        ratio: float,
        valid: Flags | None = None,
        pan_valid: Flags | None = None,
    ) -> "ImagePair":
        """Return a pair whose first pixels share their outer corner; without masks all counts."""
        rows, cols = (PixelAxis(step=ratio, length=side) for side in ms.shape[1:])
        return cls(
            ms=ms,
            pan=pan,
            valid=np.ones(ms.shape[1:], np.bool_) if valid is None else valid,
            pan_valid=np.ones(pan.shape, np.bool_) if pan_valid is None else pan_valid,
            axes=(rows, cols),
        )

    @property
    def pan_axes(self) -> tuple[PixelAxis, PixelAxis]:
        """Rows and columns of ``pan`` in terms of those of ``ms``."""
        rows, cols = self.axes
        return rows.inverse(self.pan.shape[0]), cols.inverse(self.pan.shape[1])

    @property
    def valid_on_pan(self) -> Flags:
        """Where both are known, on PAN's pixels, by the multispectral pixel each is in."""
        places = []
        for axis, side in zip(self.pan_axes, self.valid.shape, strict=True):
            place = np.floor(axis.centres).astype(np.int64)
            places.append((np.clip(place, 0, side - 1), (place >= 0) & (place < side)))
        (rows, row_inside), (cols, col_inside) = places
        known = self.valid[np.ix_(rows, cols)] & self.pan_valid
        known &= row_inside[:, np.newaxis] & col_inside
        return known

    def samples(self, sigma_px: float) -> FusionSamples:
        """Degrade PAN to the multispectral pixels by a Gaussian, in PAN's pixels.

        A pixel is valid where ``ms`` is and all of PAN under the filter.
        """
        pan, weight = filter_valid_at(self.pan, self.pan_valid, self.axes, sigma_px)
        return FusionSamples(ms=self.ms, pan=pan, valid=self.valid & (weight > FULL_WEIGHT))

    def fuse(self, fusion: Fusion) -> Pixels:
        """Interpolate the bands onto PAN's pixels and fuse; (bands, H, W) float32."""
        bands = interpolate(extend_into_gaps(self.ms, self.valid), *self.pan_axes)
        return fusion.fuse(bands, self.pan, self.pan_valid, out=bands)


def join_samples(samples: list[FusionSamples]) -> FusionSamples:
    """Concatenate samples of several places, (bands, n) and (n,)."""
    return FusionSamples(
        ms=np.concatenate([part.ms.reshape(len(part.ms), -1) for part in samples], axis=1),
        pan=np.concatenate([part.pan.ravel() for part in samples]),
        valid=np.concatenate([part.valid.ravel() for part in samples]),
    )


class RasterPair(Closeable):
    """Two open rasters and their common extent; a context manager. Values are in their units."""

    def __init__(self, ms: Path, pan: Path, options: SceneOptions, pan_options: SceneOptions):
        """Open both.

        Bands without a name are called ``band_1``, ``band_2`` ...

        Raises:
            InputError: one of them cannot be read, PAN has several bands, or their pixels cannot
                be related, see `plan_overlap`.
        """
        count = raster_shape(pan).count
        if count != 1:
            raise InputError(
                f"{pan}: a panchromatic image has one band and this file has {count}; "
                "give the multispectral file first and the panchromatic one second"
            )
        if options.bands is None:
            with SensorImage(ms) as image:
                if Bands.from_descriptions(image.descriptions) is None:
                    names = tuple(f"band_{number}" for number in range(1, image.count + 1))
                    options = replace(options, bands=Bands(names))
        self.ms = Scene(ms, options)
        try:
            pan_bands = Bands(("pan",))
            self.pan = Scene(pan, SceneOptions(bands=pan_bands, nodata=pan_options.nodata))
        except InputError:
            self.ms.close()
            raise
        try:
            self.overlap: RasterOverlap = plan_overlap(self.ms.grid, self.pan.grid)
        except InputError as error:
            self.close()
            raise InputError(f"{ms}, {pan}: {error}") from error

    @property
    def may_have_gaps(self) -> bool:
        """Whether pixels of either may be missing, marked or not finite."""
        return any(
            one.validity.marks_gaps or np.dtype(one.radiometry.dtype).kind == "f"
            for one in (self.ms, self.pan)
        )

    def on_pan(self, window: Window, margin_px: int) -> ImagePair:
        """Read a window of PAN with a margin, and the bands that interpolating there needs."""
        return self._read(self.overlap.coarse_around(window), window.padded(margin_px))

    def on_ms(self, window: Window, margin_px: int) -> ImagePair:
        """Read a window of the bands, and PAN of the same ground with a margin in its pixels."""
        return self._read(window, self.overlap.fine_around(window, margin_px))

    def close(self) -> None:
        """Close both."""
        self.ms.close()
        self.pan.close()

    def _read(self, coarse: Window, fine: Window) -> ImagePair:
        ms, valid = _read_values(self.ms, coarse)
        pan, pan_valid = _read_values(self.pan, fine)
        axes = self.overlap.coarse_axes(coarse, fine)
        return ImagePair(ms=ms, pan=pan[0], valid=valid, pan_valid=pan_valid, axes=axes)


def evenly_spaced_windows(
    outer: Window, side: int, most: int, *, equal: bool = False
) -> Sequence[Window]:
    """Return up to ``most`` x ``most`` squares, evenly spaced over ``outer``.

    Where ``outer`` is small they cover it without a gap and are smaller than ``side``, or with
    ``equal``, all have that side.
    """

    def spans(start: int, length: int) -> list[tuple[int, int]]:
        count = min(most, max(length // side, 1) if equal else math.ceil(length / side))
        edges = np.linspace(start, start + length, count + 1).astype(np.int64)
        sizes = np.minimum(np.diff(edges), side)
        offsets = edges[:-1] + (np.diff(edges) - sizes) // 2
        return [(int(offset), int(size)) for offset, size in zip(offsets, sizes, strict=True)]

    rows, cols = spans(outer.row_off, outer.height), spans(outer.col_off, outer.width)
    return [Window(col, row, width, height) for row, height in rows for col, width in cols]


def _read_values(scene: Scene, window: Window) -> tuple[Pixels, Flags]:
    stored, valid = scene.read(window)
    values = scene.radiometry.values(stored)
    if not valid.all():
        values[:, ~valid] = 0  # it may be NaN there
    return values, valid
