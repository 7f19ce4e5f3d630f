"""The image of another date, read on a scene's grid: co-registered and as bright as the scene."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from affine import Affine

from landslip.core.bands import BEFORE, Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points
from landslip.core.messages import Message, message, plain
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions
from landslip.preprocessing.coregistration.alignment import (
    RegistrationOptions,
    align,
    pair_scenes,
    unmatched_reason,
)
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    SceneDisplacement,
)
from landslip.preprocessing.radiometry.clouds import (
    CLOUD_BANDS,
    CloudThresholds,
    bright_cloud_pixels,
)
from landslip.preprocessing.radiometry.irmad import BandLine
from landslip.preprocessing.radiometry.relative_normalisation import (
    LEAST_PIXELS,
    PixelPairs,
    WindowPair,
    fit_lines,
    sample_pairs,
)
from landslip.preprocessing.resampling import Pixels, Points

_CLOUDS = CloudThresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAlignment:
    """How an image before is read on a scene; measured once, and the same for all windows.

    What is at p in the frame is at p + (a col + b row + c, d col + e row + f) in the image, by the
    coefficients a to f; None: the images could not be matched, and stay as they are placed.

    Attributes:
        bands: that the image and the scene have.
        frame: grid of the coefficients.
        coefficients: a to f.
        lines: by band, that make the image as bright as the scene; None: it is left as it is.
        unchanged_share: of the compared pixels, that agree but for the lines; None: not compared.
        seen_share: of the scene's valid pixels, that the image sees, from a sample.
        residual_px: root mean square distance of tie points once the image is moved.
        notes: what is to be known.
    """

    bands: tuple[str, ...]
    frame: Grid
    coefficients: tuple[float, float, float, float, float, float] | None
    residual_px: float | None
    lines: tuple[BandLine, ...] | None = None
    unchanged_share: float | None = None
    seen_share: float = 1.0
    notes: tuple[Message, ...] = ()

    @property
    def gain(self) -> tuple[float, ...]:
        """By which a value is multiplied, by band."""
        if self.lines is None:
            return (1.0,) * len(self.bands)
        return tuple(one.gain for one in self.lines)

    @property
    def offset(self) -> tuple[float, ...]:
        """What is added to it afterwards, by band."""
        if self.lines is None:
            return (0.0,) * len(self.bands)
        return tuple(one.offset for one in self.lines)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of a file with the image's bands.

        ``BEFORE_RED`` and so on are a band's gain, offset, and residuals before and after (root
        mean square of unchanged pixels that no line was fitted to).
        """
        found = (
            {} if self.residual_px is None else {"BEFORE_RESIDUAL_PX": f"{self.residual_px:.3g}"}
        )
        if self.unchanged_share is not None:
            found["BEFORE_UNCHANGED_SHARE"] = f"{self.unchanged_share:.3g}"
        for name, one in zip(self.bands, self.lines or (), strict=False):
            numbers = (one.gain, one.offset, one.rms_before, one.rms_after)
            found[f"{BEFORE}{name}".upper()] = " ".join(f"{number:.6g}" for number in numbers)
        return found

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
        InputError: the two have no band in common, overlap too little, or are not georeferenced; or
            their numbers are in different units and no lines relate them.
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
    except InputError as error:
        notes.append(message("stack.not_registered", reason=plain(unmatched_reason(error))))
    else:
        coefficients, residual_px = aligned.fit.coefficients, aligned.checked.rms_px
    placed = BeforeAlignment(
        bands=common, frame=pair.frame, coefficients=coefficients, residual_px=residual_px
    )
    pairs = _sampled_pairs(before, scene, placed)
    units = before.radiometry_of(Bands(common)), scene.radiometry_of(Bands(common))
    found = fit_lines(pairs, is_reflectance=all(one.units is Units.REFLECTANCE for one in units))
    accepted, share = found.accepted, found.unchanged_share
    if accepted is None and share is not None and units[0] != units[1]:
        raise InputError(
            f"{before.path}: an image before in other units than the scene's is brought to them by "
            "pixels that did not change, and too few are found; state the units and scales of both "
            "files, or take an image of the same season"
        )
    if share is None:
        notes.append(message("warning.stack_few_common", pixels=found.sampled, least=LEAST_PIXELS))
    elif accepted is None:
        notes.append(message("warning.stack_no_lines", percent=100 * share))
    elif found.is_mostly_changed:
        notes.append(message("warning.stack_mostly_changed", percent=100 * share))
    return replace(
        placed,
        lines=None if accepted is None else accepted.lines,
        unchanged_share=share,
        seen_share=pairs.seen_share,
        notes=tuple(notes),
    )


def _sampled_pairs(before: Scene, scene: Scene, alignment: BeforeAlignment) -> PixelPairs:
    """Sample pixels of a scene, and of an image as it is placed, without lines."""
    view, bands = BeforeBands(before, scene.grid, alignment), Bands(alignment.bands)
    radiometry = scene.radiometry_of(bands)

    def read(window: Window) -> WindowPair:
        earlier = view.read(window, alignment.bands)
        stored, valid = scene.read(window, bands)
        return WindowPair(
            reference=radiometry.values(stored),
            reference_seen=valid,
            other=earlier,
            other_seen=np.asarray(np.isfinite(earlier).all(axis=0)),
        )

    return sample_pairs(read, scene.grid.window, len(bands))


class BeforeBands(Closeable):
    """An open image before, read as values of the scene's bands on the scene's grid."""

    def __init__(self, before: Scene, grid: Grid, alignment: BeforeAlignment) -> None:
        """Read an open image, which is closed with this."""
        self._scene, self.alignment = before, alignment
        self._view = DisplacedScene(before, grid, alignment.displacement)
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

    Bands that neither file names have the names that are stated of the scene.

    Raises:
        InputError: it is no raster with named bands, or does not suit the scene.
    """
    before = Scene.named_if_needed(path, SceneOptions(bands=scene.options.bands))
    try:
        alignment = alignment or measure_alignment(before, scene)
        return BeforeBands(before, scene.grid, alignment)
    except InputError:
        before.close()
        raise
