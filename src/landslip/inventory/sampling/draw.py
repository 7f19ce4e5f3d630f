"""Draws pixels at random within strata: one pass counts them, a second finds those drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.geometries import AreaMeasure
from landslip.core.grid import Grid, map_points
from landslip.core.map_distances import pixel_axes_m
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.inventory.sampling.source_map import SourceMap
from landslip.inventory.sampling.strata import Codes, Stratification

WINDOW_PX = 1024
MAX_MARGIN_PX = 512  # so that a window with its margin fits into some ten MB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StratumCounts:
    """Pixels of each stratum in each window (windows, strata), and a pixel's area in m² there."""

    windows: Sequence[Window]
    pixels: NDArray[np.int64]
    pixel_m2: NDArray[np.float64]

    @property
    def areas_m2(self) -> NDArray[np.float64]:
        """Area of each stratum (strata,)."""
        areas: NDArray[np.float64] = self.pixel_m2 @ self.pixels
        return areas


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnPixels:
    """Pixels (n,) that were drawn, in a random order.

    Attributes:
        stratum: index of the stratum of each.
        row: in the map's grid.
        col: in the map's grid.
        mapped: whether the map has it as landslide.
        pixel_m2: its area.
    """

    stratum: NDArray[np.int64]
    row: NDArray[np.int64]
    col: NDArray[np.int64]
    mapped: NDArray[np.bool_]
    pixel_m2: NDArray[np.float64]


def count_strata(
    source: SourceMap, stratification: Stratification, progress: Progress = no_progress
) -> StratumCounts:
    """Count the pixels of each stratum, window by window.

    Raises:
        InputError: the map cannot be read, or the buffer is too wide for its pixels.
    """
    grid = source.grid
    windows = [
        inside
        for window in tile_windows(grid.shape, WINDOW_PX)
        if (inside := window.clipped(grid.shape)) is not None
    ]
    strata = len(stratification.strata)
    pixels = np.zeros((len(windows), strata), dtype=np.int64)
    areas = np.zeros(len(windows))
    for at, window in enumerate(windows):
        codes, _ = _stratum_codes(source, stratification, window)
        pixels[at] = np.bincount(codes.ravel(), minlength=256)[:strata]
        areas[at] = _pixel_m2(grid, window)
        progress(at + 1, len(windows))
    return StratumCounts(windows=windows, pixels=pixels, pixel_m2=areas)


def draw_pixels(
    source: SourceMap,
    stratification: Stratification,
    counts: StratumCounts,
    numbers: NDArray[np.int64],
    generator: np.random.Generator,
    progress: Progress = no_progress,
) -> DrawnPixels:
    """Draw pixels of each stratum without replacement, each with the same probability.

    Args:
        source: the map.
        stratification: the one that was counted.
        counts: of the strata.
        numbers: (strata,) how many to draw.
        generator: of the draw, and of the order.
        progress: of windows.
    """
    strata = len(numbers)
    # ranks number the pixels of a stratum from window to window
    starts = np.cumsum(counts.pixels, axis=0) - counts.pixels
    ranks = [
        np.sort(generator.choice(total, number, replace=False, shuffle=False))
        for total, number in zip(counts.pixels.sum(axis=0), numbers, strict=True)
    ]
    found: list[tuple[NDArray[Any], ...]] = []
    for at, window in enumerate(counts.windows):
        here = [
            one[np.searchsorted(one, start) : np.searchsorted(one, start + held)] - start
            for one, start, held in zip(ranks, starts[at], counts.pixels[at], strict=True)
        ]
        if any(map(len, here)):
            codes, mapped = _stratum_codes(source, stratification, window)
            for stratum in range(strata):
                flat = np.flatnonzero(codes.ravel() == stratum)[here[stratum]]
                rows, cols = np.divmod(flat, window.width)
                found.append(
                    (
                        np.full(len(flat), stratum),
                        window.row_off + rows,
                        window.col_off + cols,
                        mapped.ravel()[flat],
                        np.full(len(flat), counts.pixel_m2[at]),
                    )
                )
        progress(at + 1, len(counts.windows))
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = generator.permutation(len(columns[0]))
    stratum_at, row, col, is_mapped, pixel_m2 = (column[order] for column in columns)
    return DrawnPixels(stratum=stratum_at, row=row, col=col, mapped=is_mapped, pixel_m2=pixel_m2)


def pixel_sides_m(grid: Grid) -> tuple[float, float]:
    """Return height and width of a pixel in metres in the middle of a grid on the Earth."""
    axes = pixel_axes_m(grid)
    if axes is None:
        raise ValueError(f"pixels have sides in metres on the Earth alone; got {grid}")
    width, height = np.linalg.norm(axes, axis=1).tolist()
    return height, width


def pixel_centres(grid: Grid, drawn: DrawnPixels) -> NDArray[np.object_]:
    """Return the centres of drawn pixels as points (n,) in map coordinates."""
    places = map_points(grid.transform, np.column_stack([drawn.col + 0.5, drawn.row + 0.5]))
    return np.asarray(shapely.points(places), dtype=object)


def _stratum_codes(
    source: SourceMap, stratification: Stratification, window: Window
) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the strata of a window, and what is mapped as landslide there."""
    step_m = (1.0, 1.0)
    if stratification.buffer_m is not None:
        step_m = pixel_sides_m(source.grid.at(window))
    margin = stratification.margin_px(step_m)
    if margin > MAX_MARGIN_PX:
        raise InputError(
            f"{argument('buffer_m')} is at most {MAX_MARGIN_PX} pixels of the map, about "
            f"{MAX_MARGIN_PX * min(step_m):.0f} m; got {stratification.buffer_m:g}"
        )
    wide = window.padded(margin)
    pixels = source.read(wide)
    inside = window.slices_in(wide)
    return stratification.codes(pixels, step_m)[inside], pixels.landslide[inside]


def _pixel_m2(grid: Grid, window: Window) -> float:
    """Return the mean area of a window's pixels."""
    outline = np.array([shapely.Polygon(grid.corners(window))], dtype=object)
    return float(AreaMeasure(grid.crs).areas_m2(outline)[0]) / (window.width * window.height)
