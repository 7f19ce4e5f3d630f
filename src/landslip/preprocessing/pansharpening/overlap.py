"""Where two rasters of different pixel size lie on each other; no pixel is read here."""

import math
from dataclasses import dataclass

from affine import Affine

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.preprocessing.pansharpening.resample import SPLINE_MARGIN_PX, Axis

_SKEW_PX = 0.05
_RATIO_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The common extent of a fine and a coarse raster.

    Attributes:
        window: the fine pixels whose centres lie on the coarse raster.
        rows: rows of the whole fine raster, seen on the coarse one.
        cols: columns of the whole fine raster, seen on the coarse one.
        coarse_shape: (height, width) of the whole coarse raster.
    """

    window: Window
    rows: Axis
    cols: Axis
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

    def coarse_axes(self, coarse: Window, fine: Window) -> tuple[Axis, Axis]:
        """Return rows and columns of a coarse window, seen on a fine one."""
        row = (coarse.row_off - self.rows.start) / self.rows.step - fine.row_off
        col = (coarse.col_off - self.cols.start) / self.cols.step - fine.col_off
        return (
            Axis(start=row, step=1 / self.rows.step, length=coarse.height),
            Axis(start=col, step=1 / self.cols.step, length=coarse.width),
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


def plan_overlap(coarse: Grid, fine: Grid) -> Overlap:
    """Find the common extent of multispectral and panchromatic pixels.

    Without coordinate systems both images show the same extent, and one's size is a whole multiple
    of the other's.

    Raises:
        InputError: the coordinate systems differ, the images do not overlap or are turned against
            each other, or the panchromatic pixels are not finer.
    """
    mapping = _mapping(coarse, fine)
    _check_mapping(mapping, fine.shape)
    rows = Axis(start=mapping.f, step=mapping.e, length=fine.shape[0])
    cols = Axis(start=mapping.c, step=mapping.a, length=fine.shape[1])
    top, bottom = _inside(rows, coarse.shape[0])
    left, right = _inside(cols, coarse.shape[1])
    if bottom <= top or right <= left:
        raise InputError(
            "the multispectral and the panchromatic image do not overlap; "
            "check that they are of the same scene and their coordinates are right"
        )
    window = Window(left, top, right - left, bottom - top)
    return Overlap(window=window, rows=rows, cols=cols, coarse_shape=coarse.shape)


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


def _inside(axis: Axis, length: int) -> tuple[int, int]:
    first = math.ceil(-axis.start / axis.step - 0.5 - 1e-6)
    end = math.floor((length - axis.start) / axis.step - 0.5 + 1e-6) + 1
    return max(first, 0), min(end, axis.length)
