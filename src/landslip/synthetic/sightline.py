"""Where on the known ground each pixel of a camera looks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.window import Window
from landslip.synthetic.camera import Camera
from landslip.synthetic.ground import Ground

Field = NDArray[np.float32]

_NODES_M = 128.0
_COARSE_PX = 8
_CLOSE_ENOUGH_M = 0.01
_COARSE_ROUNDS, _FINE_ROUNDS = 60, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightlines:
    """The lines of sight of a camera, as parabolas of height on a mesh of pixels.

    Between the nodes they are bilinear: within 0.005 px of the camera itself.

    Attributes:
        curves: (3 powers of height, 2: col and row on the ground's grid, rows, cols) of nodes.
        step_px: distance of nodes; the first is the outer corner of the first pixel.
        middle_m, half_m: height is taken as (height - middle) / half.
    """

    curves: NDArray[np.float64]
    step_px: int
    middle_m: float
    half_m: float

    @classmethod
    def of(cls, camera: Camera, ground: Ground) -> "Sightlines":
        """Trace the camera's rays through the ground's range of heights."""
        step = max(round(_NODES_M / camera.gsd_m), 1)
        rows, cols = (np.arange(0, size + step, step, dtype=float) for size in camera.shape)
        nodes = np.column_stack([part.ravel() for part in np.meshgrid(cols, rows)])
        low, high = ground.height_range_m
        middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
        below, mid, above = (
            ground.pixels(camera.locate(nodes, middle + level * half)) for level in (-1, 0, 1)
        )
        powers = np.stack([mid, (above - below) / 2, (above + below) / 2 - mid])
        curves = np.moveaxis(powers, -1, 1).reshape(3, 2, len(rows), len(cols))
        return cls(curves=curves, step_px=step, middle_m=middle, half_m=half)

    def ground_points(self, ground: Ground, window: Window) -> tuple[Field, Field]:
        """Return col and row on the ground's grid (height, width) that pixel centres see.

        The line of sight is met with the ground by fixed-point rounds, coarse first. They come to
        a point of the ground as long as slope times tan(view angle) is under 1; hidden ground is
        not told from seen ground.
        """
        height, width = (-(-size // _COARSE_PX) for size in window.shape)
        rows, cols = (
            _centres(window.row_off, height, _COARSE_PX),
            _centres(window.col_off, width, _COARSE_PX),
        )
        start = np.zeros((height, width), dtype=np.float32)
        level = self._met(self._at(rows, cols), start, ground, _COARSE_ROUNDS)
        fine = cv2.resize(level, None, fx=_COARSE_PX, fy=_COARSE_PX).astype(np.float32)
        rows, cols = _centres(window.row_off, window.height), _centres(window.col_off, window.width)
        curves = self._at(rows, cols)
        level = self._met(curves, fine[: window.height, : window.width], ground, _FINE_ROUNDS)
        return _points(curves, level)

    def _met(self, curves: Field, level: Field, ground: Ground, rounds: int) -> Field:
        """Return the normalised height (height, width) at which lines of sight meet the ground."""
        middle, half = np.float32(self.middle_m), np.float32(self.half_m)
        for _ in range(rounds):
            met = (ground.heights_at(*_points(curves, level)) - middle) / half
            moved = float(np.abs(met - level).max())
            level = met
            if moved * half < _CLOSE_ENOUGH_M:
                break
        return level

    def _at(self, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> Field:
        """Return the curves (3, 2, rows, cols) at pixel coordinates."""
        first = min(int(rows[0] // self.step_px), self.curves.shape[2] - 2)
        last = int(rows[-1] // self.step_px) + 2
        nodes = self.curves[:, :, first:last]
        across = _linear(cols / self.step_px, nodes.shape[3])
        down = _linear(rows / self.step_px - first, nodes.shape[2])
        curves: Field = down.astype(np.float32) @ (nodes @ across.T).astype(np.float32)
        return curves


def _points(curves: Field, level: Field) -> tuple[Field, Field]:
    start, slope, bend = curves
    col, row = (start[at] + level * (slope[at] + level * bend[at]) for at in range(2))
    return col, row


def _centres(start: int, count: int, size: int = 1) -> NDArray[np.float64]:
    """Return the pixel coordinates (count,) of the middles of stretches of some size."""
    return np.asarray(start + (np.arange(count) + 0.5) * size, dtype=np.float64)


def _linear(at: NDArray[np.float64], nodes: int) -> NDArray[np.float64]:
    """Return the weights (n, nodes) of linear interpolation along one axis."""
    first = np.clip(np.floor(at).astype(np.intp), 0, nodes - 2)
    weights = np.zeros((len(at), nodes))
    every = np.arange(len(at))
    weights[every, first] = 1 - (at - first)
    weights[every, first + 1] = at - first
    return weights
