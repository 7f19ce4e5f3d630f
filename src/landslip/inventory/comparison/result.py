"""``comparison.json``: the result of a comparison. Unknown values are null."""

from typing import Literal

from landslip.core.records import StrictModel
from landslip.metrics.bootstrap import IntervalEstimate

COMPARISON, LAYERS = "comparison.json", "comparison.gpkg"
MATCHED, MISSED, FALSE = "matched", "missed", "false"
FORMAT_VERSION = 1


class ComparedInventoryRecord(StrictModel):
    """One inventory.

    Attributes:
        place: what was given.
        layer: of it, where one was named.
        landslides: that were compared.
        beside: landslides outside the mapped area, left out.
        area_m2: that they cover, counted once where they overlap.
    """

    place: str
    layer: str | None
    landslides: int
    beside: int
    area_m2: float | None


class PixelScores(StrictModel):
    """Scores of pixels, by their centres.

    Attributes:
        resolution_m: side of a pixel, in map units without a coordinate system.
        resolution_is: ``stated``, the ``scene``'s, or by the size of the ``landslides``: a tenth
            of the side of a square one of median area, rounded down to 1, 2 or 5 times a power
            of ten.
        tp: in both.
        fp: in the inventory alone.
        fn: in the reference alone.
        tn: in neither; known only of a stated area.
        error_index: 1 - IoU.
    """

    resolution_m: float
    resolution_is: Literal["stated", "scene", "landslides"]
    tp: int
    fp: int
    fn: int
    tn: int | None
    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None
    error_index: float | None


class AreaScores(StrictModel):
    """The same scores from exact areas, without pixels; m², and null without coordinate system."""

    shared_m2: float | None
    precision: IntervalEstimate
    recall: IntervalEstimate
    f1: IntervalEstimate
    iou: IntervalEstimate
    error_index: IntervalEstimate


class SizeClass(StrictModel):
    """Detection of the reference's landslides of one class of area."""

    at_least_m2: float
    under_m2: float | None
    landslides: int
    detected: int
    detection_rate: IntervalEstimate


class LandslideScores(StrictModel):
    """Landslides by the half of their area; see `landslip.inventory.comparison.matching`.

    Attributes:
        detected: landslides of the reference of which at least half is covered.
        missed: the others.
        false: landslides of the inventory of which less than half is on the reference's.
        false_share: of the inventory's landslides.
        false_per_km2: of the stated area.
        purity_mean: mean fraction of a landslide of the inventory that is on the reference's.
        purity_median: the median.
        by_size: by area of the reference's landslide; empty without a coordinate system.
    """

    detected: int
    missed: int
    detection_rate: IntervalEstimate
    false: int
    false_share: IntervalEstimate
    false_per_km2: float | None
    purity_mean: float | None
    purity_median: float | None
    by_size: tuple[SizeClass, ...]


class MatchScores(StrictModel):
    """Landslides paired one to one, the highest IoU first.

    Attributes:
        min_iou: pairs below do not match.
        matched: pairs.
        precision: pairs over the inventory's landslides.
        recall: pairs over the reference's.
        f1: of the two.
        iou_mean: over pairs.
        hausdorff_median_m: median over pairs of the largest distance of the outlines.
        outline_median_m: median over pairs of the mean distance of the outlines.
    """

    min_iou: float
    matched: int
    precision: IntervalEstimate
    recall: IntervalEstimate
    f1: IntervalEstimate
    iou_mean: float | None
    hausdorff_median_m: float | None
    outline_median_m: float | None


class InventoryComparison(StrictModel):
    """The whole of ``comparison.json``.

    Attributes:
        interval_over: square ``blocks`` of ground, or ``groups`` of overlapping landslides.
        interval_units: how many there are; None in comparisons of earlier versions.
        block_m: side of a block, in map units without a coordinate system; None without blocks.
    """

    format: Literal["landslip-comparison"] = "landslip-comparison"
    version: int = FORMAT_VERSION
    code_version: str
    inventory: ComparedInventoryRecord
    reference: ComparedInventoryRecord
    crs: str | None
    searched_m2: float | None
    pixels: PixelScores
    areas: AreaScores
    landslides: LandslideScores
    matches: MatchScores
    interval_level: float
    interval_over: Literal["blocks", "groups"] = "groups"
    interval_units: int | None = None
    block_m: float | None = None
    draws: int
    seed: int
    notes: tuple[str, ...]
    files: tuple[str, ...]
