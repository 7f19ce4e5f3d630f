"""Renders what a camera stores of the known ground."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.io.raster import PlainOutput
from landslip.preprocessing.radiometry.calibration import Calibration
from landslip.preprocessing.radiometry.sun import Sun
from landslip.synthetic.camera import Camera
from landslip.synthetic.ground import Ground
from landslip.synthetic.sensor import (
    MSS,
    PAN,
    Air,
    CountScale,
    Sensor,
    blur_sigma_px,
    sampled,
    spline_of,
    stored_counts,
)
from landslip.synthetic.sightline import Sightlines

_WINDOW_PX = 1 << 21
_PREVIEW_PX = 1137

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What all images of one look share: sensor, calibration, sun, air, and the noise's seed."""

    sensor: Sensor
    calibration: Calibration
    sun: Sun
    air: Air
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """An image about to be rendered.

    Attributes:
        camera: as it is.
        bands: their names, in the order of the image.
        splines: one a band, of the ground's reflectance as blurred by the camera.
        lines: of sight.
        ground: what is looked at.
        day: on which.
    """

    camera: Camera
    bands: tuple[str, ...]
    splines: tuple[Field, ...]
    lines: Sightlines
    ground: Ground
    day: Day

    @classmethod
    def of(cls, camera: Camera, bands: tuple[str, ...], ground: Ground, day: Day) -> "Exposure":
        """Prepare an image of the bands ``PAN`` or ``MSS``."""
        sensor = day.sensor
        mtf = sensor.pan_mtf if bands == PAN else sensor.mss_mtf
        sigma = blur_sigma_px(mtf) * camera.gsd_m / ground.pixel_m
        if bands == PAN:
            fields = [sensor.pan_reflectance(ground.reflectance)]
        else:
            fields = [ground.reflectance[MSS.index(band)] for band in bands]
        return cls(
            camera=camera,
            bands=bands,
            splines=tuple(spline_of(one, sigma) for one in fields),
            lines=Sightlines.of(camera, ground),
            ground=ground,
            day=day,
        )

    def reflectance(self, window: Window) -> tuple[Field, NDArray[np.bool_]]:
        """Return reflectance over the air (bands, height, width) and where ground is seen."""
        col, row = self.lines.ground_points(self.ground, window)
        thickness = self.day.air.thickness(self.camera.shape, window)
        layers = [
            sampled(spline, col, row) + np.float32(self.day.sensor.haze_of(band)) * thickness
            for band, spline in zip(self.bands, self.splines, strict=True)
        ]
        return np.stack(layers), self.ground.has(col, row)

    def stored(self, window: Window) -> NDArray[np.uint16]:
        """Return the counts (bands, height, width) at a window, the same in any order of windows.

        Noise is drawn from the seed, the first band and the window's place.
        """
        reflectance, seen = self.reflectance(window)
        origin = window.row_off * self.camera.shape[1] + window.col_off
        day = self.day
        generator = np.random.default_rng([day.seed, len(self.bands), origin])
        layers = []
        for band, layer in zip(self.bands, reflectance, strict=True):
            counts = CountScale.of(day.calibration, band, day.sun).counts(layer)
            layers.append(stored_counts(counts, seen, day.sensor, generator))
        return np.stack(layers)


def write_image(
    exposure: Exposure, path: Path, progress: Progress = no_progress
) -> NDArray[np.uint16]:
    """Render an image, whole lines at a time, into a TIFF without georeferencing.

    Returns:
        Every so many pixels of it (bands, height, width), some thousand wide at most.
    """
    shape = exposure.camera.shape
    step = -(-shape[1] // _PREVIEW_PX)
    kept = []
    with PlainOutput(path, shape, len(exposure.bands)) as output:
        for window in line_windows(shape):
            stored = exposure.stored(window)
            output.write(stored, window)
            kept.append(stored[:, -window.row_off % step :: step, ::step])
            progress(window.row_end, shape[0])
    return np.concatenate(kept, axis=1)


def line_windows(shape: tuple[int, int]) -> Iterator[Window]:
    """Cover an image with windows of whole lines, some 2 million pixels each."""
    rows = max(_WINDOW_PX // shape[1], 1)
    for row in range(0, shape[0], rows):
        yield Window(0, row, shape[1], min(rows, shape[0] - row))
