"""Sensor images, read where a map needs them."""

from dataclasses import dataclass

import numpy as np

from landslip.core.grid import erode_valid
from landslip.core.rpc import RPC, ImageCorrection
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.orthorectification.ground import ImageMap
from landslip.preprocessing.orthorectification.resample import Flags, Pixels, cubic, nearest
from landslip.preprocessing.orthorectification.spline import MARGIN_PX, spline

_KERNEL_PX = 2


@dataclass(frozen=True, slots=True)
class Source:
    """An open sensor image with its camera.

    A pixel is missing where all its bands are nodata, or one is not finite.
    """

    image: SensorImage
    rpc: RPC

    def corrected(self, correction: ImageCorrection) -> "Source":
        """Return the image with one more correction of its camera."""
        return Source(self.image, self.rpc.corrected(correction))

    def sharp(self, seen: ImageMap) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic convolution, and where it is.

        For maps about as fine as the image.
        """
        values, valid, col, row = self._around(seen, _KERNEL_PX + 1)
        whole = _seen(valid, col, row)
        return _bands_first(cubic(values, col, row)), whole

    def smooth(self, seen: ImageMap) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic splines, and where it is.

        For maps much finer than the image.
        """
        values, valid, col, row = self._around(seen, MARGIN_PX)
        whole = _seen(valid, col, row)
        return _bands_first(spline(_spread_edges(values, valid), col, row)), whole

    def _around(self, seen: ImageMap, margin_px: int) -> tuple[Pixels, Flags, Pixels, Pixels]:
        """Read what a map sees, (height, width, bands), and coordinates in it."""
        window = seen.source_window(margin_px)
        values = np.zeros((*window.shape, self.image.count), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.image.shape)
        if inside is not None:
            stored = self.image.read(inside)
            where = inside.slices_in(window)
            values[where] = np.moveaxis(stored, 0, -1)
            valid[where] = self.image.holds(stored)
        col, row = seen.relative_to(window)
        return values, valid, col, row


def _seen(valid: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return where all pixels that a kernel reads are valid (height, width)."""
    if valid.all():
        return np.ones(col.shape, dtype=np.bool_)
    return nearest(erode_valid(valid, _KERNEL_PX), col, row)


def _bands_first(values: Pixels) -> Pixels:
    if values.ndim == 2:
        return values[np.newaxis]
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _spread_edges(values: Pixels, valid: Flags) -> Pixels:
    """Replace missing pixels by the mean of the others, so that splines ring less at the edge."""
    if valid.all() or not valid.any():
        return values
    mean = values[valid].mean(axis=0)
    return np.where(valid[..., np.newaxis], values, mean)
