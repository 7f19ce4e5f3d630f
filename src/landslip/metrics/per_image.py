"""Scores averaged over images or over classes, beside the pooled ones of `landslip.metrics.pixels`.

Papers on landslides count in three ways, and their figures cannot be compared across them:

- **pooled**, the leading way here: pixels of the landslide class summed over all images, ratios
  taken once. Then F1 = 2 IoU / (1 + IoU) holds exactly, as IoU = tp / (tp + fp + fn): an IoU of
  0.884 asks for an F1 of 0.938, and a published F1 of 0.911 beside it is not pooled.
- **per image**: F1 and IoU of the landslide class of each image, averaged over images. An image
  that shows no landslide and of which none is mapped scores 1, so that background images lift the
  average; one false pixel there scores 0. Small landslides weigh as much as large ones. The mean
  of F1 lies below 2 m / (1 + m) of the mean IoU m, as the function is concave.
- **over classes**: pooled scores of landslide and of background, averaged. Background is most of
  the pixels and easy, so that its score is near 1 and the average near (1 + landslide's) / 2.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from landslip.metrics.bootstrap import (
    DEFAULT_RESAMPLING,
    IntervalEstimate,
    Resampling,
    effective_units,
    interval_estimate,
)
from landslip.metrics.pixels import PixelCounts, sum_counts
from landslip.metrics.tile_scores import bootstrap_counts, effective_number, group_counts, ratios

AVERAGES = ("f1", "iou", "class_f1", "class_iou")
"""Names of the scores in `PerImageScores`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerImageScores:
    """The other ways of counting.

    Attributes:
        images: number of images with a valid and labelled pixel; the denominator of the first two.
        f1: mean over them of 2 tp / (2 tp + fp + fn), 1 where that is 0 / 0; None without images.
        iou: mean over them of tp / (tp + fp + fn), 1 where that is 0 / 0; None without images.
        class_f1: mean of the pooled F1 of landslide, 2 tp / (2 tp + fp + fn), and of background,
            2 tn / (2 tn + fp + fn), both of all images together; None where one is undefined.
        class_iou: the same of IoU, tp / (tp + fp + fn) and tn / (tn + fp + fn).
    """

    images: int
    f1: float | None
    iou: float | None
    class_f1: float | None
    class_iou: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Return the scores by name."""
        return asdict(self)


def per_image_scores(images: Sequence[PixelCounts]) -> PerImageScores:
    """Return the scores of images from the counts of each; see `PerImageScores`."""
    counted = [one for one in images if one.tp + one.fp + one.fn + one.tn]
    landslide = sum_counts(counted)
    background = PixelCounts(tp=landslide.tn, fp=landslide.fn, fn=landslide.fp, tn=landslide.tp)
    return PerImageScores(
        images=len(counted),
        f1=fmean(_one_if_empty(one.f1) for one in counted) if counted else None,
        iou=fmean(_one_if_empty(one.iou) for one in counted) if counted else None,
        class_f1=_mean_of_both(landslide.f1, background.f1),
        class_iou=_mean_of_both(landslide.iou, background.iou),
    )


def per_image_intervals(
    seeds: Sequence[Sequence[PixelCounts]],
    groups: Sequence[str],
    how: Resampling = DEFAULT_RESAMPLING,
) -> dict[str, IntervalEstimate]:
    """Return the averages by name, means over seeds, with intervals over groups of images.

    A bootstrap sample draws whole groups: its mean over images is the sum of the scores of their
    images, divided by the number of these. There is no interval with fewer than two groups.

    Args:
        seeds: counts of each image under each seed, images in one order.
        groups: of each image; images of one group depend on each other.
        how: draws and level.
    """
    table = np.array([[_columns(one) for one in images] for images in seeds], dtype=np.float64)
    summed = group_counts(table.reshape(len(seeds), -1, 7), groups)
    points = _averages(summed.sum(axis=1))
    if summed.shape[1] < 2:
        drawn = {name: np.empty(0) for name in AVERAGES}
    else:
        draws = _averages(bootstrap_counts(summed, how))
        drawn = {name: values.mean(axis=0) for name, values in draws.items()}
    images = effective_units(summed[0, :, 2])
    pixels = effective_number(summed[:, :, 3:6])
    units = dict(zip(AVERAGES, (images, images, pixels, pixels), strict=True))
    return {
        name: interval_estimate(float(points[name].mean()), drawn[name], how.level, units[name])
        for name in AVERAGES
    }


def _columns(image: PixelCounts) -> tuple[float, ...]:
    """Return what is summed: F1, IoU and 1, or zeros without counted pixels; tp, fp, fn, tn."""
    counts = image.tp, image.fp, image.fn, image.tn
    scores = (_one_if_empty(image.f1), _one_if_empty(image.iou), 1.0) if any(counts) else (0.0,) * 3
    return *scores, *counts


def _averages(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the averages of sums (..., 7) of `_columns`; NaN where one is undefined."""
    landslide, background = ratios(sums[..., 3:6]), ratios(sums[..., [6, 4, 5]])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (
            sums[..., 0] / sums[..., 2],
            sums[..., 1] / sums[..., 2],
            (landslide["f1"] + background["f1"]) / 2,
            (landslide["iou"] + background["iou"]) / 2,
        )
    return dict(zip(AVERAGES, values, strict=True))


def _one_if_empty(score: float | None) -> float:
    return 1.0 if score is None else score


def _mean_of_both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2
