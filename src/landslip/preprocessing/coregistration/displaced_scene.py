"""A scene resampled once onto another grid, displaced by what registration found.

rasterio's WarpedVRT reprojects, but takes no displacement that varies over the scene.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from landslip.core.bands import Bands
from landslip.core.errors import RegistrationError
from landslip.core.grid import Grid, PixelTransform, edge_points, map_points
from landslip.core.window import Window, tile_windows
from landslip.io.raster import Scene
from landslip.preprocessing.resampling import Flags, NodeLattice, Pixels, Points

Displacement = Callable[[Points], Points]
_INVERSION_ROUNDS = 3  # displacements change by far less than a pixel from pixel to pixel
_POINTS_PER_SIDE = 33
_SIZE_TOLERANCE = 0.1  # pixels of nearly one size count as equal
_NODE_PX = 16
_REACH_PX = 2  # of the cubic kernel
_BLOCK_PX = 1024  # samples along each axis at a time, whatever the window


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDisplacement:
    """How far a scene's georeferencing is off: shifts (n, 2) at points (n, 2), None for none.

    Both are in pixel coordinates of the frame.
    """

    frame: Grid
    displacement: Displacement | None = None

    def apply(self, points: Points) -> Points:
        """Return where the georeferencing puts what is at points (n, 2) of the frame."""
        return points if self.displacement is None else points + self.displacement(points)

    def undo(self, stated: Points) -> Points:
        """Return where what the georeferencing puts at points (n, 2) of the frame really is."""
        points = stated
        for _ in range(_INVERSION_ROUNDS if self.displacement is not None else 0):
            points = stated - (self.apply(points) - points)
        return points


def pixel_ratio(moving: Grid, reference: Grid) -> float:
    """Return how many pixels of the reference are as wide as one of the moving grid's centre."""
    middle = np.array(moving.shape[::-1]) / 2
    steps = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float64)
    origin, right, down = PixelTransform(moving, reference)(middle + steps)
    a, c = right - origin
    b, d = down - origin
    ratio = math.sqrt(abs(float(a * d - b * c)))
    if not 0 < ratio < math.inf:
        raise RegistrationError(
            "the middle of the scene has no place in the coordinate system of the reference; give "
            "scenes of one place"
        )
    return ratio


def matching_grid(moving: Grid, reference: Grid) -> Grid:
    """Return the reference's grid, coarsened by a whole number where the moving one is coarser."""
    ratio = pixel_ratio(moving, reference)
    return reference.coarser(max(math.floor(ratio + _SIZE_TOLERANCE), 1), covering=True)


def output_grid(moving: Grid, reference: Grid, offset: SceneDisplacement | None = None) -> Grid:
    """Return a grid aligned with the reference's that covers the moving grid, once displaced.

    Its pixels are the reference's where the two are of one size. Where the moving grid is finer,
    each of the reference's pixels is divided into a whole number of them; where it is coarser, they
    are a whole number of the reference's: always the largest that are not coarser than the moving
    grid's by more than a tenth.
    """
    divided = max(math.ceil(1 / pixel_ratio(moving, reference) - _SIZE_TOLERANCE), 1)
    aligned = matching_grid(moving, reference).finer(divided)
    return aligned.at(footprint(moving, aligned, offset))


def footprint(grid: Grid, target: Grid, offset: SceneDisplacement | None = None) -> Window:
    """Return the smallest window of another grid that holds a grid's outline, once displaced."""
    offset = offset or SceneDisplacement(frame=target)
    stated = PixelTransform(grid, offset.frame)(edge_points(grid.shape, _POINTS_PER_SIDE))
    stated = stated[np.all(np.isfinite(stated), axis=1)]
    if len(stated) == 0:
        return Window(-1, -1, 1, 1)  # not on the target
    outline = map_points(~target.transform @ offset.frame.transform, offset.undo(stated))
    # outlines on a pixel's edge, but for rounding, do not reach into the next pixel
    low, high = np.floor(outline.min(axis=0) + 1e-6), np.ceil(outline.max(axis=0) - 1e-6)
    size = np.maximum(high - low, 1)
    return Window(int(low[0]), int(low[1]), int(size[0]), int(size[1]))


