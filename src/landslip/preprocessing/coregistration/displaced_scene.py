"""Grids that share the corners of each other's pixels, and the way from one grid to another."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window, tile_windows
from landslip.io.raster import Scene
from landslip.preprocessing.coregistration.tie_points import Pixels, Points, Valid

Displacement = Callable[[Points], Points]
_INVERSION_ROUNDS = 3  # displacements change by far less than a pixel from pixel to pixel
_SIDE_POINTS = 33
# pixels of nearly one size count as equal
_SIZE_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDisplacement:
    """Where to look in a scene: ``displacement`` further on than its georeferencing says.

    Attributes:
        frame: the grid in whose pixel coordinates displacements are given and measured.
        displacement: shifts (n, 2) at points (n, 2); None for none.
    """

    frame: Grid
    displacement: Displacement | None = None

    def done(self, points: Points) -> Points:
        """Return where things at points (n, 2) of the frame are said to be."""
        return points if self.displacement is None else points + self.displacement(points)

    def undone(self, said: Points) -> Points:
        """Return where things are that are said to be at points (n, 2) of the frame."""
        points = said
        for _ in range(_INVERSION_ROUNDS if self.displacement is not None else 0):
            points = said - (self.done(points) - points)
        return points


class PixelTransform:
    """The way from pixel coordinates of one grid to those of another one."""

    def __init__(self, source: Grid, target: Grid) -> None:
        """Both grids have a coordinate system, or neither has."""
        self._there = source.transform
        self._back = ~target.transform
        self._between = None
        if source.crs is not None and target.crs is not None and source.crs != target.crs:
            here, there = (pyproj.CRS(crs.to_wkt()) for crs in (source.crs, target.crs))
            self._between = pyproj.Transformer.from_crs(here, there, always_xy=True)

    def __call__(self, points: Points) -> Points:
        """Map (n, 2) pixel coordinates (column, row); not finite where there is no way."""
        ground = map_points(self._there, points)
        if self._between is not None:
            ground = np.column_stack(self._between.transform(ground[:, 0], ground[:, 1]))
        with np.errstate(invalid="ignore"):  # of what has no place: infinite
            return map_points(self._back, ground)


def pixel_ratio(moving: Grid, reference: Grid) -> float:
    """Return how many pixels of the reference are as wide as one of the moving grid's centre."""
    middle = np.array(moving.shape[::-1]) / 2
    steps = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float64)
    origin, right, down = PixelTransform(moving, reference)(middle + steps)
    a, c = right - origin
    b, d = down - origin
    return math.sqrt(abs(float(a * d - b * c)))


def matching_grid(moving: Grid, reference: Grid) -> Grid:
    """Return the reference's grid, coarsened by a whole number where the moving one is coarser."""
    return reference.coarser(_whole_times(pixel_ratio(moving, reference)), covering=True)


def output_grid(moving: Grid, reference: Grid, moved: SceneDisplacement | None = None) -> Grid:
    """Return a grid on the reference's lattice that covers the moving grid, once it is moved.

    Its pixels are the reference's where the two are of one size. Where the moving grid is finer,
    each of the reference's pixels is divided into a whole number of them; where it is coarser, they
    are a whole number of the reference's: always the largest that are not coarser than the moving
    grid's by more than a tenth.
    """
    ratio = pixel_ratio(moving, reference)
    if ratio >= 1:
        lattice = reference.coarser(_whole_times(ratio), covering=True)
    else:
        lattice = reference.finer(max(math.ceil(1 / ratio - _SIZE_TOLERANCE), 1))
    return lattice.at(footprint(moving, lattice, moved))


