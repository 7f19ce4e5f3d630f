"""Where two rasters of different pixel size lie on each other; no pixel is read here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions, SensorImage, Valid, raster_shape
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSamples
from landslip.preprocessing.pansharpening.multiresolution import (
    SPLINE_MARGIN_PX,
    PixelAxis,
    Pixels,
    filter_valid_at,
    grow_into_gaps,
    interpolate,
)

_SKEW_PX = 0.05
_RATIO_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterOverlap:
    """The common extent of a fine and a coarse raster.

    Attributes:
        window: the fine pixels whose centres lie on the coarse raster.
        rows: rows of the whole fine raster, seen on the coarse one.
        cols: columns of the whole fine raster, seen on the coarse one.
        coarse_shape: (height, width) of the whole coarse raster.
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
        return self._coarse_under(self.window, 0)

    def coarse_around(self, fine: Window) -> Window:
        """Return the coarse pixels that interpolating a window of fine ones asks for."""
        return self._coarse_under(fine, SPLINE_MARGIN_PX + 2)

    def fine_around(self, coarse: Window, margin_px: int) -> Window:
        """Return the fine pixels under coarse ones, with a margin; it may reach outside."""
        spans = []
        for axis, start, end in (
            (self.cols, coarse.col_off, coarse.col_end),
            (self.rows, coarse.row_off, coarse.row_end),
        ):
            spans.append(math.floor((start - axis.start) / axis.step) - margin_px)
            spans.append(math.ceil((end - axis.start) / axis.step) + margin_px)
        left, right, top, bottom = spans
        return Window(left, top, right - left, bottom - top)

    def coarse_axes(self, coarse: Window, fine: Window) -> tuple[PixelAxis, PixelAxis]:
        """Return rows and columns of a coarse window, seen on a fine one."""
        row = (coarse.row_off - self.rows.start) / self.rows.step - fine.row_off
        col = (coarse.col_off - self.cols.start) / self.cols.step - fine.col_off
        return (
            PixelAxis(start=row, step=1 / self.rows.step, length=coarse.height),
            PixelAxis(start=col, step=1 / self.cols.step, length=coarse.width),
        )

    def _coarse_under(self, fine: Window, margin_px: int) -> Window:
        left = math.floor(self.cols.start + self.cols.step * fine.col_off + 1e-6) - margin_px
        right = math.ceil(self.cols.start + self.cols.step * fine.col_end - 1e-6) + margin_px
        top = math.floor(self.rows.start + self.rows.step * fine.row_off + 1e-6) - margin_px
        bottom = math.ceil(self.rows.start + self.rows.step * fine.row_end - 1e-6) + margin_px
        window = Window(left, top, right - left, bottom - top).clipped(self.coarse_shape)
        if window is None:
            raise InputError(f"the window at {fine} does not touch the coarser raster")
        return window


def plan_overlap(coarse: Grid, fine: Grid) -> RasterOverlap:
    """Find the common extent of multispectral and panchromatic pixels.

    Without coordinate systems both images show the same extent, and one's size is a whole multiple
    of the other's.

    Raises:
        InputError: the coordinate systems differ, the images do not overlap or are turned against
            each other, or the panchromatic pixels are not finer.
    """
    mapping = _mapping(coarse, fine)
    _check_mapping(mapping, fine.shape)
    rows = PixelAxis(start=mapping.f, step=mapping.e, length=fine.shape[0])
    cols = PixelAxis(start=mapping.c, step=mapping.a, length=fine.shape[1])
    top, bottom = _inside(rows, coarse.shape[0])
    left, right = _inside(cols, coarse.shape[1])
    if bottom <= top or right <= left:
        raise InputError(
            "the multispectral and the panchromatic image do not overlap; "
            "check that they are of the same scene and their coordinates are right"
        )
    window = Window(left, top, right - left, bottom - top)
    return RasterOverlap(window=window, rows=rows, cols=cols, coarse_shape=coarse.shape)


def _mapping(coarse: Grid, fine: Grid) -> Affine:
    """Return the transform from fine to coarse pixel coordinates."""
    if coarse.crs is None and fine.crs is None:
        return _by_size(coarse.shape, fine.shape)
    if coarse.crs is None or fine.crs is None:
        without = "multispectral" if coarse.crs is None else "panchromatic"
        raise InputError(
            f"both images need a coordinate system, or neither; the {without} one has none. "
            "Assign it with gdal_edit.py -a_srs"
        )
    if coarse.crs != fine.crs:
        raise InputError(
            "both images need the same coordinate system; the multispectral one has "
            f"{coarse.crs.to_string()}, the panchromatic one {fine.crs.to_string()}. "
            "Bring one onto the other's with gdalwarp -t_srs"
        )
    return ~coarse.transform @ fine.transform


