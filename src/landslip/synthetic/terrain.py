"""Terrain of the synthetic valley: a river between eroded mountains, and sunlight on them."""

import functools
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.noise import Field, blurred, fractal_noise, ramp

SKY_FRACTION = 0.40
_COARSE_PX = 16
_MEDIAN_SLOPE_DEG = 31.0
_DETAIL_M = 1.2
_PLAIN_M = (60.0, 160.0)
_STREAM_CELLS = 50
_AREA_EXPONENT = 0.45
_HILLSLOPE_CELLS = 0.7
_SHADOW_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTerrain:
    """Terrain, all fields (height, width) float32.

    ``height_m`` is above the river; ``slope_deg`` leaves out details under some 10 m; ``downslope``
    (2: x and y, height, width) are unit vectors in pixels; ``river_m`` is the distance from the
    river's middle line and ``plain_m`` half the width of the valley floor there; ``streams`` are
    (n, 2: x and y) in pixels.
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
) -> SyntheticTerrain:
    """Make a valley of a shape that is a multiple of 16."""
    # the distance from a winding line down the middle
    cols = shape[1] * (0.5 + 0.07 * _smooth_line(shape[0], 160.0, generator))
    away = np.ones(shape, dtype=np.bool_)
    away[np.arange(shape[0]), np.clip(np.rint(cols), 0, shape[1] - 1).astype(int)] = False
    river_m = ndimage.distance_transform_edt(away).astype(np.float32) * resolution_m
    low, high = _PLAIN_M
    width = low + (high - low) * ramp(_smooth_line(shape[0], 90.0, generator), -1.2, 1.2)
    plain_m = np.broadcast_to(width[:, np.newaxis], shape)
    base = (river_m < plain_m)[_COARSE_PX // 2 :: _COARSE_PX, _COARSE_PX // 2 :: _COARSE_PX]
    start = fractal_noise(base.shape, generator, largest_px=64, exponent=1.5).astype(np.float64)
    softness = np.exp(0.4 * fractal_noise(base.shape, generator, largest_px=16, exponent=0.5))
    coarse, paths = erode(4 + 2 * start, base, softness)
    streams = []
    for cells in paths.streams(_STREAM_CELLS):
        row, col = np.divmod(cells, base.shape[1])
        steps = np.linspace(0, len(cells) - 1, 8 * len(cells))
        line = np.column_stack([np.interp(steps, np.arange(len(cells)), at) for at in (col, row)])
        smooth = ndimage.gaussian_filter1d(line, 6, axis=0, mode="nearest")
        streams.append((smooth + 0.5) * _COARSE_PX)
    detail = fractal_noise(shape, generator, largest_px=60, smallest_px=4, exponent=1.9)
    fine: Field = ndimage.zoom(
        coarse.astype(np.float32), _COARSE_PX, order=3, mode="nearest", grid_mode=True
    )
    # scaled so that mountains have the median slope that is wanted
    slope, _ = slope_and_direction(blurred(fine, 3), resolution_m)
    steepness = np.tan(np.radians(np.median(slope[fine > np.median(fine) / 4])))
    scale = np.float32(np.tan(np.radians(_MEDIAN_SLOPE_DEG)) / steepness)
    height = fine * scale + _DETAIL_M * detail
    height = height * ramp(river_m, plain_m - 10, plain_m + 50)
    slope, downslope = slope_and_direction(blurred(height, 3), resolution_m)
    return SyntheticTerrain(
        height_m=height,
        slope_deg=slope,
        downslope=downslope,
        river_m=river_m,
        plain_m=plain_m,
        streams=tuple(streams),
        resolution_m=resolution_m,
    )


def slope_and_direction(height_m: Field, resolution_m: float) -> tuple[Field, Field]:
    """Return the slope in degrees and unit vectors (x, y in pixels) down it, 0 on the level."""
    down_y, down_x = (-step for step in np.gradient(height_m, resolution_m))
    steepness = np.hypot(down_x, down_y)
    unit = np.stack([down_x, down_y]) / np.maximum(steepness, 1e-6)
    return np.degrees(np.arctan(steepness)).astype(np.float32), unit.astype(np.float32)


def _smooth_line(length: int, sigma_px: float, generator: np.random.Generator) -> Field:
    line = ndimage.gaussian_filter1d(generator.standard_normal(length), sigma_px, mode="wrap")
    normalised: Field = ((line - line.mean()) / line.std()).astype(np.float32)
    return normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Drainage:
    """Where the water of each cell goes; cells are numbered row by row.

    ``order`` has each cell after the one it drains to, its ``receiver``; base cells drain to
    themselves.
    """

    order: list[int]
    receiver: list[int]

    def drained_cells(self) -> list[int]:
        """Return how many cells drain through each cell, itself included."""
        drained = [1] * len(self.order)
        for cell in reversed(self.order):
            if self.receiver[cell] != cell:
                drained[self.receiver[cell]] += drained[cell]
        return drained

    def streams(self, min_cells: int) -> list[list[int]]:
        """Return the cells of each stream, from where ``min_cells`` drain through a cell."""
        drained = self.drained_cells()
        wet = [cell for cell in self.order if drained[cell] >= min_cells]
        fed = {self.receiver[cell] for cell in wet}
        streams = [[cell] for cell in wet if cell not in fed]
        for stream in streams:
            while self.receiver[stream[-1]] != stream[-1]:
                stream.append(self.receiver[stream[-1]])
        return streams


def drainage(height: NDArray[np.float64], base: NDArray[np.bool_]) -> Drainage:
    """Find where water runs on a surface (height, width), given the cells that it runs to.

    Cells are flooded from the base upwards, so that water leaves pits over their lowest rim:
    priority-flood of Barnes, Lehman & Mulla (2014), doi 10.1016/j.cageo.2013.04.024.
    """
    neighbours = _neighbours(*height.shape)
    level = height.ravel().tolist()
    visited = base.ravel().tolist()
    receiver = list(range(height.size))
    heap = [(level[cell], cell) for cell in np.flatnonzero(base).tolist()]
    heapq.heapify(heap)
    order = []
    while heap:
        flood, cell = heapq.heappop(heap)
        order.append(cell)
        for other in neighbours[cell]:
            if not visited[other]:
                visited[other] = True
                receiver[other] = cell
                heapq.heappush(heap, (max(level[other], flood), other))
    return Drainage(order=order, receiver=receiver)


def erode(
    start: NDArray[np.float64],
    base: NDArray[np.bool_],
    softness: NDArray[np.float64],
    *,
    steps: int = 30,
) -> tuple[NDArray[np.float64], Drainage]:
    """Raise a surface (height, width) and let water cut into it until both are in balance.

    Base cells stay at 0. Erosion goes with softness, slope, and drained area to the power of 0.45,
    solved implicitly: Braun & Willett (2013), doi 10.1016/j.geomorph.2012.10.008, eq. 22; each step
    also smooths slopes a little, as creep does.

    Returns:
        Height in units of the rise of a step, and where its water runs.
    """
    height = np.where(base, 0.0, start)
    for _ in range(steps):
        paths = drainage(height, base)
        drained = np.array(paths.drained_cells(), dtype=np.float64)
        power = (softness.ravel() * drained**_AREA_EXPONENT).tolist()
        level = (height + ~base).ravel().tolist()
        for cell in paths.order:
            below = paths.receiver[cell]
            if below != cell:
                level[cell] = (level[cell] + power[cell] * level[below]) / (1 + power[cell])
        cut = np.array(level).reshape(height.shape)
        height = np.where(base, 0.0, ndimage.gaussian_filter(cut, _HILLSLOPE_CELLS))
    return height, paths


@functools.lru_cache(maxsize=1)
def _neighbours(rows: int, cols: int) -> Sequence[Sequence[int]]:
    """Return the cells around each cell, and itself."""
    return [
        [
            near_row * cols + near_col
            for near_row in range(max(row - 1, 0), min(row + 2, rows))
            for near_col in range(max(col - 1, 0), min(col + 2, cols))
        ]
        for row in range(rows)
        for col in range(cols)
    ]


def sun_direction(sun: SunPosition) -> tuple[float, float]:
    """Return the unit vector (x, y) in pixel coordinates, y downwards, that points to the sun."""
    azimuth = np.radians(sun.azimuth_deg)
    return float(np.sin(azimuth)), float(-np.cos(azimuth))


def illumination(height_m: Field, resolution_m: float, sun: SunPosition) -> Field:
    """Return the light (height, width) on the terrain, 1 being that of level ground in the sun.

    Direct light goes with the cosine of the angle of incidence and is missing in cast shadows; the
    sky adds the same everywhere.
    """
    fall_y, fall_x = np.gradient(height_m, resolution_m)
    elevation = np.radians(sun.elevation_deg)
    x, y = sun_direction(sun)
    level = np.sin(elevation)
    facing = level - (fall_x * x + fall_y * y) * np.cos(elevation)
    cosine = np.maximum(facing, 0) / np.sqrt(1 + fall_x**2 + fall_y**2)
    direct = cosine / level * (1 - cast_shadow(height_m, resolution_m, sun))
    light: Field = (SKY_FRACTION + (1 - SKY_FRACTION) * direct).astype(np.float32)
    return light


def cast_shadow(height_m: Field, resolution_m: float, sun: SunPosition) -> Field:
    """Return the fraction of the sun (height, width, 0 to 1) that mountains around hide."""
    coarse = blurred(height_m, 1.5)[::_SHADOW_PX, ::_SHADOW_PX]
    rise_m = _SHADOW_PX * resolution_m * np.tan(np.radians(sun.elevation_deg))
    x, y = sun_direction(sun)
    height, width = coarse.shape
    shaded = np.zeros(coarse.shape, dtype=np.bool_)
    for step in range(1, int((coarse.max() - coarse.min()) / rise_m) + 2):
        rows = np.clip(np.arange(height) + round(step * y), 0, height - 1)
        cols = np.clip(np.arange(width) + round(step * x), 0, width - 1)
        shaded |= coarse[np.ix_(rows, cols)] - step * rise_m > coarse + 0.5
    zoom = [full / part for full, part in zip(height_m.shape, coarse.shape, strict=True)]
    fine = ndimage.zoom(shaded.astype(np.float32), zoom, order=1, mode="nearest", grid_mode=True)
    shadow: Field = np.clip((fine - 0.3) / 0.4, 0, 1)
    return shadow