def footprint(grid: Grid, lattice: Grid, moved: SceneDisplacement | None = None) -> Window:
    """Return the smallest window of another grid that holds a grid's outline, once it is moved."""
    moved = moved or SceneDisplacement(frame=lattice)
    height, width = grid.shape
    along = np.linspace(0, 1, _SIDE_POINTS)
    zero, one = np.zeros_like(along), np.ones_like(along)
    cols = np.concatenate([along, along, zero, one]) * width
    rows = np.concatenate([zero, one, along, along]) * height
    said = PixelTransform(grid, moved.frame)(np.column_stack([cols, rows]))
    said = said[np.all(np.isfinite(said), axis=1)]
    if len(said) == 0:
        return Window(-1, -1, 1, 1)  # nowhere on the lattice
    seen = map_points(~lattice.transform @ moved.frame.transform, moved.undone(said))
    # outlines on a pixel's edge, but for rounding, do not reach into the next pixel
    low, high = np.floor(seen.min(axis=0) + 1e-6), np.ceil(seen.max(axis=0) - 1e-6)
    size = np.maximum(high - low, 1)
    return Window(int(low[0]), int(low[1]), int(size[0]), int(size[1]))


def _whole_times(ratio: float) -> int:
    return max(math.floor(ratio + _SIZE_TOLERANCE), 1)


_NODE_PX = 16
_REACH_PX = 2  # of the cubic kernel
_SAMPLES = 1024  # along each axis at a time, whatever the window


