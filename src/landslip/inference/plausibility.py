"""What a finished map says about itself: empty, full, or made of specks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.messages import Message, message
from landslip.inference.store import NODATA
from landslip.models.engines.base import PROBABILITY_LEVELS

NEAR_LEVELS = 5
"""Levels on either side of the threshold that are near it: 0.02."""
_MOST = 0.5  # of regions, of the mask, of the scene
_NEAR_SHARE = 0.25  # a sound model has under 0.01
_ROUNDED_M2 = 10.0
_LEAST_REGIONS = 20  # for shares of regions


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCounts:
    """Counts of a map.

    Attributes:
        pixels: int64 (256,), by level; the last is nodata.
        threshold_level: lowest level of the mask.
        regions: connected regions of the mask.
        single_px: of them, those of one pixel.
    """

    pixels: NDArray[np.int64]
    threshold_level: int
    regions: int
    single_px: int

    @property
    def valid_px(self) -> int:
        """Pixels with data."""
        return int(self.pixels[:NODATA].sum())

    @property
    def landslide_px(self) -> int:
        """Pixels of the mask."""
        return int(self.pixels[self.threshold_level : NODATA].sum())

    @property
    def highest(self) -> float | None:
        """The highest probability; None where there are no data."""
        levels = np.flatnonzero(self.pixels[:NODATA])
        return int(levels[-1]) / PROBABILITY_LEVELS if len(levels) else None

    @property
    def single_px_share(self) -> float:
        """The share of regions of one pixel; 0 without regions."""
        return self.single_px / max(self.regions, 1)

    @property
    def near_threshold_share(self) -> float:
        """The share of pixels with data within `NEAR_LEVELS` of the threshold."""
        first = max(self.threshold_level - NEAR_LEVELS, 0)
        near = self.pixels[first : min(self.threshold_level + NEAR_LEVELS, NODATA)].sum()
        return int(near) / max(self.valid_px, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumArea:
    """The minimum mapping unit of polygons; ``m2`` is 0 without a coordinate system.

    Attributes:
        px: the least pixels, 1 where pixels differ in area.
        is_default: nobody stated it.
    """

    m2: float
    px: int
    is_default: bool

    @property
    def text(self) -> Message:
        """The area as a part of other messages."""
        if self.m2:
            area = round(self.m2, 1) if self.m2 > _ROUNDED_M2 else self.m2
            return message("area.square_metres", area=area)
        return message("area.pixels", px=self.px)


def map_warnings(
    counts: MapCounts, *, threshold: float, polygons: int, polygon_px: int, least: MinimumArea
) -> list[Message]:
    """Return warnings of a map that is empty, full, or scattered over single pixels.

    Args:
        counts: of the map.
        threshold: of the mask.
        polygons: that were written.
        polygon_px: pixels of the mask in them.
        least: minimum area of the polygons.
    """
    if counts.highest is None:
        return [message("warning.scene_no_data")]
    if counts.landslide_px == 0:
        return [message("warning.none_found", threshold=threshold, highest=counts.highest)]
    warnings = []
    share = counts.landslide_px / counts.valid_px
    if share > _MOST:
        warnings.append(message("warning.mostly_landslide", percent=100 * share))
    if counts.regions >= _LEAST_REGIONS and counts.single_px_share > _MOST:
        percent = 100 * counts.single_px_share
        warnings.append(message("warning.single_pixels", percent=percent, regions=counts.regions))
    if counts.near_threshold_share > _NEAR_SHARE:
        percent = 100 * counts.near_threshold_share
        warnings.append(message("warning.near_threshold", percent=percent, threshold=threshold))
    removed = counts.regions - polygons
    removed_share = 1 - polygon_px / counts.landslide_px
    is_most = max(removed / counts.regions, removed_share) > _MOST
    if polygons == 0 or (least.is_default and is_most and counts.regions >= _LEAST_REGIONS):
        warnings.append(
            message(
                "warning.small_left_out",
                removed=removed,
                regions=counts.regions,
                percent=100 * removed_share,
                area=least.text,
            )
        )
    return warnings
