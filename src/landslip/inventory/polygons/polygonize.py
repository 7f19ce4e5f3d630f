"""Landslide polygons from the probability of an extraction: hysteresis, split, holes, smoothing."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.geometries import AreaMeasure
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.window import Window
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import (
    Landslides,
    Outlines,
    concatenate_landslides,
    offsets,
    run_indices,
)
from landslip.inference.plausibility import MinimumArea
from landslip.inference.store import NODATA
from landslip.inference.table import to_map_polygons
from landslip.inventory.polygons.hysteresis import UpperThreshold, upper_threshold
from landslip.inventory.polygons.smoothing import smooth_outlines
from landslip.inventory.polygons.watershed import (
    MAX_WINDOW_PX,
    MIN_PART_PX,
    ElevationSource,
    SplitContext,
    SplitLandslides,
    max_pixel_side_m,
    split_landslides,
)
from landslip.inventory.record import CleaningRecord
from landslip.inventory.request import DEFAULT_MIN_AREA_M2, CleaningOptions
from landslip.io.raster import SensorImage
from landslip.models.card import ModelCard
from landslip.models.engines.base import PROBABILITY_LEVELS, threshold_level

_BAND_PX = 1 << 22
_READING = 0.6  # the fraction of reading in the progress
MOST_REMOVED = 0.5
"""A warning says so where defaults remove a larger share of the regions or of their area."""
REMOVAL_NOTES = {
    "warning.map_no_data",
    "warning.map_empty",
    "warning.high_lowered",
    "warning.most_removed",
    "polygons.below_high",
    "polygons.below_min_area",
}
"""Keys of what `removal_notes` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslidePolygons:
    """Polygons as columns, and what was done to them.

    Sorted by pixels, the most first, then by the top row and the left column.

    The polygons are valid, in the raster's map coordinates, exteriors counter-clockwise; none
    overlap. Probabilities are over the pixels from the lower threshold on; ``filled_px`` are those
    of holes that were filled. Polygons that were split have the same region, from 1. Warnings are
    among the notes.
    """

    polygons: NDArray[np.object_]
    mean_probability: NDArray[np.float64]
    max_probability: NDArray[np.float64]
    pixels: NDArray[np.int64]
    filled_px: NDArray[np.int64]
    region: NDArray[np.int64]
    cleaning: CleaningRecord
    notes: tuple[Message, ...]

    def __len__(self) -> int:
        return len(self.polygons)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDefaults:
    """What is taken where the options state nothing.

    Attributes:
        least: minimum area of the extraction: that of the inventory is not smaller.
        upper: upper threshold of several maps; None: it is chosen for the map.
    """

    least: MinimumArea | None = None
    upper: UpperThreshold | None = None