class DisplacedScene:
    """An open scene seen on a grid by cubic convolution. Several threads may read."""

    def __init__(
        self, scene: Scene, grid: Grid, moved: SceneDisplacement, oversampling: int = 1
    ) -> None:
        """Look at a scene; nothing is read yet.

        Args:
            scene: what is seen.
            grid: where its pixels are wanted; of the same coordinate system as the frame.
            moved: how the scene is displaced.
            oversampling: samples along each axis whose mean a pixel is, for grids coarser than the
                scene.
        """
        self._scene = scene
        self._one_at_a_time = threading.Lock()
        self._times = oversampling
        self._grid = grid.finer(oversampling)
        self._to_frame = ~moved.frame.transform @ self._grid.transform
        self._moved = moved
        self._to_scene = PixelTransform(moved.frame, scene.grid)

    def read(self, window: Window, bands: Bands | None = None) -> tuple[Pixels, Valid]:
        """Return stored numbers (bands, height, width) as float32, and where they are valid.

        Raises:
            InputError: the file cannot be read there.
        """
        return self._read(window, bands, as_mean=False)

    def read_mean(self, window: Window, bands: Bands | None = None) -> tuple[Pixels, Valid]:
        """Return the mean (height, width) of some bands, and where it is valid.

        Raises:
            InputError: the file cannot be read there.
        """
        values, valid = self._read(window, bands, as_mean=True)
        return values[0], valid

    def places(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the columns and rows (height, width) of the scene that a window's pixels show.

        Computed at every 16th pixel and interpolated linearly: coordinate systems and displacement
        fields bend by far less than a thousandth of a pixel over that.
        """
        cols, rows = (
            np.linspace(0, side, -(-side // _NODE_PX) + 1) for side in (window.width, window.height)
        )
        nodes = np.stack(np.meshgrid(cols, rows), axis=-1)
        points = np.add(nodes.reshape(-1, 2), (window.col_off, window.row_off))
        points = self._moved.done(map_points(self._to_frame, points))
        seen = self._to_scene(points).reshape(nodes.shape)
        col, row = (
            _spread(_spread(seen[..., axis], window.height).T, window.width).T for axis in (0, 1)
        )
        return col, row

    def _read(self, window: Window, bands: Bands | None, *, as_mean: bool) -> tuple[Pixels, Valid]:
        """Go over a window in parts of bounded size."""
        count = 1 if as_mean else len(bands or self._scene.bands)
        values = np.zeros((count, *window.shape), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=np.bool_)
        for tile in tile_windows(window.shape, max(_SAMPLES // self._times, 1)):
            part = tile.clipped(window.shape) or tile
            rows, cols = part.slices_in(Window(0, 0, window.width, window.height))
            fine = _times(self._times, window, part)
            samples, known = self._sampled(fine, bands, as_mean=as_mean)
            if self._times > 1:
                samples, known = block_means(samples, known, self._times)
            values[:, rows, cols], valid[rows, cols] = samples, known
        return values, valid

    def _sampled(
        self, window: Window, bands: Bands | None, *, as_mean: bool
    ) -> tuple[Pixels, Valid]:
        cols, rows = self.places(window)
        source = _source(cols, rows, self._scene.grid.shape)
        if source is None:
            return np.zeros((1, *window.shape), np.float32), np.zeros(window.shape, np.bool_)
        with self._one_at_a_time:
            stored, known = self._scene.read(source, bands)
        if as_mean:  # before the resampling rather than after it: the same, but for one band
            stored = stored.mean(axis=0, dtype=np.float32, keepdims=True)
        # from outer corners to pixel centres at whole numbers, as OpenCV counts
        at_cols = (cols - source.col_off - 0.5).astype(np.float32)
        at_rows = (rows - source.row_off - 0.5).astype(np.float32)
        weight = cv2.remap(known.astype(np.float32), at_cols, at_rows, cv2.INTER_LINEAR)
        values = [
            cv2.remap(
                extend_edges(pixels.astype(np.float32), known),
                at_cols,
                at_rows,
                cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for pixels in stored
        ]
        return np.stack(values).astype(np.float32), np.asarray(weight >= 0.5, dtype=np.bool_)


def _times(times: int, window: Window, part: Window) -> Window:
    """Return a part of a window, placed on pixels a ``times``-th as wide."""
    return Window(
        (window.col_off + part.col_off) * times,
        (window.row_off + part.row_off) * times,
        part.width * times,
        part.height * times,
    )


def extend_edges(pixels: Pixels, valid: Valid) -> Pixels:
    """Return pixels with those not valid, and within reach of the kernel, continued from the rest.

    Each takes the mean of the valid ones within two pixels, and 0 where there are none.
    """
    if valid.all():
        return pixels
    size = (2 * _REACH_PX + 1,) * 2
    sums = cv2.boxFilter(np.where(valid, pixels, np.float32(0)), cv2.CV_32F, size, normalize=False)
    counts = cv2.boxFilter(valid.astype(np.float32), cv2.CV_32F, size, normalize=False)
    return np.where(valid, pixels, sums / np.maximum(counts, 1)).astype(np.float32)


def block_means(values: Pixels, valid: Valid, times: int) -> tuple[Pixels, Valid]:
    """Return the means of the valid ones of blocks, valid where at least half of a block is."""
    count, height, width = values.shape
    blocks = (height // times, times, width // times, times)
    weights = valid.reshape(blocks).sum(axis=(1, 3), dtype=np.float32)
    known = np.where(valid, values, np.float32(0)).reshape(count, *blocks)
    means = known.sum(axis=(2, 4)) / np.maximum(weights, 1)
    return means.astype(np.float32), weights >= times * times / 2


def _source(
    cols: NDArray[np.float64], rows: NDArray[np.float64], shape: tuple[int, int]
) -> Window | None:
    """Return the window of a scene that shows these places, with a margin; None for none."""
    reach = _REACH_PX + 1
    height, width = shape
    inside = (cols > -reach) & (cols < width + reach) & (rows > -reach) & (rows < height + reach)
    if not inside.any():
        return None
    left, top = int(cols[inside].min()) - reach, int(rows[inside].min()) - reach
    right, bottom = int(cols[inside].max()) + reach + 1, int(rows[inside].max()) + reach + 1
    return Window(left, top, right - left, bottom - top)


def _spread(nodes: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Interpolate linearly along the first axis, from nodes to ``length`` pixel centres."""
    last = len(nodes) - 1
    at = (np.arange(length) + 0.5) / length * last
    first = np.minimum(at.astype(np.intp), last - 1)
    share = (at - first)[:, np.newaxis]
    between: NDArray[np.float64] = nodes[first] * (1 - share) + nodes[first + 1] * share
    return between
