"""Landslides drawn from the probability of an extraction, as cleaned polygons."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Landslides, concatenate_landslides
from landslip.inference.postprocessing import threshold_level
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.inventory.polygons.cleaning import Cleaning
from landslip.inventory.polygons.cutting import LEAST_PX, Splitting
from landslip.inventory.polygons.flow import Heights
from landslip.inventory.polygons.holes import without_narrow_holes
from landslip.inventory.polygons.pixel_size import longest_step_m
from landslip.inventory.polygons.smoothing import smoothed
from landslip.inventory.polygons.splitting import LARGEST_WINDOW_PX, Split, split
from landslip.io.raster import SensorImage
from landslip.models.engines.base import PROBABILITY_LEVELS

__all__ = ["Cleaning", "Drawn", "Heights", "draw"]

_BAND_PX = 1 << 22
_READING = 0.6  # the share of reading in the progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Polygons as columns, and what was done to them.

    Sorted by pixels, the most first, then by the top row and the left column.

    Attributes:
        polygons: valid shapely Polygons in the raster's map coordinates, outsides
            counter-clockwise; none overlap.
        mean_probability: float64, over the pixels from ``low`` on.
        max_probability: float64, over the same.
        pixels: int64, how many those are.
        filled_px: int64, pixels of holes that were filled.
        region: int64, from 1: polygons that were split have the same one.
        regions: groups of touching pixels from ``low`` on.
        dropped_seedless: groups without a pixel from ``high`` on.
        dropped_small: groups smaller than the smallest area.
        split_regions: groups that became several polygons.
        largest_shift_m: no outline was moved farther; NaN without a coordinate system.
        max_shift_m: the limit that was kept; NaN without a coordinate system.
        notes: what was not done, or changed areas.
    """

    polygons: NDArray[np.object_]
    mean_probability: NDArray[np.float64]
    max_probability: NDArray[np.float64]
    pixels: NDArray[np.int64]
    filled_px: NDArray[np.int64]
    region: NDArray[np.int64]
    regions: int
    dropped_seedless: int
    dropped_small: int
    split_regions: int
    largest_shift_m: float
    max_shift_m: float
    notes: tuple[Message, ...]

    def __len__(self) -> int:
        return len(self.polygons)