def polygonize(
    probability: Path,
    options: CleaningOptions,
    elevation: ElevationSource | None = None,
    *,
    card: ModelCard | None = None,
    defaults: MapDefaults | None = None,
    progress: Progress = no_progress,
) -> LandslidePolygons:
    """Return the landslides of an extraction's ``probability.tif``.

    Its levels are of 1/250 in uint8, 255 is nodata. The slope is taken from the elevation, for
    splitting; the upper threshold, where neither options nor defaults have it, from the card of the
    model that made the map, and from the map.

    Raises:
        InputError: the raster is no such probability, or metres are asked for and it has no
            coordinate system.
    """
    defaults = defaults or MapDefaults()
    with SensorImage(probability) as image:
        raster = _ProbabilityRaster.of(image, options, defaults.least)
        reading = sub_progress(progress, 0.0, _READING, 1.0)
        landslides, upper, counts = _read_regions(raster, card, defaults.upper, reading)
        if options.split:
            context = SplitContext(
                grid=image.grid,
                read_levels=lambda window: raster.levels(window)[0],
                low_level=raster.low_level,
                high_level=threshold_level(upper.high),
                min_part_px=max(raster.min_area_px, MIN_PART_PX),
                elevation=elevation,
            )
            splitting = sub_progress(progress, _READING, 1.0, 1.0)
            split = split_landslides(landslides, context, progress=splitting)
        else:
            alone = np.arange(len(landslides))
            split = SplitLandslides(parts=landslides, region=alone, too_large=0)
        transform = image.grid.transform
    parts, region = split.parts, split.region
    max_shift_px = raster.max_shift_px
    outlines, filled_px = fill_narrow_holes(parts.outlines, raster.min_area_px, max_shift_px)
    if options.smooth:
        polygons, shifts_px = smooth_outlines(outlines, region, max_shift_px, transform)
        shift_px = float(shifts_px.max(initial=0.0))
    else:
        polygons, shift_px = to_map_polygons(outlines, transform), 0.0
    notes = []
    if split.too_large:
        notes.append(message("polygons.not_split", window=MAX_WINDOW_PX, count=split.too_large))
    if filled_px.any():
        notes.append(message("polygons.holes_filled", pixels=int(filled_px.sum())))
    order = _largest_first(parts)
    pixels, side_m = parts.pixels[order], raster.pixel_side_m
    cleaning = CleaningRecord(
        low=raster.low,
        high=upper.high,
        expected_high=upper.expected,
        highest=counts.highest,
        min_area_m2=raster.min_area_m2,
        min_area_px=raster.min_area_px,
        max_shift_m=None if side_m is None else max_shift_px * side_m,
        smooth=options.smooth,
        split=options.split,
        regions=counts.total,
        regions_px=int(counts.all_px.sum()),
        dropped_seedless=counts.seedless,
        dropped_small=counts.small,
        dropped_px=counts.dropped_px,
        split_regions=int(np.count_nonzero(np.bincount(region) > 1)),
        largest_shift_m=None if side_m is None else shift_px * side_m,
    )
    result = LandslidePolygons(
        polygons=polygons[order],
        mean_probability=parts.probability_sums[order] / (PROBABILITY_LEVELS * pixels),
        max_probability=parts.probability_maxima[order] / PROBABILITY_LEVELS,
        pixels=pixels,
        filled_px=filled_px[order],
        region=region[order] + 1,
        cleaning=cleaning,
        notes=(*removal_notes(cleaning, options), *notes),
    )
    progress(1.0, 1.0)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProbabilityRaster:
    """A raster of probabilities, and the options in its levels and pixels.

    The low level is the lowest of a landslide's pixels. The minimum area in pixels, at least 1, is
    for rasters where all have one size; the longest that a pixel's side is, is None without a
    coordinate system.
    """

    image: SensorImage
    options: CleaningOptions
    low: float
    low_level: int
    min_area_m2: float
    min_area_px: int
    pixel_side_m: float | None
    max_shift_px: float

    @classmethod
    def of(
        cls, image: SensorImage, options: CleaningOptions, least: MinimumArea | None
    ) -> "_ProbabilityRaster":
        if image.count != 1 or image.dtype != "uint8":
            raise InputError(
                f"{image.path}: probabilities are one band of uint8; got {image.count} of "
                f"{image.dtype}. Give an extraction's probability.tif"
            )
        grid = image.grid
        if grid.crs is None:
            metric = {"min_area": options.min_area_m2, "max_shift": options.max_shift_m}
            for name, value in metric.items():
                if value:
                    raise InputError(
                        f"{image.path}: {argument(name)} is in metres and the raster has no "
                        f"coordinate system; give {argument(name, 0)}, or assign one "
                        "(gdal_edit.py -a_srs)"
                    )
        low = 0.5 if options.low is None else options.low
        min_area_m2, min_area_px = options.min_area_m2 or 0.0, 1
        if options.min_area_m2 is None and grid.crs is not None:
            min_area_m2 = max(DEFAULT_MIN_AREA_M2, 0.0 if least is None else least.m2)
        elif options.min_area_m2 is None and least is not None:
            min_area_px = least.px
        side_m = grid.resolution_m
        pixel_m2 = grid.pixel_area_m2 or (side_m and side_m**2)
        pixel_side_m, max_shift_px = max_pixel_side_m(grid), 1.0
        if options.max_shift_m is not None and pixel_side_m is not None:
            max_shift_px = options.max_shift_m / pixel_side_m
        return cls(
            image=image,
            options=options,
            low=low,
            low_level=threshold_level(low),
            min_area_m2=min_area_m2,
            min_area_px=max(math.ceil(min_area_m2 / pixel_m2 - 1e-6), 1)
            if pixel_m2
            else min_area_px,
            pixel_side_m=pixel_side_m,
            max_shift_px=max_shift_px,
        )

    def levels(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return quantised probabilities (height, width), 0 where there are no data, and validity.

        Raises:
            InputError: there are values beyond the highest level.
        """
        (stored,), valid = self.image.read(window)
        valid &= stored != NODATA
        if (stored[valid] > PROBABILITY_LEVELS).any():
            raise InputError(
                f"{self.image.path}: probabilities are whole steps of 1/{PROBABILITY_LEVELS} up "
                f"to {PROBABILITY_LEVELS}; the raster has {int(stored[valid].max())} at {window}. "
                "Give an extraction's probability.tif"
            )
        return np.where(valid, stored, np.uint8(0)), valid


def _no_levels() -> NDArray[np.int64]:
    return np.zeros(PROBABILITY_LEVELS + 1, dtype=np.int64)


@dataclass(slots=True)
class _RegionCounts:
    """Regions and their pixels by highest level, of those of the minimum area and of all.

    ``highest`` is the highest probability of the raster, None where it has no data.
    """

    all_regions: NDArray[np.int64] = field(default_factory=_no_levels)
    all_px: NDArray[np.int64] = field(default_factory=_no_levels)
    large_regions: NDArray[np.int64] = field(default_factory=_no_levels)
    large_px: NDArray[np.int64] = field(default_factory=_no_levels)
    high_level: int = 0
    highest: float | None = None

    def add(self, found: Landslides, is_large: NDArray[np.bool_]) -> None:
        for regions, pixels, of_interest in (
            (self.all_regions, self.all_px, np.ones_like(is_large)),
            (self.large_regions, self.large_px, is_large),
        ):
            maxima = found.probability_maxima[of_interest]
            np.add.at(regions, maxima, 1)
            np.add.at(pixels, maxima, found.pixels[of_interest])

    @property
    def total(self) -> int:
        return int(self.all_regions.sum())

    @property
    def seedless(self) -> int:
        return int(self.all_regions[: self.high_level].sum())

    @property
    def kept(self) -> int:
        return int(self.large_regions[self.high_level :].sum())

    @property
    def small(self) -> int:
        return self.total - self.seedless - self.kept

    @property
    def dropped_px(self) -> int:
        return int(self.all_px.sum() - self.large_px[self.high_level :].sum())

    @property
    def area_by_maximum(self) -> NDArray[np.int64]:
        """Pixels that the upper threshold is chosen by: those of large regions, if there are."""
        return self.large_px if self.large_px.any() else self.all_px


def area_by_maximum(
    probability: Path,
    options: CleaningOptions,
    least: MinimumArea | None = None,
    progress: Progress = no_progress,
) -> NDArray[np.int64]:
    """Return the pixels of an extraction's regions by their highest level, as `upper_threshold`.

    Raises:
        InputError: see `polygonize`.
    """
    with SensorImage(probability) as image:
        raster = _ProbabilityRaster.of(image, options, least)
        upper = UpperThreshold(high=1.0, expected=None)  # hardly an outline is kept
        return _read_regions(raster, None, upper, progress)[2].area_by_maximum


def _read_regions(
    raster: _ProbabilityRaster,
    card: ModelCard | None,
    upper: UpperThreshold | None,
    progress: Progress,
) -> tuple[Landslides, UpperThreshold, _RegionCounts]:
    """Return the connected regions that reach the upper threshold and the minimum area.

    The largest is the first; the counts are of all regions. Without a stated upper threshold, it is
    chosen once all regions are known.
    """
    grid, (height, width) = raster.image.grid, raster.image.shape
    rows = max(_BAND_PX // width, 1)
    polygonizer = Polygonizer()
    counts = _RegionCounts()
    if raster.options.high is not None:
        upper = UpperThreshold(high=raster.options.high, expected=None)
    least_level = 0 if upper is None else threshold_level(upper.high)
    accepted = []

    def select(found: Landslides) -> Landslides:
        if grid.pixel_area_m2 is not None or raster.min_area_m2 == 0:
            is_large = found.pixels >= raster.min_area_px
        else:  # pixels differ in size
            polygons = to_map_polygons(found.outlines, grid.transform)
            is_large = AreaMeasure(grid.crs).areas_m2(polygons) >= raster.min_area_m2
        counts.add(found, is_large)
        return found.take(np.flatnonzero(is_large & (found.probability_maxima >= least_level)))

    highest, has_data = 0, False
    for top in range(0, height, rows):
        levels, valid = raster.levels(Window(0, top, width, min(rows, height - top)))
        highest, has_data = max(highest, int(levels.max())), has_data or bool(valid.any())
        polygonizer.add(levels >= raster.low_level, levels)
        accepted += [select(found) for found in polygonizer.take()]
        progress(min(top + rows, height), height)
    accepted += [select(found) for found in polygonizer.finish()]
    together = concatenate_landslides(accepted)
    if has_data:
        counts.highest = highest / PROBABILITY_LEVELS
    if upper is None:
        upper = upper_threshold(raster.low, counts.area_by_maximum, card)
    counts.high_level = threshold_level(upper.high)
    reaching = together.take(np.flatnonzero(together.probability_maxima >= counts.high_level))
    return reaching.take(_largest_first(reaching)), upper, counts


def removal_notes(cleaning: CleaningRecord, options: CleaningOptions) -> tuple[Message, ...]:
    """Return what the thresholds and the minimum area left out: a warning where it is plain.

    Args:
        cleaning: of a map, or of all maps together.
        options: what was stated; the others are defaults.
    """
    if cleaning.highest is None:
        return (message("warning.map_no_data"),)
    total, below_high, small = cleaning.regions, cleaning.dropped_seedless, cleaning.dropped_small
    numbers: dict[str, float | Message] = {"high": cleaning.high, "highest": cleaning.highest}
    if total == 0:
        return (message("warning.map_empty", low=cleaning.low, highest=cleaning.highest),)
    notes = []
    expected = cleaning.expected_high
    if expected is not None and cleaning.high < expected:
        notes.append(message("warning.high_lowered", expected=expected, **numbers))
    removed = below_high + small
    share = (cleaning.dropped_px or 0) / max(cleaning.regions_px or 0, 1)
    by_default = (below_high and options.high is None) or (small and options.min_area_m2 is None)
    if removed == total or (by_default and max(removed / total, share) > MOST_REMOVED):
        reasons: dict[str, tuple[int, dict[str, float | Message]]] = {
            "removed.below_high": (below_high, numbers),
            "removed.small": (small, {"area": _minimum_area(cleaning).text}),
        }
        parts = [
            message(key, count=count, **values) for key, (count, values) in reasons.items() if count
        ]
        why = parts[0]
        if len(parts) > 1:
            why = message("removed.both", first=parts[0], second=parts[1])
        notes.append(
            message(
                "warning.most_removed", removed=removed, total=total, percent=100 * share, why=why
            )
        )
        return tuple(notes)
    left_out = {"polygons.below_high": below_high, "polygons.below_min_area": small}
    notes += [message(key, count=count, total=total) for key, count in left_out.items() if count]
    return tuple(notes)


def _minimum_area(cleaning: CleaningRecord) -> MinimumArea:
    return MinimumArea(m2=cleaning.min_area_m2, px=cleaning.min_area_px or 1, is_default=False)


def _largest_first(landslides: Landslides) -> NDArray[np.int64]:
    """Return the order by pixels, the most first, then by top row, left column, first pixel."""
    outlines = landslides.outlines
    if len(outlines) == 0:
        return np.empty(0, dtype=np.int64)
    first_col, top = outlines.points[outlines.starts].T
    left = np.minimum.reduceat(outlines.points[:, 0], outlines.starts)
    order: NDArray[np.int64] = np.lexsort((first_col, left, top, -landslides.pixels))
    return order


def fill_narrow_holes(
    outlines: Outlines, max_px: float, max_distance_px: float
) -> tuple[Outlines, NDArray[np.int64]]:
    """Fill holes that are small, and so narrow that each point is near the outline.

    Holes of ``max_px`` pixels or more stay, and those with a point farther than the distance from
    their outline. Returned are the polygons, and how many pixels were filled in each (int64).
    """
    filled_px = np.zeros(len(outlines), dtype=np.int64)
    starts, sizes = outlines.rings[:-1], np.diff(outlines.rings)
    holes = np.setdiff1d(np.arange(len(sizes)), outlines.polygons[:-1])
    if len(holes) == 0 or max_distance_px <= 0:
        return outlines, filled_px
    points = outlines.points[run_indices(starts[holes], sizes[holes])]
    hole_of_point = np.repeat(np.arange(len(holes)), sizes[holes])
    shapes = np.asarray(shapely.polygons(shapely.linearrings(points, indices=hole_of_point)))
    areas = np.asarray(shapely.area(shapes))
    fill = areas < max_px
    inner = shapely.buffer(shapes[fill], -max_distance_px * (1 + 1e-9), join_style="mitre")
    fill[fill] = shapely.is_empty(inner)
    owner = np.repeat(np.arange(len(outlines)), np.diff(outlines.polygons))
    np.add.at(filled_px, owner[holes[fill]], np.rint(areas[fill]).astype(np.int64))
    rings = np.delete(np.arange(len(sizes)), holes[fill])
    filled = Outlines(
        points=outlines.points[run_indices(starts[rings], sizes[rings])],
        rings=offsets(sizes[rings]),
        polygons=offsets(np.bincount(owner[rings], minlength=len(outlines))),
    )
    return filled, filled_px
