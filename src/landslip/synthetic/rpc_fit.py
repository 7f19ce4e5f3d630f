"""Fit of a rational polynomial model (RPC) to a physical camera."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.synthetic.camera import PushbroomCamera

_GRID = (15, 15, 7)
_ITERATIONS = 4
_RIDGE = 1e-9
_MAX_RESIDUAL_PX = 0.02

Values = NDArray[np.float64]


class FittedRPC(NamedTuple):
    """An RPC, and its largest residual between the points it was fitted to, in pixels."""

    rpc: RPC
    worst_px: float


def fit_rpc(camera: PushbroomCamera, height_range_m: tuple[float, float]) -> FittedRPC:
    """Fit all 80 coefficients on a grid of image points and ellipsoidal heights.

    Least squares, linearised by the denominators of the round before and held by a small ridge: Tao
    & Hu (2001), Photogrammetric Engineering & Remote Sensing 67(12), 1347-1357.

    Raises:
        InputError: a residual is over 0.02 px, as with a fast wobble.
    """
    points, height = _grid(camera, height_range_m, _GRID)
    ground = np.column_stack([camera.locate(points, height), height])
    offset, scale = _offset_and_scale(ground)
    terms = _terms((ground - offset) / scale)
    file_points = points - 0.5
    image_offset, image_scale = _offset_and_scale(file_points)
    samp, line = ((file_points - image_offset) / image_scale).T
    numerators, denominators = zip(_ratio(terms, line), _ratio(terms, samp), strict=True)
    axes = ("samp", "line", "lon", "lat", "height")
    offsets = zip(axes, (*image_offset.tolist(), *offset.tolist()), strict=True)
    scales = zip(axes, (*image_scale.tolist(), *scale.tolist()), strict=True)
    rpc = RPC(
        **{f"{axis}_off": value for axis, value in offsets},
        **{f"{axis}_scale": value for axis, value in scales},
        line_num=tuple(numerators[0].tolist()),
        line_den=tuple(denominators[0].tolist()),
        samp_num=tuple(numerators[1].tolist()),
        samp_den=tuple(denominators[1].tolist()),
    )
    worst = residual_px(rpc, camera, height_range_m)
    if worst > _MAX_RESIDUAL_PX:
        raise InputError(
            f"an RPC must follow its camera within {_MAX_RESIDUAL_PX} px and this one misses it "
            f"by {worst:.3f} px; make the wobble smaller or slower"
        )
    return FittedRPC(rpc, worst)


def residual_px(rpc: RPC, camera: PushbroomCamera, height_range_m: tuple[float, float]) -> float:
    """Return the largest distance of an RPC from a camera, on a grid of its own, in pixels."""
    points, height = _grid(camera, height_range_m, (26, 34, 12))
    residuals = rpc.project(camera.locate(points, height), height) - points
    return float(np.hypot(*residuals.T).max())


def _grid(
    camera: PushbroomCamera, height_range_m: tuple[float, float], counts: tuple[int, int, int]
) -> tuple[Values, Values]:
    """Return image points (n, 2) and heights (n,) over the range of the model."""
    cols = np.linspace(0, camera.shape[1], counts[0])
    rows = np.linspace(0, camera.shape[0], counts[1])
    low, high = height_range_m
    heights = np.linspace(low, max(high, low + 100), counts[2])
    col, row, height = (part.ravel() for part in np.meshgrid(cols, rows, heights))
    return np.column_stack([col, row]), height


def _offset_and_scale(values: Values) -> tuple[Values, Values]:
    low, high = values.min(axis=0), values.max(axis=0)
    return (low + high) / 2, (high - low) / 2


def _ratio(terms: Values, values: Values) -> tuple[Values, Values]:
    """Return numerator and denominator (20 each, the first of the denominator 1) of a ratio."""
    weight = np.ones_like(values)
    for _ in range(_ITERATIONS):
        design = np.hstack([terms, -values[:, np.newaxis] * terms[:, 1:]]) * weight[:, np.newaxis]
        ridge = np.sqrt(_RIDGE) * np.eye(39)
        solution = np.linalg.lstsq(
            np.vstack([design, ridge]), np.append(values * weight, np.zeros(39)), rcond=None
        )[0]
        denominator = np.append(1.0, solution[20:])
        weight = 1 / (terms @ denominator)
    return solution[:20], denominator


def _terms(normalised: Values) -> Values:
    """Return the terms (n, 20) of RPC00B of normalised longitude, latitude and height (n, 3)."""
    lon, lat, h = normalised.T
    one = np.ones_like(lon)
    first = [one, lon, lat, h, lon * lat, lon * h, lat * h, lon**2, lat**2, h**2]
    third = [lat * lon * h, lon**3, lon * lat**2, lon * h**2, lon**2 * lat]
    last = [lat**3, lat * h**2, lon**2 * h, lat**2 * h, h**3]
    return np.column_stack(first + third + last)