def draw(
    probability: Path,
    cleaning: Cleaning,
    heights: Heights | None = None,
    *,
    progress: Progress = no_progress,
) -> Drawn:
    """Draw the landslides of an extraction's ``probability.tif``.

    Args:
        probability: whole steps of 1/250 in uint8, 255 where nothing is known.
        cleaning: what is done.
        heights: tells which way the ground falls, for splitting.
        progress: told of rows.

    Raises:
        InputError: the raster is no such probability, or metres are asked for and it has no
            coordinate system.
    """
    with SensorImage(probability) as image:
        _check(image, cleaning)
        frame = _Frame.of(image, cleaning)
        found = _found(frame, progress)
        parts = _parts(found.landslides, frame, heights, progress)
        drawn = _drawn(found, parts, frame)
    progress(1.0, 1.0)
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A raster of probabilities, and the cleaning in its pixels.

    Attributes:
        step_m: what a pixel's side is at most; None without a coordinate system.
        max_shift_px: how far outlines may move.
        least_px: pixels of the smallest landslide, where all pixels are of one size.
    """

    image: SensorImage
    cleaning: Cleaning
    step_m: float | None
    max_shift_px: float
    least_px: int

    @classmethod
    def of(cls, image: SensorImage, cleaning: Cleaning) -> "_Frame":
        step_m = longest_step_m(image.grid)
        shift_px = 1.0
        if cleaning.max_shift_m is not None and step_m is not None:
            shift_px = cleaning.max_shift_m / step_m
        side_m = image.grid.resolution_m
        pixel_m2 = image.grid.pixel_area_m2 or (side_m and side_m**2)
        least_px = math.ceil(cleaning.min_area_m2 / pixel_m2 - 1e-6) if pixel_m2 else 1
        return cls(
            image=image,
            cleaning=cleaning,
            step_m=step_m,
            max_shift_px=shift_px,
            least_px=max(least_px, 1),
        )

    def steps(self, window: Window) -> NDArray[np.uint8]:
        """Return probabilities in steps (height, width), 0 where nothing is known.

        Raises:
            InputError: there are others than whole steps.
        """
        stored: NDArray[np.uint8] = self.image.read(window)[0]
        known = stored != NODATA
        if (stored[known] > PROBABILITY_LEVELS).any():
            raise InputError(
                f"{self.image.path}: probabilities are whole steps of 1/{PROBABILITY_LEVELS} up to "
                f"{PROBABILITY_LEVELS}; the raster has {int(stored[known].max())} at {window}. "
                "Give an extraction's probability.tif"
            )
        return np.where(known, stored, np.uint8(0))

    def is_large(self, landslides: Landslides) -> NDArray[np.bool_]:
        """Return which landslides are at least of the smallest area."""
        if self.image.grid.pixel_area_m2 is not None or self.cleaning.min_area_m2 == 0:
            return landslides.pixels >= self.least_px
        # pixels differ in size
        polygons = to_map_polygons(landslides.outlines, self.image.grid.transform)
        areas = AreaMeasure(self.image.grid.crs).areas_m2(polygons)
        return areas >= self.cleaning.min_area_m2


@dataclass(slots=True, kw_only=True)
class _Found:
    """Landslides of a raster, the largest first, and how many groups of pixels there were."""

    landslides: Landslides
    regions: int = 0
    seedless: int = 0
    small: int = 0


def _check(image: SensorImage, cleaning: Cleaning) -> None:
    if image.count != 1 or image.dtype != "uint8":
        raise InputError(
            f"{image.path}: probabilities are one band of uint8; got {image.count} of "
            f"{image.dtype}. Give an extraction's probability.tif"
        )
    if image.grid.crs is not None:
        return
    for option, value in (
        ("--min-area", cleaning.min_area_m2),
        ("--max-shift", cleaning.max_shift_m),
    ):
        if value:
            raise InputError(
                f"{image.path}: {option} is in metres and the raster has no coordinate system; "
                f"give {option} 0, or assign one (gdal_edit.py -a_srs)"
            )


def _found(frame: _Frame, progress: Progress) -> _Found:
    """Return what is left of the groups of pixels."""
    height, width = frame.image.shape
    rows = max(_BAND_PX // width, 1)
    collector = Polygonizer()
    found = _Found(landslides=concatenate_landslides([]))
    kept = []
    for top in range(0, height, rows):
        steps = frame.steps(Window(0, top, width, min(rows, height - top)))
        collector.add(steps >= threshold_level(frame.cleaning.low), steps)
        kept += [_left(landslides, frame, found) for landslides in collector.take()]
        progress(_READING * min(top + rows, height) / height, 1.0)
    kept += [_left(landslides, frame, found) for landslides in collector.finish()]
    together = concatenate_landslides(kept)
    found.landslides = together.take(_largest_first(together))
    return found


def _left(landslides: Landslides, frame: _Frame, found: _Found) -> Landslides:
    """Return what is sure and large enough, and count the rest."""
    sure = landslides.probability_maxima >= threshold_level(frame.cleaning.high)
    seeded = landslides.take(np.flatnonzero(sure))
    large = np.flatnonzero(frame.is_large(seeded))
    found.regions += len(landslides)
    found.seedless += len(landslides) - len(seeded)
    found.small += len(seeded) - len(large)
    return seeded.take(large)


def _largest_first(landslides: Landslides) -> NDArray[np.int64]:
    """Return the order by pixels, the most first, then by top row, left column, first pixel."""
    outlines = landslides.outlines
    if len(outlines) == 0:
        return np.empty(0, dtype=np.int64)
    first_col, top = outlines.points[outlines.starts].T
    left = np.minimum.reduceat(outlines.points[:, 0], outlines.starts)
    order: NDArray[np.int64] = np.lexsort((first_col, left, top, -landslides.pixels))
    return order


def _parts(
    landslides: Landslides, frame: _Frame, heights: Heights | None, progress: Progress
) -> Split:
    if not frame.cleaning.split:
        return Split(parts=landslides, region=np.arange(len(landslides)), too_large=0)
    splitting = Splitting(
        grid=frame.image.grid,
        steps=frame.steps,
        least=threshold_level(frame.cleaning.low),
        seed=threshold_level(frame.cleaning.high),
        least_px=max(frame.least_px, LEAST_PX),
        heights=heights,
    )

    def told(done: float, total: float) -> None:
        progress(_READING + (1 - _READING) * done / total, 1.0)

    return split(landslides, splitting, progress=told)


def _drawn(found: _Found, parts: Split, frame: _Frame) -> Drawn:
    landslides = parts.parts
    outlines, filled_px = without_narrow_holes(
        landslides.outlines, frame.least_px, frame.max_shift_px
    )
    transform = frame.image.grid.transform
    if frame.cleaning.smooth:
        smooth = smoothed(outlines, parts.region, frame.max_shift_px, transform)
        polygons, shift_px = smooth.polygons, float(smooth.shift_px.max(initial=0.0))
    else:
        polygons, shift_px = to_map_polygons(outlines, transform), 0.0
    step_m = math.nan if frame.step_m is None else frame.step_m
    order = _largest_first(landslides)
    pixels = landslides.pixels[order]
    return Drawn(
        polygons=polygons[order],
        mean_probability=landslides.probability_sums[order] / (PROBABILITY_LEVELS * pixels),
        max_probability=landslides.probability_maxima[order] / PROBABILITY_LEVELS,
        pixels=pixels,
        filled_px=filled_px[order],
        region=parts.region[order] + 1,
        regions=found.regions,
        dropped_seedless=found.seedless,
        dropped_small=found.small,
        split_regions=int(np.count_nonzero(np.bincount(parts.region) > 1)),
        largest_shift_m=shift_px * step_m,
        max_shift_m=frame.max_shift_px * step_m,
        notes=_notes(parts, filled_px),
    )


def _notes(parts: Split, filled_px: NDArray[np.int64]) -> tuple[Message, ...]:
    notes = []
    if parts.too_large:
        notes.append(message("polygons.not_split", window=LARGEST_WINDOW_PX, count=parts.too_large))
    if filled_px.any():
        notes.append(message("polygons.holes_filled", pixels=int(filled_px.sum())))
    return tuple(notes)
