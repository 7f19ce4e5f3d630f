"""Fits calibration curves to pixels counted by logit, and selects a method by cross-validation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from landslip.core.choices import CalibrationMethod
from landslip.core.errors import InputError
from landslip.metrics.tile_scores import independent_units
from landslip.models.calibration.curve import CalibrationCurve, sigmoid
from landslip.models.calibration.metrics import (
    BIN_CENTRES,
    CalibrationMetrics,
    LogitCounts,
    calibration_metrics,
    sum_counts,
)

FITTED_METHODS = (
    CalibrationMethod.TEMPERATURE,
    CalibrationMethod.PLATT,
    CalibrationMethod.ISOTONIC,
)
"""By rising number of free parameters."""
SLOPES = 0.02, 50.0
"""Least and largest slope of a line; an uninformative network gives the least."""
KNOTS = 16
FOLDS = 5
MIN_SLOPE = 0.01
"""Slope where isotonic regression is flat, so that the order of probabilities is kept."""
PATCH_PX = 256
"""Pixels added to each group in isotonic regression, half of them landslide: neighbouring pixels
are correlated, so that a group without landslide does not exclude one more patch of it."""
_MAX_PATCH_FRACTION = 1e-4  # of all pixels, at most
_WIDTH = 25  # bins, 0.25: closer knots would overfit


def fit(counts: LogitCounts, method: CalibrationMethod) -> CalibrationCurve:
    """Fit a curve by maximum likelihood or isotonic regression; any method but ``auto``.

    Raises:
        InputError: there is no landslide pixel, or no other.
    """
    for name, number in (("landslide", counts.landslides), ("other", counts.others)):
        if number == 0:
            raise InputError(
                f"calibration compares landslide pixels with others and there is no {name} pixel "
                "among the tiles' valid and labelled ones; take tiles that show both"
            )
    if method is CalibrationMethod.ISOTONIC:
        return _fit_isotonic(counts)
    if method is CalibrationMethod.AUTO:
        raise ValueError("auto selects among methods and is not fitted itself")
    return _fit_line(counts, has_intercept=method is CalibrationMethod.PLATT)


def _fit_line(counts: LogitCounts, *, has_intercept: bool) -> CalibrationCurve:
    """Fit a line by maximum likelihood.

    Through 0 it is temperature scaling (Guo et al. 2017, arXiv 1706.04599, section 4.2), whose
    temperature is 1 / slope; with an intercept Platt's method (Platt 1999), without his
    smoothed targets, which make no difference with so many pixels.
    """
    filled = np.flatnonzero(counts.landslide + counts.other)
    logits, landslide = BIN_CENTRES[filled], counts.landslide[filled]
    other = counts.other[filled]

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        fitted = line[0] * logits + line[1]
        value = landslide @ np.logaddexp(0, -fitted) + other @ np.logaddexp(0, fitted)
        slope = (landslide + other) * sigmoid(fitted) - landslide
        return value / counts.pixels, np.array([slope @ logits, slope.sum()]) / counts.pixels

    intercept = (-50.0, 50.0) if has_intercept else (0.0, 0.0)
    optimum = minimize(
        loss,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[SLOPES, intercept],
        options={"ftol": 1e-14, "gtol": 1e-10},
    )
    return CalibrationCurve.line(float(optimum.x[0]), float(optimum.x[1]))


def _fit_isotonic(counts: LogitCounts) -> CalibrationCurve:
    """Fit a rising landslide fraction to groups of pixels, interpolated linearly in logits.

    Isotonic regression as of Zadrozny and Elkan 2002 (doi 10.1145/775047.775151), on at most
    `KNOTS` groups with equal parts of the landslide pixels and of the others; their fractions are
    shrunk a little towards one half.
    """
    places = np.arange(len(BIN_CENTRES)) // _WIDTH
    mass = counts.landslide / counts.landslides + counts.other / counts.others
    by_place = np.bincount(places, weights=mass)
    middle = (np.cumsum(by_place) - by_place / 2) / by_place.sum()
    group = np.minimum((middle * KNOTS).astype(np.intp), KNOTS - 1)[places]
    columns = (BIN_CENTRES * (counts.landslide + counts.other), counts.landslide, counts.other)
    sums, landslide, other = (
        np.bincount(group, weights=column).astype(np.float64) for column in columns
    )
    filled = landslide + other > 0
    landslide, pixels = landslide[filled], (landslide + other)[filled]
    logits = sums[filled] / pixels
    patch = min(PATCH_PX, counts.pixels * _MAX_PATCH_FRACTION)
    fractions = (landslide + patch / 2) / (pixels + patch)
    regression = isotonic_regression(fractions, weights=pixels)
    starts = regression.blocks[:-1]
    x = np.add.reduceat(logits * pixels, starts) / np.add.reduceat(pixels, starts)
    fraction = regression.x[starts]
    y = np.log(fraction) - np.log1p(-fraction)
    y = MIN_SLOPE * x + np.maximum.accumulate(y - MIN_SLOPE * x)
    # beyond the ends nothing is known: confidence grows no faster than the network's
    slope = min((y[-1] - y[0]) / (x[-1] - x[0]), 1.0) if len(x) > 1 else 1.0
    return CalibrationCurve(
        knots=tuple(zip(x.tolist(), y.tolist(), strict=True)),
        slope_below=float(slope),
        slope_above=float(slope),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodSelection:
    """A curve fitted to all tiles, and the metrics of probabilities without and with it.

    ``after`` has them by method, each fold under a curve fitted to the others; it is empty and
    ``folds`` is 0 where there are too few tiles for cross-validation.
    """

    method: CalibrationMethod
    curve: CalibrationCurve
    counts: LogitCounts
    folds: int
    before: CalibrationMetrics
    after: dict[CalibrationMethod, CalibrationMetrics]


def calibration_folds(groups: Sequence[str], *, seed: int, folds: int = FOLDS) -> list[int]:
    """Assign tiles to folds at random, by whole groups where there is more than one.

    Returns the fold of each tile, from 0. The largest groups come first, each into the fold with
    the fewest tiles; ``seed`` orders groups of equal size. There are fewer than ``folds`` where
    there are fewer groups (or tiles, in one group).
    """
    units = independent_units(groups)
    tiles = Counter(units)
    names = sorted(tiles)
    sizes = [0] * min(folds, len(names))
    fold_of = {}
    shuffled = [names[at] for at in np.random.default_rng(seed).permutation(len(names))]
    for name in sorted(shuffled, key=lambda name: -tiles[name]):
        fold = sizes.index(min(sizes))
        fold_of[name] = fold
        sizes[fold] += tiles[name]
    return [fold_of[unit] for unit in units]


def select_method(
    folds: Sequence[LogitCounts],
    method: CalibrationMethod,
    among: Sequence[CalibrationMethod] = FITTED_METHODS,
) -> MethodSelection:
    """Fit a curve to all folds, and cross-validate it.

    ``auto`` is the method ``among`` some with the lowest log loss on tiles not fitted on; the first
    of them, which has the fewest parameters, where cross-validation is impossible.

    Raises:
        InputError: there is no landslide pixel, or no other.
    """
    total = sum_counts(list(folds))
    methods = among if method is CalibrationMethod.AUTO else (method,)
    rest = [sum_counts([other for other in folds if other is not fold]) for fold in folds]
    can_validate = all(part.landslides and part.others for part in rest)
    after = {}
    for way in methods if can_validate else ():
        first, *others = (
            calibration_metrics(fold, fit(part, way))
            for fold, part in zip(folds, rest, strict=True)
        )
        after[way] = sum(others, first)
    chosen = min(after, key=lambda way: after[way].log_loss) if after else methods[0]
    return MethodSelection(
        method=chosen,
        curve=fit(total, chosen),
        counts=total,
        folds=len(folds) if after else 0,
        before=calibration_metrics(total, None),
        after=after,
    )
