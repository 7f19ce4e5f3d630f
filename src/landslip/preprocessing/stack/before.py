"""The image of another date, read on a scene's grid: co-registered and as bright as the scene."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine

from landslip.core.bands import BEFORE, Bands
from landslip.core.errors import InputError, RegistrationError
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points
from landslip.core.messages import Message, message, plain
from landslip.core.window import Window
from landslip.io.raster import Scene
from landslip.preprocessing.coregistration.alignment import RegistrationOptions, align, pair_scenes
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    SceneDisplacement,
    pixel_ratio,
)
from landslip.preprocessing.radiometry.clouds import (
    CLOUD_BANDS,
    CloudThresholds,
    bright_cloud_pixels,
)
from landslip.preprocessing.radiometry.relative_normalisation import relative_gains
from landslip.preprocessing.resampling import Pixels, Points

_SAMPLES_PER_AXIS, _SAMPLE_PX = 6, 96
_LEAST_PIXELS = 1000
_CLOUDS = CloudThresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAlignment:
    """How an image before is read on a scene; measured once, and the same for all windows.

    What is at p in the frame is at p + (a col + b row + c, d col + e row + f) in the image, by the
    coefficients a to f; None: the images could not be matched, and stay as they are placed. A value
    becomes ``gain * value + offset``, by band.
    """

    bands: tuple[str, ...]
    frame: Grid
    coefficients: tuple[float, float, float, float, float, float] | None
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    residual_px: float | None
    notes: tuple[Message, ...] = ()

    @property
    def displacement(self) -> SceneDisplacement:
        """How far the image's georeferencing is off."""
        if self.coefficients is None:
            return SceneDisplacement(frame=self.frame)
        affine = Affine(*self.coefficients)

        def shifts(points: Points) -> Points:
            return map_points(affine, points)

        return SceneDisplacement(frame=self.frame, displacement=shifts)


def measure_alignment(before: Scene, scene: Scene) -> BeforeAlignment:
    """Match an image with a scene, and find gains and offsets by pixels that did not change.

    Raises:
        InputError: the two have no band in common, overlap too little, or are not georeferenced.
    """
    common = tuple(name for name in scene.bands.at(scene.bands.own) if name in before.bands.names)
    if not common:
        raise InputError(
            f"{before.path}: the image before has a band of the scene or several; it has "
            f"{before.bands}, and the scene {scene.bands}"
        )
    pair = pair_scenes(before, scene, None)
    notes: list[Message] = []
    coefficients, residual_px = None, None
    try:
        aligned = align(pair, RegistrationOptions())
    except (RegistrationError, InputError) as error:
        notes.append(message("stack.not_registered", reason=plain(str(error))))
    else:
        coefficients, residual_px = aligned.fit.coefficients, aligned.checked.rms_px
    ones, zeros = (1.0,) * len(common), (0.0,) * len(common)
    unscaled = BeforeAlignment(
        bands=common,
        frame=pair.frame,
        coefficients=coefficients,
        gain=ones,
        offset=zeros,
        residual_px=residual_px,
    )
    values, wanted = _sampled_pairs(before, scene, unscaled)
    if values.shape[1] < _LEAST_PIXELS:
        notes.append(message("stack.not_normalised", pixels=values.shape[1]))
        gain, offset = np.array(ones), np.array(zeros)
    else:
        gain, offset = relative_gains(values, wanted)
    return BeforeAlignment(
        bands=common,
        frame=pair.frame,
        coefficients=coefficients,
        gain=tuple(gain.tolist()),
        offset=tuple(offset.tolist()),
        residual_px=residual_px,
        notes=tuple(notes),
    )


def _sampled_pairs(
    before: Scene, scene: Scene, alignment: BeforeAlignment
) -> tuple[Pixels, Pixels]:
    """Return values (bands, n) of both at the same pixels, of windows spread over the scene."""
    view, bands = BeforeBands(before, scene.grid, alignment), Bands(alignment.bands)
    radiometry = scene.radiometry_of(bands)
    height, width = scene.grid.shape
    fractions = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    values, wanted = [], []
    for row in fractions * height:
        for col in fractions * width:
            left, top = (max(0, int(middle) - _SAMPLE_PX // 2) for middle in (col, row))
            window = Window(left, top, _SAMPLE_PX, _SAMPLE_PX)
            earlier = view.read(window, alignment.bands)
            stored, valid = scene.read(window, bands)
            both = valid & np.isfinite(earlier).all(axis=0)
            values.append(earlier[:, both])
            wanted.append(radiometry.values(stored[:, both]))
    return np.concatenate(values, axis=1), np.concatenate(wanted, axis=1)


class BeforeBands(Closeable):
    """An open image before, read as values of the scene's bands on the scene's grid."""

    def __init__(self, before: Scene, grid: Grid, alignment: BeforeAlignment) -> None:
        """Read an open image, which is closed with this."""
        self._scene, self.alignment = before, alignment
        samples = max(int(1 / pixel_ratio(before.grid, grid) + 0.5), 1)
        self._view = DisplacedScene(before, grid, alignment.displacement, samples)
        scaled = before.radiometry.scale != 1.0 or np.dtype(before.radiometry.dtype).kind == "f"
        # a share of 1, as thresholds of cloud need it
        self._finds_clouds = scaled and set(CLOUD_BANDS) <= set(before.bands)

    @property
    def names(self) -> tuple[str, ...]:
        """The bands' names."""
        return tuple(f"{BEFORE}{band}" for band in self.alignment.bands)

    def read(self, window: Window, bands: tuple[str, ...]) -> Pixels:
        """Return values (bands, height, width) at a window; NaN where unknown or bright cloud.

        ``bands`` are those of the image, named as in the scene.
        """
        read = Bands(tuple(dict.fromkeys((*bands, *(CLOUD_BANDS if self._finds_clouds else ())))))
        stored, known = self._view.read(window, read)
        values = self._scene.radiometry_of(read).values(stored)
        if self._finds_clouds:
            reflectance = values[[read.names.index(name) for name in CLOUD_BANDS]]
            known &= ~bright_cloud_pixels(reflectance, known, _CLOUDS)
        at = [self.alignment.bands.index(name) for name in bands]
        gain, offset = (
            np.array(factors, dtype=np.float32)[at, None, None]
            for factors in (self.alignment.gain, self.alignment.offset)
        )
        found = values[[read.names.index(name) for name in bands]] * gain + offset
        found[:, ~known] = np.nan
        return np.asarray(found, dtype=np.float32)

    def close(self) -> None:
        """Close the image."""
        self._scene.close()


def open_before(path: Path, scene: Scene, alignment: BeforeAlignment | None) -> BeforeBands:
    """Open an image before a scene, and measure how it is read unless that is known.

    Raises:
        InputError: it is no raster with named bands, or does not suit the scene.
    """
    before = Scene(path)
    try:
        alignment = alignment or measure_alignment(before, scene)
        return BeforeBands(before, scene.grid, alignment)
    except InputError:
        before.close()
        raise