class DisplacedScene:
    """An open scene on another grid, by cubic convolution. Several threads may read."""

    def __init__(self, scene: Scene, grid: Grid, offset: SceneDisplacement) -> None:
        """Prepare reading pixels of a grid in the coordinate system of the offset's frame.

        Where the grid is coarser than the scene, each is the mean of about as many samples as the
        scene has pixels there.
        """
        self._scene = scene
        self._reading = threading.Lock()
        self._times = max(math.floor(1 / pixel_ratio(scene.grid, grid) + 0.5), 1)
        self._to_frame = ~offset.frame.transform @ grid.finer(self._times).transform
        self._offset = offset
        self._to_scene = PixelTransform(offset.frame, scene.grid)

    @classmethod
    def shifted(
        cls,
        scene: Scene,
        frame: Grid,
        shift_px: tuple[float, float] | None = None,
        *,
        grid: Grid | None = None,
    ) -> "DisplacedScene":
        """Return a scene on a grid, moved as a whole; finer ones are averaged.

        Args:
            scene: open.
            frame: of the shift, which is in its pixels.
            shift_px: what should be at ``p`` is at ``p + shift_px`` (columns, rows).
            grid: of the pixels that are read, in the frame's coordinate system; None: the frame.
        """
        grid = grid or frame
        displacement = None
        if shift_px is not None:
            by = np.array(shift_px)

            def displacement(points: Points) -> Points:
                return np.broadcast_to(by, points.shape)

        return cls(scene, grid, SceneDisplacement(frame=frame, displacement=displacement))

    def read(
        self, window: Window, bands: Bands | None = None, *, as_mean: bool = False
    ) -> tuple[Pixels, Flags]:
        """Return stored numbers (bands, height, width) as float32, and where they are valid.

        They are read in blocks of bounded size; ``as_mean`` returns the mean of the bands (1,
        height, width).
        """
        count = 1 if as_mean else len(bands or self._scene.bands)
        values = np.zeros((count, *window.shape), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=np.bool_)
        for tile in tile_windows(window.shape, max(_BLOCK_PX // self._times, 1)):
            block = tile.clipped(window.shape) or tile
            rows, cols = block.slices_in(Window(0, 0, window.width, window.height))
            fine = block.translated(window.col_off, window.row_off).scaled(self._times)
            samples, known = self._resample(fine, bands, as_mean=as_mean)
            if self._times > 1:
                samples, known = block_means(samples, known, self._times)
            values[:, rows, cols], valid[rows, cols] = samples, known
        return values, valid

    def _resample(
        self, window: Window, bands: Bands | None, *, as_mean: bool
    ) -> tuple[Pixels, Flags]:
        # coordinate systems and displacement fields bend by far less than a thousandth of a pixel
        # from node to node
        lattice = NodeLattice.over(window.shape, _NODE_PX)
        nodes = np.add(lattice.points, (window.col_off, window.row_off))
        points = self._to_scene(self._offset.apply(map_points(self._to_frame, nodes)))
        cols, rows = (lattice.interpolate(points[:, axis], np.float64) for axis in (0, 1))
        reach, (height, width) = _REACH_PX + 1, self._scene.grid.shape
        inside = (cols > -reach) & (cols < width + reach)
        inside &= (rows > -reach) & (rows < height + reach)
        if not inside.any():
            return np.zeros((1, *window.shape), np.float32), np.zeros(window.shape, np.bool_)
        left, top = int(cols[inside].min()) - reach, int(rows[inside].min()) - reach
        right, bottom = int(cols[inside].max()) + reach + 1, int(rows[inside].max()) + reach + 1
        source = Window(left, top, right - left, bottom - top)
        with self._reading:
            stored, known = self._scene.read(source, bands)
        if as_mean:  # before resampling rather than after it: the same, but for one band
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


def extend_edges(pixels: Pixels, valid: Flags) -> Pixels:
    """Continue valid pixels into the invalid ones that the cubic kernel reaches.

    Each invalid pixel takes the mean of the valid ones within two pixels, and 0 where there are
    none.
    """
    if valid.all():
        return pixels
    size = (2 * _REACH_PX + 1,) * 2
    sums = cv2.boxFilter(np.where(valid, pixels, np.float32(0)), cv2.CV_32F, size, normalize=False)
    counts = cv2.boxFilter(valid.astype(np.float32), cv2.CV_32F, size, normalize=False)
    return np.where(valid, pixels, sums / np.maximum(counts, 1)).astype(np.float32)


def block_means(values: Pixels, valid: Flags, times: int) -> tuple[Pixels, Flags]:
    """Return the means of the valid pixels of blocks, valid where at least half of a block is."""
    count, height, width = values.shape
    blocks = (height // times, times, width // times, times)
    weights = valid.reshape(blocks).sum(axis=(1, 3), dtype=np.float32)
    known = np.where(valid, values, np.float32(0)).reshape(count, *blocks)
    means = known.sum(axis=(2, 4)) / np.maximum(weights, 1)
    return means.astype(np.float32), weights >= times * times / 2