def _by_size(coarse: tuple[int, int], fine: tuple[int, int]) -> Affine:
    ratio, rest = divmod(fine[0], coarse[0])
    if rest or fine != (coarse[0] * ratio, coarse[1] * ratio):
        raise InputError(
            "images without coordinate systems are matched by size, one's a whole multiple of the "
            f"other's; the multispectral one has {coarse} px, the panchromatic one {fine}"
        )
    return Affine.scale(1 / ratio)


def _check_mapping(mapping: Affine, shape: tuple[int, int]) -> None:
    skew = max(abs(mapping.b) * shape[0], abs(mapping.d) * shape[1])
    if mapping.a <= 0 or mapping.e <= 0 or skew > _SKEW_PX:
        raise InputError(
            "the two images are turned or mirrored against each other; "
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


def _inside(axis: PixelAxis, length: int) -> tuple[int, int]:
    first = math.ceil(-axis.start / axis.step - 0.5 - 1e-6)
    end = math.floor((length - axis.start) / axis.step - 0.5 + 1e-6) + 1
    return max(first, 0), min(end, axis.length)


FULL_WEIGHT = 0.999
"""Share of a filter's weights on valid pixels from which its result counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePair:
    """Two images, and how their pixels lie on each other.

    Attributes:
        ms: (bands, h, w) float32; finite where valid.
        pan: (H, W) float32, finer; finite where valid.
        valid: pixels in which ``ms`` is known, (h, w) bool.
        pan_valid: pixels in which ``pan`` is known, (H, W) bool.
        axes: rows and columns of ``ms`` seen on those of ``pan``.
    """

    ms: Pixels
    pan: Pixels
    valid: Valid
    pan_valid: Valid
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
        valid: Valid | None = None,
        pan_valid: Valid | None = None,
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
        """Rows and columns of ``pan`` seen on those of ``ms``."""
        rows, cols = self.axes
        return rows.inverse(self.pan.shape[0]), cols.inverse(self.pan.shape[1])

    @property
    def valid_on_pan(self) -> Valid:
        """Where both are known, on PAN's pixels: each asks the multispectral pixel it lies in."""
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
        pan, share = filter_valid_at(self.pan, self.pan_valid, self.axes, sigma_px)
        return FusionSamples(ms=self.ms, pan=pan, valid=self.valid & (share > FULL_WEIGHT))

    def fused(self, fusion: Fusion) -> Pixels:
        """Bring the bands onto PAN's pixels and fuse; (bands, H, W) float32."""
        bands = interpolate(grow_into_gaps(self.ms, self.valid), *self.pan_axes)
        return fusion.fuse(bands, self.pan, self.pan_valid, out=bands)


def join_samples(samples: list[FusionSamples]) -> FusionSamples:
    """Put samples of several places together, (bands, n) and (n,)."""
    return FusionSamples(
        ms=np.concatenate([part.ms.reshape(len(part.ms), -1) for part in samples], axis=1),
        pan=np.concatenate([part.pan.ravel() for part in samples]),
        valid=np.concatenate([part.valid.ravel() for part in samples]),
    )


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
            self.overlap: RasterOverlap = plan_overlap(self.ms.grid, self.pan.grid)
        except InputError as error:
            self.close()
            raise InputError(f"{ms}, {pan}: {error}") from error

    def on_pan(self, window: Window, margin_px: int) -> ImagePair:
        """Read a window of PAN with a margin, and the bands that interpolating there needs."""
        fine = Window(
            window.col_off - margin_px,
            window.row_off - margin_px,
            window.width + 2 * margin_px,
            window.height + 2 * margin_px,
        )
        return self._read(self.overlap.coarse_around(window), fine)

    def on_ms(self, window: Window, margin_px: int) -> ImagePair:
        """Read a window of the bands, and PAN of the same ground with a margin in its pixels."""
        return self._read(window, self.overlap.fine_around(window, margin_px))

    def close(self) -> None:
        """Close both."""
        self.ms.close()
        self.pan.close()

    def _read(self, coarse: Window, fine: Window) -> ImagePair:
        ms, valid = _values(self.ms, coarse)
        pan, pan_valid = _values(self.pan, fine)
        axes = self.overlap.coarse_axes(coarse, fine)
        return ImagePair(ms=ms, pan=pan[0], valid=valid, pan_valid=pan_valid, axes=axes)


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
