"""Pixels by probability: precision-recall curve, reliability, expected calibration error.

All begins with counts in equal bins over 0 to 1: bin b of n holds probabilities from b / n to under
(b + 1) / n, the last one 1 as well. Counts are over the valid and labelled pixels of all tiles, so
that a landslide-free tile weighs as much as its pixels do. What is read off the bins is what the
pixels themselves would give with their probabilities rounded down to the bins' edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslip.metrics.bootstrap import (
    DEFAULT_RESAMPLING,
    IntervalEstimate,
    Resampling,
    bootstrap_sums,
    effective_units,
    interval_estimate,
)

BINS = 200
RELIABILITY_BINS = 20
RANKING_BINS = 1000
LIKELY = 0.1
"""Probability from which pixels count in the second calibration error; see `calibration_error`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbabilityBins:
    """Pixels by probability.

    Attributes:
        landslide: (bins,) int64, number of landslide pixels.
        other: (bins,) int64, number of other pixels.
        probability_sum: (bins,) float64, sum of the probabilities of both.
    """

    landslide: NDArray[np.int64]
    other: NDArray[np.int64]
    probability_sum: NDArray[np.float64]

    def __add__(self, other: "ProbabilityBins") -> "ProbabilityBins":
        return ProbabilityBins(
            landslide=self.landslide + other.landslide,
            other=self.other + other.other,
            probability_sum=self.probability_sum + other.probability_sum,
        )

    @property
    def pixels(self) -> NDArray[np.int64]:
        """Number of pixels of each bin."""
        pixels: NDArray[np.int64] = self.landslide + self.other
        return pixels

    @property
    def mean_probability(self) -> NDArray[np.float64]:
        """Mean probability of each bin's pixels; 0 where it is empty."""
        return self.probability_sum / np.maximum(self.pixels, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall at falling thresholds, one for each bin that holds pixels."""

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReliabilityCurve:
    """Mean probability and landslide fraction of non-empty bins, by rising probability."""

    mean_probability: NDArray[np.float64]
    landslide_share: NDArray[np.float64]
    pixels: NDArray[np.int64]


def no_pixels(bins: int = BINS) -> ProbabilityBins:
    """Return empty bins."""
    nothing = np.zeros(bins, dtype=np.int64)
    return ProbabilityBins(
        landslide=nothing, other=nothing, probability_sum=np.zeros(bins, dtype=np.float64)
    )


def bin_pixels(
    probability: NDArray[np.floating],
    landslide: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    *,
    bins: int = BINS,
) -> ProbabilityBins:
    """Count the pixels of one tile by probability, all arrays (height, width)."""
    values, truth = probability[counted].astype(np.float64), landslide[counted]
    places = np.minimum((values * bins).astype(np.intp), bins - 1)
    return ProbabilityBins(
        landslide=np.bincount(places[truth], minlength=bins),
        other=np.bincount(places[~truth], minlength=bins),
        probability_sum=np.bincount(places, weights=values, minlength=bins).astype(np.float64),
    )


def ranking_bins(fine: NDArray[np.int64]) -> NDArray[np.int64]:
    """Merge counts (2, n) in equal bins of probability into `RANKING_BINS` equal in the logit.

    A network's probabilities crowd near 0 and 1, where equal bins do not tell their order: average
    precision of `BINS` of them was a point too low.
    """
    middle = (np.arange(fine.shape[1]) + 0.5) / fine.shape[1]
    logit = np.log(middle / (1.0 - middle))
    places = np.minimum((logit / logit[-1] + 1.0) / 2.0 * RANKING_BINS, RANKING_BINS - 1)
    merged = [
        np.bincount(places.astype(np.intp), weights=row, minlength=RANKING_BINS) for row in fine
    ]
    return np.stack(merged).astype(np.int64)


def stored_bins(
    landslide: ArrayLike, other: ArrayLike, mean_probability: ArrayLike
) -> ProbabilityBins:
    """Return bins from stored counts and means of the same length."""
    landslides, others = np.asarray(landslide, np.int64), np.asarray(other, np.int64)
    sums = np.asarray(mean_probability, np.float64) * (landslides + others)
    return ProbabilityBins(landslide=landslides, other=others, probability_sum=sums)


def precision_recall(bins: ProbabilityBins) -> PrecisionRecallCurve | None:
    """Return precision tp / (tp + fp) and recall tp / landslides at the bins' lower edges.

    A pixel is found where its probability is at least the threshold. None without landslides.
    """
    landslides = int(bins.landslide.sum())
    if landslides == 0:
        return None
    falling = np.flatnonzero(bins.pixels)[::-1]
    tp = np.cumsum(bins.landslide[falling])
    return PrecisionRecallCurve(
        threshold=falling / len(bins.landslide),
        precision=tp / np.cumsum(bins.pixels[falling]),
        recall=tp / landslides,
    )


def average_precision(bins: ProbabilityBins) -> float | None:
    """Return the sum over thresholds of precision times the rise of recall.

    No interpolation between thresholds. None without landslides.
    """
    curve = precision_recall(bins)
    if curve is None:
        return None
    return float(np.sum(curve.precision * np.diff(curve.recall, prepend=0.0)))


def sum_by_group(
    tiles: Sequence[ProbabilityBins], groups: Sequence[str]
) -> dict[str, ProbabilityBins]:
    """Return the bins of each group of tiles, sorted by name; ``groups`` has that of each tile."""
    sums: dict[str, ProbabilityBins] = {}
    for bins, group in zip(tiles, groups, strict=True):
        sums[group] = sums[group] + bins if group in sums else bins
    return dict(sorted(sums.items()))


def average_precision_interval(
    units: Sequence[Sequence[ProbabilityBins]],
    value: float | None,
    how: Resampling = DEFAULT_RESAMPLING,
) -> IntervalEstimate:
    """Return an average precision with its interval by the bootstrap over units.

    Units are groups of tiles, in one order under every seed, the first axis of ``units``. Average
    precision is no sum over units, but that of summed bins: those of a sample are each unit's times
    how often it was drawn. A sample's is the mean over seeds. ``value`` may be of finer bins: it is
    added to what each sample differs from the same bins of all units. A unit is as large as its
    landslides. There is no interval of fewer than two units, or where ``value`` is None.
    """
    table = np.array([[(one.landslide, one.other) for one in seed] for seed in units])
    if value is None or table.shape[1] < 2:
        return IntervalEstimate(value=value)
    seeds, number = table.shape[:2]
    rows = np.moveaxis(table, 1, 0).reshape(number, -1)
    drawn = bootstrap_sums(rows, how.draws, np.random.default_rng(how.seed))
    of_draws, of_all = (
        _average_precisions(sums.reshape(len(sums), seeds, 2, -1)).mean(axis=1)
        for sums in (drawn, rows.sum(axis=0, keepdims=True))
    )
    sizes = table[:, :, 0].sum(axis=2).mean(axis=0)
    return interval_estimate(value, value + of_draws - of_all, how.level, effective_units(sizes))


def average_precision_difference(
    one: Sequence[ProbabilityBins],
    other: Sequence[ProbabilityBins],
    value: float | None,
    how: Resampling = DEFAULT_RESAMPLING,
) -> IntervalEstimate:
    """Return the average precision of one model minus that of another, with its interval.

    Both are of the same units, in one order, which are drawn for both at once. ``value`` may be of
    finer bins, see `average_precision_interval`.
    """
    tables = [np.array([(unit.landslide, unit.other) for unit in units]) for units in (one, other)]
    if value is None or len(tables[0]) < 2:
        return IntervalEstimate(value=value)
    drawn, of_all = np.zeros(how.draws), 0.0
    for sign, table in zip((1.0, -1.0), tables, strict=True):
        rows = table.reshape(len(table), -1)
        sums = bootstrap_sums(rows, how.draws, np.random.default_rng(how.seed))
        drawn += sign * _average_precisions(sums.reshape(len(sums), 2, -1))
        of_all += sign * float(_average_precisions(table.sum(axis=0)))
    sizes = tables[0][:, 0].sum(axis=1)
    return interval_estimate(value, value + drawn - of_all, how.level, effective_units(sizes))


def _average_precisions(pixels: NDArray[np.number]) -> NDArray[np.float64]:
    """Return `average_precision` of pixels (..., 2, bins), landslide and other; NaN without any."""
    tp, fp = np.moveaxis(np.cumsum(pixels[..., ::-1], axis=-1, dtype=np.float64), -2, 0)
    rise = np.diff(tp, prepend=0.0, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.nansum(rise * (tp / (tp + fp)), axis=-1) / tp[..., -1]
    return found


def reliability(bins: ProbabilityBins, groups: int = RELIABILITY_BINS) -> ReliabilityCurve:
    """Return how often pixels of a probability are landslide, bins merged into equal groups."""
    merged = merged_bins(bins, groups)
    held = merged.pixels > 0
    return ReliabilityCurve(
        mean_probability=merged.mean_probability[held],
        landslide_share=merged.landslide[held] / merged.pixels[held],
        pixels=merged.pixels[held],
    )


def calibration_error(
    bins: ProbabilityBins, groups: int = RELIABILITY_BINS, *, at_least: float = 0.0
) -> float | None:
    """Return the expected calibration error of the landslide's probability.

    The sum over groups g of (pixels_g / pixels) |landslide share_g - mean probability_g|, with
    groups of equal width over 0 to 1 (Naeini et al. 2015, AAAI 29(1), doi
    10.1609/aaai.v29i1.9602). It is that of the probability of landslide, not of the likelier of two
    classes. None without pixels.

    Most pixels are background of a probability near 0, which any model gets right: over all pixels
    they hide how far off the others are. With ``at_least``, pixels of a lower probability count
    neither above nor below the fraction; it is the lower edge of a group.

    Raises:
        ValueError: ``at_least`` is not the lower edge of a group.
    """
    first = round(at_least * groups)
    if not 0 <= first < groups or not np.isclose(first / groups, at_least):
        raise ValueError(f"at_least is the lower edge of one of {groups} groups; got {at_least}")
    merged = merged_bins(bins, groups)
    pixels = int(merged.pixels[first:].sum())
    if pixels == 0:
        return None
    gap: NDArray[np.float64] = np.abs(merged.landslide - merged.probability_sum)[first:]
    return float(gap.sum() / pixels)


def merged_bins(bins: ProbabilityBins, groups: int) -> ProbabilityBins:
    """Return the same pixels in fewer bins, whose number divides that of the bins."""
    if len(bins.landslide) % groups:
        raise ValueError(f"{len(bins.landslide)} bins cannot be merged into {groups} equal groups")
    return ProbabilityBins(
        landslide=bins.landslide.reshape(groups, -1).sum(axis=1),
        other=bins.other.reshape(groups, -1).sum(axis=1),
        probability_sum=bins.probability_sum.reshape(groups, -1).sum(axis=1),
    )
