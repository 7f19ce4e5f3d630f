"""Matches two images of the same ground patch by patch.

Each patch is matched twice: the directions of edges agree best at a shift known to about half a
pixel (`coarse_shift`), which least squares on the pixels then refines to hundredths
(`fine_shift`). `skimage.registration.phase_cross_correlation` correlates pixel values instead: on
the pairs of ``docs/results/registration.md`` it is off by 0.01 to 0.02 px (0.07 to 0.13 by phase
alone) where this is by 0.004 to 0.007, it fails across bands of inverted contrast, its masked form
stops at whole pixels, and it does not say how distinct a peak is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.grid import erode_valid
from landslip.core.resources import parallel_map
from landslip.core.window import Window
from landslip.preprocessing.coregistration.tie_points import (
    ImagePatch,
    PatchShift,
    TiePoints,
    patch_centres,
    patch_window,
)
from landslip.preprocessing.resampling import Pixels, Points

PatchReader = Callable[[Window], ImagePatch]

_SMOOTHING_PX = 1.0
_GRADIENT_REACH_PX = 4  # a pixel this near to one without data has a gradient that shows the hole
_LEAST_OVERLAP = 0.25
_PEAK_PX = 4
_LEAST_REACH_PX = 12
_MOST_SIMILAR = 0.85  # of the peak's height, that of another shift

_TAPS = 4  # of the windowed sinc, on each side
_DERIVATIVE = np.array([[1, -8, 0, 8, -1]], dtype=np.float32) / 12
_MAX_ITERATIONS = 20
_CONVERGED_PX = 1e-3
_LARGEST_REFINEMENT_PX = 1.5
_LEAST_PIXELS = 400


class MatchFeature(StrEnum):
    """What of two images is aligned to a fraction of a pixel.

    ``gradient``: the strength of edges, robust against change; for any two images;
    ``intensity``: the pixels up to gain and offset, for images of one instant in similar bands.
    """

    INTENSITY = "intensity"
    GRADIENT = "gradient"


_FEATURE_REACH_PX = {MatchFeature.INTENSITY: _TAPS + 2, MatchFeature.GRADIENT: _TAPS + 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """How patches are matched: up to ``count`` along each axis, squares of ``patch_px``.

    Attributes:
        search_px: largest shift along an axis that is searched; less than half a patch.
        least_score: how many standard deviations edges must agree better than at other shifts;
            unrelated patches reach about 4.5 by chance.
        least_valid: fraction of a patch that must be valid in each image.
        agreement_px: coarse and fine step, which compare different features, must agree to this.
    """

    feature: MatchFeature = MatchFeature.GRADIENT
    patch_px: int = 256
    count: int = 15
    search_px: int = 8
    least_score: float = 6.0
    least_valid: float = 0.5
    agreement_px: float = 0.5

    def __post_init__(self) -> None:
        if self.patch_px < 32 or self.count < 1:
            raise InputError(
                f"patches are at least 32 px and at least 1; got {self.count} of {self.patch_px} px"
            )
        if not 1 <= self.search_px < self.patch_px / 2:
            raise InputError(
                f"the search is at least 1 px and less than half a patch; got {self.search_px} px "
                f"and patches of {self.patch_px} px"
            )
        if not (self.least_score >= 0 and 0 < self.least_valid <= 1):
            raise InputError(
                "the least score is 0 or more and the least valid fraction over 0 up to 1; "
                f"got {self.least_score}, {self.least_valid}"
            )


def find_tie_points(
    moving: PatchReader, reference: PatchReader, area: Window, settings: MatchSettings
) -> TiePoints:
    """Match two images on one grid at a regular grid of patches, in parallel.

    What is at ``p`` in the reference is at ``p + shift`` in the moving image. A small area takes
    smaller patches.
    """
    size = min(settings.patch_px, *area.shape)

    def match(centre: Points) -> PatchShift | None:
        window = patch_window(centre, size)
        fixed = reference(window)
        if fixed.valid.mean() < settings.least_valid:
            return None
        return match_patch(moving(window), fixed, settings)

    centres = np.add(patch_centres(area.shape, settings.count, size), (area.col_off, area.row_off))
    matched = [
        (centre, shift) for centre, shift in parallel_map(match, centres) if shift is not None
    ]
    return TiePoints(
        points=np.array([centre for centre, _ in matched], dtype=np.float64).reshape(-1, 2),
        shifts=np.array([(shift.dx, shift.dy) for _, shift in matched], np.float64).reshape(-1, 2),
        scores=np.array([shift.score for _, shift in matched], dtype=np.float64),
        places=len(centres),
    )


def match_images(moving: ImagePatch, reference: ImagePatch, settings: MatchSettings) -> TiePoints:
    """Match two whole images of one shape, see `find_tie_points`.

    Raises:
        InputError: the images differ in shape.
    """
    if moving.shape != reference.shape:
        raise InputError(
            f"images that are matched have one shape; got {moving.shape}, {reference.shape}"
        )
    area = Window(0, 0, *reference.shape[::-1])
    return find_tie_points(moving.window, reference.window, area, settings)


def match_patch(
    moving: ImagePatch, reference: ImagePatch, settings: MatchSettings
) -> PatchShift | None:
    """Match the same window of two images; None where it is mostly invalid, constant or not found.

    What is at ``p`` in the reference is at ``p + (dx, dy)`` in the moving image.
    """
    moved, fixed = (_centred(patch, settings.least_valid) for patch in (moving, reference))
    if moved is None or fixed is None:
        return None
    coarse = coarse_shift(moved, fixed, settings.search_px)
    if coarse is None or coarse.score < settings.least_score:
        return None
    fine = fine_shift(moved, fixed, (coarse.dx, coarse.dy), settings.feature)
    if fine is None:
        return None
    difference = max(abs(fine[0] - coarse.dx), abs(fine[1] - coarse.dy))
    return PatchShift(*fine, coarse.score) if difference <= settings.agreement_px else None


def orientation_field(patch: ImagePatch) -> NDArray[np.complex64]:
    """Return the direction of edges as complex numbers whose angle is twice the gradient's.

    Twice the angle makes a dark edge on bright ground equal to a bright one on dark ground, so that
    bands and seasons of inverted contrast match. The length is g / (g + median g) of the gradient
    g: strong edges do not outvote weak ones, and flat areas hardly count. After Fitch et al. 2002
    (https://doi.org/10.5244/C.16.11), who leave the angle single and all lengths 1. Pixels are
    finite; those not valid, or near one that is not, get 0.
    """
    smooth = cv2.GaussianBlur(patch.pixels, (0, 0), _SMOOTHING_PX)
    gradient = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) + 1j * cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    length = np.abs(gradient)
    inside = erode_valid(patch.valid, _GRADIENT_REACH_PX)
    typical = np.median(length[inside]) if inside.any() else 0.0
    scale = length * (length + typical)
    field = np.divide(gradient * gradient, scale, out=np.zeros_like(gradient), where=scale > 0)
    field[~inside] = 0
    return np.asarray(field, dtype=np.complex64)


def coarse_shift(moving: ImagePatch, reference: ImagePatch, search_px: int) -> PatchShift | None:
    """Find the shift at which the directions of edges agree best.

    What is at ``p`` in the reference is at ``p + (dx, dy)`` in the moving image. The mean
    agreement over the pixels valid in both is compared at all whole shifts; a parabola through
    its peak gives the fraction. The score is how many standard deviations of the agreement at other
    shifts, searched or not, the peak rises over their mean. Pixels are finite.

    Returns:
        None where the peak is on the rim of the search, too little is valid, or another shift
        agrees nearly as well, as on a pattern that repeats itself.
    """
    reach = max(search_px + 1, _LEAST_REACH_PX)
    agreement = _agreement(orientation_field(moving), orientation_field(reference), reach)
    searched = slice(reach - search_px - 1, reach + search_px + 2)
    near = agreement[searched, searched]
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    last = near.shape[0] - 1
    if not (0 < row < last and 0 < col < last):
        return None
    around = near[row - 1 : row + 2, col - 1 : col + 2]
    if not np.all(np.isfinite(around)):
        return None
    dx = col + _vertex(around[1]) - search_px - 1
    dy = row + _vertex(around[:, 1]) - search_px - 1
    background = np.isfinite(agreement)
    peak = int(row) + searched.start, int(col) + searched.start
    background[tuple(slice(max(at - _PEAK_PX, 0), at + _PEAK_PX + 1) for at in peak)] = False
    rest = agreement[background]
    spread = float(rest.std()) if rest.size else 0.0
    if spread <= 0:
        return PatchShift(float(dx), float(dy), 0.0)
    height = float(agreement[peak]) - float(rest.mean())
    if float(rest.max()) - float(rest.mean()) > _MOST_SIMILAR * height:
        return None
    score = height / spread
    return PatchShift(float(dx), float(dy), score)


def _agreement(
    moving: NDArray[np.complex64], reference: NDArray[np.complex64], reach: int
) -> NDArray[np.float32]:
    """Return the mean agreement (2 reach + 1, the same) by (dy, dx); -inf at too little overlap."""
    shape = [scipy.fft.next_fast_len(side + reach) for side in reference.shape]
    rows, cols = (np.arange(-reach, reach + 1) % side for side in shape)
    shifts = np.ix_(rows, cols)
    spectrum = scipy.fft.fft2(moving, shape) * np.conj(scipy.fft.fft2(reference, shape))
    total = scipy.fft.ifft2(spectrum)[shifts].real
    valid = [(field != 0).astype(np.float32) for field in (moving, reference)]
    counts = scipy.fft.rfft2(valid[0], shape) * np.conj(scipy.fft.rfft2(valid[1], shape))
    overlap = scipy.fft.irfft2(counts, shape)[shifts]
    least = _LEAST_OVERLAP * min(float(valid[0].sum()), float(valid[1].sum()))
    enough = overlap > max(least, 1.0)
    return np.where(enough, total / np.maximum(overlap, 1), -np.inf).astype(np.float32)


def _vertex(three: NDArray[np.float32]) -> float:
    """Return where between -0.5 and 0.5 a parabola through three values has its maximum."""
    before, at, after = three.tolist()
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def feature_of(pixels: Pixels, feature: MatchFeature) -> Pixels:
    """Return what is aligned: the pixels, or the length of the gradient of the smoothed pixels."""
    if feature is MatchFeature.INTENSITY:
        return pixels
    smooth = cv2.GaussianBlur(pixels, (0, 0), _SMOOTHING_PX)
    return cv2.magnitude(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    ).astype(np.float32)


def fine_shift(
    moving: ImagePatch, reference: ImagePatch, start: tuple[float, float], feature: MatchFeature
) -> tuple[float, float] | None:
    """Refine a shift by Gauss-Newton steps on the difference of the two images.

    Unknowns are the shift, a gain and an offset, by least squares (Lucas and Kanade 1981). For
    gradients, Cauchy weights suppress what changed between the two; intensities, which are for
    images of one instant, all count the same, as the weights would suppress the edges. The moving
    image is interpolated by a sinc of 8 taps: shorter kernels draw the result towards whole pixels.

    Returns:
        The shift (dx, dy) in pixels, as ``start``; None where nothing is left to compare, or the
        steps lead more than 1.5 px away from ``start``.
    """
    whole = (round(start[0]), round(start[1]))
    here, there = [], []
    for by, side in zip(whole[::-1], reference.shape, strict=True):
        here.append(slice(max(-by, 0), side - max(by, 0)))
        there.append(slice(max(by, 0), side - max(-by, 0)))
    overlap = moving.crop(*there), reference.crop(*here)
    reach = _FEATURE_REACH_PX[feature]
    valid = erode_valid(overlap[0].valid, reach) & erode_valid(overlap[1].valid, reach)
    valid[:reach] = valid[-reach:] = False
    valid[:, :reach] = valid[:, -reach:] = False
    if np.count_nonzero(valid) < _LEAST_PIXELS:
        return None
    moved, fixed = (feature_of(np.ascontiguousarray(one.pixels), feature) for one in overlap)
    begin = np.subtract(start, whole)
    fraction, weights = begin.copy(), valid.astype(np.float32)
    for _ in range(_MAX_ITERATIONS):
        step, error = _newton_step(moved, fixed, fraction, weights[valid], valid)
        if feature is MatchFeature.GRADIENT:
            # Cauchy weights: half where the error is two robust standard deviations
            spread = max(2 * 1.4826 * float(np.median(error)), 1e-12)
            weights[valid] = 1 / (1 + (error / np.float32(spread)) ** 2)
        fraction = fraction + step
        if not np.all(np.abs(fraction - begin) <= _LARGEST_REFINEMENT_PX):
            return None
        if np.abs(step).max() < _CONVERGED_PX:
            break
    dx, dy = (fraction + whole).tolist()
    return dx, dy


def shift_pixels(pixels: Pixels, dx: float, dy: float) -> Pixels:
    """Return the image's value (dx, dy) pixels away from each pixel, the edges repeated."""
    right, across = _sinc(dx)
    down, along = _sinc(dy)
    anchor = (_TAPS - 1, _TAPS - 1)
    shifted: Pixels = cv2.sepFilter2D(
        pixels, cv2.CV_32F, across, along, anchor=anchor, borderType=cv2.BORDER_REPLICATE
    ).astype(np.float32, copy=False)
    return np.roll(shifted, (-down, -right), axis=(0, 1)) if right or down else shifted


def _sinc(shift: float) -> tuple[int, NDArray[np.float64]]:
    """Return whole pixels of a shift, and the Lanczos kernel of the rest."""
    whole = int(np.floor(shift))
    at = shift - whole - np.arange(1 - _TAPS, _TAPS + 1)
    kernel = np.sinc(at) * np.sinc(at / _TAPS)
    return whole, kernel / kernel.sum()


def _newton_step(
    moving: Pixels,
    reference: Pixels,
    fraction: NDArray[np.float64],
    weights: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the next step (dx, dy), and the error it leaves at the valid pixels (n,).

    Solves ``moving(p + d) + gradient . step = gain reference(p) + offset``.
    """
    aligned = shift_pixels(moving, *fraction.tolist())
    slopes = [
        cv2.filter2D(aligned, cv2.CV_32F, kernel)[valid] for kernel in (_DERIVATIVE, _DERIVATIVE.T)
    ]
    fixed, target = reference[valid], aligned[valid]
    columns = np.stack([-slopes[0], -slopes[1], fixed, np.ones_like(fixed)])
    weighted = columns * weights
    normal = (weighted @ columns.T).astype(np.float64)
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), 1e-30))
    solved = np.linalg.lstsq(normal * np.outer(scale, scale), (weighted @ target) * scale)[0]
    solution = solved * scale
    return solution[:2], np.abs(target - solution.astype(np.float32) @ columns)


def _centred(patch: ImagePatch, least_valid: float) -> ImagePatch | None:
    """Return a patch of mean 0, 0 where not valid; None where it is mostly invalid, or constant."""
    known = patch.valid & np.isfinite(patch.pixels)
    if known.mean() < least_valid:
        return None
    values = patch.pixels[known]
    if values.min() == values.max():
        return None
    mean = np.float32(values.mean(dtype=np.float64))
    return ImagePatch(np.where(known, patch.pixels - mean, 0).astype(np.float32, copy=False), known)
