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

from landslip.metrics.pixels import PixelCounts, sum_counts


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


def _one_if_empty(score: float | None) -> float:
    return 1.0 if score is None else score


def _mean_of_both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2
