"""Holes of outlines."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import (
    Landslides,
    Outlines,
    concatenate_landslides,
    offsets,
    run_indices,
)
from landslip.inference.postprocessing import threshold_level
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.inventory.polygons.smoothing import smooth_outlines
from landslip.inventory.polygons.splitting import (
    LARGEST_WINDOW_PX,
    MIN_PART_PX,
    ElevationSource,
    SplitContext,
    SplitLandslides,
    max_pixel_side_m,
    split_landslides,
)
from landslip.io.raster import SensorImage
from landslip.models.engines.base import PROBABILITY_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """How polygons are made of probabilities.

    Attributes:
        low: pixels from this probability on belong to a landslide ...
        high: ... that has at least one pixel from this probability on (hysteresis).
        min_area_m2: smaller landslides are left out, and none is split into smaller ones. Holes
            that are smaller are filled if no point in them is farther from the hole's outline
            than ``max_shift_m``.
        max_shift_m: no outline is moved farther; None: one pixel's longer side.
        smooth: whether the staircase of pixels becomes a smooth line.
        split: whether landslides that touch are taken apart.
    """

    low: float
    high: float
    min_area_m2: float = 100.0
    max_shift_m: float | None = None
    smooth: bool = True
    split: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1:
            raise InputError(f"--low is above 0 and at most 1; got {self.low}")
        if not self.low <= self.high <= 1:
            raise InputError(f"--high is at least --low and at most 1; got {self.high}, {self.low}")
        if not 0 <= self.min_area_m2 < math.inf:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")
        if self.max_shift_m is not None and not 0 <= self.max_shift_m < math.inf:
            raise InputError(f"--max-shift is 0 or more metres; got {self.max_shift_m}")


def fill_narrow_holes(
    outlines: Outlines, max_px: float, reach_px: float
) -> tuple[Outlines, NDArray[np.int64]]:
    """Fill holes that are small, and so narrow that each point is near the outline.

    Args:
        outlines: polygons.
        max_px: larger holes stay.
        reach_px: holes with a point farther than this from their outline stay.

    Returns:
        The polygons, and how many pixels were filled in each (int64).
    """
    filled_px = np.zeros(len(outlines), dtype=np.int64)
    if len(outlines) == 0:
        return outlines, filled_px
    areas = ring_areas(outlines)
    is_hole = np.ones(len(areas), dtype=np.bool_)
    is_hole[outlines.polygons[:-1]] = False
    small = np.flatnonzero(is_hole & (areas < max_px))
    filled = small[_narrow(outlines, small, reach_px)]
    owner = np.repeat(np.arange(len(outlines)), np.diff(outlines.polygons))
    np.add.at(filled_px, owner[filled], np.rint(areas[filled]).astype(np.int64))
    kept = np.delete(np.arange(len(areas)), filled)
    sizes = np.diff(outlines.rings)[kept]
    return (
        Outlines(
            points=outlines.points[run_indices(outlines.rings[:-1][kept], sizes)],
            rings=offsets(sizes),
            polygons=offsets(np.bincount(owner[kept], minlength=len(outlines))),
        ),
        filled_px,
    )


def ring_areas(outlines: Outlines) -> NDArray[np.float64]:
    """Return the area in pixels inside each ring, whichever way it turns."""
    x, y = outlines.points.astype(np.float64).T
    cross = np.zeros(len(x))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    cross[outlines.rings[1:] - 1] = 0
    areas: NDArray[np.float64] = np.abs(np.add.reduceat(cross, outlines.rings[:-1])) / 2
    return areas


def _narrow(outlines: Outlines, rings: NDArray[np.int64], reach_px: float) -> NDArray[np.bool_]:
    """Return whether no point inside is farther than so much from the ring."""
    if len(rings) == 0 or reach_px <= 0:
        return np.zeros(len(rings), dtype=np.bool_)
    sizes = np.diff(outlines.rings)[rings]
    points = outlines.points[run_indices(outlines.rings[:-1][rings], sizes)].astype(np.float64)
    polygons = shapely.polygons(
        shapely.linearrings(points, indices=np.repeat(np.arange(len(rings)), sizes))
    )
    left = shapely.buffer(polygons, -reach_px * (1 + 1e-9), join_style="mitre")
    narrow: NDArray[np.bool_] = np.atleast_1d(shapely.is_empty(left))
    return narrow


_BAND_PX = 1 << 22
_READING = 0.6  # the share of reading in the progress


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslidePolygons:
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


def polygonize(
    probability: Path,
    cleaning: Cleaning,
    heights: ElevationSource | None = None,
    *,
    progress: Progress = no_progress,
) -> LandslidePolygons:
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
        step_m = max_pixel_side_m(image.grid)
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
    landslides: Landslides, frame: _Frame, heights: ElevationSource | None, progress: Progress
) -> SplitLandslides:
    if not frame.cleaning.split:
        return SplitLandslides(parts=landslides, region=np.arange(len(landslides)), too_large=0)
    splitting = SplitContext(
        grid=frame.image.grid,
        steps=frame.steps,
        least=threshold_level(frame.cleaning.low),
        seed=threshold_level(frame.cleaning.high),
        least_px=max(frame.least_px, MIN_PART_PX),
        heights=heights,
    )

    def told(done: float, total: float) -> None:
        progress(_READING + (1 - _READING) * done / total, 1.0)

    return split_landslides(landslides, splitting, progress=told)


def _drawn(found: _Found, parts: SplitLandslides, frame: _Frame) -> LandslidePolygons:
    landslides = parts.parts
    outlines, filled_px = fill_narrow_holes(landslides.outlines, frame.least_px, frame.max_shift_px)
    transform = frame.image.grid.transform
    if frame.cleaning.smooth:
        smooth = smooth_outlines(outlines, parts.region, frame.max_shift_px, transform)
        polygons, shift_px = smooth.polygons, float(smooth.shift_px.max(initial=0.0))
    else:
        polygons, shift_px = to_map_polygons(outlines, transform), 0.0
    step_m = math.nan if frame.step_m is None else frame.step_m
    order = _largest_first(landslides)
    pixels = landslides.pixels[order]
    return LandslidePolygons(
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


def _notes(parts: SplitLandslides, filled_px: NDArray[np.int64]) -> tuple[Message, ...]:
    notes = []
    if parts.too_large:
        notes.append(message("polygons.not_split", window=LARGEST_WINDOW_PX, count=parts.too_large))
    if filled_px.any():
        notes.append(message("polygons.holes_filled", pixels=int(filled_px.sum())))
    return tuple(notes)
