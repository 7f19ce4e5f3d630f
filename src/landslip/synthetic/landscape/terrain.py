"""The ground of the made-up valley: a river from north to south between eroded mountains."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.synthetic.landscape.erosion import eroded
from landslip.synthetic.landscape.noise import Field, blurred, fractal_noise, ramp

_COARSE_PX = 16
_MEDIAN_SLOPE_DEG = 31.0
_DETAIL_M = 1.2
_PLAIN_M = (60.0, 160.0)
_STREAM_CELLS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """The ground, all fields (height, width) float32.

    Attributes:
        height_m: above the river.
        slope_deg: steepness, without details smaller than some 10 m.
        downslope: (2: x and y, height, width) unit vectors in pixel coordinates, where water runs.
        river_m: distance from the river's middle line.
        plain_m: half the width of the valley floor there.
        streams: the way of each side stream, (n, 2: x and y) in pixels.
        resolution_m: side of a pixel.
    """

    height_m: Field
    slope_deg: Field
    downslope: Field
    river_m: Field
    plain_m: Field
    streams: tuple[NDArray[np.float64], ...]
    resolution_m: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.river_m.shape[0], self.river_m.shape[1]


def make_terrain(
    shape: tuple[int, int], resolution_m: float, generator: np.random.Generator
) -> Terrain:
    """Make a valley of a shape that is a multiple of 16."""
    river_m = _river_distance(shape, generator) * resolution_m
    plain_m = _plain_width(shape, generator)
    coarse, streams = _mountains(river_m < plain_m, generator)
    detail = fractal_noise(shape, generator, largest_px=60, smallest_px=4, exponent=1.9)
    height = _rescaled(_enlarged(coarse), resolution_m) + _DETAIL_M * detail
    height = height * ramp(river_m, plain_m - 10, plain_m + 50)
    slope, downslope = slope_and_direction(blurred(height, 3), resolution_m)
    return Terrain(
        height_m=height,
        slope_deg=slope,
        downslope=downslope,
        river_m=river_m,
        plain_m=plain_m,
        streams=streams,
        resolution_m=resolution_m,
    )


def slope_and_direction(height_m: Field, resolution_m: float) -> tuple[Field, Field]:
    """Return the slope in degrees and the unit vectors (x and y, in pixels) that point down it.

    Where the ground is level the vector is 0.
    """
    down_y, down_x = (-step for step in np.gradient(height_m, resolution_m))
    steepness = np.hypot(down_x, down_y)
    unit = np.stack([down_x, down_y]) / np.maximum(steepness, 1e-6)
    return np.degrees(np.arctan(steepness)).astype(np.float32), unit.astype(np.float32)


def _river_distance(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Return the distance from a winding line down the middle, in pixels."""
    rows = np.arange(shape[0])
    bend = _smooth_line(shape[0], 160.0, generator)
    cols = shape[1] * (0.5 + 0.07 * bend)
    away = np.ones(shape, dtype=np.bool_)
    away[rows, np.clip(np.rint(cols), 0, shape[1] - 1).astype(int)] = False
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(away)
    return distance.astype(np.float32)


def _plain_width(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    low, high = _PLAIN_M
    width = low + (high - low) * ramp(_smooth_line(shape[0], 90.0, generator), -1.2, 1.2)
    return np.broadcast_to(width[:, np.newaxis], shape)


def _smooth_line(length: int, sigma_px: float, generator: np.random.Generator) -> Field:
    line = ndimage.gaussian_filter1d(generator.standard_normal(length), sigma_px, mode="wrap")
    normalised: Field = ((line - line.mean()) / line.std()).astype(np.float32)
    return normalised


def _mountains(
    plain: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], ...]]:
    """Return coarse heights in some unit, and the ways of streams."""
    base = plain[_COARSE_PX // 2 :: _COARSE_PX, _COARSE_PX // 2 :: _COARSE_PX]
    start = fractal_noise(base.shape, generator, largest_px=64, exponent=1.5).astype(np.float64)
    softness = np.exp(0.4 * fractal_noise(base.shape, generator, largest_px=16, exponent=0.5))
    height, paths = eroded(4 + 2 * start, base, softness)
    ways = [np.divmod(way, base.shape[1]) for way in paths.streams(_STREAM_CELLS)]
    return height, tuple(_smooth_way(np.column_stack([col, row])) for row, col in ways)


def _smooth_way(cells: NDArray[np.intp]) -> NDArray[np.float64]:
    """Turn a way from coarse cell to cell into a smooth line in pixels."""
    steps = np.linspace(0, len(cells) - 1, 8 * len(cells))
    at = np.column_stack([np.interp(steps, np.arange(len(cells)), axis) for axis in cells.T])
    line: NDArray[np.float64] = ndimage.gaussian_filter1d(at, 6, axis=0, mode="nearest")
    return (line + 0.5) * _COARSE_PX


def _rescaled(height: Field, resolution_m: float) -> Field:
    """Stretch heights so that mountains have the median slope that is wanted."""
    slope, _ = slope_and_direction(blurred(height, 3), resolution_m)
    steepness = np.tan(np.radians(np.median(slope[height > np.median(height) / 4])))
    stretched: Field = height * np.float32(np.tan(np.radians(_MEDIAN_SLOPE_DEG)) / steepness)
    return stretched


def _enlarged(coarse: NDArray[np.float64]) -> Field:
    fine: Field = ndimage.zoom(
        coarse.astype(np.float32), _COARSE_PX, order=3, mode="nearest", grid_mode=True
    )
    return fine
