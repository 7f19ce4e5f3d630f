"""Rendering of the images that a camera takes of the ground."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.io.raster import PlainOutput
from landslip.preprocessing.radiometry.calibration import RadiometricCalibration
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.camera import PushbroomCamera
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.sensor import (
    MSS,
    PAN,
    Field,
    SensorModel,
    blur_sigma_px,
    blurred_spline,
    haze_thickness,
    quantise_counts,
    sample_spline,
    toa_counts,
)

_NODES_M = 128.0
_COARSE_PX = 8
_TOLERANCE_M = 0.01
_COARSE_ITERATIONS, _FINE_ITERATIONS = 60, 12
_WINDOW_PX = 1 << 21
_PREVIEW_PX = 1137


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightlines:
    """The lines of sight of a camera, as parabolas of height on a mesh of pixels.

    Between the nodes they are bilinear: within 0.005 px of the camera. ``curves`` are (3 powers of
    (height - middle) / half, 2: col and row on the ground's grid, rows, cols); the first node is
    the outer corner of the first pixel.
    """

    curves: NDArray[np.float64]
    step_px: int
    middle_m: float
    half_m: float

    @classmethod
    def of(cls, camera: PushbroomCamera, ground: GroundModel) -> "Sightlines":
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

    def ground_points(self, ground: GroundModel, window: Window) -> tuple[Field, Field]:
        """Return col and row on the ground's grid (height, width) that pixel centres see.

        Lines of sight are intersected with the ground by fixed-point iteration, coarse first. It
        converges as long as slope times tan(view angle) is under 1; hidden ground is not
        distinguished from visible ground.
        """
        curves = self._curves_at(window, _COARSE_PX)
        level = np.zeros(curves.shape[2:], dtype=np.float32)
        level = self._intersect(curves, level, ground, _COARSE_ITERATIONS)
        fine = cv2.resize(level, None, fx=_COARSE_PX, fy=_COARSE_PX).astype(np.float32)
        fine = fine[: window.height, : window.width]
        curves = self._curves_at(window, 1)
        level = self._intersect(curves, fine, ground, _FINE_ITERATIONS)
        return _ground_coordinates(curves, level)

    def _intersect(
        self, curves: Field, level: Field, ground: GroundModel, iterations: int
    ) -> Field:
        """Return the normalised height (height, width) where lines of sight meet the ground."""
        middle, half = np.float32(self.middle_m), np.float32(self.half_m)
        for _ in range(iterations):
            new = (ground.heights_at(*_ground_coordinates(curves, level)) - middle) / half
            change = float(np.abs(new - level).max())
            level = new
            if change * half < _TOLERANCE_M:
                break
        return level

    def _curves_at(self, window: Window, size: int) -> Field:
        """Return the curves (3, 2, rows, cols) at the centres of blocks of pixels."""
        height, width = (-(-length // size) for length in window.shape)
        rows = window.row_off + (np.arange(height) + 0.5) * size
        cols = window.col_off + (np.arange(width) + 0.5) * size
        first = min(int(rows[0] // self.step_px), self.curves.shape[2] - 2)
        last = int(rows[-1] // self.step_px) + 2
        nodes = self.curves[:, :, first:last]
        across = _linear_weights(cols / self.step_px, nodes.shape[3])
        down = _linear_weights(rows / self.step_px - first, nodes.shape[2])
        curves: Field = down.astype(np.float32) @ (nodes @ across.T).astype(np.float32)
        return curves


def _ground_coordinates(curves: Field, level: Field) -> tuple[Field, Field]:
    start, slope, bend = curves
    col, row = (start[at] + level * (slope[at] + level * bend[at]) for at in range(2))
    return col, row


def _linear_weights(at: NDArray[np.float64], nodes: int) -> NDArray[np.float64]:
    """Return the weights (n, nodes) of linear interpolation along one axis."""
    first = np.clip(np.floor(at).astype(np.intp), 0, nodes - 2)
    weights = np.zeros((len(at), nodes))
    every = np.arange(len(at))
    weights[every, first] = 1 - (at - first)
    weights[every, first + 1] = at - first
    return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionConditions:
    """What all images of one overpass share: waves of `draw_haze`; the seed is of the noise."""

    sensor: SensorModel
    calibration: RadiometricCalibration
    sun: SunPosition
    haze: NDArray[np.float64]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRenderer:
    """Renders windows of an image by the actual camera, from splines of each band's reflectance."""

    camera: PushbroomCamera
    bands: tuple[str, ...]
    splines: tuple[Field, ...]
    sightlines: Sightlines
    ground: GroundModel
    conditions: AcquisitionConditions

    @classmethod
    def of(
        cls,
        camera: PushbroomCamera,
        bands: tuple[str, ...],
        ground: GroundModel,
        conditions: AcquisitionConditions,
    ) -> "ImageRenderer":
        """Prepare an image of the bands ``PAN`` or ``MSS``."""
        sensor = conditions.sensor
        mtf = sensor.pan_mtf if bands == PAN else sensor.mss_mtf
        sigma = blur_sigma_px(mtf) * camera.gsd_m / ground.pixel_m
        if bands == PAN:
            fields = [sensor.pan_reflectance(ground.reflectance)]
        else:
            fields = [ground.reflectance[MSS.index(band)] for band in bands]
        return cls(
            camera=camera,
            bands=bands,
            splines=tuple(blurred_spline(one, sigma) for one in fields),
            sightlines=Sightlines.of(camera, ground),
            ground=ground,
            conditions=conditions,
        )

    def reflectance(self, window: Window) -> tuple[Field, NDArray[np.bool_]]:
        """Return top-of-atmosphere reflectance (bands, height, width) and where there is ground."""
        col, row = self.sightlines.ground_points(self.ground, window)
        thickness = haze_thickness(self.conditions.haze, self.camera.shape, window)
        haze = dict(zip(PAN + MSS, self.conditions.sensor.haze, strict=True))
        layers = [
            sample_spline(spline, col, row) + np.float32(haze[band]) * thickness
            for band, spline in zip(self.bands, self.splines, strict=True)
        ]
        return np.stack(layers), self.ground.has(col, row)

    def stored(self, window: Window) -> NDArray[np.uint16]:
        """Return the counts (bands, height, width) at a window, the same in any order of windows.

        Noise is drawn from the seed, the first band and the window's place.
        """
        reflectance, visible = self.reflectance(window)
        origin = window.row_off * self.camera.shape[1] + window.col_off
        conditions = self.conditions
        generator = np.random.default_rng([conditions.seed, len(self.bands), origin])
        layers = []
        for band, layer in zip(self.bands, reflectance, strict=True):
            counts = toa_counts(layer, conditions.calibration, band, conditions.sun)
            layers.append(quantise_counts(counts, visible, conditions.sensor, generator))
        return np.stack(layers)


def write_image(
    renderer: ImageRenderer, path: Path, progress: Progress = no_progress
) -> NDArray[np.uint16]:
    """Render an image, whole lines at a time, into a TIFF without georeferencing.

    Returns every so many pixels of it (bands, height, width), some thousand wide at most.
    """
    shape = renderer.camera.shape
    step = -(-shape[1] // _PREVIEW_PX)
    preview = []
    with PlainOutput(path, shape, len(renderer.bands)) as output:
        rows = max(_WINDOW_PX // shape[1], 1)  # whole lines, some 2 million pixels
        for row in range(0, shape[0], rows):
            window = Window(0, row, shape[1], min(rows, shape[0] - row))
            stored = renderer.stored(window)
            output.write(stored, window)
            preview.append(stored[:, -window.row_off % step :: step, ::step])
            progress(window.row_end, shape[0])
    return np.concatenate(preview, axis=1)
