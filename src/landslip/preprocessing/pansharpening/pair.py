"""A panchromatic band and multispectral bands of the same ground, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.method import Fusion
from landslip.preprocessing.pansharpening.regression import Samples
from landslip.preprocessing.pansharpening.resample import (
    Axis,
    Pixels,
    filter_valid_at,
    grow_into_gaps,
    interpolate,
)

Valid = NDArray[np.bool_]
WHOLE = 0.999
"""Share of a filter's weights on valid pixels from which its result counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
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
    axes: tuple[Axis, Axis]

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
    ) -> "Pair":
        """Return a pair whose first pixels share their outer corner; without masks all counts."""
        rows, cols = (Axis(step=ratio, length=side) for side in ms.shape[1:])
        return cls(
            ms=ms,
            pan=pan,
            valid=np.ones(ms.shape[1:], np.bool_) if valid is None else valid,
            pan_valid=np.ones(pan.shape, np.bool_) if pan_valid is None else pan_valid,
            axes=(rows, cols),
        )

    @property
    def pan_axes(self) -> tuple[Axis, Axis]:
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

    def samples(self, sigma_px: float) -> Samples:
        """Degrade PAN to the multispectral pixels by a Gaussian, in PAN's pixels.

        A pixel is valid where ``ms`` is and all of PAN under the filter.
        """
        pan, share = filter_valid_at(self.pan, self.pan_valid, self.axes, sigma_px)
        return Samples(ms=self.ms, pan=pan, valid=self.valid & (share > WHOLE))

    def fused(self, fusion: Fusion) -> Pixels:
        """Bring the bands onto PAN's pixels and fuse; (bands, H, W) float32."""
        bands = interpolate(grow_into_gaps(self.ms, self.valid), *self.pan_axes)
        return fusion.fuse(bands, self.pan, self.pan_valid, out=bands)


def joined(samples: list[Samples]) -> Samples:
    """Put samples of several places together, (bands, n) and (n,)."""
    return Samples(
        ms=np.concatenate([part.ms.reshape(len(part.ms), -1) for part in samples], axis=1),
        pan=np.concatenate([part.pan.ravel() for part in samples]),
        valid=np.concatenate([part.valid.ravel() for part in samples]),
    )
