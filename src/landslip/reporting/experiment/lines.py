"""A run's scores: pooled over folds, the mean over seeds, with an interval over tiles."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean

from landslip.experiments.results import AreaEstimate, CellScores
from landslip.metrics.boundary import BoundaryCounts
from landslip.metrics.curves import (
    ProbabilityBins,
    average_precision,
    calibration_error,
    stored_bins,
)
from landslip.metrics.intervals import Spread, score_intervals, seed_scores, seed_spread
from landslip.metrics.pixels import SCORES
from landslip.reporting.experiment.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A score: its mean over seeds, its interval over tiles, and what each seed gave.

    What is undefined is None, e.g. a precision where nothing was found.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    by_seed: tuple[float | None, ...] = ()

    @property
    def spread(self) -> Spread | None:
        """Mean and spread over the seeds in which it is defined."""
        return seed_spread(self.by_seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """Landslides of a size class, summed over folds and seeds, and how many were detected."""

    at_least_px: int
    under_px: int | None
    landslides: int
    detected: int

    @property
    def share(self) -> float | None:
        """Detected of all; None where there is none."""
        return self.detected / self.landslides if self.landslides else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A run with its scores.

    Attributes:
        by_size: the landslides of the labels by size.
        false_per_km2: false objects of the result by searched area; None where it is not known.
        false_share: false objects of all in the result.
        area: mean over folds and seeds; None where no cell has one.
        bins: pixels by probability, summed over folds and seeds.
    """

    run: Run
    precision: Measured
    recall: Measured
    f1: Measured
    iou: Measured
    average_precision: Measured
    calibration_error: Measured
    boundary_f1: Measured
    by_size: tuple[Detected, ...]
    false_per_km2: float | None
    false_share: float | None
    area: AreaEstimate | None
    bins: ProbabilityBins


def line_of(run: Run) -> Line:
    """Score a run."""
    seeds = run.scores
    bins = [_summed_bins(cells) for cells in seeds]
    cells = [cell for parts in seeds for cell in parts]
    pixels = _pixel_scores(run)
    return Line(
        run=run,
        precision=pixels["precision"],
        recall=pixels["recall"],
        f1=pixels["f1"],
        iou=pixels["iou"],
        average_precision=_of_seeds(average_precision(one) for one in bins),
        calibration_error=_of_seeds(calibration_error(one) for one in bins),
        boundary_f1=_of_seeds(_boundary(cells).f1 for cells in seeds),
        by_size=tuple(_by_size(cells)),
        false_per_km2=_false_per_km2(cells),
        false_share=_share(_false(cells), sum(cell.objects.found for cell in cells)),
        area=_mean_area([cell.area for cell in cells if cell.area is not None]),
        bins=reduce(add, bins),
    )


def _pixel_scores(run: Run) -> dict[str, Measured]:
    estimates, by_seed = score_intervals(run.counts), seed_scores(run.counts)
    measured = {}
    for name in SCORES:
        known, seeds = estimates[name], tuple(by_seed[name])
        measured[name] = (
            Measured(value=None, by_seed=seeds)
            if known is None
            else Measured(value=known.value, low=known.low, high=known.high, by_seed=seeds)
        )
    return measured


def _of_seeds(values: Iterable[float | None]) -> Measured:
    by_seed = tuple(values)
    spread = seed_spread(by_seed)
    return Measured(value=None if spread is None else spread.mean, by_seed=by_seed)


def _summed_bins(cells: list[CellScores]) -> ProbabilityBins:
    parts = (cell.curves for cell in cells)
    bins = [stored_bins(part.landslide, part.other, part.mean_probability) for part in parts]
    return reduce(add, bins)


def _boundary(cells: list[CellScores]) -> BoundaryCounts:
    parts = (cell.boundary for cell in cells)
    counts = [
        BoundaryCounts(
            found=part.found,
            found_near=part.found_near,
            known=part.known,
            known_near=part.known_near,
        )
        for part in parts
    ]
    return reduce(add, counts)


def _by_size(cells: list[CellScores]) -> Iterator[Detected]:
    for parts in zip(*(cell.objects.by_size for cell in cells), strict=True):
        yield Detected(
            at_least_px=parts[0].at_least_px,
            under_px=parts[0].under_px,
            landslides=sum(part.landslides for part in parts),
            detected=sum(part.detected for part in parts),
        )


def _false(cells: list[CellScores]) -> int:
    return sum(cell.objects.false for cell in cells)


def _false_per_km2(cells: list[CellScores]) -> float | None:
    searched = [cell.objects.searched_km2 for cell in cells]
    known = [area for area in searched if area is not None]
    return _share(_false(cells), sum(known)) if len(known) == len(searched) else None


def _mean_area(areas: list[AreaEstimate]) -> AreaEstimate | None:
    if not areas:
        return None
    return AreaEstimate(
        mapped_share=fmean(area.mapped_share for area in areas),
        adjusted_share=fmean(area.adjusted_share for area in areas),
        standard_error=fmean(area.standard_error for area in areas),
        reference_share=fmean(area.reference_share for area in areas),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
