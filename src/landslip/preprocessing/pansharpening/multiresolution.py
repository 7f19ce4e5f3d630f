"""Resampling between pixels of two sizes by area: no half-pixel shift, at any ratio.

All positions are in pixels from the outer corner of the first pixel, so that a pixel's centre is
at + 0.5 and a coarse pixel's centre is that of the block of fine pixels it covers. Both directions
are products with sparse matrices, one for each axis: `scipy.ndimage.map_coordinates`, which agrees
with `interpolate`, does not use that they are separable, and OpenCV has no cubic splines.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from landslip.core.errors import InputError
from landslip.preprocessing.resampling import Flags, Pixels

MTF_NYQUIST = 0.3
SPLINE_MARGIN_PX = 14
"""Context after which the spline's prefilter has forgotten an edge: 0.268 ** 14 < 1e-8."""

_REACH_SIGMAS = 4.0
_SPLINE_REACH = 3
_GAP_REACH_PX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelAxis:
    """The pixels of one axis, in pixels of another: the first one's outer edge, size and number."""

    start: float = 0.0
    step: float
    length: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.step > 0 and self.length > 0):
            raise InputError(
                "an axis has a finite start, pixels larger than 0 and at least one of them; "
                f"got start {self.start}, step {self.step}, length {self.length}"
            )

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres of the pixels, in pixels of the other axis."""
        return self.start + self.step * (np.arange(self.length, dtype=np.float64) + 0.5)

    def inverse(self, length: int) -> "PixelAxis":
        """Return the other axis, of ``length`` pixels, in terms of this one."""
        return PixelAxis(start=-self.start / self.step, step=1 / self.step, length=length)


def mtf_sigma_px(ratio: float, mtf_nyquist: float) -> float:
    """Return the standard deviation of the Gaussian that stands for a coarser sensor, in fine px.

    Its response is ``mtf_nyquist`` at the Nyquist frequency of pixels ``ratio`` times as large:
    ``exp(-2 (pi sigma f)^2)`` with ``f = 1 / (2 ratio)`` (Aiazzi et al. 2006,
    doi 10.14358/PERS.72.5.591).

    Raises:
        InputError: the ratio is below 1 or the response is not between 0 and 1.
    """
    if not ratio >= 1:
        raise InputError(f"the ratio of pixel sizes is at least 1; got {ratio}")
    if not 0 < mtf_nyquist < 1:
        raise InputError(
            f"the MTF at the Nyquist frequency is over 0 and below 1; got {mtf_nyquist}"
        )
    return ratio / math.pi * math.sqrt(-2 * math.log(mtf_nyquist))


def degrade(fine: Pixels, ratio: float, mtf_nyquist: float = MTF_NYQUIST) -> Pixels:
    """Return what a sensor with pixels ``ratio`` times as large would have seen.

    Of (..., height, width), (..., height // ratio, width // ratio): coarse pixel 0 covers fine
    pixels 0 to ratio. At the edges, weights are of the pixels that exist and sum to 1.

    Raises:
        InputError: the image is smaller than one coarse pixel.
    """
    sigma_px = mtf_sigma_px(ratio, mtf_nyquist)
    matrices = []
    for side in fine.shape[-2:]:
        if side < ratio:
            raise InputError(f"an image to be degraded covers at least {ratio:g} px; got {side}")
        axis = PixelAxis(step=ratio, length=int(side / ratio + 1e-9))
        weights = _gaussian_weights(axis, side, sigma_px)
        totals = weights.sum(axis=1)
        matrices.append(sparse.diags_array(1 / np.where(totals > 0, totals, 1)) @ weights)
    return _weighted(fine, *matrices)


def upsample(coarse: Pixels, ratio: float, shape: tuple[int, int] | None = None) -> Pixels:
    """Interpolate (..., height, width) by cubic splines onto pixels ``ratio`` times as small.

    They begin at the same corner, and cover the coarse pixels or have a shape (height, width);
    beyond the outermost centres the image is mirrored at its edges.
    """
    size = shape or tuple(round(side * ratio) for side in coarse.shape[-2:])
    rows, cols = (PixelAxis(step=1 / ratio, length=side) for side in size)
    return interpolate(coarse, rows, cols)


def filter_valid_at(
    image: Pixels, valid: Flags, axes: tuple[PixelAxis, PixelAxis], sigma_px: float
) -> tuple[Pixels, Pixels]:
    """Sample a filtered image (height, width) of which not all is valid.

    Returns:
        The weighted means of the valid pixels at the centres of the axes (rows, columns), and the
        fraction of the weights on valid pixels, 0 to 1; there are none outside the image.
    """
    down, across = (
        _gaussian_weights(axis, side, sigma_px)
        for axis, side in zip(axes, image.shape, strict=True)
    )
    known = _weighted(valid.astype(np.float32), down, across)
    sums = _weighted(np.where(valid, image, np.float32(0)), down, across)
    sums /= np.maximum(known, np.float32(1e-12))
    return sums, known


def interpolate(image: Pixels, rows: PixelAxis, cols: PixelAxis) -> Pixels:
    """Sample the cubic spline through an image (..., height, width) at the centres of two axes.

    An interpolating B-spline with its prefilter (Unser 1999, doi 10.1109/79.799930); positions
    outside the image see it mirrored at its outer edges.
    """
    height, width = image.shape[-2:]
    down, across = _spline_weights(rows, height), _spline_weights(cols, width)
    out = np.empty((*image.shape[:-2], rows.length, cols.length), dtype=np.float32)
    for at in np.ndindex(image.shape[:-2]):
        nodes = ndimage.spline_filter(image[at], order=3, output=np.float32, mode="reflect")
        out[at] = down @ np.ascontiguousarray((across @ np.ascontiguousarray(nodes.T)).T)
    return out


def pyramid_kernel(ratio: float, mtf_nyquist: float = MTF_NYQUIST) -> Pixels:
    """Return the filter that turns a fine image into its coarse, interpolated one.

    The sensor's Gaussian convolved with the cardinal cubic spline of coarse pixels: what
    degrading and interpolating do on average over all positions of the coarse pixels, so that
    coarse pixels need not lie on fine ones.

    Returns:
        Weights of one axis, an odd number of them, (taps,) float32; they sum to 1.
    """
    sigma = mtf_sigma_px(ratio, mtf_nyquist)
    reach = math.ceil(_REACH_SIGMAS * sigma)
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # the spline through a single 1, at whole fine pixels from it, to 3 coarse pixels
    nodes = np.zeros(4 * _SPLINE_REACH + 16)
    centre = len(nodes) // 2
    nodes[centre] = 1
    nodes = ndimage.spline_filter1d(nodes, order=3, mode="reflect")
    beside = math.floor(_SPLINE_REACH * ratio)
    start = centre + 0.5 - (beside + 0.5) / ratio
    axis = PixelAxis(start=start, step=1 / ratio, length=2 * beside + 1)
    kernel = np.convolve(gaussian, _spline_weights(axis, len(nodes)) @ nodes)
    kernel += kernel[::-1].copy()  # symmetric to the last digit, for which OpenCV is twice as fast
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def extend_into_gaps(image: Pixels, valid: Flags) -> Pixels:
    """Continue an image (bands, height, width) into pixels that are not valid (height, width).

    Each round gives the pixels beside known ones the mean of those among their 8 neighbours, so
    that fill values do not ring into the image when it is interpolated; pixels further away than
    8 px get the mean of each band.
    """
    known = valid.astype(np.float32)
    if known.all():
        return image
    extended = np.where(valid, image, np.float32(0))
    for _ in range(_GAP_REACH_PX):
        number = cv2.boxFilter(known, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        new = (number > 0.5) & (known == 0)
        if not new.any():
            break
        for band in extended:
            sums = cv2.boxFilter(band, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
            band[new] = sums[new] / number[new]
        known[new] = 1
    far = known == 0
    if far.any() and not far.all():
        extended[:, far] = extended[:, ~far].mean(axis=1, dtype=np.float64)[:, np.newaxis]
    return extended


def _weighted(image: Pixels, down: Any, across: Any) -> Pixels:
    out = np.empty((*image.shape[:-2], down.shape[0], across.shape[0]), dtype=np.float32)
    for at in np.ndindex(image.shape[:-2]):
        out[at] = (across @ np.ascontiguousarray((down @ image[at]).T)).T
    return out


def _gaussian_weights(axis: PixelAxis, length: int, sigma_px: float) -> Any:
    """Weights of the pixels of an axis; those that would lie outside are missing from the 1."""
    reach = math.ceil(_REACH_SIGMAS * sigma_px)
    first = np.floor(axis.centres).astype(np.int64) - reach
    taps = first[:, np.newaxis] + np.arange(2 * reach + 1)
    distance = (taps + 0.5 - axis.centres[:, np.newaxis]) / sigma_px
    weights = np.where(np.abs(distance) <= _REACH_SIGMAS, np.exp(-0.5 * distance**2), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    weights[(taps < 0) | (taps >= length)] = 0
    return _matrix(weights, np.clip(taps, 0, length - 1), length)


def _spline_weights(axis: PixelAxis, length: int) -> Any:
    place = axis.centres - 0.5
    first = np.floor(place).astype(np.int64)
    t = place - first
    weights = np.column_stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    taps = (first[:, np.newaxis] + np.arange(-1, 3)) % (2 * length)
    return _matrix(weights / 6, np.where(taps < length, taps, 2 * length - 1 - taps), length)


def _matrix(weights: NDArray[np.float64], taps: NDArray[np.int64], length: int) -> Any:
    rows = np.repeat(np.arange(len(taps)), taps.shape[1])
    used = weights.ravel() != 0
    entries = (weights.ravel()[used].astype(np.float32), (rows[used], taps.ravel()[used]))
    return sparse.csr_array(entries, shape=(len(taps), length))
